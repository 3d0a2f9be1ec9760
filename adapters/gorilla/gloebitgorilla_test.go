package gloebitgorilla_test

import (
	"crypto/rand"
	"maps"
	"net/http"
	"sync"
	"testing"

	gloebitgorilla "github.com/go-gloebit/gloebit/adapters/gorilla"
	"github.com/go-gloebit/gloebit/adaptertest"
	"github.com/gorilla/sessions"
	"github.com/stretchr/testify/require"
)

// cookies and files are the stores that gorilla comes with, as they are used on
// http in a test.
func cookies() *sessions.CookieStore {
	store := sessions.NewCookieStore([]byte("an authentication key: 32 bytes."))
	store.Options = &sessions.Options{Path: "/", MaxAge: 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	return store
}

func files(t *testing.T) *sessions.FilesystemStore {
	store := sessions.NewFilesystemStore(t.TempDir(), []byte("an authentication key: 32 bytes."))
	store.Options = &sessions.Options{Path: "/", MaxAge: 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	return store
}

// faulty is a store that can be made to fail.
type faulty struct {
	sessions.Store
	mu         sync.Mutex
	load, save error
}

func (f *faulty) fail(load, save error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.load, f.save = load, save
}

func (f *faulty) failures() (load, save error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.load, f.save
}

func (f *faulty) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(f, name)
}

func (f *faulty) New(r *http.Request, name string) (*sessions.Session, error) {
	session, err := f.Store.New(r, name)
	if load, _ := f.failures(); load != nil {
		return session, load
	}
	return session, err
}

func (f *faulty) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	if _, save := f.failures(); save != nil {
		return save
	}
	return f.Store.Save(r, w, session)
}

// table is a store that inserts a new session and updates an old one, as SQL
// stores do.
type table struct {
	mu   sync.Mutex
	rows map[string]map[any]any
}

func (t *table) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(t, name)
}

func (t *table) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(t, name)
	session.Options = &sessions.Options{Path: "/", MaxAge: 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	session.IsNew = true
	cookie, err := r.Cookie(name)
	if err != nil {
		return session, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	session.ID = cookie.Value
	if values, ok := t.rows[cookie.Value]; ok {
		session.Values, session.IsNew = maps.Clone(values), false
	}
	return session, nil
}

func (t *table) Save(_ *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if session.Options.MaxAge < 0 {
		delete(t.rows, session.ID)
		return nil
	}
	if session.ID == "" {
		session.ID = rand.Text()
	}
	if t.rows == nil {
		t.rows = map[string]map[any]any{}
	}
	if t.rows[session.ID] != nil || session.IsNew {
		t.rows[session.ID] = maps.Clone(session.Values)
	}
	http.SetCookie(w, sessions.NewCookie(session.Name(), session.ID, session.Options))
	return nil
}

// slow is a store that signals each save and waits until it may continue.
type slow struct {
	sessions.Store
	saving, goOn chan struct{}
}

func (s *slow) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

func (s *slow) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	s.saving <- struct{}{}
	<-s.goOn
	return s.Store.Save(r, w, session)
}

// frameworks are net/http with sessions of gorilla's.
func frameworks(t *testing.T) []adaptertest.Framework {
	with := func(name string, store func() sessions.Store) adaptertest.Framework {
		return adaptertest.Framework{Name: name, New: adaptertest.NetHTTP,
			Sessions: func() (adaptertest.Sessions, func(load, save error)) {
				f := &faulty{Store: store()}
				s, err := gloebitgorilla.New(gloebitgorilla.Config{Store: f, Name: "shop"})
				require.NoError(t, err)
				return s, f.fail
			}}
	}
	return []adaptertest.Framework{
		with("cookies", func() sessions.Store { return cookies() }),
		with("files", func() sessions.Store { return files(t) }),
		with("a table", func() sessions.Store { return &table{} }),
	}
}

func TestConformance(t *testing.T) {
	for _, framework := range frameworks(t) {
		t.Run(framework.Name, func(t *testing.T) { adaptertest.Run(t, framework) })
	}
}

func TestSecurity(t *testing.T) { adaptertest.RunSecurity(t, frameworks(t)...) }
