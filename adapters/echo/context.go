package gloebitecho

import (
	"errors"
	"net/http"

	"github.com/go-gloebit/gloebit"
	"github.com/labstack/echo/v5"
)

// Client returns the client of the user who makes the request. It panics if
// there is none, which means that the handler is not behind [Require].
//
// Call it before you start a goroutine, and pass that the client: echo reuses a
// *echo.Context for other requests after its handler has returned, so a
// goroutine that calls Client later gets another user's client, and charges
// that user.
func Client(c *echo.Context) *gloebit.Client {
	return gloebit.MustFromContext(c.Request().Context())
}

// FromContext returns the client of the user who makes the request, and whether
// there is one. Behind [Require] there always is; behind [Optional] there may be.
//
// As with [Client], call it before you start a goroutine.
func FromContext(c *echo.Context) (*gloebit.Client, bool) {
	return gloebit.FromContext(c.Request().Context())
}

// Error responds to a request that failed, as [gloebit.Merchant.HandleError]
// does: a user who is no longer connected is redirected to connect if the
// request is a page load, and the error itself is never shown. It returns nil
// after a redirect, and otherwise an *echo.HTTPError with the status that wraps
// err, for the middleware around it. A handler ends with
//
//	return gloebitecho.Error(c, err)
//
// Behind [Require] and [Optional], return err does the same for the errors of
// package gloebit. Outside both, where the merchant is not known, Error does
// not respond: it returns an *echo.HTTPError with the status of
// [gloebit.StatusCode] for Echo.HTTPErrorHandler.
func Error(c *echo.Context, err error) error {
	m, ok := c.Get(merchantKey).(*gloebit.Merchant)
	if !ok {
		status := gloebit.StatusCode(err)
		return echo.NewHTTPError(status, http.StatusText(status)).Wrap(err)
	}
	m.HandleError(c.Response(), c.Request(), err)
	return answered(c, err)
}

// merchantKey is the key under which the context holds the merchant.
const merchantKey = "github.com/go-gloebit/gloebit/adapters/echo"

// isOurs reports whether an error is of package gloebit. An error with an HTTP
// status is echo's or the application's, and a deadline may have any cause.
func isOurs(err error) bool {
	if echo.StatusCode(err) != 0 {
		return false
	}
	switch gloebit.StatusCode(err) {
	case http.StatusInternalServerError:
		return false
	case http.StatusGatewayTimeout:
		var call *gloebit.APIError
		return errors.As(err, &call)
	default:
		return true
	}
}
