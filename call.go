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
// Method is GET, POST, PUT, PATCH or DELETE. A GET is retried after a
// connection failure and after a response with status 408, 429 or 5xx. Any
// other method is sent once; if it failed but the server may have processed it,
// the error is ErrOutcomeUnknown.
//
// Path is relative to Provider.APIURL and must be percent-encoded. It may have
// a query. It must stay below APIURL: for a scheme, a leading slash, a dot
// segment (encoded or not), a backslash or a fragment the error is
// ErrInvalidRequest. [APIError] shows the path without the query. Pass secrets
// in body, not in path.
//
// Body is sent as JSON; nil sends no body, and a GET must have none. Answer is
// nil or a pointer, into which the JSON object of a successful response is
// decoded as by json.Unmarshal. If the response has no member success, the
// error is ErrInvalidResponse. If success is false, the error is the one for
// the reason in the response.
func (c *Client) Call(ctx context.Context, method, path string, body, answer any) error {
	name, _, _ := strings.Cut(path, "?")
	if err := checkCall(method, path, body, answer); err != nil {
		return fmt.Errorf("%w: %.10q %.60q: %w", ErrInvalidRequest, method, name, err)
	}
	call := call{
		name: name, traced: otherCall, path: path, method: method, body: body, repeatable: method == http.MethodGet,
	}
	return c.do(ctx, call, answer)
}

// checkCall returns an error if a call can't be sent.
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
	if _, err := connect.CheckReturnTo("/" + path); err != nil {
		return fmt.Errorf("the path does not stay below Provider.APIURL, or is longer than %d bytes", connect.MaxReturnTo-1)
	}
	return nil
}

// checkSegment returns an error for a value that can't be one path segment,
// such as "..", which servers resolve to the parent.
func checkSegment(name, segment string) error {
	if segment == "" || segment == "." || segment == ".." {
		return fmt.Errorf("%w: %s: %q can't be in a path", ErrInvalidRequest, name, segment)
	}
	return nil
}
