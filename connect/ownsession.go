package connect

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
)

// ownSessions are the package's own sessions, kept in memory for a day. Their
// cookie is Secure if the application uses https. A session is loaded when it
// is first used.
type ownSessions struct {
	manager *scs.SessionManager
	fail    func(http.ResponseWriter, *http.Request, error) // responds when a session can't be saved
	ending  sync.Mutex                                      // held while a session ends or is saved
}

func newOwnSessions(https bool, name string, fail func(http.ResponseWriter, *http.Request, error)) *ownSessions {
	// scs.New would start a goroutine that can't be stopped reliably.
	manager := &scs.SessionManager{
		Lifetime: 24 * time.Hour,
		Store:    &memorySessions{most: maxSessions},
		Codec:    SessionCodec{},
		Cookie:   scs.SessionCookie{Name: name, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Persist: true},
	}
	if https {
		manager.Cookie.Name = "__Host-" + name
		manager.Cookie.Secure = true
	}
	return &ownSessions{manager: manager, fail: fail}
}

// visit is a request with its session. It is the request's context with the
// session and the account, and it has the writer that saves the session.
type visit struct {
	request    *http.Request
	sessions   *ownSessions
	key, value any // added to the context by this visit's middleware; nil for nothing
	writer     SaveWriter

	mu     sync.Mutex
	loaded context.Context // scs's context with the session; nil before the first use
	token  string          // the token it was found under; empty if it is new
}

// visitKey is the context key of a visit. Each connector has its own.
type visitKey struct{ *ownSessions }

// Deadline implements context.Context.
func (v *visit) Deadline() (time.Time, bool) { return v.request.Context().Deadline() }

// Done implements context.Context.
func (v *visit) Done() <-chan struct{} { return v.request.Context().Done() }

// Err implements context.Context.
func (v *visit) Err() error { return v.request.Context().Err() }

// Value implements context.Context.
func (v *visit) Value(key any) any {
	switch key {
	case visitKey{v.sessions}:
		return v
	}
	if v.key != nil && key == v.key {
		return v.value
	}
	return v.request.Context().Value(key)
}

// visit begins a visit. It returns nil if an outer handler has begun one.
func (s *ownSessions) visit(w http.ResponseWriter, r *http.Request) *visit {
	if _, ok := r.Context().Value(visitKey{s}).(*visit); ok {
		return nil
	}
	v := &visit{request: r, sessions: s}
	v.writer = SaveWriter{ResponseWriter: w, Session: v}
	return v
}

// end saves the session after a handler that wrote nothing. It does nothing on
// a nil visit, which an outer handler ends.
func (v *visit) end() {
	if v != nil {
		v.writer.Begin()
	}
}

// withValue returns a context with the value, unless key is nil. It changes and
// returns the visit itself if the visit is the context.
func (v *visit) withValue(ctx context.Context, key, value any) context.Context {
	switch {
	case v == nil && key == nil:
		return ctx
	case v == nil:
		return context.WithValue(ctx, key, value)
	}
	v.key, v.value = key, value
	return v
}

// load returns scs's context with the session.
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
	ctx, err := v.sessions.manager.Load(v.request.Context(), token)
	if err != nil {
		return nil, storeError("load the session", err)
	}
	v.loaded, v.token = ctx, v.sessions.manager.Token(ctx)
	return ctx, nil
}

// Save implements SavedSession. Only Save changes the header, because a handler
// that uses the session may run concurrently, as within http.TimeoutHandler.
func (v *visit) Save(w http.ResponseWriter) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.loaded == nil {
		return nil
	}
	w.Header().Add("Vary", "Cookie") // the response may depend on the session
	manager := v.sessions.manager
	if manager.Status(v.loaded) != scs.Modified {
		return nil
	}
	v.sessions.ending.Lock()
	defer v.sessions.ending.Unlock()
	if ended, err := v.ended(); ended || err != nil {
		return err
	}
	token, expiry, err := manager.Commit(v.loaded)
	if err != nil {
		return err
	}
	manager.WriteSessionCookie(v.loaded, w, token, expiry)
	return nil
}

// ended reports whether the session has ended since this request loaded it,
// because another request signed out or renewed the ID. Saving it would undo
// that for any client with the old cookie. This request's changes are dropped,
// but its response is sent: the changes concern at most a pending connection,
// which the user can start again, and the response may report a purchase.
func (v *visit) ended() (bool, error) {
	manager := v.sessions.manager
	// the session is new, or this request has renewed its ID
	if v.token == "" || !equalInConstantTime(manager.Token(v.loaded), v.token) {
		return false, nil
	}
	_, found, err := manager.Store.Find(v.token)
	return !found, err
}

// Fail implements SavedSession.
func (v *visit) Fail(w http.ResponseWriter, err error) {
	v.sessions.fail(w, v.request.WithContext(v), storeError("save the session", err))
}

// load returns scs's context with the request's session. The error is
// ErrNoSession outside the package's handlers and middleware.
func (s *ownSessions) load(ctx context.Context) (context.Context, error) {
	v, ok := ctx.Value(visitKey{s}).(*visit)
	if !ok {
		return nil, ErrNoSession
	}
	return v.load()
}

// mustLoad is load after [Connector.session] has loaded the session.
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

// RenewToken implements SessionStore. It stores the new ID at once, without the
// values; otherwise a new session could take the place of the old one. Save
// stores the values. If the session has ended since this request loaded it, all
// values are dropped: the new session has no user.
func (s *ownSessions) RenewToken(ctx context.Context) error {
	loaded := s.mustLoad(ctx)
	v := ctx.Value(visitKey{s}).(*visit) // the visit that loaded the session
	s.ending.Lock()
	defer s.ending.Unlock()
	ended, err := v.ended()
	if err != nil {
		return err
	}
	if ended {
		if err := s.manager.Clear(loaded); err != nil {
			return err
		}
	}
	if err := s.manager.RenewToken(loaded); err != nil {
		return err
	}
	return s.manager.Store.Commit(s.manager.Token(loaded), nil, s.manager.Deadline(loaded))
}

// Deadline implements SessionStore.
func (s *ownSessions) Deadline(ctx context.Context) time.Time {
	return s.manager.Deadline(s.mustLoad(ctx))
}

// expireIn makes a session without a user end after d.
func (s *ownSessions) expireIn(ctx context.Context, d time.Duration) {
	s.manager.SetDeadline(s.mustLoad(ctx), time.Now().Add(d))
}

// extend makes a session last for at least d from now.
func (s *ownSessions) extend(ctx context.Context, d time.Duration) {
	if until := time.Now().Add(d); s.Deadline(ctx).Before(until) {
		s.manager.SetDeadline(s.mustLoad(ctx), until)
	}
}

// end deletes the session. The browser's cookie is then invalid.
func (s *ownSessions) end(ctx context.Context) error {
	loaded := s.mustLoad(ctx)
	s.ending.Lock()
	defer s.ending.Unlock()
	return s.manager.Destroy(loaded)
}

// isNew reports whether the session begins with this request.
func (s *ownSessions) isNew(ctx context.Context) bool {
	return s.manager.Token(s.mustLoad(ctx)) == ""
}

// maxSessions limits the number of the package's own sessions. Beyond it, new
// visitors get 503 and existing sessions are kept. Sessions with an incomplete
// connection end after Config.ConnectTimeout.
const maxSessions = 100_000

var errTooManySessions = errors.New("too many sessions")

// memorySessions is an scs.Store without a goroutine. It stores hashes of the
// tokens, like scs's HashTokenInStore, but not as strings.
type memorySessions struct {
	sessions expiring[[sha256.Size]byte, memorySession]
	most     int
}

type memorySession struct {
	data   []byte
	expiry time.Time
}

func (s memorySession) expired() bool { return !time.Now().Before(s.expiry) }

// Find implements scs.Store.
func (s *memorySessions) Find(token string) ([]byte, bool, error) {
	session, ok := s.sessions.get(sum(token))
	if !ok || session.expired() {
		return nil, false, nil
	}
	return session.data, true, nil
}

// Commit implements scs.Store.
func (s *memorySessions) Commit(token string, data []byte, expiry time.Time) error {
	if !s.sessions.put(sum(token), memorySession{data, expiry}, memorySession.expired, s.most) {
		return errTooManySessions
	}
	return nil
}

// Delete implements scs.Store.
func (s *memorySessions) Delete(token string) error {
	s.sessions.delete(sum(token))
	return nil
}

// Format writes the type's name for every verb, because applications print
// contexts.
func (v *visit) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "connect.visit") }
