package gloebit

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/go-gloebit/gloebit/connect"
	"golang.org/x/oauth2"
)

// server describes Gloebit to the connector: its endpoints, and its differences
// from RFC 6749.
func (m *Merchant) server() connect.Server {
	p := m.provider
	return connect.Server{
		Name:           p.Name,
		Endpoint:       oauth2.Endpoint{AuthURL: p.AuthURL, TokenURL: p.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
		PKCE:           p.PKCE,
		Issuer:         p.Issuer,
		AccountURL:     p.AccountURL,
		Scopes:         p.APIVersion.scopes(),
		AuthParams:     m.authParams,
		TokenParams:    tokenParams,
		Subject:        subject,
		Identity:       m.identity,
		IdentityScopes: []Scope{ScopeID},
		Describe:       describe,
	}
}

// authParams are Gloebit's own parameters of the authorization request.
func (m *Merchant) authParams(ask connect.AuthorizationRequest) url.Values {
	params := url.Values{}
	if m.config.User != nil && ask.User != "" {
		params.Set("user", ask.User)
	}
	if m.config.ApprovalPrompt != "" {
		params.Set("approval_prompt", string(m.config.ApprovalPrompt))
	}
	return params
}

// tokenParams adds the scope to the token request, which Gloebit requires.
func tokenParams(asked []Scope) url.Values {
	return url.Values{"scope": {connect.JoinScopes(asked)}}
}

// subject returns the user's ID at Gloebit, which newer servers send with the
// token.
func subject(member func(string) any) string {
	id, _ := member("app_user_id").(string)
	return id
}

// identity returns Gloebit's ID and name of the user.
func (m *Merchant) identity(ctx context.Context, account *connect.Account) (User, error) {
	identity, err := (&Client{merchant: m, account: account}).Identity(ctx)
	return User{ID: identity.ID, Name: identity.Name}, err
}

// describe reads Gloebit's reason in an error response of the token endpoint.
func describe(refused *oauth2.RetrieveError) (code, text string) {
	var answer struct {
		Error  string `json:"error"`
		Reason string `json:"reason"`
	}
	_ = json.Unmarshal(refused.Body, &answer) // a body that is not such JSON leaves both empty
	if code = refused.ErrorCode; code == "" {
		code = answer.Error
	}
	if text = refused.ErrorDescription; text == "" {
		text = answer.Reason
	}
	return code, text
}

// StateStore keeps pending connections; see [connect.StateStore].
type StateStore = connect.StateStore

// MemoryStateStore keeps pending connections in this process, in bounded
// memory; see [connect.MemoryStateStore].
type MemoryStateStore = connect.MemoryStateStore

// AuthorizationURL starts a connection for the user of the request and returns
// the URL of Gloebit's authorization page, to redirect the browser to (RFC 6749
// section 4.1.1). Use it in a handler that replaces [Merchant.ConnectHandler].
// If Config.Sessions is nil, wrap that handler in [Merchant.Optional].
//
// ReturnTo is the local path to go to afterwards; empty means Config.HomePath.
// The scopes are requested in addition to Config.Scopes and to those that the
// user has granted. If the user does not grant them, [Merchant.Exchange]
// returns ErrScopeMissing. Errors: ErrTooManyAttempts, ErrNoUser, ErrNoSession,
// ErrInvalidReturnTo, ErrInvalidRequest for an unknown scope, ErrStore. With
// OAuth 1.0a also ErrTokenExchange, because Gloebit is first asked for a
// request token.
func (m *Merchant) AuthorizationURL(r *http.Request, returnTo string, scopes ...Scope) (string, error) {
	return m.connector.AuthorizationURL(r, returnTo, scopes...)
}

// Exchange completes the connection that the callback request belongs to: it
// redeems the state, exchanges the code for a token (RFC 6749 section 4.1.3)
// and saves the credential. Use it in a handler that replaces
// [Merchant.CallbackHandler]. If Config.Sessions is nil, wrap that handler in
// [Merchant.Optional]. Once the state is redeemed, every error is a
// [ConnectError], whose ReturnTo is the page that the user wanted.
//
// Errors: ErrTooManyAttempts, ErrInvalidState, ErrAccessDenied,
// ErrAuthorizationFailed, ErrUserChanged, ErrTokenExchange, ErrUnavailable,
// ErrNoUser, ErrNoSession, ErrStore, and the error of Config.OnConnect. After
// ErrStore the credential may have been saved; after any other of these it was
// not. The error is ErrScopeMissing when the user did not grant a required
// scope; the credential with the granted scopes was saved.
func (m *Merchant) Exchange(r *http.Request) (Connection, error) {
	return m.connector.Exchange(r)
}
