package blotre

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/redact"
	"github.com/go-gloebit/gloebit/internal/reply"
)

// ErrNotOwner is returned by methods that change a stream if the stream belongs
// to another user. For a change to the tag of such a stream, the error is
// [connect.ErrNotFound].
var ErrNotOwner = errors.New("the stream is another user's")

// Error is an error response, or a response that can't be read. errors.Is
// matches it with
//
//   - [ErrNotOwner] for status 401 and another user's stream,
//   - [connect.ErrNotConnected] for any other 401: there was no token, or it is
//     unknown, or has been replaced; and [connect.ErrTokenExpired] too, if the
//     token has expired and could not be refreshed,
//   - [connect.ErrNotFound] for 404,
//   - [connect.ErrUnavailable] for 429 and for 500 and above,
//   - [connect.ErrInvalidResponse] for a redirect, and for a good status with a body
//     that can't be read.
type Error struct {
	Status  int             // the HTTP status
	Text    string          // the response's text, at most 200 bytes, or what is wrong with the body
	Details json.RawMessage // a JSON object with the server's details, if any

	kinds []error
}

// Error returns the status and the text.
func (e *Error) Error() string {
	if e.Text == "" {
		return fmt.Sprintf("blotre: status %d", e.Status)
	}
	return fmt.Sprintf("blotre: status %d: %s", e.Status, e.Text)
}

// Unwrap returns the errors that match it.
func (e *Error) Unwrap() []error { return e.kinds }

// newError reads an error response: an object, a page, or nothing.
func newError(resp *http.Response, body []byte, secrets []connect.Secret) *Error {
	if resp.Request != nil {
		_, token, _ := strings.Cut(resp.Request.Header.Get("Authorization"), " ")
		secrets = append(secrets, connect.Secret(token))
	}
	e := &Error{Status: resp.StatusCode}
	var object struct {
		Error   string          `json:"error"`
		Details json.RawMessage `json:"details"`
	}
	if reply.Object(body, &object) == nil {
		e.Text = redact.Text(object.Error, secrets...)
		if len(object.Details) > 0 && object.Details[0] == '{' && !redact.Repeats(string(object.Details), secrets...) {
			e.Details = object.Details
		}
	} else {
		e.Text = reply.Text(body, secrets...)
	}
	e.kinds = kindsOf(resp, e.Text)
	return e
}

func kindsOf(resp *http.Response, text string) []error {
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized && connect.SaysInvalidToken(resp.Header):
		return []error{connect.ErrNotConnected, connect.ErrTokenExpired}
	case status == http.StatusUnauthorized && strings.Contains(strings.ToLower(text), "permission"):
		return []error{ErrNotOwner}
	case status == http.StatusUnauthorized:
		return []error{connect.ErrNotConnected}
	case status == http.StatusNotFound:
		return []error{connect.ErrNotFound}
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests:
		return []error{connect.ErrUnavailable}
	case status < http.StatusBadRequest: // a redirect, or an unknown status
		return []error{connect.ErrInvalidResponse}
	}
	return nil
}
