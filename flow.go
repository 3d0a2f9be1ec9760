package gloebit

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Flow is the protocol by which users authorize an application. The default is
// OAuth 2.0; package github.com/go-gloebit/gloebit/oauth1 has OAuth 1.0a. A Flow
// must be safe for concurrent use.
//
// A Flow returns errors of this package: ErrAccessDenied, ErrAuthorization,
// ErrExchange, ErrUnavailable, ErrState. The Merchant removes the secrets that it
// knows from the text of an error, and keeps only this package's errors, context
// errors and network errors for errors.Is and errors.As. It checks the scopes and
// the GloebitID of a Credential for secrets too. A Flow must not put the body of
// a reply into an error, because it may contain secrets that the Merchant does
// not know.
type Flow interface {
	// Begin returns the URL of the page where the user answers the request,
	// and a secret to be kept until the callback; empty when there is none.
	// The callback's query must bring back the request's State as state.
	Begin(ctx context.Context, app Application, ask AuthorizationRequest) (url string, kept Secret, err error)
	// Finish turns the callback's query into the user's credential, with the
	// secret that Begin gave and the scopes that were asked for. The state has
	// been redeemed already.
	Finish(ctx context.Context, app Application, answer url.Values, kept Secret, asked []Scope) (Credential, error)
	// Authorize adds to an API request what proves the user's authorization.
	Authorize(app Application, req *http.Request, credential Credential) error
}

// Application is who asks, as a [Flow] gets it from the Config.
type Application struct {
	ClientID     string
	ClientSecret Secret
	RedirectURL  string
	Provider     Provider
	HTTPClient   *http.Client     // follows no redirect; never nil
	Clock        func() time.Time // never nil
}

// AuthorizationRequest is what a user is asked.
type AuthorizationRequest struct {
	State          string  // has to come back
	Scopes         []Scope // what is asked for
	User           string  // what the application calls the user; empty when that says nothing
	ApprovalPrompt ApprovalPrompt
}
