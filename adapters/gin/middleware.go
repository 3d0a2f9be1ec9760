package gloebitgin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-gloebit/gloebit"
)

// Require lets the handlers behind it run only for users who are connected and
// granted all of the scopes: see [Client]. For others the chain is aborted, and
// the answer is that of [gloebit.Merchant.RequireGloebit]: page loads are sent to
// connect and come back, scripts get 401 and problem+json, or 403 where a scope
// is missing; with a store down it is 503.
func Require(m *gloebit.Merchant, scopes ...gloebit.Scope) gin.HandlerFunc {
	return around(m.RequireScopes(scopes...), m)
}

// Optional lets the handlers behind it run for all, with the user's client where
// there is one: see [FromContext]. With a store down the chain is aborted and the
// answer is 503.
func Optional(m *gloebit.Merchant) gin.HandlerFunc {
	return around(m.Optional, m)
}

// SessionManager loads and saves the sessions of an application around a
// request. An *scs.SessionManager is one.
type SessionManager interface {
	LoadAndSave(next http.Handler) http.Handler
}

// Sessions loads the session before the handlers behind it run, and saves it
// before the first byte or flush of the response leaves, so that the cookie is
// always in time. Use it once, on the engine, before the routes that need
// sessions. With sessions that can't be loaded the chain is aborted; the
// manager answers then.
func Sessions(manager SessionManager) gin.HandlerFunc {
	return around(manager.LoadAndSave, nil)
}

// merchantKey is the key under which the context holds the merchant.
type merchantKey struct{}

// around runs the rest of gin's chain inside a middleware of net/http, and
// aborts the chain when that does not let the request pass.
func around(middleware func(http.Handler) http.Handler, m *gloebit.Merchant) gin.HandlerFunc {
	return func(c *gin.Context) {
		passed := false
		outer, request := c.Writer, c.Request
		defer func() { c.Writer, c.Request = outer, request }() // also when a handler panics: gin.Recovery writes then
		next := func(w http.ResponseWriter, r *http.Request) {
			passed = true
			c.Request = r
			c.Writer = &writer{ResponseWriter: outer, through: w}
			c.Next()
		}
		if m != nil {
			c.Set(merchantKey{}, m)
		}
		middleware(http.HandlerFunc(next)).ServeHTTP(outer, c.Request)
		if !passed {
			c.Abort()
		}
	}
}
