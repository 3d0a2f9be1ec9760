package connect

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// User is a user of the application.
type User struct {
	// ID is the key of the user's credential. It must be unique, never be
	// reused for another user, and have at most 255 bytes.
	ID string
	// Name is the user's name in the application, for servers that show or log
	// it. The default is ID.
	Name string
}

// IsSessionUser reports whether a user is identified only by a browser session.
func IsSessionUser(userID string) bool { return strings.HasPrefix(userID, sessionUser) }

// sessionUser is the prefix of the ID of a user that only a session identifies.
const sessionUser = "session:"

// User returns the user who makes the request: the user from Config.User, the
// user who signed in by connecting (Config.SignIn), or the user of the browser
// session. The user need not be connected. Errors: ErrNoUser; ErrNotConnected
// when Config.User is nil and the session has no user; ErrNoSession; ErrStore
// when Config.User failed.
func (c *Connector) User(r *http.Request) (User, error) { return c.user(r.Context(), r) }

// user is User for the session in ctx.
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
// connected; to remove it, use [Connector.DisconnectHandler]. Call SignOut from
// a handler that takes a POST from the application's own pages. Errors:
// ErrNoSession, ErrStore.
func (c *Connector) SignOut(r *http.Request) error {
	ctx := r.Context()
	id, err := c.session(ctx, c.keys.userID)
	if err != nil || c.config.User != nil || id == "" {
		return err
	}
	c.sessions.Remove(ctx, c.keys.userID)
	c.sessions.Remove(ctx, c.keys.name)
	c.endAttempts(ctx)
	if err := c.sessions.RenewToken(ctx); err != nil {
		c.storeFailed(ctx, id, "sessions.renew", err)
		return storeError("renew the session", err)
	}
	if c.ownSessions != nil {
		c.ownSessions.expireIn(ctx, c.connectFor)
	}
	return nil
}

// startingUser returns the user who starts a connection. Without Config.User
// there may be none: the callback then determines the user.
func (c *Connector) startingUser(r *http.Request) (User, error) {
	user, err := c.User(r)
	if c.config.User == nil && errors.Is(err, ErrNotConnected) {
		return User{}, nil
	}
	return user, err
}

// returningUser returns the user of a callback, who is the user who started. If
// there was none, it is the user who has since connected in another tab, if
// any.
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
