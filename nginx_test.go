package gloebit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// proxied is a shop of two replicas behind nginx, which terminates TLS.
// Browsers and Gloebit reach it at /shop/.
type proxied struct {
	*testing.T
	url      string // of nginx
	mount    string // what replicas have of /shop in their paths
	gloebit  *gloebittest.Server
	account  gloebittest.Application
	tokens   gloebit.MemoryTokenStore
	states   gloebit.MemoryStateStore
	bought   ledger.MemoryStore
	goods    countedGoods
	sessions *scs.SessionManager
	browser  *http.Client
	served   [2]atomic.Int32 // requests to each replica
}

func TestBehindNginx(t *testing.T) {
	const keepHost = "proxy_set_header Host $http_host;"
	for name, c := range map[string]struct{ mount, location string }{
		"prefix stripped, Host rewritten": {"", "proxy_pass http://replicas/;"},
		"prefix stripped, Host kept":      {"", "proxy_pass http://replicas/; " + keepHost},
		"prefix kept, Host rewritten":     {"/shop", "proxy_pass http://replicas;"},
		"prefix kept, Host kept":          {"/shop", "proxy_pass http://replicas; " + keepHost},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProxied(t, c.mount, c.location)
			p.connects()
			p.buys()
			p.disconnects()
			require.Positive(t, p.served[0].Load())
			require.Positive(t, p.served[1].Load())
		})
	}
}

func newProxied(t *testing.T, mount, location string) *proxied {
	t.Helper()
	nginx := testkit.NewNginx(t)
	p := &proxied{T: t, url: nginx.URL, mount: mount, sessions: scs.New(), browser: nginx.Client}
	p.sessions.Store, p.sessions.Cookie.Secure = memstore.NewWithCleanupInterval(0), true
	p.gloebit = gloebittest.NewServerConfig(gloebittest.Config{
		HTTPClient: &http.Client{Transport: nginx.Client.Transport},
	})
	t.Cleanup(p.gloebit.Close)
	var err error
	p.account, err = p.gloebit.AddApplication(gloebittest.Application{RedirectPrefixes: []string{p.url + "/shop/"}})
	require.NoError(t, err)
	_, err = p.gloebit.AddUser(gloebittest.User{Name: "alice", Balance: "1000"})
	require.NoError(t, err)
	require.NoError(t, p.gloebit.Approve("alice"))
	upstream := ""
	for i := range p.served {
		replica := httptest.NewServer(p.replica(i))
		t.Cleanup(replica.Close)
		upstream += "server " + replica.Listener.Addr().String() + "; "
	}
	nginx.Start(fmt.Sprintf("upstream replicas { %s}\nserver { listen %s ssl; ssl_certificate %s; "+
		"ssl_certificate_key %s; location /shop/ { %s } }",
		upstream, nginx.Address, nginx.Certificate, nginx.Key, location))
	return p
}

// replica is one process of the shop.
func (p *proxied) replica(i int) http.Handler {
	m, err := gloebit.New(gloebit.Config{
		ClientID: p.account.Key, ClientSecret: gloebit.Secret(p.account.Secret), Provider: gloebit.ProviderAt(p.gloebit.URL),
		RedirectURL: p.url + "/shop/gloebit/callback", HomePath: p.mount + "/home", SignIn: true,
		Tokens: &p.tokens, States: &p.states, Sessions: p.sessions,
	})
	require.NoError(p, err)
	purchases, err := ledger.New(ledger.Config{
		Merchant: m, Store: &p.bought, Fulfiller: &p.goods, CallbackURL: p.url + "/shop/gloebit/hold",
		Keys: []gloebit.Secret{"an authentication key: 32 bytes."},
	})
	require.NoError(p, err)
	mux := http.NewServeMux()
	mux.Handle(p.mount+"/gloebit/", m.Handler())
	mux.Handle(p.mount+"/gloebit/hold/", purchases.Handler())
	mux.HandleFunc(p.mount+"/home", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "home") })
	mux.Handle(p.mount+"/hats", m.RequireGloebit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hats for "+gloebit.MustFromContext(r.Context()).User().Name)
	})))
	mux.Handle("POST "+p.mount+"/buy", m.RequireGloebit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		order := ledger.Order{IdempotencyKey: r.FormValue("order"), Item: "hat", Price: 40, Quantity: 1}
		bought, err := purchases.Purchase(r.Context(), gloebit.MustFromContext(r.Context()), order)
		if err != nil {
			m.HandleError(w, r, err)
			return
		}
		_, _ = io.WriteString(w, bought.ID)
	})))
	shop := p.sessions.LoadAndSave(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.served[i].Add(1)
		shop.ServeHTTP(w, r)
	})
}

// countedGoods is a Fulfiller that counts deliveries.
type countedGoods struct{ delivered atomic.Int32 }

func (*countedGoods) Reserve(context.Context, ledger.Purchase) error { return nil }
func (*countedGoods) Release(context.Context, ledger.Purchase) error { return nil }
func (g *countedGoods) Deliver(context.Context, ledger.Purchase) error {
	g.delivered.Add(1)
	return nil
}

// load sends a request as a browser does, and follows redirects.
func (p *proxied) load(method, path string, form url.Values, header ...string) testkit.Page {
	p.Helper()
	r := testkit.NewRequest(p, method, p.url+path, form)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return testkit.Load(p, p.browser, r)
}

func (p *proxied) connects() {
	for path, end := range map[string]string{
		"/shop/hats?size=4": "/shop/hats?size=4", "/shop/gloebit/connect": "/shop/home",
	} {
		page := p.load(http.MethodGet, path, nil)
		require.Equal(p, http.StatusOK, page.Status, page.Body)
		require.Equal(p, p.url+end, page.URL.String())
	}
	require.Equal(p, "hats for alice", p.load(http.MethodGet, "/shop/hats", nil).Body)
}

// buys checks that the shop accepts its own forms and rejects another site's,
// from browsers with and without Sec-Fetch-Site.
func (p *proxied) buys() {
	for i, header := range [][]string{{"Origin", p.url}, {"Origin", p.url, "Sec-Fetch-Site", "same-origin"}} {
		page := p.load(http.MethodPost, "/shop/buy", url.Values{"order": {fmt.Sprint(i)}}, header...)
		require.Equal(p, http.StatusOK, page.Status, page.Body)
	}
	for _, header := range [][]string{{"Origin", "https://evil.example"}, {
		"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site",
	}} {
		require.Equal(
			p, http.StatusForbidden, p.load(http.MethodPost, "/shop/buy", url.Values{"order": {"forged"}}, header...).Status,
		)
	}
	require.NoError(p, p.gloebit.Settle(p.Context()))
	require.Equal(p, "920", p.gloebit.Balance("alice"))
	require.EqualValues(p, 2, p.goods.delivered.Load(), "Gloebit's callbacks arrive too")
}

func (p *proxied) disconnects() {
	page := p.load(
		http.MethodPost, "/shop/gloebit/disconnect", url.Values{"return_to": {p.mount + "/home?left"}}, "Origin", p.url,
	)
	require.Equal(p, http.StatusOK, page.Status, page.Body)
	require.Equal(p, p.url+"/shop/home?left", page.URL.String())
	page = p.load(http.MethodPost, "/shop/buy", url.Values{}, "Origin", p.url, "Accept", "application/json")
	require.Equal(p, http.StatusUnauthorized, page.Status)
	var problem struct {
		ConnectURL string `json:"connect_url"`
	}
	require.NoError(p, json.Unmarshal([]byte(page.Body), &problem))
	require.True(p, strings.HasPrefix(problem.ConnectURL, "/shop/gloebit/connect"), problem.ConnectURL)
}
