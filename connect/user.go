package connect

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// User is a user of the application.
type User struct {
	// ID is the key of the user's credential: unique, never another's later,
	// at most 255 bytes.
	ID string
	// Name is what the server shows and logs as the user's name on the
	// application. Empty means ID.
	Name string
}

// IsSessionUser reports whether a user is no more than a browser's session.
func IsSessionUser(userID string) bool { return strings.HasPrefix(userID, sessionUser) }

// sessionUser begins the id of a user whom nothing but a session identifies.
const sessionUser = "session:"

// User tells who makes the request: the application's user, or who is signed in
// at the server, or whose session it is. They need not be connected. Errors:
// ErrNoUser, ErrNotConnected when nobody is known without Config.User,
// ErrNoSession, ErrStore when Config.User failed.
func (c *Connector) User(r *http.Request) (User, error) { return c.user(r.Context(), r) }

// user is User with the session that is in ctx.
func (c *Connector) user(ctx context.Context, r *http.Request) (User, error) {
	if c.config.User != nil {
		user, err := c.config.User(r)
		switch {
		case errors.Is(err, ErrNoUser):
			return User{}, err
		case err != nil:
			return User{}, storeError("find the user", err)
		case user.ID == "":
			return User{}, ErrNoUser
		}
		return user, nil
	}
	id, err := c.session(ctx, c.keys.userID)
	switch {
	case err != nil:
		return User{}, err
	case id == "":
		return User{}, ErrNotConnected
	}
	name, err := c.session(ctx, c.keys.name)
	return User{ID: id, Name: name}, err
}

// SignOut removes the user and their pending connections from the session, and
// gives the session a new ID. With Config.User, or when no user is in the
// session, it changes nothing. The credential stays, so other devices stay
// connected; to remove it, use [Connector.DisconnectHandler]. Call it from a handler
// that takes a POST from the application's own pages. Errors: ErrNoSession,
// ErrStore.
func (c *Connector) SignOut(r *http.Request) error {
	ctx := r.Context()
	if id, err := c.session(ctx, c.keys.userID); err != nil || c.config.User != nil || id == "" {
		return err
	}
	c.sessions.Remove(ctx, c.keys.userID)
	c.sessions.Remove(ctx, c.keys.name)
	c.endAttempts(ctx)
	if err := c.sessions.RenewToken(ctx); err != nil {
		return storeError("renew the session", err)
	}
	if c.ownSessions != nil {
		c.ownSessions.briefly(ctx, c.connectFor)
	}
	return nil
}

// startingUser tells who starts a connection. Without Config.User nobody needs
// to be known: they become one at the callback.
func (c *Connector) startingUser(r *http.Request) (User, error) {
	user, err := c.User(r)
	if c.config.User == nil && errors.Is(err, ErrNotConnected) {
		return User{}, nil
	}
	return user, err
}

// returningUser tells who comes back: who started. When nobody was known then,
// it is who was meanwhile connected in another tab, or nobody yet.
func (c *Connector) returningUser(r *http.Request, pending PendingConnection) (User, error) {
	user, err := c.startingUser(r)
	if err != nil {
		return User{}, err
	}
	if user.ID != pending.UserID && (c.config.User != nil || pending.UserID != "") {
		return User{}, ErrUserChanged
	}
	return user, nil
}
