package gloebitfiber

import (
	"net/http"

	"github.com/go-gloebit/gloebit"
	"github.com/gofiber/fiber/v3"
)

// Require runs the handlers behind it only for users who are connected and
// granted all of the scopes: see [Client]. Others get the response of
// [gloebit.Merchant.RequireGloebit]: page loads are redirected to connect and
// come back, scripts get 401 and problem+json, or 403 for a missing scope; with
// a store down it is 503.
//
// A handler behind it returns its errors: [Error] responds to an error of
// package gloebit.
func Require(m *gloebit.Merchant, scopes ...gloebit.Scope) fiber.Handler {
	return protect(m, m.RequireScopes(scopes...))
}

// Optional runs the handlers behind it for all users, with the user's client if
// there is one: see [FromContext]. With a store down the response is 503 and
// nothing behind it runs. Errors that handlers return are handled as with
// [Require].
func Optional(m *gloebit.Merchant) fiber.Handler {
	return protect(m, m.Optional)
}

func protect(m *gloebit.Merchant, middleware func(http.Handler) http.Handler) fiber.Handler {
	return func(c fiber.Ctx) error {
		c.Locals(merchantKey{}, m)
		return around(c, middleware, func() error {
			err := c.Next()
			if err == nil || !isOurs(err) {
				return err
			}
			return Error(c, err)
		})
	}
}

// SessionManager loads and saves the sessions of an application around a
// request. An *scs.SessionManager is one.
type SessionManager interface {
	LoadAndSave(next http.Handler) http.Handler
}

// Sessions loads the session before the handlers behind it run, and saves it
// after they have returned. Fiber sends the response after that, so the cookie
// is always in time; a function given to fiber.Ctx.SendStreamWriter runs later
// and must not change the session. Use it once, with app.Use. If the session
// can't be loaded or saved, the manager responds.
func Sessions(manager SessionManager) fiber.Handler {
	return func(c fiber.Ctx) error { return around(c, manager.LoadAndSave, c.Next) }
}
