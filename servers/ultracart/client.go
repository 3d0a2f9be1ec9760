package ultracart

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/reply"
)

// Client calls UltraCart's API for one merchant. It is safe for concurrent use.
type Client struct {
	// Base is the base URL of the API. Make it [Production].
	Base string
	// HTTPClient sends requests with the merchant's access token.
	HTTPClient *http.Client
	// MaxWait is how long a call waits in total if UltraCart answers with 429
	// and Retry-After. The default is 20 seconds; a negative value never waits.
	// A call that would have to wait longer, or beyond its context's deadline,
	// fails at once with an [APIError] that has the RetryAfter.
	MaxWait time.Duration

	account *connect.Account
}

// NewClient returns a client for an account of a [Server]. It refreshes the
// account's token, and removes it if the merchant has disabled the application.
func NewClient(account *connect.Account) *Client {
	return &Client{
		Base:       strings.TrimSuffix(account.Server().Endpoint.TokenURL, tokenPath),
		HTTPClient: account.HTTPClient(),
		account:    account,
	}
}

// rejectTimeout is the timeout of removing a credential.
const rejectTimeout = 5 * time.Second

// Do calls a method of the API, such as GET /order/orders?_limit=10. It sends
// in as JSON unless in is nil, and decodes the response, a JSON object, into
// out unless out is nil. An error is an [APIError], or an error of package
// connect if there was no response.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	var contentType string
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("ultracart: %w: the body can't be written: %w", connect.ErrInvalidRequest, err)
		}
		contentType = "application/json; charset=UTF-8"
	}
	target := strings.TrimSuffix(c.Base, "/") + "/" + strings.TrimPrefix(path, "/")
	resp, read, err := sender{c.HTTPClient, c.MaxWait}.send(ctx, method, target, contentType, string(body))
	if err != nil {
		return err
	}
	_, token, _ := strings.Cut(resp.Request.Header.Get("Authorization"), " ")
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return c.refused(ctx, refusal(resp, read, connect.Secret(token)), connect.Secret(token))
	}
	var said ErrorResponse
	if reply.Object(read, &said) == nil && said.Error != nil {
		return refusal(resp, read, connect.Secret(token))
	}
	if out == nil {
		return nil
	}
	if err := reply.Object(read, out); err != nil {
		return &APIError{Status: resp.StatusCode, Text: err.Error()}
	}
	return nil
}

// refused removes the credential if the application is disabled.
func (c *Client) refused(ctx context.Context, refused *APIError, token connect.Secret) error {
	if refused.Status != http.StatusGone || c.account == nil || token == "" {
		return refused
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rejectTimeout)
	defer cancel()
	var err error = refused
	c.account.Reject(ctx, time.Now().Add(rejectTimeout), token, &err)
	return err
}
