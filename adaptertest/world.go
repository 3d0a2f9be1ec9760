package adaptertest

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
)

// setting is a configuration of the application.
type setting struct {
	name        string
	prefix      string
	ownSessions bool // the package's own sessions
	ownUsers    bool // the application has its own users: see browser.as
	https       bool
	stores      *Stores // nil means one process with stores in memory
}

// world is an application served by a framework in one or two processes, and a
// Gloebit.
type world struct {
	*testing.T
	setting
	app           *App   // the first process
	processes     []*App // all of them
	gloebit       *gloebittest.Server
	account       gloebittest.Application // the application's registration
	shop          *httptest.Server
	tokens        *faultyTokens // the first process's
	states        *faultyStates
	faults        []*fault // the stores of all processes
	ledgers       []*ledger.Ledger
	purchases     []*countedPurchases
	breakSessions func(load, save error)
	wire          *wire
	recorder      *recorder
	ahead         atomic.Int64 // the application's clock is ahead by this
}

func newWorld(t *testing.T, framework Framework, s setting) *world {
	t.Helper()
	w := &world{T: t, setting: s, recorder: &recorder{}}
	w.wire = newWire(t, w.recorder)
	w.gloebit = gloebittest.NewServerConfig(gloebittest.Config{
		RefreshTokens: true, Queue: gloebittest.Queue{Manual: true},
	})
	t.Cleanup(w.gloebit.Close)
	w.shop = httptest.NewUnstartedServer(nil)
	scheme := "http"
	if s.https {
		scheme = "https"
	}
	base := scheme + "://" + w.shop.Listener.Addr().String()
	var err error
	w.account, err = w.gloebit.AddApplication(gloebittest.Application{
		Name: "Shop", RedirectPrefixes: []string{base + "/"},
	})
	w.ok(err)
	w.recorder.addSecret("the client secret", w.account.Secret)
	for _, name := range []string{"alice", "bob"} {
		_, err := w.gloebit.AddUser(gloebittest.User{Name: name, Balance: "1000"})
		w.ok(err)
	}
	w.start(framework, base)
	if s.https {
		w.shop.StartTLS()
	} else {
		w.shop.Start()
	}
	t.Cleanup(w.shop.Close)
	return w
}

// config returns the application's configuration without sessions and stores.
func (w *world) config(base string) gloebit.Config {
	config := gloebit.Config{
		ClientID: w.account.Key, ClientSecret: gloebit.Secret(w.account.Secret),
		RedirectURL: base + w.prefix + "/gloebit/callback",
		HomePath:    w.prefix + "/optional",
		Scopes:      []gloebit.Scope{gloebit.ScopeUser, gloebit.ScopeBalance, gloebit.ScopeTransact},
		Provider:    gloebit.ProviderAt(w.gloebit.URL),
		SignIn:      !w.ownUsers,
		HTTPClient:  &http.Client{Transport: w.wire},
		Clock:       w.now,
		Logger:      slog.New(slog.NewTextHandler(&w.recorder.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	config.Provider.PKCE = true
	if w.ownUsers {
		config.User = userOf
	}
	return config
}

// start creates the application's processes. A request's Process header selects
// one of them.
func (w *world) start(framework Framework, base string) {
	w.Helper()
	config := w.config(base)
	var sessions Sessions
	if !w.ownSessions {
		if framework.Sessions == nil {
			framework.Sessions = newSessions
		}
		sessions, w.breakSessions = framework.Sessions()
		config.Sessions = sessions
	}
	stores := []Process{{States: &gloebit.MemoryStateStore{}, Tokens: &gloebit.MemoryTokenStore{}}}
	if w.stores != nil {
		stores = w.stores.Processes
	}
	shared := &journal{}
	var handlers []http.Handler
	for _, store := range stores {
		tokens, states := &faultyTokens{TokenStore: store.Tokens}, &faultyStates{StateStore: store.States}
		config.Tokens, config.States = tokens, states
		merchant, err := gloebit.New(config)
		w.ok(err)
		app := &App{
			Merchant: merchant, Sessions: sessions, Prefix: w.prefix, journal: shared, gate: make(chan struct{}, 1),
			left: make(chan struct{}, 1),
		}
		w.processes = append(w.processes, app)
		w.faults = append(w.faults, &tokens.fault, &states.fault)
		if w.app == nil {
			w.app, w.tokens, w.states = app, tokens, states
		}
		handler := framework.New(app)
		if store.Purchases != nil {
			handler = w.sell(app, store.Purchases, base, handler)
		}
		handlers = append(handlers, handler)
	}
	w.shop.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		process, _ := strconv.Atoi(r.Header.Get("Process")) // without the header, the first
		handlers[process].ServeHTTP(rw, r)
	})
}

// now is the application's time.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// advance changes the application's clock.
func (w *world) advance(d time.Duration) { w.ahead.Add(int64(d)) }

// userOf is the application's own sign-in.
func userOf(r *http.Request) (gloebit.User, error) {
	name := r.Header.Get("X-User")
	if name == "" {
		return gloebit.User{}, gloebit.ErrNoUser
	}
	return gloebit.User{ID: "id of " + name, Name: name}, nil
}

// grants counts the requests to the token endpoint with the grant type.
func (w *world) grants(kind string) int { return len(w.wire.asked(kind)) }

// lastGrant returns the last request to the token endpoint with the grant type.
func (w *world) lastGrant(kind string) url.Values {
	w.Helper()
	asked := w.wire.asked(kind)
	if len(asked) == 0 {
		w.Fatalf("Gloebit was never asked for %s", kind)
	}
	return asked[len(asked)-1]
}

// exchanges counts the exchanges of a code.
func (w *world) exchanges() int { return w.grants("authorization_code") }

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) equal(what string, got, want any) {
	w.Helper()
	if got != want {
		w.Errorf("%s is %v, want %v", what, got, want)
	}
}

// ran asserts what ran since the last call, in order.
func (w *world) ran(want ...string) {
	w.Helper()
	if got := w.app.took(); !slices.Equal(got, want) {
		w.Errorf("there ran: %v; want: %v", got, want)
	}
}
