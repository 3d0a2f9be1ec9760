// Package oauth1 lets users authorize an application with OAuth 1.0a (RFC
// 5849), which Gloebit's first API offers besides OAuth 2.0. The handlers,
// stores, middleware and client are the same.
//
//	merchant, err := gloebit.New(gloebit.Config{
//		...
//		Protocol: oauth1.Protocol{},
//	})
//
// Requests are signed with HMAC-SHA1, the only method that Gloebit accepts.
// OAuth 1.0a has neither state nor refresh: the one-time state is part of the
// callback URL, and a user whose token is refused must connect again.
package oauth1

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dghubble/oauth1"
	"github.com/go-gloebit/gloebit/connect"
)

// Protocol is OAuth 1.0a as a [connect.Protocol]. Its endpoints are
// oauth/request-token, oauth/authorize and oauth/access-token beside
// oauth2/access-token. The zero value is ready to use and safe for concurrent
// use.
type Protocol struct{}

// temporary is stored between Begin and Finish (RFC 5849 section 2.1).
type temporary struct {
	Token  string `json:"token"`
	Secret string `json:"secret"`
}

// Begin implements [connect.Protocol]. It requests a request token, with the
// state in the callback URL, and returns the URL where the user authorizes it.
// The error matches connect.ErrTokenExchange if the provider issues none.
func (f Protocol) Begin(
	ctx context.Context, app connect.Application, ask connect.AuthorizationRequest,
) (string, connect.Secret, error) {
	scope := joinScopes(ask.Scopes)
	query := url.Values{"scope": {scope}, "domain": {scope}}
	if ask.User != "" {
		query.Set("user", ask.User)
	}
	exchange := &exchange{ctx: ctx, client: app.HTTPClient}
	config := config(app, exchange)
	config.CallbackURL = app.RedirectURL + "?" + url.Values{"state": {ask.State}}.Encode()
	config.Endpoint.RequestTokenURL += "?" + query.Encode()

	token, secret, err := config.RequestToken()
	if err != nil {
		return "", "", exchange.failure("request token")
	}
	kept, err := json.Marshal(temporary{Token: token, Secret: secret})
	if err != nil {
		return "", "", fmt.Errorf("oauth1: %w", err)
	}
	page, err := config.AuthorizationURL(token)
	if err != nil {
		return "", "", fmt.Errorf("oauth1: authorize URL: %w", err)
	}
	query = page.Query()
	query.Set("scope", scope)
	query.Set("domain", scope)
	page.RawQuery = query.Encode()
	return page.String(), connect.Secret(kept), nil
}

// Finish implements [connect.Protocol]. It exchanges the authorized request
// token for an access token (RFC 5849 section 2.3). Errors:
// connect.ErrInvalidState for the callback of another request token,
// connect.ErrAccessDenied, connect.ErrTokenExchange, connect.ErrUnavailable.
func (f Protocol) Finish(
	ctx context.Context, app connect.Application, answer url.Values, kept connect.Secret, asked []connect.Scope,
) (connect.Credential, error) {
	var begun temporary
	if err := json.Unmarshal([]byte(kept.Reveal()), &begun); err != nil || begun.Token == "" {
		return connect.Credential{}, fmt.Errorf("%w: it was not started with OAuth 1.0a", connect.ErrInvalidState)
	}
	denied := answer.Get("denied") != "" || slices.Contains(denials, answer.Get("oauth_problem"))
	if denied && !answer.Has("oauth_verifier") {
		return connect.Credential{}, connect.ErrAccessDenied
	}
	for _, name := range []string{"oauth_token", "oauth_verifier"} {
		if values := answer[name]; len(values) != 1 || values[0] == "" {
			return connect.Credential{}, fmt.Errorf("%w: want one %s, got %d", connect.ErrInvalidState, name, len(values))
		}
	}
	if subtle.ConstantTimeCompare([]byte(answer.Get("oauth_token")), []byte(begun.Token)) != 1 {
		return connect.Credential{}, fmt.Errorf("%w: the callback is another request token's", connect.ErrInvalidState)
	}
	exchange := &exchange{ctx: ctx, client: app.HTTPClient}
	token, secret, err := config(app, exchange).AccessToken(begun.Token, begun.Secret, answer.Get("oauth_verifier"))
	if err != nil {
		return connect.Credential{}, exchange.failure("access token")
	}
	credential := connect.Credential{
		AccessToken: connect.Secret(token),
		TokenSecret: connect.Secret(secret),
		Subject:     exchange.answer.Get("app_user_id"),
		Scopes:      asked,
	}
	if granted := strings.Fields(exchange.answer.Get("scope")); len(granted) > 0 {
		credential.Scopes = nil
		for _, scope := range granted {
			credential.Scopes = append(credential.Scopes, connect.Scope(scope))
		}
	}
	return credential, nil
}

// denials are the values of oauth_problem with which servers say that the user
// denied access. RFC 5849 has no way to say it: others send the parameter denied.
var denials = []string{"user_refused", "permission_denied"}

// Refresh implements [connect.Protocol]. It always fails: OAuth 1.0a tokens are
// valid until they are revoked.
func (Protocol) Refresh(_ context.Context, _ connect.Application, _ connect.Credential) (connect.Credential, error) {
	return connect.Credential{}, fmt.Errorf("%w: OAuth 1.0a has no refresh tokens", connect.ErrTokenExchange)
}

// Authorize implements [connect.Protocol]. It signs the request (RFC 5849
// section 3). The signature covers the body of a form, and no other body.
func (f Protocol) Authorize(app connect.Application, req *http.Request, credential connect.Credential) error {
	var signed signature
	ctx := context.WithValue(req.Context(), oauth1.HTTPClient, &http.Client{Transport: &signed})
	client := config(app, nil).Client(
		ctx, oauth1.NewToken(credential.AccessToken.Reveal(), credential.TokenSecret.Reveal()),
	)
	unsigned, err := signable(req)
	if err != nil {
		return err
	}
	if _, err := client.Transport.RoundTrip(unsigned); !errors.Is(err, errNotSent) {
		return errors.New("oauth1: the request could not be signed")
	}
	req.Header.Set("Authorization", signed.header)
	return nil
}

const formType = "application/x-www-form-urlencoded"

// signable returns a request to sign. The library reads the body of a form and
// does not put it back, and recognizes the type only without a charset.
func signable(req *http.Request) (*http.Request, error) {
	kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if req.Body == nil || kind != formType {
		return req, nil
	}
	body, err := io.ReadAll(req.Body)
	req.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("oauth1: read the form: %w", err)
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	unsigned := req.Clone(req.Context())
	unsigned.Body = io.NopCloser(bytes.NewReader(body))
	unsigned.Header.Set("Content-Type", formType)
	return unsigned, nil
}

// signature is a transport that records the library's Authorization header and
// sends nothing.
type signature struct{ header string }

var errNotSent = errors.New("oauth1: not sent")

func (s *signature) RoundTrip(req *http.Request) (*http.Response, error) {
	s.header = req.Header.Get("Authorization")
	return nil, errNotSent
}

func config(app connect.Application, transport http.RoundTripper) *oauth1.Config {
	base := strings.TrimSuffix(app.Server.Endpoint.TokenURL, "oauth2/access-token")
	return &oauth1.Config{
		ConsumerKey:    app.ClientID,
		ConsumerSecret: app.ClientSecret.Reveal(),
		HTTPClient: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Endpoint: oauth1.Endpoint{
			RequestTokenURL: base + "oauth/request-token",
			AuthorizeURL:    base + "oauth/authorize",
			AccessTokenURL:  base + "oauth/access-token",
		},
	}
}

func joinScopes(scopes []connect.Scope) string {
	names := make([]string, len(scopes))
	for i, scope := range scopes {
		names[i] = string(scope)
	}
	return strings.Join(names, " ")
}
