package adaptertest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
)

// errDown is what a store fails with. No answer may show it.
var errDown = errors.New("the database is down")

// setting is one of the ways in which an application is put together.
type setting struct {
	name        string
	prefix      string
	ownSessions bool // the package's own
}

// world is an application served by a framework, and a Gloebit.
type world struct {
	*testing.T
	setting
	app           *App
	gloebit       *gloebittest.Server
	shop          *httptest.Server
	tokens        *faultyTokens
	breakSessions func(error)
}

func newWorld(t *testing.T, framework Framework, s setting) *world {
	t.Helper()
	w := &world{T: t, setting: s, tokens: &faultyTokens{}, gloebit: gloebittest.NewServer()}
	t.Cleanup(w.gloebit.Close)
	w.shop = httptest.NewUnstartedServer(nil)
	base := "http://" + w.shop.Listener.Addr().String()
	application, err := w.gloebit.AddApplication(gloebittest.Application{Name: "Shop", RedirectPrefixes: []string{base + "/"}})
	w.ok(err)
	for _, name := range []string{"alice", "bob"} {
		_, err := w.gloebit.AddUser(gloebittest.User{Name: name, Balance: "1000"})
		w.ok(err)
	}
	w.app = &App{Prefix: s.prefix, gate: make(chan struct{})}
	config := gloebit.Config{
		ClientID: application.Key, ClientSecret: gloebit.Secret(application.Secret),
		RedirectURL: base + s.prefix + "/gloebit/callback",
		HomePath:    s.prefix + "/optional",
		Provider:    gloebit.At(w.gloebit.URL),
		SignIn:      true,
		Tokens:      w.tokens,
	}
	if !s.ownSessions {
		if framework.Sessions == nil {
			framework.Sessions = newSessions
		}
		w.app.Sessions, w.breakSessions = framework.Sessions()
		config.Sessions = w.app.Sessions
	}
	w.app.Merchant, err = gloebit.New(config)
	w.ok(err)
	w.shop.Config.Handler = framework.New(w.app)
	w.shop.Start()
	t.Cleanup(w.shop.Close)
	return w
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// newSessions makes sessions of scs.
func newSessions() (Sessions, func(error)) {
	store := &faultySessions{Store: memstore.NewWithCleanupInterval(0)}
	manager := scs.New()
	manager.Store = store
	manager.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, _ error) {
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
	}
	return manager, store.fail
}

// fault is the error of a store that can be made to fail.
type fault struct {
	mu  sync.Mutex
	err error
}

func (f *fault) fail(err error) { f.mu.Lock(); defer f.mu.Unlock(); f.err = err }
func (f *fault) failure() error { f.mu.Lock(); defer f.mu.Unlock(); return f.err }

type faultySessions struct {
	scs.Store
	fault
}

func (s *faultySessions) Find(token string) ([]byte, bool, error) {
	if err := s.failure(); err != nil {
		return nil, false, err
	}
	return s.Store.Find(token)
}

type faultyTokens struct {
	gloebit.MemoryTokenStore
	fault
}

func (s *faultyTokens) Load(ctx context.Context, user string) (gloebit.Credential, error) {
	if err := s.failure(); err != nil {
		return gloebit.Credential{}, err
	}
	return s.MemoryTokenStore.Load(ctx, user)
}
