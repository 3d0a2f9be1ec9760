package connect

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-gloebit/gloebit/internal/redact"
	"golang.org/x/oauth2"
)

// codeGrant is the authorization code grant (RFC 6749 section 4.1), with PKCE
// (RFC 7636) if the server supports it.
type codeGrant struct {
	config *oauth2.Config
	client *http.Client // x/oauth2's client for the token endpoint
}

// newCodeGrant returns the grant of an application. Its token requests use the
// client and have the headers. limited applies the client's Timeout, because a
// client with a Timeout starts a goroutine for each request if its Transport is
// not net/http's own.
func newCodeGrant(app Application, client *http.Client, header http.Header) codeGrant {
	untimed := *client
	untimed.Timeout = 0
	if untimed.Transport == nil {
		untimed.Transport = http.DefaultTransport
	}
	untimed.Transport = tokenAnswers{rateLimitRetrier{untimed.Transport}, header}
	endpoint := app.Server.Endpoint
	if endpoint.AuthStyle == oauth2.AuthStyleAutoDetect { // x/oauth2 would otherwise probe the server
		endpoint.AuthStyle = oauth2.AuthStyleInHeader
	}
	if app.Server.PublicClient { // RFC 6749 section 3.2.1: it sends the client ID only
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return codeGrant{
		config: &oauth2.Config{
			ClientID:     app.ClientID,
			ClientSecret: app.ClientSecret.Reveal(),
			RedirectURL:  app.RedirectURL,
			Endpoint:     endpoint,
		},
		client: &untimed,
	}
}

// Begin implements [Protocol]. It keeps the code verifier.
func (g codeGrant) Begin(_ context.Context, app Application, ask AuthorizationRequest) (string, Secret, error) {
	var options []oauth2.AuthCodeOption
	if !app.Server.Scopes.Omit && len(ask.Scopes) > 0 {
		options = append(options, oauth2.SetAuthURLParam("scope", JoinScopes(ask.Scopes)))
	}
	if app.Server.AuthParams != nil {
		options = appendParams(options, app.Server.AuthParams(ask))
	}
	var verifier string
	if app.Server.PKCE {
		verifier = oauth2.GenerateVerifier()
		options = append(options, oauth2.S256ChallengeOption(verifier))
	}
	return g.config.AuthCodeURL(ask.State, options...), Secret(verifier), nil
}

// appendParams appends a Server's additional parameters to options.
func appendParams(options []oauth2.AuthCodeOption, values url.Values) []oauth2.AuthCodeOption {
	for name := range values {
		options = append(options, oauth2.SetAuthURLParam(name, values.Get(name)))
	}
	return options
}

// Finish implements [Protocol].
func (g codeGrant) Finish(
	ctx context.Context, app Application, answer url.Values, verifier Secret, asked []Scope,
) (Credential, error) {
	code, err := codeOf(answer, app.Server.Issuer)
	if err != nil {
		return Credential{}, err
	}
	options := make([]oauth2.AuthCodeOption, 0, 4) // the verifier and a few parameters
	if app.Server.TokenParams != nil {
		options = appendParams(options, app.Server.TokenParams(asked))
	}
	if verifier != "" {
		options = append(options, oauth2.VerifierOption(verifier.Reveal()))
	}
	ctx, cancel := g.limited(ctx, app.HTTPClient.Timeout)
	defer cancel()
	token, err := g.config.Exchange(ctx, code, options...)
	if err != nil {
		return Credential{}, exchangeError(app.Server, err, app.ClientSecret, Secret(code), verifier)
	}
	list := cmp.Or(scopesIn(token), acceptedScopes(app.Server, answer, asked))
	return credentialOf(app.Server, token, list, asked, app.Clock(), app.ClientSecret, Secret(code), verifier)
}

// acceptedScopes returns the requested scopes that an authorization response
// lists as accepted, as those of Strava do. It returns "" if there are none.
func acceptedScopes(server Server, answer url.Values, asked []Scope) string {
	if len(answer["scope"]) != 1 {
		return ""
	}
	accepted := ParseScopes(scopeList(quoted(answer.Get("scope"))))
	return JoinScopes(slices.DeleteFunc(slices.Clone(asked), func(scope Scope) bool {
		return !server.Scopes.covers(accepted, scope)
	}))
}

// Refresh implements [Protocol] (RFC 6749 section 6). A response without a
// refresh token keeps the current one.
func (g codeGrant) Refresh(ctx context.Context, app Application, current Credential) (Credential, error) {
	ctx, cancel := g.limited(ctx, app.HTTPClient.Timeout)
	defer cancel()
	stale := &oauth2.Token{RefreshToken: current.RefreshToken.Reveal()}
	token, err := g.config.TokenSource(ctx, stale).Token()
	if err != nil {
		return Credential{}, exchangeError(app.Server, err, app.ClientSecret, current.RefreshToken, current.AccessToken)
	}
	token, list := usableRefresh(app.Server, token, current, app.ClientSecret)
	return credentialOf(
		app.Server, token, list, current.Scopes, app.Clock(), app.ClientSecret, current.RefreshToken, current.AccessToken)
}

// Authorize implements [Protocol], with a Bearer token (RFC 6750 section 2.1).
func (codeGrant) Authorize(_ Application, req *http.Request, credential Credential) error {
	req.Header.Set("Authorization", "Bearer "+credential.AccessToken.Reveal())
	return nil
}

// limited returns a context with the grant's client for x/oauth2 and with the
// timeout.
func (g codeGrant) limited(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	return context.WithValue(ctx, oauth2.HTTPClient, g.client), cancel
}

// denials are the errors with which servers say that the user denied access:
// that of RFC 6749 section 4.1.2.1, those of LinkedIn and Apple, that of Entra
// ID's device authorization, and the defaults of Ory Hydra.
var denials = []string{
	"access_denied", "user_cancelled_authorize", "user_cancelled_login", "authorization_declined",
	"consent request denied", "login request denied",
}

// codeOf returns the code of an authorization response (RFC 6749 section 4.1.2)
// from the expected issuer. Parameters must not be empty or repeated (RFC 6749
// section 3.1).
func codeOf(answer url.Values, issuer string) (string, error) {
	for _, name := range []string{"code", "error", "iss"} {
		if values, ok := answer[name]; ok && (len(values) != 1 || values[0] == "") {
			return "", fmt.Errorf("%w: the parameter %s is empty or came more than once", ErrInvalidState, name)
		}
	}
	failure, code := answer.Get("error"), answer.Get("code")
	switch {
	case issuer != "" && answer.Get("iss") != issuer: // RFC 9207 section 2.4
		return "", fmt.Errorf("%w: iss is %q in the answer, want %q",
			ErrAuthorizationFailed, redact.Text(answer.Get("iss"), answer.Get("state"), code), issuer)
	case slices.Contains(denials, failure):
		return "", ErrAccessDenied
	case failure != "":
		state := answer.Get("state")
		return "", fmt.Errorf("%w: %.60q %q", ErrAuthorizationFailed,
			redact.Text(failure, state, code), redact.Text(answer.Get("error_description"), state, code))
	case code == "":
		return "", fmt.Errorf("%w: the callback has neither code nor error", ErrInvalidState)
	}
	return code, nil
}
