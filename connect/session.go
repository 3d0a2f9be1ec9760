package connect

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// SessionStore is the browser's session as this package needs it. An
// *scs.SessionManager implements it, inside its LoadAndSave middleware. The
// context is the request's. A SessionStore must be safe for concurrent use.
type SessionStore interface {
	// GetString returns the string under key, or "" when there is none.
	GetString(ctx context.Context, key string) string
	// Put stores a string under key.
	Put(ctx context.Context, key string, value any)
	// Remove removes the value under key, if there is one.
	Remove(ctx context.Context, key string)
	// RenewToken gives the session a new ID and invalidates the old one, to
	// prevent session fixation. The values of the session stay.
	RenewToken(ctx context.Context) error
	// Deadline returns the latest time at which the session ends.
	Deadline(ctx context.Context) time.Time
}

// sessionKeys are the keys of the values in a session. The values are strings,
// so that any codec of scs and any other session package can store them. Each
// connector has its own keys, so that a user who is signed in at the sandbox is
// not signed in at the real server.
type sessionKeys struct {
	binding string // proves that the callback comes from the browser that started
	userID  string // the user's ID, without Config.User
	name    string // the user's name at the server, with Config.SignIn
	pending string // the pending connections
	done    string // the hash of the last used state, and its page
	ended   string // a hash of the binding that the last connection ended
	again   string // when an error of a call last redirected to connect
}

func newSessionKeys(server, id string) sessionKeys {
	prefix := server + "." + id + "."
	return sessionKeys{
		binding: prefix + "binding", userID: prefix + "user", name: prefix + "name", pending: prefix + "pending",
		done: prefix + "done", ended: prefix + "ended", again: prefix + "again",
	}
}

// session returns the string under key in the request's session. A request
// outside LoadAndSave has no session, and scs panics. session turns that panic
// into ErrNoSession and continues other panics.
func (c *Connector) session(ctx context.Context, key string) (value string, err error) {
	if c.ownSessions != nil {
		loaded, err := c.ownSessions.load(ctx)
		if err != nil {
			return "", err
		}
		return c.ownSessions.manager.GetString(loaded, key), nil
	}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case string:
			if !strings.Contains(p, "no session data in context") {
				panic(p)
			}
			err = ErrNoSession
		default:
			panic(p)
		}
	}()
	return c.sessions.GetString(ctx, key), nil
}

// bindBrowser returns the value that binds connections to this browser, and
// creates it on first use. All tabs share it.
func (c *Connector) bindBrowser(ctx context.Context) (binding string, isNew bool, err error) {
	binding, err = c.session(ctx, c.keys.binding)
	if err != nil || binding != "" {
		return binding, false, err
	}
	binding = newNonce()
	c.putTemporary(ctx, c.keys.binding, binding)
	return binding, true, nil
}

// putTemporary is Put for values that any unauthenticated request can store. If
// it starts one of the package's own sessions, the session ends with the
// attempt to connect, unless the user connects.
func (c *Connector) putTemporary(ctx context.Context, key, value string) {
	if c.ownSessions != nil && c.ownSessions.isNew(ctx) {
		c.ownSessions.expireIn(ctx, c.connectFor)
	}
	c.sessions.Put(ctx, key, value)
}

// endAttempts ends the session's pending connections: without the binding none
// of them can complete. The store removes them when they expire.
func (c *Connector) endAttempts(ctx context.Context) {
	c.sessions.Remove(ctx, c.keys.binding)
	c.sessions.Remove(ctx, c.keys.pending)
	c.sessions.Remove(ctx, c.keys.done)
	c.sessions.Remove(ctx, c.keys.ended)
}

// leave is endAttempts for a sign-out. It also ends the package's own session,
// so that no request in flight can save the binding again.
func (c *Connector) leave(ctx context.Context) error {
	c.endAttempts(ctx)
	if c.ownSessions == nil {
		return nil
	}
	if err := c.ownSessions.end(ctx); err != nil {
		return storeError("end the session", err)
	}
	return nil
}

// begin starts the request's session if it is one of the package's own. It
// returns the writer and context to use, and the visit to end after the
// handler. The application loads and saves its own sessions, around all
// handlers; the visit is then nil.
func (c *Connector) begin(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, context.Context, *visit) {
	if c.ownSessions == nil {
		return w, r.Context(), nil
	}
	visit := c.ownSessions.visit(w, r)
	if visit == nil { // an outer handler has begun it
		return w, r.Context(), nil
	}
	return &visit.writer, visit, visit
}

// withSession runs next within begin and end.
func (c *Connector) withSession(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w, ctx, visit := c.begin(w, r)
		if visit != nil {
			r = r.WithContext(ctx)
		}
		next(w, r)
		visit.end()
	})
}
