package connect

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Connection is the result of a completed connection.
type Connection struct {
	User     User
	Subject  string  // the user's ID at the server; empty if unknown
	Name     string  // the user's name at the server; empty if unknown
	Granted  []Scope // the scopes that the user granted
	Missing  []Scope // the requested scopes that the user did not grant (RFC 6749 section 3.3)
	ReturnTo string  // the local path to go to; Config.HomePath if none was requested
}

// Exchange completes the connection that the callback request belongs to: it
// checks and removes the state, exchanges the code for a token (RFC 6749
// section 4.1.3) and saves the credential. Use it in a handler that replaces
// [Connector.CallbackHandler]. If Config.Sessions is nil, wrap that handler in
// [Connector.Optional]. Once the state is found valid, every error is a
// [ConnectError], whose ReturnTo is the page that the user wanted.
//
// Errors: ErrTooManyAttempts, ErrInvalidState, ErrAccessDenied,
// ErrAuthorizationFailed, ErrUserChanged, ErrTokenExchange, ErrUnavailable,
// ErrNoUser, ErrNoSession, ErrStore, and the error of Config.OnConnect. After
// ErrStore the credential may have been saved; after any other of these it was
// not. The error is ErrScopeMissing when the user did not grant a required
// scope; the credential with the granted scopes was saved.
func (c *Connector) Exchange(r *http.Request) (Connection, error) {
	if err := c.limit(r); err != nil {
		return Connection{}, err
	}
	back, err := c.returning(r)
	if err != nil {
		return Connection{}, err
	}
	return c.finishConnection(r, back)
}

// finishOnce is finishConnection for a browser that may load its callback twice
// and drop the first response. A request of the same browser that arrives while
// the first one is being completed waits for it, and its session gets the user,
// too. Both must have the same code: an attacker who planted the session in the
// browser knows the state and the binding, but not the code. finishOnce deletes
// the attempt's cookie when the attempt is complete.
func (c *Connector) finishOnce(w http.ResponseWriter, r *http.Request) (Connection, error) {
	back, err := c.returning(r)
	if err != nil {
		return Connection{}, err
	}
	if back.bindings.session == "" || back.hashed == "" {
		return c.finishConnection(r, back)
	}
	ctx := r.Context()
	first := false
	key := back.bindings.session + " " + back.bindings.cookie + " " + r.URL.RawQuery
	value, err, _ := c.completing.Do(key, func() (any, error) {
		first = true
		return c.finishConnection(r, back)
	})
	connection, _ := value.(Connection)
	if err == nil && !first {
		if err := c.sessions.RenewToken(ctx); err != nil {
			c.storeFailed(ctx, connection.User.ID, "sessions.renew", err)
			return Connection{}, storeError("renew the session", err)
		}
		c.enter(ctx, connection)
		c.remember(ctx, back.hashed, connection.ReturnTo)
	}
	if err == nil && back.cookie != "" {
		c.setAttemptCookie(w, back.cookie, "")
	}
	return connection, err
}

// finishConnection is Exchange for a request that has passed Config.RateLimit.
func (c *Connector) finishConnection(r *http.Request, back returning) (connection Connection, err error) {
	traced, end := c.start(r.Context(), c.trace.Callback, "")
	defer func() { end(err) }()
	states := back.query["state"]
	lost := c.server.StateNotReturned && len(states) <= 1 && back.state == ""
	if !lost && (len(states) != 1 || states[0] == "") { // RFC 6749 section 3.1
		return Connection{}, fmt.Errorf("%w: want one state, got %d", ErrInvalidState, len(states))
	}
	// The state is used, the code redeemed and the token saved even if the
	// browser has disconnected.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(traced), completeTimeout)
	defer cancel()
	back.query.Del(reloadedParam)
	r = r.WithContext(ctx)
	pending, err := c.redeem(r, back)
	if err != nil {
		return Connection{}, err
	}
	connection, err = c.complete(r, back.query, pending)
	if err != nil {
		return Connection{}, &ConnectError{
			ReturnTo: pending.ReturnTo, Scopes: pending.RequiredScopes, UserID: connection.User.ID, Err: err,
		}
	}
	c.remember(ctx, back.hashed, connection.ReturnTo)
	return connection, nil
}

// completeTimeout is the timeout of a callback: it redeems the state, exchanges
// the code, reads the user's name and saves the credential.
const completeTimeout = time.Minute

// complete continues after the state was redeemed. If it fails, it returns the
// user as far as it is known.
func (c *Connector) complete(r *http.Request, answer url.Values, pending PendingConnection) (Connection, error) {
	ctx := r.Context()
	user, err := c.returningUser(r, pending)
	if err != nil {
		return Connection{}, err
	}
	exchanging, end := c.start(ctx, c.trace.Exchange, user.ID)
	credential, err := c.protocol.Finish(exchanging, c.application, answer, pending.Secret, pending.Scopes)
	end(err)
	if err != nil {
		return Connection{User: user}, err
	}
	credential.ConnectedAt = c.clock()
	if c.config.SignIn {
		if user, err = c.identify(ctx, credential, pending, user.ID, secretsOf(answer, pending)); err != nil {
			return Connection{}, err
		}
		credential.Name = user.Name
	} else if c.MayIdentify(credential) {
		credential.Name = c.ReadName(ctx, user, credential, secretsOf(answer, pending)...)
	}
	if user.ID == "" { // without a user, the session is the user
		user.ID = sessionUser + newNonce()
	}
	connection := Connection{
		User:     user,
		Subject:  credential.Subject,
		Name:     credential.Name,
		Granted:  credential.Scopes,
		Missing:  c.server.Scopes.Missing(credential.Scopes, pending.Scopes),
		ReturnTo: cmp.Or(pending.ReturnTo, c.homePath),
	}
	if err := c.admit(r, connection, credential); err != nil {
		return Connection{User: user}, err
	}
	if c.log.Enabled(ctx, slog.LevelInfo) {
		c.log.InfoContext(ctx, c.name+": connected", "user", user.ID, "subject", credential.Subject,
			"granted", JoinScopes(connection.Granted), "missing", JoinScopes(connection.Missing))
	}
	if missing := c.server.Scopes.Missing(credential.Scopes, pending.RequiredScopes); len(missing) > 0 {
		return Connection{User: user}, &ScopeError{Missing: missing}
	}
	return connection, nil
}

// redeem takes the pending connection of a state, if the request comes from the
// browser that started it. An empty state means the session's only pending
// connection (see Server.StateNotReturned).
func (c *Connector) redeem(r *http.Request, back returning) (PendingConnection, error) {
	ctx := r.Context()
	if back.bindings.session == "" { // without a session the state stays valid for its own browser
		return PendingConnection{}, c.whyUnbound(r, back.state)
	}
	hashed, err := c.hashOf(ctx, back)
	if err != nil {
		return PendingConnection{}, err
	}
	pending, err := c.takePending(ctx, back.state, hashed)
	if err != nil {
		return PendingConnection{}, err
	}
	if !pending.isBoundTo(back.bindings) {
		return PendingConnection{}, errOtherBrowser
	}
	if err := c.forgetPending(ctx, hashed); err != nil {
		return PendingConnection{}, err
	}
	return pending, nil
}

// whyUnbound returns the error for a browser without a binding.
func (c *Connector) whyUnbound(r *http.Request, state string) error {
	switch {
	case state != "" && len(state) != stateLength:
		return fmt.Errorf("%w: of %d bytes, want %d", ErrInvalidState, len(state), stateLength)
	case c.isExpired(state): // the package's own sessions end together with the attempt
		return errStateExpired
	case c.sentCookie(r):
		return errSessionLost
	}
	return errCookieMissing
}

// hashOf returns the hash of the state. If the server did not return a state,
// it is the hash of the session's only pending connection.
func (c *Connector) hashOf(ctx context.Context, back returning) (string, error) {
	if back.state == "" {
		hashes, err := c.pendingHashes(ctx)
		if err == nil && len(hashes) != 1 {
			err = errStateUsed
		}
		return strings.Join(hashes, ""), err
	}
	if back.hashed == "" {
		return "", fmt.Errorf("%w: of %d bytes, want %d", ErrInvalidState, len(back.state), stateLength)
	}
	return back.hashed, nil
}

// admit calls Config.OnConnect, gives the session a new ID, and saves the
// credential.
func (c *Connector) admit(r *http.Request, connection Connection, credential Credential) error {
	ctx := r.Context()
	if c.config.OnConnect != nil {
		if err := c.config.OnConnect(r, connection); err != nil {
			return fmt.Errorf("Config.OnConnect: %w", err)
		}
	}
	if err := c.sessions.RenewToken(ctx); err != nil {
		c.storeFailed(ctx, connection.User.ID, "sessions.renew", err)
		return storeError("renew the session", err)
	}
	if c.config.User == nil && !c.config.SignIn {
		credential.ExpiresAt = c.sessions.Deadline(ctx)
	}
	err := c.tokens.Update(ctx, c.key(connection.User.ID), func(
		_ context.Context, current *Credential,
	) (*Credential, error) {
		if current != nil && current.isNewerThan(credential) {
			return current, nil
		}
		return &credential, nil
	})
	if err != nil {
		if c.ownSessions != nil && c.ownSessions.GetString(ctx, c.keys.userID) == "" {
			c.ownSessions.expireIn(ctx, c.connectFor) // RenewToken extended the session to a day, but it has no user
		}
		return storeError("save the credential", err)
	}
	c.enter(ctx, connection)
	return nil
}

// isNewerThan reports whether a credential is from a later approval than other,
// the one about to be saved. This happens when the user connects on two devices
// at once; the server may have discarded the earlier token. A time further
// ahead than a callback can take comes from a wrong clock and does not count.
func (c *Credential) isNewerThan(other Credential) bool {
	ahead := c.ConnectedAt.Sub(other.ConnectedAt)
	return ahead > 0 && ahead <= completeTimeout
}

// enter stores the user of a completed connection in the session, unless
// Config.User is set.
func (c *Connector) enter(ctx context.Context, connection Connection) {
	switch {
	case c.config.SignIn:
		c.sessions.Put(ctx, c.keys.userID, connection.User.ID)
		c.sessions.Put(ctx, c.keys.name, connection.User.Name)
	case c.config.User == nil:
		c.sessions.Put(ctx, c.keys.userID, connection.User.ID)
		// Only the session identifies the owner of its other pending
		// connections. An attacker who planted the session could complete one
		// later, and the attacker's account would replace this one.
		binding := c.sessions.GetString(ctx, c.keys.binding)
		c.endAttempts(ctx)
		if binding != "" {
			c.sessions.Put(ctx, c.keys.ended, hash(binding)) // its other tabs can still redirect to their pages
		}
	}
}
