package gloebitgin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-gloebit/gloebit"
)

// Require runs the handlers behind it only for users who are connected and
// granted all of the scopes: see [Client]. For others it aborts the chain and
// responds as [gloebit.Merchant.RequireGloebit] does: page loads are redirected
// to connect and come back, scripts get 401 and problem+json, or 403 for a
// missing scope; with a store down it is 503.
func Require(m *gloebit.Merchant, scopes ...gloebit.Scope) gin.HandlerFunc {
	return around(m.RequireScopes(scopes...), m)
}

// Optional runs the handlers behind it for all users, with the user's client if
// there is one: see [FromContext]. With a store down it aborts the chain, and
// the response is 503.
func Optional(m *gloebit.Merchant) gin.HandlerFunc {
	return around(m.Optional, m)
}

// SessionManager loads and saves the sessions of an application around a
// request. An *scs.SessionManager is one.
type SessionManager interface {
	LoadAndSave(next http.Handler) http.Handler
}

// Sessions loads the session before the handlers behind it run, and saves it
// before the first byte or flush of the response, so the cookie is always in
// time. Use it once, on the engine, before the routes that need sessions. If
// the session can't be loaded, the manager responds and the chain is aborted.
func Sessions(manager SessionManager) gin.HandlerFunc {
	return around(manager.LoadAndSave, nil)
}

// merchantKey is the key under which the context holds the merchant.
type merchantKey struct{}

// around runs the rest of gin's chain inside a net/http middleware, and aborts
// the chain if the middleware does not call it.
func around(middleware func(http.Handler) http.Handler, m *gloebit.Merchant) gin.HandlerFunc {
	return func(c *gin.Context) {
		passed := false
		outer, request := c.Writer, c.Request
		defer func() { c.Writer, c.Request = outer, request }() // runs when a handler panics, too: gin.Recovery writes then
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
