package gloebit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

// world is a Gloebit, an application on a port of its own, and what the
// application logged.
type world struct {
	t        *testing.T
	gloebit  *gloebittest.Server
	app      gloebittest.Application
	shop     *httptest.Server
	merchant *gloebit.Merchant
	mux      *http.ServeMux
	sessions *scs.SessionManager // the application's own; nil without
	tokens   *faultyTokens
	states   *faultyStates
	clock    *testkit.Clock
	log      *testkit.Log
}

// faultyTokens and faultyStates are stores that can be made to fail.
type faultyTokens struct {
	gloebit.MemoryTokenStore
	mu    sync.Mutex
	err   error
	saves error // of saving alone
}

func (s *faultyTokens) failSaves(err error) { s.mu.Lock(); defer s.mu.Unlock(); s.saves = err }

func (s *faultyTokens) fail(err error) { s.mu.Lock(); defer s.mu.Unlock(); s.err = err }
func (s *faultyTokens) failure() error { s.mu.Lock(); defer s.mu.Unlock(); return s.err }

func (s *faultyTokens) Load(ctx context.Context, key connect.Key) (connect.Credential, error) {
	if err := s.failure(); err != nil {
		return connect.Credential{}, err
	}
	return s.MemoryTokenStore.Load(ctx, key)
}

func (s *faultyTokens) Update(
	ctx context.Context, key connect.Key, fn func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	if err := s.failure(); err != nil {
		return err
	}
	return s.MemoryTokenStore.Update(ctx, key, func(
		ctx context.Context, current *connect.Credential,
	) (*connect.Credential, error) {
		next, err := fn(ctx, current)
		s.mu.Lock()
		defer s.mu.Unlock()
		return next, errors.Join(err, s.saves)
	})
}

func (s *faultyTokens) Delete(ctx context.Context, key connect.Key) error {
	if err := s.failure(); err != nil {
		return err
	}
	return s.MemoryTokenStore.Delete(ctx, key)
}

type faultyStates struct {
	gloebit.MemoryStateStore
	mu          sync.Mutex
	err         error
	puts, takes int
	lastKey     connect.Key
	lastPending connect.PendingConnection
}

func (s *faultyStates) fail(err error) { s.mu.Lock(); defer s.mu.Unlock(); s.err = err }

func (s *faultyStates) Put(ctx context.Context, key connect.Key, p connect.PendingConnection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.puts++
	s.lastKey, s.lastPending = key, p
	return s.MemoryStateStore.Put(ctx, key, p)
}

func (s *faultyStates) Take(ctx context.Context, key connect.Key) (connect.PendingConnection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return connect.PendingConnection{}, s.err
	}
	s.takes++
	return s.MemoryStateStore.Take(ctx, key)
}

var errDown = errors.New("the database is down")

// mode is one of the ways in which an application identifies its users.
type mode struct {
	name   string
	change func(*world, *gloebit.Config)
}

// alone reports whether only the session identifies the user.
func (m mode) alone() bool { return strings.HasPrefix(m.name, "the session alone") }

// modes are all of them, with the application's sessions and with the
// package's own.
func modes() []mode {
	ownSessions := func(w *world, c *gloebit.Config) {
		w.sessions = scs.New()
		w.sessions.Store = memstore.NewWithCleanupInterval(0)
		c.Sessions = w.sessions
	}
	signIn := func(_ *world, c *gloebit.Config) { c.SignIn = true }
	user := func(_ *world, c *gloebit.Config) { c.User = headerUser }
	session := func(*world, *gloebit.Config) {}
	return []mode{
		{"users of the application", user},
		{"users of the application, its sessions", func(w *world, c *gloebit.Config) { user(w, c); ownSessions(w, c) }},
		{"signed in with Gloebit", signIn},
		{
			"signed in with Gloebit, the application's sessions",
			func(w *world, c *gloebit.Config) { signIn(w, c); ownSessions(w, c) },
		},
		{"the session alone", session},
		{"the session alone, the application's", func(w *world, c *gloebit.Config) { session(w, c); ownSessions(w, c) }},
	}
}

// headerUser stands for an application's own sign-in.
func headerUser(r *http.Request) (gloebit.User, error) {
	switch name := r.Header.Get("X-User"); name {
	case "":
		return gloebit.User{}, gloebit.ErrNoUser
	case "down":
		return gloebit.User{}, errDown
	default:
		return gloebit.User{ID: "id of " + name, Name: name}, nil
	}
}

func newWorld(t *testing.T, changes ...func(*world, *gloebit.Config)) *world {
	t.Helper()
	return newWorldAt(t, gloebittest.Config{}, changes...)
}

func newWorldAt(t *testing.T, provider gloebittest.Config, changes ...func(*world, *gloebit.Config)) *world {
	t.Helper()
	w := &world{
		t: t, mux: http.NewServeMux(), clock: testkit.NewClock(), log: &testkit.Log{}, tokens: &faultyTokens{},
		states: &faultyStates{},
	}
	provider.Clock = w.clock.Now
	shop := testkit.NewShop(t, provider)
	w.gloebit, w.app, w.shop = shop.Gloebit, shop.App, shop.Server

	w.tokens.Clock, w.states.Clock = w.clock.Now, w.clock.Now
	config := shop.Config()
	config.Scopes = []gloebit.Scope{gloebit.ScopeUser, gloebit.ScopeBalance, gloebit.ScopeTransact}
	config.Tokens, config.States, config.Clock, config.Logger = w.tokens, w.states, w.clock.Now, w.log.Logger()
	config.Provider.PKCE = true
	for _, change := range changes {
		change(w, &config)
	}
	var err error
	w.merchant, err = gloebit.New(config)
	require.NoError(t, err)
	w.merchant.RetryWithin(time.Millisecond)
	w.mux.Handle("/gloebit/", w.merchant.Handler())
	w.mux.Handle("/private", w.merchant.RequireGloebit(http.HandlerFunc(showBalance)))
	w.mux.Handle("/inventory", w.merchant.RequireScopes(gloebit.ScopeInventory)(http.HandlerFunc(showBalance)))
	w.mux.Handle("/optional", w.merchant.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := gloebit.FromContext(r.Context()); ok {
			_, _ = io.WriteString(w, "connected")
			return
		}
		_, _ = io.WriteString(w, "not connected")
	})))
	w.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "home") })
	if w.sessions == nil {
		shop.Serve(w.mux)
	} else {
		shop.Serve(w.sessions.LoadAndSave(w.mux))
	}
	return w
}

func showBalance(w http.ResponseWriter, r *http.Request) {
	client := gloebit.MustFromContext(r.Context())
	balance, err := client.Balance(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	_, _ = fmt.Fprintf(w, "%s has %s", client.User().ID, balance)
}

// browser is a browser with its cookies, which follows redirects, and the
// application's user in it.
type browser struct {
	t      *testing.T
	world  *world
	jar    http.CookieJar
	user   string
	follow bool
}

func (w *world) browser(user string) *browser {
	return &browser{t: w.t, world: w, jar: testkit.NewJar(w.t), user: user, follow: true}
}

// page is a response as the browser saw it.
type page struct {
	status int
	header http.Header
	body   string
	url    *url.URL
}

func (b *browser) do(method, target string, form url.Values, header http.Header) page {
	b.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = b.world.shop.URL + target
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, target, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Accept", "text/html,*/*;q=0.8")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.user != "" {
		req.Header.Set("X-User", b.user)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Host = req.Header.Get("Host") // empty is that of the URL
	client := &http.Client{Transport: b.transport(), Jar: b.jar, Timeout: 10 * time.Second}
	if !b.follow {
		client.CheckRedirect = testkit.Stay
	}
	p := testkit.Load(b.t, client, req)
	return page{p.Status, p.Header, p.Body, p.URL}
}

// transport is this world's own. Closing a server of httptest closes the idle
// connections of http.DefaultTransport, including one whose empty response a
// parallel test is just reading.
func (b *browser) transport() http.RoundTripper { return b.world.shop.Client().Transport }

func (b *browser) get(target string) page {
	b.t.Helper()
	return b.do(http.MethodGet, target, nil, nil)
}

// location loads a page without following its redirect, and returns where it
// leads.
func (b *browser) location(target string) *url.URL {
	b.t.Helper()
	follow := b.follow
	b.follow = false
	defer func() { b.follow = follow }()
	p := b.get(target)
	require.Equal(b.t, http.StatusSeeOther, p.status, p.body)
	u, err := p.url.Parse(p.header.Get("Location"))
	require.NoError(b.t, err)
	return u
}

// callback starts a connection and returns the callback URL to which Gloebit
// redirects the browser, without loading it.
func (b *browser) callback(connect string) *url.URL {
	b.t.Helper()
	return b.approve(b.location(connect))
}

// approve returns the callback URL to which Gloebit redirects after an
// authorization request, without loading it.
func (b *browser) approve(authorize *url.URL) *url.URL {
	b.t.Helper()
	resp, err := (&http.Client{
		Transport:     b.transport(),
		CheckRedirect: testkit.Stay,
	}).Get(authorize.String())
	require.NoError(b.t, err)
	resp.Body.Close()
	require.Equal(b.t, http.StatusFound, resp.StatusCode)
	u, err := url.Parse(resp.Header.Get("Location"))
	require.NoError(b.t, err)
	return u
}

// exchanges counts the requests to Gloebit's token endpoint.
func (w *world) exchanges() int {
	n := 0
	for _, r := range w.gloebit.Requests() {
		if strings.Contains(r.Path, "access-token") {
			n++
		}
	}
	return n
}

// keyOf is the key of a user's credential.
func keyOf(merchant *gloebit.Merchant, userID string) connect.Key {
	return connect.Key{Realm: merchant.Realm(), ID: userID}
}

func save(c connect.Credential) func(context.Context, *connect.Credential) (*connect.Credential, error) {
	return func(context.Context, *connect.Credential) (*connect.Credential, error) { return &c, nil }
}
