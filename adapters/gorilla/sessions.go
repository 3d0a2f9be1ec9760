package gloebitgorilla

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/adapters/gorilla/internal/keylock"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
)

// Config configures [Sessions]. Store must be set.
type Config struct {
	// Store is the application's store: cookies, files, or any other.
	Store sessions.Store
	// Name is the name of the session and its cookie. If it is the name of the
	// application's own session, both share it, and Store.Get returns this
	// package's values, too. The default is "gloebit".
	Name string
	// Lifetime is how long a session is valid if its cookie has no MaxAge and
	// ends with the browser. The default is 24 hours.
	Lifetime time.Duration
	// ErrorHandler responds when a session can't be loaded or saved. err
	// matches gloebit.ErrStore and must not be shown to the user. The default
	// responds with the bare status 503.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err error)
	// Logger gets a record when a session can't be loaded or saved. The default
	// logs nothing.
	Logger *slog.Logger
	// Clock returns the time. The default is time.Now.
	Clock func() time.Time
}

// Sessions are the browsers' sessions: a [gloebit.SessionStore]. Create them
// with [New]. They are safe for concurrent use. As with gorilla itself, an
// application that shares the session must not change its Values while another
// goroutine of the same request uses it.
type Sessions struct {
	config Config
	locks  keylock.Locks // held while a session ends or is saved
}

var _ gloebit.SessionStore = (*Sessions)(nil)

// New returns Sessions, or an error for an invalid configuration.
func New(config Config) (*Sessions, error) {
	if config.Store == nil {
		return nil, errors.New("gloebitgorilla: Config.Store is nil: set it to the application's store")
	}
	if config.Lifetime < 0 {
		return nil, errors.New("gloebitgorilla: Config.Lifetime is negative")
	}
	if config.Name == "" {
		config.Name = "gloebit"
	}
	if config.Lifetime == 0 {
		config.Lifetime = 24 * time.Hour
	}
	if config.ErrorHandler == nil {
		config.ErrorHandler = bareStatus
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Clock == nil {
		config.Clock = time.Now
	}
	return &Sessions{config: config}, nil
}

// fail logs why a session can't be loaded or saved, and responds.
func (s *Sessions) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.config.Logger.ErrorContext(
		r.Context(), "gloebitgorilla: no session", "method", r.Method, "path", r.URL.Path, "cause", err.Error(),
	)
	s.config.ErrorHandler(w, r, err)
}

func bareStatus(w http.ResponseWriter, _ *http.Request, err error) {
	http.Error(w, http.StatusText(gloebit.StatusCode(err)), gloebit.StatusCode(err))
}

// LoadAndSave is the middleware that must be around everything that uses the
// sessions, including the handlers and middleware of a gloebit.Merchant. It
// saves a session that this package changed before the first byte or flush of
// the response. The application saves its own changes.
//
// A new session begins if the cookie can't be read, is forged, expired or of an
// old key, or if the store has lost the session. If the store loses the session
// during a request, that request does not save it. If the store fails,
// Config.ErrorHandler responds and next does not run.
func (s *Sessions) LoadAndSave(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := r.Context().Value(contextKey{s}).(*visit); ok {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Add("Vary", "Cookie")
		session, err := s.config.Store.Get(r, s.config.Name)
		if session == nil && err == nil {
			err = errors.New("the store returned none")
		}
		if session == nil || err != nil && !isStale(err) {
			s.fail(w, r, fmt.Errorf("%w: load the session: %w", gloebit.ErrStore, err))
			return
		}
		v := &visit{sessions: s, session: session}
		if !session.IsNew {
			v.id = session.ID
		} else if s.isOfTheCookie(r, session.ID) {
			session.ID = "" // the store has lost that session, so it has no user
		}
		r = r.WithContext(context.WithValue(r.Context(), contextKey{s}, v))
		v.request = r
		writer := &connect.SaveWriter{ResponseWriter: w, Session: v}
		next.ServeHTTP(writer, r)
		writer.Begin()
	})
}

// isOfTheCookie reports whether a new session has the ID of the request's
// cookie. If not, the application has saved the session under that ID before.
func (s *Sessions) isOfTheCookie(r *http.Request, id string) bool {
	if id == "" {
		return false
	}
	again, _ := s.config.Store.New(r, s.config.Name) // its error only says why the session is new
	return again == nil || again.ID == id
}

// isStale reports whether err means an invalid cookie, and not a failed store.
func isStale(err error) bool {
	var cookie securecookie.Error
	return errors.As(err, &cookie) && cookie.IsDecode() || errors.Is(err, fs.ErrNotExist)
}

// contextKey is the key under which a request's context holds its visit.
type contextKey struct{ *Sessions }

// visit returns the request's session. It panics outside LoadAndSave. The text
// is that of scs, by which gloebit recognizes the mistake.
func (s *Sessions) visit(ctx context.Context) *visit {
	v, ok := ctx.Value(contextKey{s}).(*visit)
	if !ok {
		panic("gloebitgorilla: no session data in context: wrap the handler in LoadAndSave")
	}
	return v
}

// GetString implements gloebit.SessionStore.
func (s *Sessions) GetString(ctx context.Context, key string) string {
	return s.visit(ctx).get(key)
}

// Put implements gloebit.SessionStore. The store determines which types of
// values it can save besides strings; most need them registered with
// encoding/gob.
func (s *Sessions) Put(ctx context.Context, key string, value any) {
	s.visit(ctx).put(key, value)
}

// Remove implements gloebit.SessionStore.
func (s *Sessions) Remove(ctx context.Context, key string) { s.visit(ctx).remove(key) }

// RenewToken implements gloebit.SessionStore. The store deletes the session's
// old ID at once and saves the session under a new one when the response
// begins. A session kept in its cookie has no ID: it gets a new cookie, but a
// copy of the old one stays valid.
func (s *Sessions) RenewToken(ctx context.Context) error { return s.visit(ctx).renew() }

// Deadline implements gloebit.SessionStore. Gorilla's stores count from the
// last save, Deadline counts from now.
func (s *Sessions) Deadline(ctx context.Context) time.Time {
	return s.config.Clock().Add(s.visit(ctx).lifetime())
}
