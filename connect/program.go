package connect

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/oauth2"
)

// DeviceCode is what the user of a program needs to approve it in a browser on
// any device (RFC 8628 section 3.3). Its texts are printable: a terminal can
// show them.
type DeviceCode struct {
	UserCode    string    // what the user types in
	URL         string    // the page where the user types it in
	CompleteURL string    // the page with the code filled in; empty when the server has none
	Expiry      time.Time // when the code expires
}

const (
	maxDevice    = 30 * time.Minute // the lifetime of a code that has none
	pollInterval = 5 * time.Second  // RFC 8628 section 3.2
)

// ConnectDevice connects a user by device authorization (RFC 8628): it calls
// show with the code, and polls the server until the user approves or denies,
// the code expires, or ctx ends. Server.Endpoint.DeviceAuthURL must be set. It
// requests Config.Scopes and the given scopes.
//
// It locks the user in the token store while it waits, for up to half an hour.
// So when two programs call it for the same user, the second waits for the
// first. If the store's lock ends sooner, as with the Lease of redisstore,
// ConnectDevice stops waiting then. In SQLite the lock blocks all other writes.
// If the user has a credential already, ConnectDevice keeps it and returns nil
// without asking the user. Errors: ErrAccessDenied, ErrCodeExpired,
// ErrTokenExchange, ErrUnavailable, ErrStore, ErrInvalidRequest, what show
// returned, and the context's.
func (c *Connector) ConnectDevice(
	ctx context.Context, userID string, show func(context.Context, DeviceCode) error, scopes ...Scope,
) error {
	if c.server.Endpoint.DeviceAuthURL == "" {
		return fmt.Errorf("%w: the server has no device authorization", ErrInvalidRequest)
	}
	asked := c.server.Scopes.sent(c.server.Scopes.Union(c.scopes, scopes))
	return c.connectOnce(ctx, userID, func(ctx context.Context) (Credential, error) {
		config, ctx := c.grantConfig(ctx)
		if !c.server.Scopes.Omit {
			for _, scope := range asked {
				config.Scopes = append(config.Scopes, string(scope))
			}
		}
		device, err := c.authorizeDevice(ctx, config)
		if err != nil {
			return Credential{}, exchangeError(c.server, err, c.application.ClientSecret)
		}
		if device == nil || device.DeviceCode == "" || device.UserCode == "" || device.VerificationURI == "" {
			return Credential{}, fmt.Errorf(
				"%w: %w: the device authorization lacks a code or an address", ErrTokenExchange, ErrInvalidResponse,
			)
		}
		if strings.ContainsFunc(device.UserCode+device.VerificationURI+device.VerificationURIComplete, isInvisible) {
			return Credential{}, fmt.Errorf(
				"%w: %w: the code or an address has characters that can't be shown", ErrTokenExchange, ErrInvalidResponse,
			)
		}
		now := c.clock()
		if most := now.Add(maxDevice); device.Expiry.IsZero() || device.Expiry.After(most) {
			device.Expiry = most
		}
		code := DeviceCode{device.UserCode, device.VerificationURI, device.VerificationURIComplete, device.Expiry}
		if err := show(ctx, code); err != nil {
			return Credential{}, err
		}
		sent := []Secret{c.application.ClientSecret, Secret(device.DeviceCode)}
		token, err := c.poll(ctx, config, device, sent)
		if err != nil {
			return Credential{}, err
		}
		return credentialOf(c.server, token, scopesIn(token), asked, c.clock(), sent...)
	})
}

// authorizeDevice requests a device code, authenticated as a token request is
// (RFC 8628 section 3.1). Google and Auth0 refuse a client secret here, although
// they require it for the token: a refused request is repeated without it.
func (c *Connector) authorizeDevice(ctx context.Context, config *oauth2.Config) (*oauth2.DeviceAuthResponse, error) {
	plain := c.timedClient()
	request := func(client *http.Client, options ...oauth2.AuthCodeOption) (*oauth2.DeviceAuthResponse, error) {
		return config.DeviceAuth(context.WithValue(ctx, oauth2.HTTPClient, client), options...)
	}
	var device *oauth2.DeviceAuthResponse
	var err error
	switch {
	case c.server.PublicClient:
		return request(plain)
	case config.Endpoint.AuthStyle == oauth2.AuthStyleInParams:
		device, err = request(plain, oauth2.SetAuthURLParam("client_secret", config.ClientSecret))
	default:
		authenticated := *plain
		authenticated.Transport = basicAuth{plain.Transport, config.ClientID, config.ClientSecret}
		device, err = request(&authenticated)
	}
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response.StatusCode < http.StatusInternalServerError &&
		refused.Response.StatusCode != http.StatusTooManyRequests {
		if device, unauthenticated := request(plain); unauthenticated == nil {
			return device, nil
		}
	}
	return device, err
}

// basicAuth is an [http.RoundTripper] that authenticates the client with HTTP
// Basic (RFC 6749 section 2.3.1).
type basicAuth struct {
	next       http.RoundTripper
	id, secret string
}

// RoundTrip implements [http.RoundTripper].
func (b basicAuth) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.SetBasicAuth(url.QueryEscape(b.id), url.QueryEscape(b.secret))
	return b.next.RoundTrip(req)
}

// isInvisible reports whether a character may control a terminal or the
// direction of text.
func isInvisible(r rune) bool { return !unicode.IsPrint(r) }

// poll waits for the user's answer. If the server can't be reached, or refuses
// with status 429, it halves the rate (RFC 8628 section 3.5). x/oauth2 polls
// until an error whose member error it does not know; [Server.Describe] may
// know it.
func (c *Connector) poll(
	ctx context.Context, config *oauth2.Config, device *oauth2.DeviceAuthResponse, sent []Secret,
) (*oauth2.Token, error) {
	device.Interval = min(max(device.Interval, 0), int64(maxDevice/time.Second))
	for {
		token, err := config.DeviceAccessToken(ctx, device)
		if err == nil {
			return token, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		late := errors.Is(err, context.DeadlineExceeded) && time.Until(device.Expiry) <= 0
		err = exchangeError(c.server, err, sent...)
		refused := new(TokenError)
		answered := errors.As(err, &refused)
		interval := cmp.Or(device.Interval, int64(pollInterval/time.Second))
		switch {
		case slices.Contains(denials, refused.Code):
			return nil, ErrAccessDenied
		case refused.Code == "expired_token", !c.clock().Before(device.Expiry), late && !answered:
			return nil, ErrCodeExpired
		case refused.Code == "authorization_pending":
		case refused.Code == "slow_down":
			device.Interval = interval + int64(pollInterval/time.Second)
		case errors.Is(err, ErrUnavailable), errors.Is(err, context.DeadlineExceeded),
			refused.Status == http.StatusTooManyRequests:
			device.Interval = 2 * interval
		default:
			return nil, err
		}
	}
}

// ConnectCode connects a user with a code that was obtained without a redirect.
// It uses an extension grant (RFC 6749 section 4.5): the token request has the
// parameters grant_type, with the value grantType, and code. Like
// [Connector.ConnectDevice], it locks the user in the token store until it
// returns. If the user already has a credential, ConnectCode keeps it and does
// not use the code. Errors: ErrTokenExchange, which has a [TokenError] when the
// server refused the code, ErrUnavailable, ErrStore, and the context's.
func (c *Connector) ConnectCode(ctx context.Context, userID, grantType string, code Secret) error {
	return c.connectOnce(ctx, userID, func(ctx context.Context) (Credential, error) {
		config, ctx := c.grantConfig(ctx)
		config.RedirectURL = ""
		token, err := config.Exchange(ctx, code.Reveal(), oauth2.SetAuthURLParam("grant_type", grantType))
		if err != nil {
			return Credential{}, exchangeError(c.server, err, c.application.ClientSecret, code)
		}
		return credentialOf(c.server, token, scopesIn(token), c.scopes, c.clock(), c.application.ClientSecret, code)
	})
}

// connectOnce saves the credential that grant returns, unless the user has one.
func (c *Connector) connectOnce(
	ctx context.Context, userID string, grant func(context.Context) (Credential, error),
) error {
	var refused error
	err := c.tokens.Update(ctx, c.key(userID), func(ctx context.Context, current *Credential) (*Credential, error) {
		if current != nil {
			return current, nil
		}
		credential, err := grant(ctx)
		if err != nil {
			refused = err
			return nil, err
		}
		credential.ConnectedAt = c.clock()
		return &credential, nil
	})
	switch {
	case refused != nil:
		return refused
	case errors.Is(err, ErrInvalidRequest) || err != nil && ctx.Err() != nil:
		return err
	case err != nil:
		return storeError("save the credential", err)
	}
	return nil
}

// grantConfig returns x/oauth2's configuration of the token endpoint, and a
// context with the client for it.
func (c *Connector) grantConfig(ctx context.Context) (*oauth2.Config, context.Context) {
	grant := newCodeGrant(c.application, c.timedClient(), nil)
	return grant.config, context.WithValue(ctx, oauth2.HTTPClient, grant.client)
}

// timedClient returns the application's client. Its transport applies the
// client's Timeout.
func (c *Connector) timedClient() *http.Client {
	client := *c.application.HTTPClient
	client.Transport, client.Timeout = timed{client.Transport, client.Timeout, c.server.Endpoint.DeviceAuthURL}, 0
	return &client
}

// timed is an [http.RoundTripper] that applies a timeout to each request and
// reads the response's body within it. x/oauth2 does not close every body.
type timed struct {
	next    http.RoundTripper
	timeout time.Duration
	device  string // the device authorization endpoint, whose responses are rewritten for x/oauth2
}

// RoundTrip implements [http.RoundTripper].
func (t timed) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), t.timeout)
	defer cancel()
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenAnswer+1))
	if err != nil && !isWholeObject(body) {
		return nil, err
	}
	if req.URL.String() == t.device {
		body = deviceAnswer(body)
		if resp.Header == nil {
			resp.Header = http.Header{}
		}
		resp.Header.Set("Content-Type", "application/json")
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// deviceAnswer returns a response of the device authorization endpoint (RFC 8628
// section 3.2) as a JSON object with whole numbers, because servers send strings
// and fractions, too. A body that is not an object becomes {}: x/oauth2 panics
// on null.
func deviceAnswer(body []byte) []byte {
	var members map[string]json.RawMessage
	if json.Unmarshal(trimmed(body), &members) != nil {
		return []byte("{}")
	}
	for _, name := range []string{"expires_in", "interval"} {
		if value := members[name]; len(value) > 0 {
			members[name] = strconv.AppendInt(nil, secondsOf(value), 10)
		}
	}
	if members == nil {
		return []byte("{}")
	}
	answer, _ := json.Marshal(members) // its values are valid JSON
	return answer
}
