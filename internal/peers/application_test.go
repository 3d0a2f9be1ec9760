package peers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

// site is the address of applications, and the browser of their user.
type site struct {
	*httptest.Server
	mux     *http.ServeMux
	browser *http.Client
}

func newSite(t *testing.T) *site {
	t.Helper()
	mux := http.NewServeMux()
	s := &site{httptest.NewServer(mux), mux, testkit.NewBrowser(t)}
	t.Cleanup(s.Close)
	return s
}

// application is an application of a peer. Its page shows what the peer's API
// answers.
type application struct {
	*site
	peer      *peer
	path      string // of its pages
	config    connect.Config
	connector *connect.Connector
	tokens    *connect.MemoryTokenStore
	clock     *testkit.Clock
	log       *testkit.Log

	mu          sync.Mutex
	connections []connect.Connection
}

// newApplication starts a peer and its application.
func newApplication(t *testing.T, start func(*testing.T, string) *peer, changes ...func(*connect.Config)) *application {
	t.Helper()
	return newSite(t).add(t, "/app", start, changes...)
}

// add starts a peer, and puts its application under a path of the site.
func (s *site) add(
	t *testing.T, path string, start func(*testing.T, string) *peer, changes ...func(*connect.Config),
) *application {
	t.Helper()
	a := &application{
		site: s, path: path, peer: start(t, s.URL+path+"/callback"),
		tokens: new(connect.MemoryTokenStore), clock: testkit.NewClock(), log: new(testkit.Log),
	}
	a.config = connect.Config{
		Server: a.peer.server, ClientID: a.peer.clientID, ClientSecret: a.peer.secret, RedirectURL: a.peer.redirectURL,
		Scopes: a.peer.scopes, Tokens: a.tokens, Clock: a.clock.Now, Logger: a.log.Logger(),
		User: func(*http.Request) (connect.User, error) { return connect.User{ID: "ann"}, nil },
		OnConnect: func(_ *http.Request, connection connect.Connection) error {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.connections = append(a.connections, connection)
			return nil
		},
	}
	for _, change := range changes {
		change(&a.config)
	}
	a.connector = a.replica(t)
	required := a.peer.scopes[:len(a.peer.scopes)-1]
	s.mux.Handle(path+"/", a.connector.Handler())
	s.mux.Handle(path+"/page", a.connector.Require(required...)(http.HandlerFunc(a.page)))
	s.mux.Handle(path+"/more", a.connector.Require(a.peer.optional)(http.HandlerFunc(a.page)))
	return a
}

// replica returns a Connector of another process of the application.
func (a *application) replica(t *testing.T, changes ...func(*connect.Config)) *connect.Connector {
	t.Helper()
	config := a.config
	for _, change := range changes {
		change(&config)
	}
	connector, err := connect.New(config)
	require.NoError(t, err)
	return connector
}

func (a *application) page(w http.ResponseWriter, r *http.Request) {
	resp, err := connect.MustFromContext(r.Context()).HTTPClient().Get(a.peer.api)
	if err != nil {
		a.connector.HandleError(w, r, err)
		return
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// load loads a page of the application in the browser, which follows redirects.
func (a *application) load(t *testing.T, path string) testkit.Page {
	t.Helper()
	return testkit.Load(t, a.browser, testkit.NewRequest(t, http.MethodGet, a.URL+path, nil))
}

// asks loads a page that redirects to the peer's consent page.
func (a *application) asks(t *testing.T, path string) testkit.Page {
	t.Helper()
	page := a.load(t, path)
	require.Equal(t, http.StatusOK, page.Status, page.Body)
	require.Contains(t, page.Body, "<form", "%s", page.URL)
	require.Equal(t, a.peer.url, "http://"+page.URL.Host)
	return page
}

// answer sends the form of a consent page.
func (a *application) answer(t *testing.T, page testkit.Page, answer url.Values) testkit.Page {
	t.Helper()
	return testkit.Load(t, a.browser, testkit.NewRequest(t, http.MethodPost, page.URL.String(), answer))
}

// connect connects the user, who grants everything.
func (a *application) connect(t *testing.T) {
	t.Helper()
	a.connectFrom(t, a.path+"/page")
}

func (a *application) connectFrom(t *testing.T, path string) {
	t.Helper()
	page := a.answer(t, a.asks(t, path), allow(a.peer.scopes...))
	require.Equal(t, http.StatusOK, page.Status, page.Body)
	require.Equal(t, a.URL+a.path+"/page", page.URL.String())
}

// disconnect sends the application's disconnect form.
func (a *application) disconnect(t *testing.T) {
	t.Helper()
	a.mux.HandleFunc("/bye", func(http.ResponseWriter, *http.Request) {})
	form := testkit.NewRequest(t, http.MethodPost, a.URL+a.path+"/disconnect", url.Values{"return_to": {"/bye"}})
	form.Header.Set("Origin", a.URL)
	page := testkit.Load(t, a.browser, form)
	require.Equal(t, http.StatusOK, page.Status, page.Body)
	require.Equal(t, "/bye", page.URL.Path)
}
