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

// sessionKeys name what the session holds: strings, so that any codec of scs
// and any other session package can keep them. Each connector has its own, so
// that a user who is signed in at the sandbox is not signed in at the real
// server.
type sessionKeys struct {
	binding string // proves that a callback comes to the browser that started
	userID  string // the user's id, unless the application tells it
	name    string // the user's name at the server, with Config.SignIn
	pending string // the connections that it has under way
	done    string // the state that was used last, hashed, and the page it led to
	ended   string // a hash of the binding that the last connection ended
	again   string // when a page was last sent to connect since a call had failed
}

func newSessionKeys(server, id string) sessionKeys {
	prefix := server + "." + id + "."
	return sessionKeys{
		binding: prefix + "binding", userID: prefix + "user", name: prefix + "name", pending: prefix + "pending",
		done: prefix + "done", ended: prefix + "ended", again: prefix + "again",
	}
}

// session returns the string under key in the request's session. A request
// outside LoadAndSave has no session, about which scs panics: that becomes
// ErrNoSession, other panics go on.
func (c *Connector) session(ctx context.Context, key string) (value string, err error) {
	if c.ownSessions != nil {
		if _, err := c.ownSessions.load(ctx); err != nil {
			return "", err
		}
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
		c.ownSessions.briefly(ctx, c.connectFor)
	}
	c.sessions.Put(ctx, key, value)
}

// endAttempts voids the session's pending connections: without the binding none
// of them can complete. They leave the store when they expire.
func (c *Connector) endAttempts(ctx context.Context) {
	c.sessions.Remove(ctx, c.keys.binding)
	c.sessions.Remove(ctx, c.keys.pending)
	c.sessions.Remove(ctx, c.keys.done)
	c.sessions.Remove(ctx, c.keys.ended)
}

// leave is endAttempts for good: a session of the package's own ends with them,
// so that no request in flight saves it with the binding.
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

// begin gives a request the package's own session: the writer and the context
// to go on with, and the visit that is to end when the handler has returned.
// With the application's sessions it is for the application to load and save
// them, once, around everything, and the visit is nil.
func (c *Connector) begin(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, context.Context, *visit) {
	if c.ownSessions == nil {
		return w, r.Context(), nil
	}
	visit := c.ownSessions.visit(w, r)
	if visit == nil { // an outer handler of ours has begun it
		return w, r.Context(), nil
	}
	return &visit.writer, visit, visit
}

// withSession is begin around next.
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
