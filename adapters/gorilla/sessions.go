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

// Config says where the sessions are. Store must be set.
type Config struct {
	// Store is the application's: cookies, files, or any other.
	Store sessions.Store
	// Name is the session's, which is its cookie's too. It may be that of the
	// application's own session: both then share it, and the application finds
	// with Store.Get what this package put. Empty means "gloebit".
	Name string
	// Lifetime is for how long a session counts whose cookie ends with the
	// browser, which has no MaxAge. Zero means 24 hours.
	Lifetime time.Duration
	// ErrorHandler answers when a session can't be loaded or saved; the error
	// is a gloebit.ErrStore. Nothing else is written then. It must not show err
	// to the user. Nil means the bare status 503.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err error)
	// Logger gets a record when a session can't be loaded or saved. The default
	// logs nothing.
	Logger *slog.Logger
	// Clock tells the time. Nil means time.Now.
	Clock func() time.Time
}

// Sessions are the browsers' sessions: a [gloebit.SessionStore]. Make them with
// [New]. They are safe for concurrent use. As with gorilla itself, an application
// that shares the session must not change its Values in one goroutine while
// another of the same request uses it.
type Sessions struct {
	config Config
	locks  keylock.Locks // of the sessions that end or are saved
}

var _ gloebit.SessionStore = (*Sessions)(nil)

// New checks the configuration. It makes no session yet.
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

// fail logs why a session can't be loaded or saved, and answers.
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
// sessions, the handlers and middleware of a gloebit.Merchant among it. A
// session that this package changed is saved before the first byte or flush of
// the response leaves; one that it did not change is left to the application.
//
// A cookie that can't be read, forged, expired or of an old key, and a session
// that the store no longer has, begin a new session. One that its store loses while
// a request is on its way is not saved by that request. When the store itself
// fails, Config.ErrorHandler answers and next does not run.
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
			session.ID = "" // of a session that the store has lost: it has no user any more
		}
		r = r.WithContext(context.WithValue(r.Context(), contextKey{s}, v))
		v.request = r
		writer := &connect.SaveWriter{ResponseWriter: w, Session: v}
		next.ServeHTTP(writer, r)
		writer.Begin()
	})
}

// isOfTheCookie reports whether the id of a new session is that of the request's
// cookie. Else the application has saved the session before, under that id.
func (s *Sessions) isOfTheCookie(r *http.Request, id string) bool {
	if id == "" {
		return false
	}
	again, _ := s.config.Store.New(r, s.config.Name) // its error was told of the session already
	return again == nil || again.ID == id
}

// isStale reports whether the browser's cookie is of no use any more, rather
// than the store.
func isStale(err error) bool {
	var cookie securecookie.Error
	return errors.As(err, &cookie) && cookie.IsDecode() || errors.Is(err, fs.ErrNotExist)
}

// contextKey is the key under which a request's context holds its visit.
type contextKey struct{ *Sessions }

// visit returns the request's session. It panics outside LoadAndSave, in the
// words of scs, by which gloebit knows what is missing.
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

// Put implements gloebit.SessionStore. What kinds of values there may be besides
// strings is up to the store; most need them registered with encoding/gob.
func (s *Sessions) Put(ctx context.Context, key string, value any) {
	s.visit(ctx).put(key, value)
}

// Remove implements gloebit.SessionStore.
func (s *Sessions) Remove(ctx context.Context, key string) { s.visit(ctx).remove(key) }

// RenewToken implements gloebit.SessionStore: the store forgets the session
// under its old id at once, and keeps it under a new one when the response is
// begun. A session that lives in its cookie has no id; it gets a new cookie, but
// there is no store that could refuse a copy of the old one.
func (s *Sessions) RenewToken(ctx context.Context) error { return s.visit(ctx).renew() }

// Deadline implements gloebit.SessionStore. Gorilla's stores count from the last
// time a session was saved; this counts from now.
func (s *Sessions) Deadline(ctx context.Context) time.Time {
	return s.config.Clock().Add(s.visit(ctx).lifetime())
}
