package connect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// AuthorizationURL starts a connection for the user of the request and returns
// the URL of the server's authorization page, to redirect the browser to (RFC
// 6749 section 4.1.1). Use it in a handler that replaces
// [Connector.ConnectHandler]. If Config.Sessions is nil, wrap that handler in
// [Connector.Optional].
//
// ReturnTo is the local path to go to afterwards; empty means Config.HomePath.
// The scopes are requested in addition to Config.Scopes and to those that the
// user has granted. If the user does not grant them, [Connector.Exchange]
// returns ErrScopeMissing. Errors: ErrTooManyAttempts, ErrNoUser, ErrNoSession,
// ErrInvalidReturnTo, ErrInvalidRequest for an unknown scope, ErrStore. With
// OAuth 1.0a also ErrTokenExchange, because the server is first asked for a
// request token.
func (c *Connector) AuthorizationURL(r *http.Request, returnTo string, scopes ...Scope) (string, error) {
	if err := c.limit(r); err != nil {
		return "", err
	}
	started, err := c.startConnection(r, returnTo, scopes)
	return started.url, err
}

// attempt is a started connection.
type attempt struct {
	url          string // the URL of the provider's authorization page
	state        string
	binding      string
	bindingIsNew bool
}

// startConnection is AuthorizationURL for a request that has passed
// Config.RateLimit.
func (c *Connector) startConnection(r *http.Request, returnTo string, scopes []Scope) (started attempt, err error) {
	ctx, end := c.start(r.Context(), c.trace.Connect, "")
	defer func() { end(err) }()
	if c.trace.Connect != nil {
		r = r.WithContext(ctx)
	}
	if returnTo != "" {
		if _, err := CheckReturnTo(returnTo); err != nil {
			return attempt{}, err
		}
	}
	for _, scope := range scopes {
		if !c.server.Scopes.Knows(scope) {
			return attempt{}, fmt.Errorf("%w: unknown scope %.40q", ErrInvalidRequest, scope)
		}
	}
	user, err := c.startingUser(r)
	if err != nil {
		return attempt{}, err
	}
	binding, isNew, err := c.bindBrowser(ctx)
	if err != nil {
		return attempt{}, err
	}
	granted, err := c.grantedScopes(ctx, user.ID)
	if err != nil {
		return attempt{}, err
	}
	pending := PendingConnection{
		UserID:         user.ID,
		ReturnTo:       returnTo,
		BrowserHash:    hash(binding),
		Scopes:         c.server.Scopes.sent(c.server.Scopes.Union(c.scopes, granted, scopes)),
		RequiredScopes: c.server.Scopes.Union(scopes),
		ExpiresAt:      c.clock().Add(c.connectFor),
	}
	ask := AuthorizationRequest{State: newState(pending.ExpiresAt), Scopes: pending.Scopes}
	if c.config.User != nil {
		ask.User = cmp.Or(user.Name, user.ID)
	}
	to, kept, err := c.protocol.Begin(ctx, c.application, ask)
	if err != nil {
		return attempt{}, err
	}
	pending.Secret = kept
	if err := c.keep(ctx, stateID(ask.State), pending); err != nil {
		return attempt{}, err
	}
	return attempt{to, ask.State, binding, isNew}, nil
}

// grantedScopes returns the scopes that the user granted before. A new token
// must not have fewer. Scopes that the server reported, but that are not known
// to be valid in a request, are left out.
func (c *Connector) grantedScopes(ctx context.Context, userID string) ([]Scope, error) {
	if userID == "" {
		return nil, nil
	}
	var credential Credential
	err := c.tokens.Load(ctx, c.key(userID), &credential)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, storeError("load the credential", err)
	}
	scopes := c.server.Scopes
	unknown := func(scope Scope) bool { return len(scopes.Known) > 0 && !scopes.covers(scopes.Known, scope) }
	return slices.DeleteFunc(slices.Clone(credential.Scopes), unknown), nil
}
