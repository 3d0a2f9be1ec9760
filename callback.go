package gloebit

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// Connection is what a completed connection gave.
type Connection struct {
	User      User
	GloebitID string  // the user's id at Gloebit, when the server told it
	Name      string  // the user's name at Gloebit, when an identity scope was granted and the server told it
	Granted   []Scope // what the user granted
	Missing   []Scope // what was asked for and not granted (RFC 6749 section 3.3)
	ReturnTo  string  // the local path to go to; Config.HomePath when none was asked for
}

// Exchange completes the connection that the callback request belongs to: it
// redeems the state, gives the code for a token (RFC 6749 section 4.1.3) and
// saves the credential. It is what [Merchant.CallbackHandler] does, for those
// who write their own handler; with the package's own sessions that handler
// stands below [Merchant.Optional]. From the moment the state is believed, every
// error is a [ConnectError], which says where the user wanted to go.
//
// Errors: ErrLimited, ErrState, ErrAccessDenied, ErrAuthorization, ErrUserChanged,
// ErrExchange, ErrUnavailable, ErrNoUser, ErrNoSession, ErrStore, and what
// Config.OnConnect returned: after any of them no credential was saved. And
// ErrScopeMissing, when the user did not grant what they need to go on: what
// they granted was saved.
func (m *Merchant) Exchange(r *http.Request) (Connection, error) {
	if err := m.limit(r); err != nil {
		return Connection{}, err
	}
	return m.finishConnection(r)
}

// finishConnection is Exchange for a request that Config.Limit let through.
func (m *Merchant) finishConnection(r *http.Request) (Connection, error) {
	query, err := queryOf(r)
	if err != nil {
		return Connection{}, fmt.Errorf("%w: %w", ErrState, err)
	}
	if states := query["state"]; len(states) != 1 || states[0] == "" { // RFC 6749 section 3.1
		return Connection{}, fmt.Errorf("%w: want one state, got %d", ErrState, len(states))
	}
	pending, err := m.redeem(r.Context(), query.Get("state"))
	if err != nil {
		return Connection{}, err
	}
	// The state is spent. Whether the browser waits for the answer or not, the code
	// is redeemed and the token saved.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), completeTimeout)
	defer cancel()
	connection, err := m.complete(r.WithContext(ctx), query, pending)
	if err != nil {
		return Connection{}, &ConnectError{ReturnTo: pending.ReturnTo, Scopes: pending.Required, UserID: connection.User.ID, Err: err}
	}
	return connection, nil
}

// completeTimeout is how long a callback may take once its state is spent: with
// the exchange, the user's name and the stores.
const completeTimeout = time.Minute

// complete goes on from a state that was redeemed. With an error it returns the
// user, once it is known who that is.
func (m *Merchant) complete(r *http.Request, answer url.Values, pending PendingConnection) (Connection, error) {
	ctx := r.Context()
	user, err := m.returningUser(r, pending)
	if err != nil {
		return Connection{}, err
	}
	credential, err := m.flow.Finish(ctx, m.application, answer, pending.Verifier, pending.Scopes)
	if err != nil {
		return Connection{User: user}, err
	}
	credential.ConnectedAt = m.clock()
	if m.config.SignIn {
		if user, err = m.identify(ctx, credential, pending, user.ID, secretsOf(answer, pending)); err != nil {
			return Connection{}, err
		}
		credential.Name = user.Name
	} else if grantsIdentity(credential) {
		credential.Name = m.nameAtGloebit(ctx, user, credential, secretsOf(answer, pending)...)
	}
	if user.ID == "" { // the session is the user
		user.ID = sessionUser + newNonce()
	}
	connection := Connection{
		User:      user,
		GloebitID: credential.GloebitID,
		Name:      credential.Name,
		Granted:   credential.Scopes,
		Missing:   missingScopes(credential.Scopes, pending.Scopes),
		ReturnTo:  orDefault(pending.ReturnTo, m.homePath),
	}
	if err := m.admit(r, connection, credential); err != nil {
		return Connection{User: user}, err
	}
	if m.log.Enabled(ctx, slog.LevelInfo) {
		m.log.InfoContext(ctx, "gloebit: connected", "user", user.ID, "gloebit_id", credential.GloebitID,
			"granted", joinScopes(connection.Granted), "missing", joinScopes(connection.Missing))
	}
	if missing := missingScopes(credential.Scopes, pending.Required); len(missing) > 0 {
		return Connection{User: user}, &ScopeError{Missing: missing}
	}
	return connection, nil
}

// redeem takes the pending connection of a state, when the request comes from
// the browser that started it.
func (m *Merchant) redeem(ctx context.Context, state string) (PendingConnection, error) {
	binding, err := m.session(ctx, m.keys.binding)
	if err != nil {
		return PendingConnection{}, err
	}
	if binding == "" { // without a session the state stays good for its own browser
		return PendingConnection{}, fmt.Errorf("%w: this browser started nothing", ErrState)
	}
	if len(state) != nonceLength {
		return PendingConnection{}, fmt.Errorf("%w: of %d bytes, want %d", ErrState, len(state), nonceLength)
	}
	key := m.stateKey(state)
	pending, err := m.takePending(ctx, key)
	if err != nil {
		return PendingConnection{}, err
	}
	if !equalInConstantTime(pending.Binding, hash(binding)) {
		return PendingConnection{}, fmt.Errorf("%w: started in another browser", ErrState)
	}
	if err := m.strike(ctx, key); err != nil {
		return PendingConnection{}, err
	}
	return pending, nil
}

// identify fetches who approved, for Config.SignIn. The user who started, or
// who signed in meanwhile in another tab, must be the one who approved.
func (m *Merchant) identify(
	ctx context.Context, credential Credential, pending PendingConnection, signedInAs string, sent []Secret,
) (User, error) {
	client := &Client{merchant: m, credential: credential}
	identity, err := client.Identity(ctx)
	if err != nil {
		return User{}, err
	}
	for _, expected := range []string{pending.UserID, signedInAs} {
		if expected != "" && expected != identity.ID {
			return User{}, fmt.Errorf("%w: approved by another Gloebit account", ErrUserChanged)
		}
	}
	return User{ID: identity.ID, Name: nameOf(identity, sent...)}, nil // a session keeps both
}

// admit lets the application have its say, gives the session a new id, and
// saves the credential.
func (m *Merchant) admit(r *http.Request, connection Connection, credential Credential) error {
	ctx := r.Context()
	if m.config.OnConnect != nil {
		if err := m.config.OnConnect(r, connection); err != nil {
			return fmt.Errorf("gloebit: Config.OnConnect: %w", err)
		}
	}
	if err := m.sessions.RenewToken(ctx); err != nil {
		return storeError("renew the session", err)
	}
	if m.config.User == nil && !m.config.SignIn {
		credential.Until = m.sessions.Deadline(ctx)
	}
	err := m.tokens.Update(ctx, connection.User.ID, func(context.Context, *Credential) (*Credential, error) {
		return &credential, nil
	})
	if err != nil {
		if m.ownSessions != nil && m.ownSessions.GetString(ctx, m.keys.userID) == "" {
			m.ownSessions.briefly(ctx, m.connectFor) // it got a day with its new id, and nobody is known in it
		}
		return storeError("save the credential", err)
	}
	switch {
	case m.config.SignIn:
		m.sessions.Put(ctx, m.keys.userID, connection.User.ID)
		m.sessions.Put(ctx, m.keys.name, connection.User.Name)
	case m.config.User == nil:
		m.sessions.Put(ctx, m.keys.userID, connection.User.ID)
		// Nothing but the session tells whose the others under way in it are.
		// Whoever planted it could have one completed later, and their own account
		// would take the place of this one.
		m.endAttempts(ctx)
	}
	return nil
}
