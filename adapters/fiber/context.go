package gloebitfiber

import (
	"errors"
	"net/http"

	"github.com/go-gloebit/gloebit"
	"github.com/gofiber/fiber/v3"
)

// Client returns the client of the user who makes the request. It panics if
// there is none, which means that the handler is not behind [Require].
//
// Call it before you start a goroutine, and pass that the client: fiber reuses a
// fiber.Ctx for other requests after its handler has returned, so a goroutine
// that calls Client later gets another user's client, and charges that user.
func Client(c fiber.Ctx) *gloebit.Client {
	return gloebit.MustFromContext(c.Context())
}

// FromContext returns the client of the user who makes the request, and whether
// there is one. Behind [Require] there always is; behind [Optional] there may be.
//
// As with [Client], call it before you start a goroutine.
func FromContext(c fiber.Ctx) (*gloebit.Client, bool) {
	return gloebit.FromContext(c.Context())
}

// merchantKey is the key under which the locals hold the merchant.
type merchantKey struct{}

// Error responds to a request that failed, as [gloebit.Merchant.HandleError] does:
// a user who is no longer connected is redirected to connect if the request is a
// page load, and the error itself is never shown. It returns nil then. A handler
// ends with
//
//	return gloebitfiber.Error(c, err)
//
// Behind [Require] and [Optional], return err does the same for the errors of
// package gloebit. Outside both, where the merchant is not known, Error does not
// respond: it returns a *fiber.Error with the status of [gloebit.StatusCode].
func Error(c fiber.Ctx, err error) error {
	m, ok := c.Locals(merchantKey{}).(*gloebit.Merchant)
	if !ok {
		status := gloebit.StatusCode(err)
		return fiber.NewError(status, http.StatusText(status))
	}
	return serve(c, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.HandleError(w, r, err) }))
}

// isOurs reports whether an error is of package gloebit. A *fiber.Error has its
// own status, and a deadline may have any cause.
func isOurs(err error) bool {
	var own *fiber.Error
	if errors.As(err, &own) {
		return false
	}
	switch gloebit.StatusCode(err) {
	case http.StatusInternalServerError:
		return false
	case http.StatusGatewayTimeout:
		var call *gloebit.APIError
		return errors.As(err, &call)
	}
	return true
}
