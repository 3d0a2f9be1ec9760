package oauth1test_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/oauth1"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// world is a Gloebit and an application that connects to it by OAuth 1.0a.
type world struct {
	t        *testing.T
	gloebit  *gloebittest.Server
	app      gloebittest.Application
	shop     *httptest.Server
	merchant *gloebit.Merchant
	tokens   *gloebit.MemoryTokenStore
	log      *strings.Builder
	client   *http.Client
}

func newWorld(t *testing.T, changes ...func(*gloebit.Config)) *world {
	t.Helper()
	w := &world{t: t, gloebit: gloebittest.NewServer(), tokens: &gloebit.MemoryTokenStore{}, log: &strings.Builder{}}
	t.Cleanup(w.gloebit.Close)
	mux := http.NewServeMux()
	w.shop = httptest.NewServer(mux)
	t.Cleanup(w.shop.Close)
	var err error
	w.app, err = w.gloebit.AddApplication(gloebittest.Application{
		Name: "Shop", RedirectPrefixes: []string{w.shop.URL + "/"}, Products: []gloebittest.Product{{Name: "green-hat", Price: 40}},
	})
	require.NoError(t, err)
	_, err = w.gloebit.AddUser(gloebittest.User{Name: "alice", Balance: "1000"})
	require.NoError(t, err)
	require.NoError(t, w.gloebit.Approve("alice"))
	config := gloebit.Config{
		ClientID: w.app.Key, ClientSecret: gloebit.Secret(w.app.Secret),
		RedirectURL: w.shop.URL + "/gloebit/callback",
		Scopes:      []gloebit.Scope{gloebit.ScopeUser, gloebit.ScopeBalance, gloebit.ScopeTransact, gloebit.ScopeInventory},
		Provider:    gloebit.At(w.gloebit.URL),
		Flow:        oauth1.Flow{},
		Tokens:      w.tokens,
		SignIn:      true,
		HTTPClient:  &http.Client{Timeout: time.Second},
		Logger:      slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, change := range changes {
		change(&config)
	}
	w.merchant, err = gloebit.New(config)
	require.NoError(t, err)
	mux.Handle("/gloebit/", w.merchant.Handler())
	mux.Handle("/buy", w.merchant.RequireGloebit(http.HandlerFunc(w.buy)))
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{} // a server of httptest that is closed breaks connections of the default one
	t.Cleanup(transport.CloseIdleConnections)
	w.client = &http.Client{Transport: transport, Jar: jar, Timeout: 10 * time.Second}
	return w
}

// buy uses each kind of request: GET, POST with a JSON body, POST without one,
// and a path with what has to be escaped.
func (w *world) buy(rw http.ResponseWriter, r *http.Request) {
	client := gloebit.MustFromContext(r.Context())
	fail := func(err error) bool {
		if err != nil {
			w.merchant.HandleError(rw, r, err)
		}
		return err != nil
	}
	if _, err := client.PurchaseProduct(r.Context(), gloebit.ProductOrder{Key: uuid.NewString(), Product: "green-hat", Quantity: 2}); fail(err) {
		return
	}
	left, err := client.ConsumeProduct(r.Context(), "green-hat", 1)
	if fail(err) {
		return
	}
	balance, err := client.Balance(r.Context())
	if fail(err) {
		return
	}
	_, err = client.ConsumeProduct(r.Context(), "a/b c&d=é", 1)
	_, _ = fmt.Fprintf(rw, "%s G$, %d left, %v", balance, left, err)
}

func (w *world) get(target string) (status int, body string, url *url.URL) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, target, nil)
	require.NoError(w.t, err)
	req.Header.Set("Accept", "text/html")
	resp, err := w.client.Do(req)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return resp.StatusCode, string(b), resp.Request.URL
}
