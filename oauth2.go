package gloebit

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/go-gloebit/gloebit/internal/discreet"
	"golang.org/x/oauth2"
)

// oauth2Flow is the authorization code grant (RFC 6749 section 4.1) with PKCE
// (RFC 7636) where the provider takes it.
type oauth2Flow struct{}

func (oauth2Flow) config(app Application) *oauth2.Config {
	return &oauth2.Config{
		ClientID:     app.ClientID,
		ClientSecret: app.ClientSecret.Reveal(),
		RedirectURL:  app.RedirectURL,
		Endpoint: oauth2.Endpoint{
			AuthURL:   app.Provider.AuthURL,
			TokenURL:  app.Provider.TokenURL,
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

// Begin implements [Flow]. What is kept is the code verifier.
func (f oauth2Flow) Begin(_ context.Context, app Application, ask AuthorizationRequest) (string, Secret, error) {
	options := []oauth2.AuthCodeOption{
		oauth2.SetAuthURLParam("scope", joinScopes(ask.Scopes)),
	}
	if ask.User != "" {
		options = append(options, oauth2.SetAuthURLParam("user", ask.User))
	}
	if ask.ApprovalPrompt != "" {
		options = append(options, oauth2.SetAuthURLParam("approval_prompt", string(ask.ApprovalPrompt)))
	}
	var verifier string
	if app.Provider.PKCE {
		verifier = oauth2.GenerateVerifier()
		options = append(options, oauth2.S256ChallengeOption(verifier))
	}
	return f.config(app).AuthCodeURL(ask.State, options...), Secret(verifier), nil
}

// Finish implements [Flow]. Gloebit wants the scope again at the exchange, which
// RFC 6749 does not.
func (f oauth2Flow) Finish(ctx context.Context, app Application, answer url.Values, verifier Secret, asked []Scope) (Credential, error) {
	code, err := codeOf(answer, app.Provider.Issuer)
	if err != nil {
		return Credential{}, err
	}
	options := []oauth2.AuthCodeOption{
		oauth2.SetAuthURLParam("scope", joinScopes(asked)),
	}
	if verifier != "" {
		options = append(options, oauth2.VerifierOption(verifier.Reveal()))
	}
	ctx, cancel := limited(ctx, app.HTTPClient)
	defer cancel()
	token, err := f.config(app).Exchange(ctx, code, options...)
	if err != nil {
		return Credential{}, exchangeError(err, app.ClientSecret, Secret(code), verifier)
	}
	return credentialOf(token, asked, app.Clock(), app.ClientSecret, Secret(code), verifier)
}

// Authorize implements [Flow], with a Bearer token (RFC 6750 section 2.1).
func (oauth2Flow) Authorize(_ Application, req *http.Request, credential Credential) error {
	req.Header.Set("Authorization", "Bearer "+credential.AccessToken.Reveal())
	return nil
}

// refresh asks for a new token (RFC 6749 section 6). An answer without a refresh
// token keeps the one there is.
func (f oauth2Flow) refresh(ctx context.Context, app Application, current Credential) (Credential, error) {
	ctx, cancel := limited(ctx, app.HTTPClient)
	defer cancel()
	token, err := f.config(app).TokenSource(ctx, &oauth2.Token{RefreshToken: current.RefreshToken.Reveal()}).Token()
	if err != nil {
		return Credential{}, exchangeError(err, app.ClientSecret, current.RefreshToken, current.AccessToken)
	}
	token = usableRefresh(token, current, app.ClientSecret)
	return credentialOf(token, current.Scopes, app.Clock(), app.ClientSecret, current.RefreshToken, current.AccessToken)
}

// limited is a context in which x/oauth2 uses the client, with responses that
// [tokenAnswers] has rewritten, and which ends after the client's Timeout. A client that has a Timeout itself makes a goroutine, a timer and a
// channel for each request, beside the deadline, where its Transport is not
// net/http's own.
func limited(ctx context.Context, client *http.Client) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, client.Timeout)
	untimed := *client
	untimed.Timeout = 0
	if untimed.Transport == nil {
		untimed.Transport = http.DefaultTransport
	}
	untimed.Transport = tokenAnswers{untimed.Transport}
	return context.WithValue(ctx, oauth2.HTTPClient, &untimed), cancel
}

// codeOf returns the code of an authorization response (RFC 6749 section 4.1.2)
// from the right provider. Parameters must not be empty or come twice (RFC 6749
// section 3.1).
func codeOf(answer url.Values, issuer string) (string, error) {
	for _, name := range []string{"code", "error", "iss"} {
		if values, ok := answer[name]; ok && (len(values) != 1 || values[0] == "") {
			return "", fmt.Errorf("%w: the parameter %s is empty or came more than once", ErrState, name)
		}
	}
	failure, code := answer.Get("error"), answer.Get("code")
	switch {
	case issuer != "" && answer.Get("iss") != issuer: // RFC 9207 section 2.4
		return "", fmt.Errorf("%w: the answer is another issuer's", ErrAuthorization)
	case failure == "access_denied":
		return "", ErrAccessDenied
	case failure != "":
		state := answer.Get("state")
		return "", fmt.Errorf("%w: %.60q %q", ErrAuthorization,
			discreet.Words(failure, state, code), discreet.Words(answer.Get("error_description"), state, code))
	case code == "":
		return "", fmt.Errorf("%w: the callback has neither code nor error", ErrState)
	}
	return code, nil
}
