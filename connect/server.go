package connect

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
)

// Server describes an OAuth 2.0 server: its endpoints, and where it differs
// from the RFCs. New checks it and copies it. Name and Endpoint must be set. If
// a function is nil, the Connector does what the RFC says.
type Server struct {
	// Name is the server's name in messages and log lines.
	Name string
	// Endpoint holds the authorization endpoint and the token endpoint. Its
	// AuthStyle is never probed: zero means HTTP Basic (RFC 6749 section
	// 2.3.1).
	Endpoint oauth2.Endpoint
	// PublicClient says that the application has no client secret (RFC 6749
	// section 2.1).
	PublicClient bool
	// PKCE sends a fresh S256 challenge with each authorization request (RFC
	// 7636). Set it unless the server rejects PKCE.
	PKCE bool
	// Issuer must come back as the parameter iss of every authorization
	// response (RFC 9207). The default accepts responses without one.
	Issuer string
	// StateNotReturned is for a server whose authorization responses come back
	// with an empty state. Only the session then says which connection a
	// response belongs to: a browser has one pending connection, for at most
	// three minutes, and it completes once. A state that is not empty must
	// still be valid.
	//
	// This is weaker than RFC 6749 section 10.12 requires. Another site can
	// start a connection in the user's browser, or wait for a pending one, and
	// send the browser to the callback with a code of the attacker's account.
	// The user is then connected to the attacker's account. New logs a warning.
	StateNotReturned bool
	// RevokeURL is the revocation endpoint (RFC 7009), which the disconnect
	// handler calls. The default revokes nothing.
	RevokeURL string
	// Revoke replaces the request to RevokeURL, for servers with a different
	// way to revoke.
	Revoke func(context.Context, Application, Credential) error
	// AccountURL is the page on which users see and revoke what they approved.
	AccountURL string

	// Header is added to every request to the server, for example with the
	// version of its API. It does not replace a header that a request has.
	Header http.Header
	// Scopes says which scopes the server knows.
	Scopes ScopePolicy
	// AuthParams returns additional parameters for the authorization request.
	AuthParams func(AuthorizationRequest) url.Values
	// TokenParams returns additional parameters for the token request that
	// exchanges a code.
	TokenParams func(asked []Scope) url.Values
	// Subject returns the user's id at the server from the members of a token
	// response, or "". It is saved with the credential. A refreshed token of
	// another subject is an error, and is not saved.
	Subject func(member func(name string) any) string
	// Identity asks the server for the user's identity. SignIn needs it.
	// Without SignIn, the name is kept with the credential, a failure is only
	// logged, and if IdentityScopes is not empty, Identity is called only for
	// users who granted one of them.
	Identity func(context.Context, *Account) (User, error)
	// IdentityScopes are the scopes that let Identity be called; one of them is
	// enough.
	IdentityScopes []Scope
	// Expired reports whether a response of the API says that the access token
	// has expired or was revoked, so that it is refreshed. The default is a 401
	// whose challenge has error="invalid_token" (RFC 6750 section 3.1).
	Expired func(*http.Response) bool
	// Describe returns the error code and the explanation in an error response
	// of the token endpoint, for a server that does not send them as error and
	// error_description (RFC 6749 section 5.2).
	Describe func(*oauth2.RetrieveError) (code, text string)
}

// check reports the first invalid field.
func (s Server) check() error {
	if s.Name == "" {
		return fmt.Errorf("%s is empty: set it to the name that users know", "Name")
	}
	for _, field := range []struct{ name, value string }{
		{"Endpoint.AuthURL", s.Endpoint.AuthURL}, {"Endpoint.TokenURL", s.Endpoint.TokenURL},
	} {
		if _, err := CheckEndpoint(field.value); err != nil {
			return fmt.Errorf("%s: %w", field.name, err)
		}
	}
	for _, field := range []struct{ name, value string }{
		{"Endpoint.DeviceAuthURL", s.Endpoint.DeviceAuthURL}, {"RevokeURL", s.RevokeURL},
	} {
		if field.value == "" {
			continue
		}
		if _, err := CheckEndpoint(field.value); err != nil {
			return fmt.Errorf("%s: %w", field.name, err)
		}
	}
	switch s.Endpoint.AuthStyle {
	case oauth2.AuthStyleAutoDetect, oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams:
	default:
		return fmt.Errorf("Endpoint.AuthStyle: unknown value %d", s.Endpoint.AuthStyle)
	}
	return nil
}

// Protocol is how users authorize an application. The default is the
// authorization code grant of OAuth 2.0; package oauth1 has OAuth 1.0a. It must
// be safe for concurrent use.
//
// A Protocol returns errors of this package: ErrAccessDenied,
// ErrAuthorizationFailed, ErrTokenExchange, ErrUnavailable, ErrInvalidState.
// The Connector removes the secrets that it knows from the text of an error.
// For errors.Is and errors.As it keeps only this package's errors, context
// errors and the kind of a network failure.
//
// Wrap a *url.Error with %w. The Connector then replaces its text, which quotes
// the request and may quote the reply. It can't find a *url.Error that was
// formatted with %v. A Protocol must not put the body of a reply into an error,
// because it may contain secrets that the Connector does not know.
type Protocol interface {
	// Begin returns the URL of the page where the user answers the request, and
	// a secret to keep until the callback, or "" if there is none. The
	// callback's query must have the request's State in the parameter state.
	Begin(ctx context.Context, app Application, ask AuthorizationRequest) (url string, kept Secret, err error)
	// Finish turns the callback's query into the user's credential, with the
	// secret that Begin returned and the scopes that were asked for. The
	// Connector has already checked and removed the state.
	Finish(ctx context.Context, app Application, answer url.Values, kept Secret, asked []Scope) (Credential, error)
	// Refresh returns a credential with a new access token. If the error is
	// ErrNotConnected, the credential is removed.
	Refresh(ctx context.Context, app Application, current Credential) (Credential, error)
	// Authorize adds the credential to an API request, for example as a bearer
	// token.
	Authorize(app Application, req *http.Request, credential Credential) error
}

// Application is the client's configuration, as passed to a [Protocol].
type Application struct {
	ClientID     string
	ClientSecret Secret
	RedirectURL  string
	Server       Server
	HTTPClient   *http.Client     // follows no redirect; never nil
	Clock        func() time.Time // never nil
}

// AuthorizationRequest holds the parameters of one authorization request.
type AuthorizationRequest struct {
	State  string  // must come back in the callback
	Scopes []Scope // the requested scopes
	User   string  // the user's name in the application; empty when there is none
}
