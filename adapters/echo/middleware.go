package gloebitecho

import (
	"net/http"

	"github.com/go-gloebit/gloebit"
	"github.com/labstack/echo/v5"
)

// Require lets the handlers behind it run only for users who are connected and
// granted all of the scopes: see [Client]. Others get the answer of
// [gloebit.Merchant.RequireGloebit]: page loads are sent to connect and come
// back, scripts get 401 and problem+json, or 403 where a scope is missing; with a
// store down it is 503. Except for the redirect it then returns an
// *echo.HTTPError with the status, for the middleware around it to see; the
// response is committed, which error handlers must leave alone, as echo's own
// does.
//
// A handler behind it returns what fails: an error of package gloebit is
// answered as [Error] does.
func Require(m *gloebit.Merchant, scopes ...gloebit.Scope) echo.MiddlewareFunc {
	return protect(m, m.RequireScopes(scopes...))
}

// Optional lets the handlers behind it run for all, with the user's client where
// there is one: see [FromContext]. With a store down the answer is 503 and
// nothing behind it runs. Errors that handlers return are answered as with
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
// before the first byte or flush of the response leaves, so that the cookie is
// always in time. Use it once, with e.Use, after what recovers from panics. An
// error that comes out of the handlers goes to Echo.HTTPErrorHandler while the
// session can still be changed, and is then returned, as echo's RequestLogger
// does. With sessions that can't be loaded the manager answers, and nothing
// behind it runs.
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
