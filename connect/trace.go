package connect

import (
	"context"
	"errors"
)

// Trace holds functions that a [Connector] calls at stages of its work, for
// traces and metrics, as [net/http/httptrace.ClientTrace] does. Any of them may
// be nil. They get no secret: errors are redacted as for Config.Logger.
//
// Each function except StoreFailed is called at the start of an operation. It
// returns the context for the operation, which must be derived from the one
// that it was given, and a function that is called with the operation's error
// at its end. Neither may be nil.
//
// The functions are called concurrently by the goroutines that do the work, so
// they must return quickly.
type Trace struct {
	// Connect is called when a user starts to connect, before the redirect to
	// the server's authorization page.
	Connect func(context.Context, TraceInfo) (context.Context, func(error))
	// Callback is called when the browser comes back from the server. The
	// operation includes the exchange and the save of the credential.
	Callback func(context.Context, TraceInfo) (context.Context, func(error))
	// Exchange is called when the authorization response is exchanged for a
	// token. If the user denied access, Exchange is called too, but the server
	// is not asked.
	Exchange func(context.Context, TraceInfo) (context.Context, func(error))
	// Refresh is called when the server is asked for a new access token. The
	// error is ErrNotConnected if the user must connect again, because the
	// server refused the refresh token, gave no reason or does not support
	// refreshing. It is ErrTokenExchange for other refusals.
	Refresh func(context.Context, TraceInfo) (context.Context, func(error))
	// StoreFailed is called when a store has failed, unless the caller's context
	// was canceled. The operation is one of tokens.load, tokens.update,
	// tokens.delete, states.put, states.take and sessions.renew.
	StoreFailed func(ctx context.Context, info TraceInfo, operation string, err error)
}

// TraceInfo identifies the server, the realm and the user of an operation.
type TraceInfo struct {
	Server string // Server.Name
	Realm  string // Connector.Realm
	UserID string // User.ID; empty while it is unknown
}

func (c *Connector) traceInfo(userID string) TraceInfo {
	return TraceInfo{Server: c.server.Name, Realm: c.realm, UserID: userID}
}

// start calls a function of a [Trace], if it is set.
func (c *Connector) start(
	ctx context.Context, function func(context.Context, TraceInfo) (context.Context, func(error)), userID string,
) (context.Context, func(error)) {
	if function == nil {
		return ctx, func(error) {}
	}
	return function(ctx, c.traceInfo(userID))
}

// storeFailed calls Trace.StoreFailed for a store's failure.
func (c *Connector) storeFailed(ctx context.Context, userID, operation string, err error) {
	if c.trace.StoreFailed != nil && err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, context.Canceled) {
		c.trace.StoreFailed(ctx, c.traceInfo(userID), operation, err)
	}
}

// tracedTokens is a TokenStore that reports its failures.
type tracedTokens struct {
	TokenStore
	failed func(ctx context.Context, userID, operation string, err error)
}

func (s tracedTokens) Load(ctx context.Context, key Key) (Credential, error) {
	credential, err := s.TokenStore.Load(ctx, key)
	s.failed(ctx, key.ID, "tokens.load", err)
	return credential, err
}

func (s tracedTokens) Update(
	ctx context.Context, key Key, fn func(context.Context, *Credential) (*Credential, error),
) error {
	var refused error // an error of fn, not of the store
	err := s.TokenStore.Update(ctx, key, func(ctx context.Context, current *Credential) (next *Credential, err error) {
		next, refused = fn(ctx, current)
		return next, refused
	})
	if refused == nil {
		s.failed(ctx, key.ID, "tokens.update", err)
	}
	return err
}

func (s tracedTokens) Delete(ctx context.Context, key Key) error {
	err := s.TokenStore.Delete(ctx, key)
	s.failed(ctx, key.ID, "tokens.delete", err)
	return err
}

// tracedStates is a StateStore that reports its failures.
type tracedStates struct {
	StateStore
	failed func(ctx context.Context, userID, operation string, err error)
}

func (s tracedStates) Put(ctx context.Context, key Key, pending PendingConnection) error {
	err := s.StateStore.Put(ctx, key, pending)
	s.failed(ctx, pending.UserID, "states.put", err)
	return err
}

func (s tracedStates) Take(ctx context.Context, key Key) (PendingConnection, error) {
	pending, err := s.StateStore.Take(ctx, key)
	s.failed(ctx, "", "states.take", err)
	return pending, err
}
