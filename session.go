package gloebit

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
)

// SessionStore is the browser's session as this package needs it. An
// *scs.SessionManager is one as it is, inside its LoadAndSave middleware. The
// context is the request's. It is safe for concurrent use.
type SessionStore interface {
	// GetString returns the string under key, or "" when there is none.
	GetString(ctx context.Context, key string) string
	// Put keeps a string under key.
	Put(ctx context.Context, key string, value any)
	// Remove forgets what is under key, if anything.
	Remove(ctx context.Context, key string)
	// RenewToken gives the session a new id and kills the old one, against
	// session fixation. What the session holds stays.
	RenewToken(ctx context.Context) error
	// Deadline is when the session ends at the latest.
	Deadline(ctx context.Context) time.Time
}

// sessionKeys name what the session holds: strings, so that any codec of scs
// and any other session package can keep them. Each merchant has its own, so
// that being signed in at the sandbox says nothing at the real server.
type sessionKeys struct {
	binding string // proves that a callback comes to the browser that started
	userID  string // the user's id, unless the application tells it
	name    string // the user's name at Gloebit, with Config.SignIn
	again   string // when a page was last sent to connect since a call had failed
}

func newSessionKeys(merchant string) sessionKeys {
	prefix := "gloebit." + merchant + "."
	return sessionKeys{binding: prefix + "binding", userID: prefix + "user", name: prefix + "name", again: prefix + "again"}
}

// session returns the string under key in the request's session. A request
// outside LoadAndSave has no session, about which scs panics: that becomes
// ErrNoSession, other panics go on.
func (m *Merchant) session(ctx context.Context, key string) (value string, err error) {
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
	return m.sessions.GetString(ctx, key), nil
}

// bindBrowser returns the value that binds connections to this browser, and
// makes it at the first. All tabs share it.
func (m *Merchant) bindBrowser(ctx context.Context) (string, error) {
	binding, err := m.session(ctx, m.keys.binding)
	if err != nil || binding != "" {
		return binding, err
	}
	binding = newNonce()
	m.sessions.Put(ctx, m.keys.binding, binding)
	if m.ownSessions != nil { // until somebody is connected it need not live longer than the attempt
		m.ownSessions.SetDeadline(ctx, time.Now().Add(m.connectFor))
	}
	return binding, nil
}

// loaded marks a context in which the package's own session is loaded.
type loaded struct{}

// withSession loads and saves the package's own session around next. With the
// application's sessions that is the application's to do, once, around
// everything.
func (m *Merchant) withSession(next http.HandlerFunc) http.Handler {
	if m.ownSessions == nil {
		return next
	}
	load := m.ownSessions.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next(w, r.WithContext(context.WithValue(r.Context(), loaded{}, m)))
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(loaded{}) == m { // an outer handler of ours has
			next(w, r)
			return
		}
		load.ServeHTTP(w, r)
	})
}

// newSessionManager makes the package's own sessions: a day long, in memory, in
// a cookie that only https carries where the application is on https.
func newSessionManager(https bool, name string, onError func(http.ResponseWriter, *http.Request, error)) *scs.SessionManager {
	// Not scs.New: that starts a goroutine which can't be stopped for certain.
	manager := &scs.SessionManager{
		Lifetime:         24 * time.Hour,
		Store:            &memorySessions{most: mostSessions},
		Codec:            SessionCodec{},
		ErrorFunc:        onError,
		HashTokenInStore: true,
		Cookie:           scs.SessionCookie{Name: name, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Persist: true},
	}
	if https {
		manager.Cookie.Name = "__Host-" + name
		manager.Cookie.Secure = true
	}
	return manager
}

// sessionFailed answers when the package's own session can't be loaded or saved.
func (m *Merchant) sessionFailed(w http.ResponseWriter, r *http.Request, err error) {
	m.fail(w, r, storeError("session", err), "")
}

// mostSessions bounds the package's own sessions. Past it newcomers get 503 and
// those who have a session keep it: connects that nobody completes leave after
// Config.ConnectTimeout.
const mostSessions = 100_000

var errTooManySessions = errors.New("too many sessions")

// memorySessions is an scs.Store without a goroutine of its own.
type memorySessions struct {
	sessions expiring[memorySession]
	most     int
}

type memorySession struct {
	data   []byte
	expiry time.Time
}

func (s memorySession) lapsed() bool { return !time.Now().Before(s.expiry) }

// Find implements scs.Store.
func (s *memorySessions) Find(token string) ([]byte, bool, error) {
	session, ok := s.sessions.get(token)
	if !ok || session.lapsed() {
		return nil, false, nil
	}
	return session.data, true, nil
}

// Commit implements scs.Store.
func (s *memorySessions) Commit(token string, data []byte, expiry time.Time) error {
	if !s.sessions.put(token, memorySession{data, expiry}, memorySession.lapsed, s.most) {
		return errTooManySessions
	}
	return nil
}

// Delete implements scs.Store.
func (s *memorySessions) Delete(token string) error {
	s.sessions.delete(token)
	return nil
}
