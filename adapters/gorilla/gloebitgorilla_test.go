package gloebitgorilla_test

import (
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/go-gloebit/gloebit"
	gloebitgorilla "github.com/go-gloebit/gloebit/adapters/gorilla"
	"github.com/go-gloebit/gloebit/internal/adaptertest"
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

func TestConformance(t *testing.T) {
	for name, store := range map[string]func() sessions.Store{
		"cookies": func() sessions.Store { return cookies() },
		"files":   func() sessions.Store { return files(t) },
	} {
		t.Run(name, func(t *testing.T) {
			adaptertest.Run(t, adaptertest.Framework{
				New: newApp,
				Sessions: func() (adaptertest.Sessions, func(error)) {
					f := &faulty{Store: store()}
					s, err := gloebitgorilla.New(gloebitgorilla.Config{Store: f, Name: "shop"})
					require.NoError(t, err)
					return s, func(err error) { f.fail(err, nil) }
				},
			})
		})
	}
}

func TestModules(t *testing.T) { adaptertest.Modules(t, "github.com/gorilla/sessions") }

func TestREADME(t *testing.T) { adaptertest.Snippets(t, "example_test.go") }

// newApp is the application with net/http.
func newApp(a *adaptertest.App) http.Handler {
	m := a.Merchant
	greet := func(w http.ResponseWriter, r *http.Request) {
		client, _ := gloebit.FromContext(r.Context())
		_, _ = io.WriteString(w, a.Greet(client))
	}
	later := func(next http.HandlerFunc) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a.Later(w.Header())
			next(w, r)
		})
	}
	mux := http.NewServeMux()
	mux.Handle(a.Prefix+"/gloebit/", m.Handler())
	for path, handler := range map[string]http.HandlerFunc{
		"/optional": greet,
		"/note": func(w http.ResponseWriter, r *http.Request) {
			a.Remember(r.Context())
			w.WriteHeader(http.StatusNoContent)
		},
		"/noted": func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, a.Recall(r.Context())) },
		"/stream": func(w http.ResponseWriter, r *http.Request) {
			a.Stream(r.Context(), func(chunk string) { _, _ = io.WriteString(w, chunk) }, w.(http.Flusher).Flush)
		},
	} {
		mux.Handle("GET "+a.Prefix+path, m.Optional(handler))
	}
	mux.Handle(a.Prefix+"/private", m.RequireGloebit(later(greet)))
	mux.Handle("GET "+a.Prefix+"/inventory", m.RequireScopes(gloebit.ScopeInventory)(later(greet)))
	mux.Handle("GET "+a.Prefix+"/panic", m.RequireGloebit(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("the hat stand fell over") })))
	mux.Handle(a.Prefix+"/fail/{what}", m.RequireGloebit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.HandleError(w, r, a.Failure(r.PathValue("what")))
	})))
	app := a.Sessions.LoadAndSave(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			}
		}()
		app.ServeHTTP(w, r)
	})
}
