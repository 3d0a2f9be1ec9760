package gloebitecho

import (
	"net/http"
	"reflect"

	"github.com/labstack/echo/v5"
)

// around runs the rest of echo's chain inside a net/http middleware. If the
// middleware does not call it, the middleware has responded.
func around(c *echo.Context, middleware func(http.Handler) http.Handler, next echo.HandlerFunc) (err error) {
	passed := false
	outer := c.Response()
	defer c.SetResponse(outer) // runs when a handler panics, too
	middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		passed = true
		c.SetRequest(r)
		if !same(w, outer) {
			c.SetResponse(&response{echo.NewResponse(w, c.Logger())})
		}
		err = next(c)
	})).ServeHTTP(outer, c.Request())
	if !passed {
		return answered(c, nil)
	}
	return err
}

// same reports whether the middleware passed the response writer on unchanged.
func same(w, outer http.ResponseWriter) bool {
	return reflect.TypeOf(w).Comparable() && w == outer
}

// answered returns the error that tells echo about a response: nil for a
// redirect, otherwise an error with the status.
func answered(c *echo.Context, cause error) error {
	r, err := echo.UnwrapResponse(c.Response())
	if err != nil || !r.Committed || r.Status < http.StatusBadRequest {
		return nil
	}
	answer := echo.NewHTTPError(r.Status, http.StatusText(r.Status))
	if cause == nil {
		return answer
	}
	return answer.Wrap(cause)
}

func committed(c *echo.Context) bool {
	r, err := echo.UnwrapResponse(c.Response())
	return err == nil && r.Committed
}

// response is an echo.Response on top of a net/http middleware's writer. The
// writer must see the header before a flush sends it.
type response struct{ *echo.Response }

// Flush implements http.Flusher.
func (r *response) Flush() {
	if !r.Committed {
		r.WriteHeader(http.StatusOK)
	}
	r.Response.Flush()
}

// Unwrap lets echo.UnwrapResponse and http.ResponseController reach the writer.
func (r *response) Unwrap() http.ResponseWriter { return r.Response }
