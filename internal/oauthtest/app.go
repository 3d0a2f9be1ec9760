package oauthtest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
)

// App is an application on its own port. Its page /page is for connected users,
// and shows what Call returns. Its user is ann.
type App struct {
	*httptest.Server
	Connector *connect.Connector
	Tokens    *connect.MemoryTokenStore
	Clock     *testkit.Clock
	Log       *testkit.Log
	Browser   *http.Client

	// Call runs when the page is loaded.
	Call func(context.Context, *connect.Account) (string, error)

	mu     sync.Mutex
	failed error
}

// Failed returns the error of the last request that failed, or nil.
func (a *App) Failed() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failed
}

// NewApp starts an application of a server, with the client ID app. It is
// closed when the test ends.
func NewApp(t testing.TB, server connect.Server, secret connect.Secret, changes ...func(*connect.Config)) *App {
	t.Helper()
	a := &App{
		Tokens: new(connect.MemoryTokenStore), Clock: testkit.NewClock(), Log: new(testkit.Log),
		Browser: testkit.NewBrowser(t),
	}
	mux := http.NewServeMux()
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	config := connect.Config{
		Server: server, ClientID: "app", ClientSecret: secret, RedirectURL: a.Callback(),
		Tokens: a.Tokens, Clock: a.Clock.Now, Logger: a.Log.Logger(),
		User: func(*http.Request) (connect.User, error) { return connect.User{ID: "ann"}, nil },
	}
	config.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
		a.mu.Lock()
		a.failed = err
		a.mu.Unlock()
		a.Connector.WriteError(w, r, err)
	}
	for _, change := range changes {
		change(&config)
	}
	var err error
	if a.Connector, err = connect.New(config); err != nil {
		t.Fatal(err)
	}
	mux.Handle("/oauth/", a.Connector.Handler())
	mux.HandleFunc("/{$}", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("/page", a.Connector.Require()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := a.Call(r.Context(), connect.MustFromContext(r.Context()))
		if err != nil {
			a.Connector.HandleError(w, r, err)
			return
		}
		Write(w, http.StatusOK, text)
	})))
	return a
}

// Callback returns the application's redirect URI.
func (a *App) Callback() string { return a.URL + "/oauth/callback" }

// Page loads the page, and connects first if necessary.
func (a *App) Page(t testing.TB) testkit.Page {
	t.Helper()
	return testkit.Load(t, a.Browser, testkit.NewRequest(t, http.MethodGet, a.URL+"/page", nil))
}

// Account returns ann's account.
func (a *App) Account(t testing.TB) *connect.Account {
	t.Helper()
	account, err := a.Connector.Account(context.Background(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	return account
}

// Disconnect submits the form that disconnects.
func (a *App) Disconnect(t testing.TB) testkit.Page {
	t.Helper()
	req := testkit.NewRequest(t, http.MethodPost, a.URL+"/oauth/disconnect", url.Values{})
	req.Header.Set("Origin", a.URL)
	return testkit.Load(t, a.Browser, req)
}

// Save connects ann with a credential.
func (a *App) Save(t testing.TB, credential connect.Credential) {
	t.Helper()
	save := func(context.Context, *connect.Credential) (*connect.Credential, error) { return &credential, nil }
	key := connect.Key{Realm: a.Connector.Realm(), ID: "ann"}
	if err := a.Tokens.Update(context.Background(), key, save); err != nil {
		t.Fatal(err)
	}
}
