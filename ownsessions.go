package gloebit

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit/internal/saving"
)

// ownSessions are the package's own: a day long, in memory, in a cookie that
// only https carries where the application is on https. A session is loaded when
// it is first asked for, so a request that needs none pays for none.
type ownSessions struct {
	manager *scs.SessionManager
	fail    func(http.ResponseWriter, *http.Request, error) // answers when a session can't be saved
}

func newOwnSessions(https bool, name string, fail func(http.ResponseWriter, *http.Request, error)) *ownSessions {
	// Not scs.New: that starts a goroutine which can't be stopped for certain.
	manager := &scs.SessionManager{
		Lifetime: 24 * time.Hour,
		Store:    &memorySessions{most: mostSessions},
		Codec:    SessionCodec{},
		Cookie:   scs.SessionCookie{Name: name, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Persist: true},
	}
	if https {
		manager.Cookie.Name = "__Host-" + name
		manager.Cookie.Secure = true
	}
	return &ownSessions{manager, fail}
}

// visit is a request with its session: the context in which the session and the
// client are found, and the writer that saves the session.
type visit struct {
	context.Context // the request's
	sessions        *ownSessions
	client          *Client // nil unless this visit's middleware found one
	request         *http.Request
	writer          saving.Writer

	mu     sync.Mutex
	loaded context.Context // scs's, which holds the session; nil until it is asked for
}

// visitKey is the key of a visit: each merchant has sessions of its own.
type visitKey struct{ *ownSessions }

// Value implements context.Context.
func (v *visit) Value(key any) any {
	switch key {
	case visitKey{v.sessions}:
		return v
	case contextKey{}:
		if v.client != nil {
			return v.client
		}
	}
	return v.Context.Value(key)
}

// visit begins a visit, or returns nil when an outer handler has.
func (s *ownSessions) visit(w http.ResponseWriter, r *http.Request) *visit {
	if _, ok := r.Context().Value(visitKey{s}).(*visit); ok {
		return nil
	}
	v := &visit{Context: r.Context(), sessions: s, request: r}
	v.writer = saving.Writer{ResponseWriter: w, Session: v}
	return v
}

// end saves the session after a handler that wrote nothing. A nil visit is
// another's to end.
func (v *visit) end() {
	if v != nil {
		v.writer.Begin()
	}
}

// lend returns a context that holds the client: the visit itself, where that is
// the context.
func (v *visit) lend(ctx context.Context, client *Client) context.Context {
	if v == nil {
		return NewContext(ctx, client)
	}
	v.client = client
	return v
}

// load returns the context in which scs finds the session.
func (v *visit) load() (context.Context, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.loaded != nil {
		return v.loaded, nil
	}
	var token string
	if cookie, err := v.request.Cookie(v.sessions.manager.Cookie.Name); err == nil {
		token = cookie.Value
	}
	ctx, err := v.sessions.manager.Load(v.Context, token)
	if err != nil {
		return nil, storeError("load the session", err)
	}
	v.loaded = ctx
	v.writer.Header().Add("Vary", "Cookie") // what the answer depends on from here
	return ctx, nil
}

// Save implements saving.Session.
func (v *visit) Save(w http.ResponseWriter) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.loaded == nil || v.sessions.manager.Status(v.loaded) != scs.Modified {
		return nil
	}
	token, expiry, err := v.sessions.manager.Commit(v.loaded)
	if err != nil {
		return err
	}
	v.sessions.manager.WriteSessionCookie(v.loaded, w, token, expiry)
	return nil
}

// Fail implements saving.Session.
func (v *visit) Fail(w http.ResponseWriter, err error) {
	v.sessions.fail(w, v.request.WithContext(v), storeError("save the session", err))
}

// load returns the context in which scs finds the request's session. The error is
// ErrNoSession outside the package's handlers and middleware.
func (s *ownSessions) load(ctx context.Context) (context.Context, error) {
	v, ok := ctx.Value(visitKey{s}).(*visit)
	if !ok {
		return nil, ErrNoSession
	}
	return v.load()
}

// mustLoad is load where [Merchant.session] has loaded the session before.
func (s *ownSessions) mustLoad(ctx context.Context) context.Context {
	loaded, err := s.load(ctx)
	if err != nil {
		panic(err)
	}
	return loaded
}

// GetString implements SessionStore.
func (s *ownSessions) GetString(ctx context.Context, key string) string {
	return s.manager.GetString(s.mustLoad(ctx), key)
}

// Put implements SessionStore.
func (s *ownSessions) Put(ctx context.Context, key string, value any) {
	s.manager.Put(s.mustLoad(ctx), key, value)
}

// Remove implements SessionStore.
func (s *ownSessions) Remove(ctx context.Context, key string) {
	s.manager.Remove(s.mustLoad(ctx), key)
}

// RenewToken implements SessionStore.
func (s *ownSessions) RenewToken(ctx context.Context) error {
	return s.manager.RenewToken(s.mustLoad(ctx))
}

// Deadline implements SessionStore.
func (s *ownSessions) Deadline(ctx context.Context) time.Time {
	return s.manager.Deadline(s.mustLoad(ctx))
}

// mostSessions bounds the package's own sessions. Past it newcomers get 503 and
// those who have a session keep it: connects that nobody completes leave after
// Config.ConnectTimeout.
const mostSessions = 100_000

var errTooManySessions = errors.New("too many sessions")

// memorySessions is an scs.Store without a goroutine of its own. It keeps hashes
// of the tokens, as scs's HashTokenInStore would, which makes strings of them.
type memorySessions struct {
	sessions expiring[[sha256.Size]byte, memorySession]
	most     int
}

type memorySession struct {
	data   []byte
	expiry time.Time
}

func (s memorySession) lapsed() bool { return !time.Now().Before(s.expiry) }

// Find implements scs.Store.
func (s *memorySessions) Find(token string) ([]byte, bool, error) {
	session, ok := s.sessions.get(sum(token))
	if !ok || session.lapsed() {
		return nil, false, nil
	}
	return session.data, true, nil
}

// Commit implements scs.Store.
func (s *memorySessions) Commit(token string, data []byte, expiry time.Time) error {
	if !s.sessions.put(sum(token), memorySession{data, expiry}, memorySession.lapsed, s.most) {
		return errTooManySessions
	}
	return nil
}

// Delete implements scs.Store.
func (s *memorySessions) Delete(token string) error {
	s.sessions.delete(sum(token))
	return nil
}
