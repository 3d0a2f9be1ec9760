package omniport

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/redact"
	"github.com/go-gloebit/gloebit/internal/reply"
)

// Client calls the API of an Omniport for one user. It is safe for concurrent
// use.
type Client struct {
	// Base is the base URL of the Omniport, such as https://channeli.in.
	Base string
	// HTTPClient sends requests with the user's access token.
	HTTPClient *http.Client
}

// NewClient returns a client for an account of a [Server]. It refreshes the
// account's token.
func NewClient(account *connect.Account) *Client {
	return &Client{
		Base:       strings.TrimSuffix(account.Server().Endpoint.TokenURL, tokenPath),
		HTTPClient: account.HTTPClient(),
	}
}

// User returns Omniport's data about the user. An error is an [APIError], or an
// error of package connect if there was no response.
func (c *Client) User(ctx context.Context) (User, error) {
	var user struct {
		User
		ID *int64 `json:"userId"`
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.Base, "/")+userPath, nil)
	if err != nil {
		return User{}, fmt.Errorf("omniport: %w: the base URL can't be parsed", connect.ErrInvalidRequest)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.HTTPClient.Do(req)
	if err != nil {
		return User{}, fmt.Errorf("omniport: %w", reply.Failed(err))
	}
	body, err := reply.Read(resp)
	switch {
	case resp.StatusCode != http.StatusOK:
		return User{}, refusal(resp, body)
	case err == nil:
		err = reply.Object(body, &user)
	}
	if err != nil {
		return User{}, &APIError{Status: resp.StatusCode, Text: err.Error()}
	}
	if user.ID == nil {
		return User{}, &APIError{Status: resp.StatusCode, Text: "the user has no userId"}
	}
	user.User.ID = *user.ID
	return user.User, nil
}

// APIError is an error response from Omniport: an unexpected status, or an
// invalid body. It contains no secret.
//
// errors.Is matches it with [connect.ErrNotConnected] if Omniport refuses the
// access token, and then also with [connect.ErrTokenExpired] or
// [connect.ErrTokenRefused]; with [connect.ErrUnavailable] if the status means
// that Omniport failed or is busy; and with [connect.ErrInvalidResponse]
// otherwise.
type APIError struct {
	Status int    // the HTTP status
	Code   string // the error in WWW-Authenticate, such as invalid_token, or empty
	Text   string // the response's text, or what is wrong with the body
}

// Error returns the status and Omniport's text.
func (e *APIError) Error() string {
	text := fmt.Sprintf("omniport: status %d", e.Status)
	for _, part := range []string{e.Code, e.Text} {
		if part != "" {
			text += ": " + part
		}
	}
	return text
}

// Unwrap returns the errors of package connect that match it.
func (e *APIError) Unwrap() []error {
	switch {
	case e.Status == http.StatusUnauthorized && e.Code == invalidToken && strings.Contains(e.Text, "expired"):
		return []error{connect.ErrNotConnected, connect.ErrTokenExpired}
	case e.Status == http.StatusUnauthorized && e.Code == invalidToken:
		return []error{connect.ErrNotConnected, connect.ErrTokenRefused}
	case e.Status >= http.StatusInternalServerError, e.Status == http.StatusTooManyRequests:
		return []error{connect.ErrUnavailable}
	}
	return []error{connect.ErrInvalidResponse}
}

const invalidToken = "invalid_token"

// parameter matches a parameter of WWW-Authenticate (RFC 9110 section 11.2).
var parameter = regexp.MustCompile(`([a-z_]+) *= *"((?:[^"\\]|\\.)*)"`)

// refusal reads an error response. It prefers the text of WWW-Authenticate: the
// detail in the body is the same for every 401, and translated.
func refusal(resp *http.Response, body []byte) *APIError {
	_, token, _ := strings.Cut(resp.Request.Header.Get("Authorization"), " ")
	e := &APIError{Status: resp.StatusCode}
	challenge := strings.Join(resp.Header.Values("WWW-Authenticate"), ", ")
	for _, found := range parameter.FindAllStringSubmatch(challenge, -1) {
		switch found[1] {
		case "error":
			e.Code = redact.Text(found[2], token)
		case "error_description":
			e.Text = redact.Text(found[2], token)
		}
	}
	var said struct {
		Detail string `json:"detail"`
	}
	if e.Text == "" && reply.Object(body, &said) == nil {
		e.Text = redact.Text(said.Detail, token)
	}
	if e.Text == "" {
		e.Text = reply.Text(body, token)
	}
	return e
}
