package connect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrAnotherConnection is returned by [Account.Fresh] and [Account.Renew] when
// the user has reconnected with another account. errors.Is also matches
// ErrNotConnected.
var ErrAnotherConnection = fmt.Errorf(
	"%w: the user reconnected, maybe with another account at the server; nothing was sent with the new connection",
	ErrNotConnected)

// Account is one user's connection to the server: the user, the granted scopes,
// and the token, which it refreshes and removes. It is bound to one account at
// the server. If the user reconnects with another account, Renew returns
// [ErrAnotherConnection]; create a new Account. It is safe for concurrent use.
type Account struct {
	connector *Connector
	user      User

	mu         sync.Mutex
	credential Credential
}

// User returns the user of the application.
func (a *Account) User() User { return a.user }

// Server returns the account's server, for packages that implement a client of
// its API.
func (a *Account) Server() Server { return a.connector.server }

// Scopes returns the scopes that the user granted.
func (a *Account) Scopes() []Scope { return slices.Clone(a.Credential().Scopes) }

// Credential returns the account's current credential. Its access token may
// have expired.
func (a *Account) Credential() Credential {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.credential
}

// expired reports whether the access token has expired at the time now. A token
// without an expiry never expires.
func (c Credential) expired(now time.Time) bool {
	return !c.TokenExpiry.IsZero() && !now.Before(c.TokenExpiry)
}

// adopt replaces the account's credential with one from the store, unless that
// belongs to another account at the server.
func (a *Account) adopt(newer Credential) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if mine := a.credential.Subject; mine != "" && newer.Subject != "" && mine != newer.Subject {
		return ErrAnotherConnection
	}
	a.credential = newer
	return nil
}

// Reject removes the credential of the sent token, which the server refused, if
// the store still has that token. If the store has another credential of the
// same account at the server, the Account uses it from now on, and Reject
// returns it and true. The parameter refused points to the error that says why
// the token was refused; Reject adds its own errors to it, such as that of a
// store. Reject stops waiting at the time given in until.
func (a *Account) Reject(
	ctx context.Context, until time.Time, sent Secret, refused *error,
) (newer Credential, ok bool) {
	c := a.connector
	if a.user.ID == "" { // the token was never saved
		return Credential{}, false
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	err := c.tokens.Update(ctx, c.key(a.user.ID), func(_ context.Context, current *Credential) (*Credential, error) {
		if current == nil || current.AccessToken == sent { //lint:constanttime both are the application's own
			return nil, nil
		}
		newer, ok = *current, true
		return current, nil
	})
	switch {
	case err != nil:
		*refused = fmt.Errorf("%w (and %w)", *refused, storeError("forget the credential", err))
		return Credential{}, false
	case !ok:
		c.log.WarnContext(ctx, c.name+": disconnected: the token was refused", "user", a.user.ID, "cause", (*refused).Error())
		return Credential{}, false
	}
	if err := a.adopt(newer); err != nil {
		*refused = fmt.Errorf("%w (%w)", *refused, err)
		return Credential{}, false
	}
	return newer, true
}

// Account returns the account of a user, for work outside a request. The error
// is ErrNotConnected when the user has no credential, ErrInvalidRequest when
// [Key.Check] refuses the ID, and ErrStore when the store fails.
func (c *Connector) Account(ctx context.Context, userID string) (*Account, error) {
	account := new(Account)
	return account, c.find(ctx, User{ID: userID}, account)
}

// Find is like [Connector.Account], but sets an Account that the caller
// supplies.
func (c *Connector) Find(ctx context.Context, userID string, account *Account) error {
	return c.find(ctx, User{ID: userID}, account)
}

func (c *Connector) find(ctx context.Context, user User, account *Account) error {
	if err := c.load(ctx, user.ID, &account.credential); err != nil {
		return err
	}
	account.connector, account.user = c, user
	return nil
}

// load sets credential to a user's credential from the store.
func (c *Connector) load(ctx context.Context, userID string, credential *Credential) error {
	key := c.key(userID)
	err := c.tokens.Load(ctx, key, credential)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotFound):
		return ErrNotConnected
	}
	if invalid := key.checkID(); invalid != nil {
		return invalid
	}
	return storeError("load the credential", err)
}

// Unsaved makes account use a credential that is not in the store.
func (c *Connector) Unsaved(credential Credential, account *Account) {
	account.connector, account.credential = c, credential
}

// Format writes the user's ID for every verb.
func (a *Account) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "connect.Account(%s)", a.user.ID)
}
