package blotre

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/reply"
)

// Client calls Blot're's API. Its methods send one request each, unless they
// say otherwise. Their errors are an [*Error] for an error response, and
// otherwise errors of package connect. A Client is safe for concurrent use.
type Client struct {
	// Address is the base URL of Blot're. The default is [Address].
	Address string
	// HTTPClient sends the requests. The client of a [connect.Account] sends
	// the user's token, and refreshes it when Blot're reports that it has
	// expired (see [NewClient]). The default sends requests without a user,
	// which can read everything.
	HTTPClient *http.Client
}

// NewClient returns a client that calls the API as the user of an account, at
// the Blot're to which the account belongs.
func NewClient(account *connect.Account) Client {
	return Client{
		Address:    strings.TrimSuffix(account.Server().Endpoint.TokenURL, "/v0/oauth2/access_token"),
		HTTPClient: account.HTTPClient(),
	}
}

// request is one request below /v0/.
type request struct {
	method, path string
	query        url.Values
	body         any              // sent as JSON; nil means no body
	into         any              // a pointer to decode the response's JSON into; nil ignores it
	secrets      []connect.Secret // secrets in the query
}

// timeout is the timeout of a request.
const timeout = 30 * time.Second

// send sends a request and reads its response.
func (c Client) send(ctx context.Context, r request) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	target := base(c.Address) + "/v0/" + r.path
	if _, err := connect.CheckEndpoint(base(c.Address)); err != nil {
		return 0, fmt.Errorf("blotre: Client.Address: %w", err)
	}
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		encoded, err := json.Marshal(r.body)
		if err != nil {
			return 0, fmt.Errorf("blotre: %w: the body is not JSON: %w", connect.ErrInvalidRequest, err)
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return 0, fmt.Errorf("blotre: %w: the address can't be written", connect.ErrInvalidRequest)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil { // without a body, Blot're refuses a content type of JSON, and refuses a form's for a revocation
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.client().Do(req)
	if err != nil {
		return 0, fmt.Errorf("blotre: %w", reply.Failed(err))
	}
	return resp.StatusCode, answer(resp, r)
}

// client returns HTTPClient without redirects: a redirect must not get the
// token, and would turn a POST into a GET.
func (c Client) client() *http.Client {
	client := new(http.Client)
	if c.HTTPClient != nil {
		*client = *c.HTTPClient
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// answer reads a response. Only 200 and 201 mean success.
func answer(resp *http.Response, r request) error {
	body, err := reply.Read(resp)
	if err != nil {
		return fmt.Errorf("blotre: %w: status %d: %w", connect.ErrUnavailable, resp.StatusCode, err)
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		return newError(resp, body, r.secrets)
	}
	if r.into == nil {
		return nil
	}
	if err := decode(body, r.into); err != nil {
		return &Error{Status: resp.StatusCode, Text: err.Error(), kinds: []error{connect.ErrInvalidResponse}}
	}
	return nil
}

// decode decodes an object, or a list into a pointer to a slice.
func decode(body []byte, into any) error {
	if raw, ok := into.(*json.RawMessage); ok {
		if !json.Valid(body) {
			return fmt.Errorf("the body is not JSON")
		}
		*raw = json.RawMessage(body)
		return nil
	}
	if list, ok := into.(lister); ok {
		return list.decode(body)
	}
	return reply.Object(body, into)
}

// lister reads a JSON list.
type lister interface{ decode(body []byte) error }

// listOf is a lister of objects.
type listOf[T any] struct{ all []T }

func (l *listOf[T]) decode(body []byte) error {
	var items []json.RawMessage
	switch body = bytes.TrimSpace(body); {
	case len(body) == 0:
		return fmt.Errorf("the body is empty")
	case !json.Valid(body):
		return fmt.Errorf("the body is not JSON")
	case body[0] != '[':
		return fmt.Errorf("the body is not a JSON list")
	}
	_ = json.Unmarshal(body, &items) // items is valid JSON
	l.all = make([]T, len(items))
	for i, item := range items {
		if err := reply.Object(item, &l.all[i]); err != nil {
			return fmt.Errorf("item %d of the list: %w", i, err)
		}
	}
	return nil
}

// Call sends a request to an endpoint of the API for which Client has no
// method. Path is below /v0/api/, and its segments must be escaped with
// [url.PathEscape]. A body that is not nil is sent as JSON, and the JSON of the
// response is returned. Only GET requests have a query.
func (c Client) Call(ctx context.Context, method, path string, query url.Values, body any) (json.RawMessage, error) {
	if strings.ContainsAny(path, "?#") || strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/") {
		return nil, fmt.Errorf("blotre: %w: %.60q is no path below the API", connect.ErrInvalidRequest, path)
	}
	var raw json.RawMessage
	_, err := c.send(ctx, request{method: method, path: "api/" + path, query: query, body: body, into: &raw})
	return raw, err
}

// pathOf returns the path of the API with these segments.
func pathOf(segments ...string) (string, error) {
	for i, segment := range segments {
		if segment == "" || segment == "." || segment == ".." {
			return "", fmt.Errorf("blotre: %w: %q is no id", connect.ErrInvalidRequest, segment)
		}
		segments[i] = url.PathEscape(segment)
	}
	return "api/" + strings.Join(segments, "/"), nil
}

// api sends a request to the API.
func (c Client) api(
	ctx context.Context, method string, query url.Values, body, into any, segments ...string,
) (status int, err error) {
	path, err := pathOf(segments...)
	if err != nil {
		return 0, err
	}
	return c.send(ctx, request{method: method, path: path, query: query, body: body, into: into})
}

// WebSocketURL returns the address of Blot're's WebSocket.
func (c Client) WebSocketURL() string {
	return "ws" + strings.TrimPrefix(base(c.Address), "http") + "/v0/ws"
}

// RedeemURL returns the address of the page where users enter the code of a
// disposable application.
func (c Client) RedeemURL() string { return base(c.Address) + "/v0/oauth2/redeem" }
