package gloebit

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
)

// Call calls an endpoint of the API for which Client has no method. Its errors
// are those of every method.
//
// Method is GET, POST, PUT, PATCH or DELETE. A GET is repeated when the
// connection fails, when the server is busy and when it fails. Everything else
// is sent once, and is ErrOutcomeUnknown when the answer is lost.
//
// Path is relative to Provider.APIURL, and the caller percent-encodes it. It may
// have a query, and must stay below APIURL: a scheme, a leading slash, a dot
// segment, also an encoded one, a backslash and a fragment are
// ErrInvalidRequest. [APIError] tells the path without the query, so a secret
// belongs in body.
//
// Body is sent as JSON; nil sends none, and a GET has none. Answer is a pointer
// that receives the JSON object of a successful reply, as with json.Unmarshal,
// or nil. A reply without the member success is ErrBadReply, and one whose
// success is false is the error that its reason means.
func (c *Client) Call(ctx context.Context, method, path string, body, answer any) error {
	name, _, _ := strings.Cut(path, "?")
	if err := checkCall(method, path, body, answer); err != nil {
		return fmt.Errorf("%w: %.10q %.60q: %w", ErrInvalidRequest, method, name, err)
	}
	call := call{name: name, path: path, method: method, body: body, repeatable: method == http.MethodGet}
	return c.do(ctx, call, answer)
}

// checkCall returns why a call can't be sent.
func checkCall(method, path string, body, answer any) error {
	methods := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	if !slices.Contains(methods, method) {
		return fmt.Errorf("the method is none of %s", strings.Join(methods, ", "))
	}
	if method == http.MethodGet && body != nil {
		return fmt.Errorf("a GET with a body")
	}
	if v := reflect.ValueOf(answer); answer != nil && (v.Kind() != reflect.Pointer || v.IsNil()) {
		return fmt.Errorf("the answer is a %T: want a pointer that is not nil", answer)
	}
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Path == "" {
		return fmt.Errorf("the path is not relative to Provider.APIURL")
	}
	if strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fmt.Errorf("the path is not percent-encoded")
	}
	if _, err := connect.CheckReturnTo("/" + path); err != nil { // what leads nowhere else from /
		return fmt.Errorf("the path does not stay below Provider.APIURL, or is longer than %d bytes", connect.LongestReturnTo-1)
	}
	return nil
}

// checkSegment refuses what can't be one segment of a path: dots are not
// escaped, and servers take them for a way up.
func checkSegment(name, segment string) error {
	if segment == "" || segment == "." || segment == ".." {
		return fmt.Errorf("%w: %s: %q can't be in a path", ErrInvalidRequest, name, segment)
	}
	return nil
}
