package gloebitecho

import (
	"net/http"

	"github.com/go-gloebit/gloebit"
	"github.com/labstack/echo/v5"
)

// Require runs the handlers behind it only for users who are connected and
// granted all of the scopes: see [Client]. Others get the response of
// [gloebit.Merchant.RequireGloebit]: page loads are redirected to connect and
// come back, scripts get 401 and problem+json, or 403 for a missing scope; with
// a store down it is 503. Unless it redirected, Require returns an
// *echo.HTTPError with the status, for the middleware around it. The response
// is committed, so an error handler must not write another; echo's own does
// not.
//
// A handler behind it returns its errors: [Error] responds to an error of
// package gloebit.
func Require(m *gloebit.Merchant, scopes ...gloebit.Scope) echo.MiddlewareFunc {
	return protect(m, m.RequireScopes(scopes...))
}

// Optional runs the handlers behind it for all users, with the user's client if
// there is one: see [FromContext]. With a store down the response is 503 and
// nothing behind it runs. Errors that handlers return are handled as with
// [Require].
func Optional(m *gloebit.Merchant) echo.MiddlewareFunc {
	return protect(m, m.Optional)
}

func protect(m *gloebit.Merchant, middleware func(http.Handler) http.Handler) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		answering := func(c *echo.Context) error {
			err := next(c)
			if err == nil || !isOurs(err) || committed(c) {
				return err
			}
			return Error(c, err)
		}
		return func(c *echo.Context) error {
			c.Set(merchantKey, m)
			return around(c, middleware, answering)
		}
	}
}

// SessionManager loads and saves the sessions of an application around a
// request. An *scs.SessionManager is one.
type SessionManager interface {
	LoadAndSave(next http.Handler) http.Handler
}

// Sessions loads the session before the handlers behind it run, and saves it
// before the first byte or flush of the response, so the cookie is always in
// time. Use it once, with e.Use, after the middleware that recovers from
// panics. An error from the handlers goes to Echo.HTTPErrorHandler while the
// session can still be changed, and is then returned, as echo's RequestLogger
// does. If the session can't be loaded, the manager responds and nothing behind
// it runs.
func Sessions(manager SessionManager) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		answering := func(c *echo.Context) error {
			err := next(c)
			if err != nil {
				c.Echo().HTTPErrorHandler(c, err)
			}
			return err
		}
		return func(c *echo.Context) error { return around(c, manager.LoadAndSave, answering) }
	}
}
