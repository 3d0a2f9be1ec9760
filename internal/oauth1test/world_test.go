package oauth1test_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
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
	log      *testkit.Log
	client   *http.Client
}

func newWorld(t *testing.T, changes ...func(*gloebit.Config)) *world {
	t.Helper()
	shop := testkit.NewShop(t, gloebittest.Config{})
	w := &world{
		t: t, gloebit: shop.Gloebit, app: shop.App, shop: shop.Server,
		tokens: &gloebit.MemoryTokenStore{}, log: &testkit.Log{}, client: testkit.NewBrowser(t),
	}
	config := shop.Config()
	config.Scopes = []gloebit.Scope{gloebit.ScopeUser, gloebit.ScopeBalance, gloebit.ScopeTransact, gloebit.ScopeInventory}
	config.Protocol, config.Tokens, config.SignIn = oauth1.Protocol{}, w.tokens, true
	config.HTTPClient, config.Logger = &http.Client{Timeout: time.Second}, w.log.Logger()
	for _, change := range changes {
		change(&config)
	}
	var err error
	w.merchant, err = gloebit.New(config)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/gloebit/", w.merchant.Handler())
	mux.Handle("/buy", w.merchant.RequireGloebit(http.HandlerFunc(w.buy)))
	shop.Serve(mux)
	return w
}

// buy uses each kind of request: GET, POST with a JSON body, POST without a
// body, and a path with escapes.
func (w *world) buy(rw http.ResponseWriter, r *http.Request) {
	client := gloebit.MustFromContext(r.Context())
	fail := func(err error) bool {
		if err != nil {
			w.merchant.HandleError(rw, r, err)
		}
		return err != nil
	}
	if _, err := client.PurchaseProduct(r.Context(), gloebit.ProductOrder{
		IdempotencyKey: uuid.NewString(), Product: "green-hat", Quantity: 2,
	}); fail(err) {
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
	p := testkit.Load(w.t, w.client, testkit.NewRequest(w.t, http.MethodGet, target, nil))
	return p.Status, p.Body, p.URL
}
