package blotre_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/servers/blotre"
	"github.com/go-gloebit/gloebit/servers/blotre/blotretest"
	"github.com/stretchr/testify/require"
)

const callback = "https://app.example/oauth/callback"

// hosts is a network in memory.
type hosts map[string]http.Handler

func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	return oauthtest.Transport{Handler: h[r.URL.Host]}.RoundTrip(r)
}

// world is an application that is connected to a Blot're, both in memory, with a
// user Ann and her browser.
type world struct {
	clock     *testkit.Clock // the application's
	there     *testkit.Clock // Blot're's
	blotre    *blotretest.Server
	ann       blotretest.User
	client    blotretest.Client
	tokens    *connect.MemoryTokenStore
	connector *connect.Connector
	browser   *http.Client
	log       *testkit.Log
	page      http.HandlerFunc // at /page, behind Require
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		clock: testkit.NewClock(), there: testkit.NewClock(), tokens: new(connect.MemoryTokenStore), log: new(testkit.Log),
	}
	w.blotre = blotretest.New(w.there.Now)
	w.ann = w.blotre.AddUser("Ann")
	w.client = w.blotre.AddClient("Toaster", callback)
	w.blotre.Approve(w.ann)
	var err error
	w.connector, err = connect.New(connect.Config{
		Server: blotre.Server(""), ClientID: w.client.ID, ClientSecret: connect.Secret(w.client.Secret),
		RedirectURL: callback,
		Tokens:      w.tokens, Clock: w.clock.Now, Logger: w.log.Logger(),
		HTTPClient: &http.Client{Transport: w.blotre.Transport()},
		User:       func(*http.Request) (connect.User, error) { return connect.User{ID: "ann"}, nil },
	})
	require.NoError(t, err)
	w.page = func(rw http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(rw, "page") }
	mux := http.NewServeMux()
	mux.Handle("/oauth/", w.connector.Handler())
	mux.Handle(
		"/page", w.connector.Require()(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.page(rw, r) })),
	)
	w.browser = &http.Client{Jar: testkit.NewJar(t), Transport: hosts{"app.example": mux, "blot.re": w.blotre}}
	return w
}

// advance moves both clocks.
func (w *world) advance(d time.Duration) {
	w.clock.Advance(d)
	w.there.Advance(d)
}

// count returns how many requests to a path Blot're got.
func (w *world) count(path string) int { return len(w.blotre.Requests(path)) }

// open loads the page of the application, by way of Blot're if Ann is not
// connected.
func (w *world) open(t *testing.T) testkit.Page {
	t.Helper()
	return testkit.Load(t, w.browser, testkit.NewRequest(t, http.MethodGet, "https://app.example/page", nil))
}

// account connects Ann and returns her account.
func (w *world) account(t *testing.T) *connect.Account {
	t.Helper()
	page := w.open(t)
	require.Equal(t, "page", page.Body)
	account, err := w.connector.Account(t.Context(), "ann")
	require.NoError(t, err)
	return account
}

// api connects Ann and returns a client for her.
func (w *world) api(t *testing.T) blotre.Client {
	t.Helper()
	return blotre.NewClient(w.account(t))
}

// anonymous is a client without a user.
func (w *world) anonymous() blotre.Client {
	return blotre.Client{HTTPClient: &http.Client{Transport: w.blotre.Transport()}}
}

// last returns the last request that Blot're got.
func (w *world) last(t *testing.T) blotretest.Request {
	t.Helper()
	requests := w.blotre.Requests("")
	require.NotEmpty(t, requests)
	return requests[len(requests)-1]
}

// raw sends a request to Blot're as written, and returns the status, the header
// and the body.
func (w *world) raw(t *testing.T, method, target string, body any, header ...string) (int, http.Header, string) {
	t.Helper()
	var reader io.Reader
	kind := ""
	switch body := body.(type) {
	case url.Values:
		reader, kind = strings.NewReader(body.Encode()), "application/x-www-form-urlencoded"
	case string:
		reader, kind = strings.NewReader(body), "application/json"
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "https://blot.re/v0/"+target, reader)
	require.NoError(t, err)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: w.blotre.Transport(), CheckRedirect: testkit.Stay}
	page := testkit.Load(t, client, r)
	return page.Status, page.Header, page.Body
}

// member returns a member of a JSON object.
func member(t *testing.T, body, name string) any {
	t.Helper()
	var object map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &object), body)
	return object[name]
}
