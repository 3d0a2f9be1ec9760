package gloebit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// AuthorizationURL starts a connection for the user of the request and returns
// the URL of the provider's authorization page, to which the browser is to be
// sent (RFC 6749 section 4.1.1). It is what [Merchant.ConnectHandler] redirects
// to, for those who write their own handler; with the package's own sessions
// that handler stands below [Merchant.Optional].
//
// ReturnTo is the local path to go to afterwards; empty means Config.HomePath.
// The scopes are asked for in addition to Config.Scopes and to what the user
// granted already, and the user can't go on without them. Errors: ErrLimited,
// ErrNoUser, ErrNoSession, ErrReturnTo, ErrInvalidRequest for an unknown scope,
// ErrStore. With OAuth 1.0a also ErrExchange, since that asks the provider first.
func (m *Merchant) AuthorizationURL(r *http.Request, returnTo string, scopes ...Scope) (string, error) {
	if err := m.limit(r); err != nil {
		return "", err
	}
	return m.startConnection(r, returnTo, scopes)
}

// startConnection is AuthorizationURL for a request that Config.Limit let through.
func (m *Merchant) startConnection(r *http.Request, returnTo string, scopes []Scope) (string, error) {
	ctx := r.Context()
	if returnTo != "" {
		if _, err := checkReturnTo(returnTo); err != nil {
			return "", err
		}
	}
	for _, scope := range scopes {
		if !scope.known() {
			return "", fmt.Errorf("%w: unknown scope %.40q", ErrInvalidRequest, scope)
		}
	}
	user, err := m.startingUser(r)
	if err != nil {
		return "", err
	}
	binding, err := m.bindBrowser(ctx)
	if err != nil {
		return "", err
	}
	granted, err := m.grantedScopes(ctx, user.ID)
	if err != nil {
		return "", err
	}
	pending := PendingConnection{
		UserID:    user.ID,
		ReturnTo:  returnTo,
		Binding:   hash(binding),
		Scopes:    m.provider.Vintage.named(unionScopes(m.scopes, granted, scopes)),
		Required:  unionScopes(scopes),
		ExpiresAt: m.clock().Add(m.connectFor),
	}
	ask := AuthorizationRequest{State: newNonce(), Scopes: pending.Scopes, ApprovalPrompt: m.config.ApprovalPrompt}
	if m.config.User != nil {
		ask.User = orDefault(user.Name, user.ID)
	}
	to, kept, err := m.flow.Begin(ctx, m.application, ask)
	if err != nil {
		return "", err
	}
	pending.Verifier = kept
	if err := m.keep(ctx, m.stateKey(ask.State), pending); err != nil {
		return "", err
	}
	return to, nil
}

// grantedScopes returns what the user granted before, so that a new token does
// not hold less.
func (m *Merchant) grantedScopes(ctx context.Context, userID string) ([]Scope, error) {
	if userID == "" {
		return nil, nil
	}
	credential, err := m.tokens.Load(ctx, userID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, storeError("load the credential", err)
	}
	return credential.Scopes, nil
}

// ConnectURL returns the local URL that starts a connection, for links. The
// user comes back to the local path returnTo; empty means Config.HomePath.
// The scopes are asked for in addition to Config.Scopes.
func (m *Merchant) ConnectURL(returnTo string, scopes ...Scope) string {
	query := url.Values{}
	if returnTo != "" {
		query.Set("return_to", returnTo)
	}
	if len(scopes) > 0 {
		query.Set("scope", joinScopes(scopes))
	}
	u := url.URL{Path: m.connectPath, RawQuery: query.Encode()}
	return u.String()
}
