package docs_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// newProxied is an application behind a proxy that strips the prefix /shop.
// Config.RedirectURL is the address that browsers see, such as
// https://shop.example/shop/gloebit/callback.
func newProxied(config gloebit.Config, allow func(address string) bool) (http.Handler, error) {
	config.RateLimit = func(r *http.Request) error {
		if address := r.Header.Get("X-Real-IP"); !allow(address) { // RemoteAddr is the proxy's
			return &gloebit.RateLimitError{RetryAfter: time.Minute}
		}
		return nil
	}
	merchant, purchases, err := newSelling(config)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for _, path := range merchant.Routes() { // with and without the prefix
		mux.Handle(path, merchant.Handler())
	}
	mux.Handle("/gloebit/hold/", purchases.Handler()) // CallbackURL is https://shop.example/shop/gloebit/hold
	mux.Handle("GET /cart", merchant.RequireGloebit(http.HandlerFunc(cart)))
	return mux, nil
}

// newPrefixed is an application behind a proxy that keeps the prefix /shop.
func newPrefixed(config gloebit.Config, _ func(address string) bool) (http.Handler, error) {
	config.HomePath = "/shop/cart"
	merchant, purchases, err := newSelling(config)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/shop/gloebit/", merchant.Handler())
	mux.Handle("/shop/gloebit/hold/", purchases.Handler())
	mux.Handle("GET /shop/cart", merchant.RequireGloebit(http.HandlerFunc(cart)))
	return mux, nil
}

func cart(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s at %s", gloebit.MustFromContext(r.Context()).User().Name, r.URL.Path)
}

// newSelling is a merchant with a ledger beside the redirect URL.
func newSelling(config gloebit.Config) (*gloebit.Merchant, *ledger.Ledger, error) {
	merchant, err := gloebit.New(config)
	if err != nil {
		return nil, nil, err
	}
	purchases, err := ledger.New(ledger.Config{
		Merchant: merchant, CallbackURL: strings.TrimSuffix(config.RedirectURL, "callback") + "hold",
		Keys: []gloebit.Secret{"an authentication key: 32 bytes."},
	})
	return merchant, purchases, err
}

// TestNginx runs the configurations that proxies.md shows.
func TestNginx(t *testing.T) {
	shown := regexp.MustCompile("(?s)```nginx\n(.*?)```").FindAllStringSubmatch(read(t, "proxies.md"), -1)
	require.Len(t, shown, 2)
	stripped := shown[0][1]
	server, _, found := strings.Cut(stripped, "\tlocation ")
	require.True(t, found)
	for name, c := range map[string]struct {
		config string
		site   func(gloebit.Config, func(address string) bool) (http.Handler, error)
		cart   string // the application's path of /shop/cart
	}{
		"prefix stripped": {stripped, newProxied, "/cart"},
		"prefix kept":     {server + shown[1][1] + "}\n", newPrefixed, "/shop/cart"},
	} {
		t.Run(name, func(t *testing.T) {
			nginx, shop := testkit.NewNginx(t), testkit.NewShop(t, gloebittest.Config{})
			_, err := shop.Gloebit.AddApplication(gloebittest.Application{
				Key: "proxied", Secret: "secret", RedirectPrefixes: []string{nginx.URL + "/"},
			})
			require.NoError(t, err)
			site, err := c.site(gloebit.Config{
				ClientID: "proxied", ClientSecret: "secret", Provider: gloebit.ProviderAt(shop.Gloebit.URL),
				RedirectURL: nginx.URL + "/shop/gloebit/callback", SignIn: true, Scopes: []gloebit.Scope{gloebit.ScopeID},
				HomePath: "/cart",
			}, func(address string) bool { return address == "127.0.0.1" })
			require.NoError(t, err)
			shop.Serve(site)
			log := filepath.Join(t.TempDir(), "access.log")
			nginx.Start(strings.NewReplacer(
				"443 ssl", nginx.Address+" ssl", "server_name shop.example", "server_name 127.0.0.1; access_log "+log,
				"/etc/ssl/shop.example.pem", nginx.Certificate, "/etc/ssl/shop.example.key", nginx.Key,
				"10.0.0.1:8080", shop.Server.Listener.Addr().String(), "\tserver 10.0.0.2:8080;\n", "",
			).Replace(c.config))

			callback := testkit.NewRequest(t, http.MethodGet, nginx.URL+"/shop/gloebit/hold/unsigned", nil)
			require.Equal(t, "Not Found\n", testkit.Load(t, nginx.Client, callback).Body, "the ledger's answer")
			for _, path := range []string{"/shop/cart", "/shop/gloebit/connect"} {
				page := testkit.Load(t, nginx.Client, testkit.NewRequest(t, http.MethodGet, nginx.URL+path, nil))
				require.Equal(t, "/shop/cart", page.URL.Path, page.Body)
				require.Equal(t, "alice at "+c.cart, page.Body)
				require.NotEmpty(t, page.Header.Get("Strict-Transport-Security"))
			}
			logged, err := os.ReadFile(log)
			require.NoError(t, err)
			require.Contains(t, string(logged), "/shop/gloebit/connect")
			require.NotContains(t, string(logged), "/hold")
		})
	}
}

func TestStrippedPrefix(t *testing.T) {
	shop := testkit.NewShop(t, gloebittest.Config{})
	config := shop.Config()
	config.RedirectURL = shop.Server.URL + "/shop/gloebit/callback"
	config.SignIn = true
	site, err := newProxied(config, func(address string) bool { return address == "" })
	require.NoError(t, err)
	shop.Serve(http.StripPrefix("/shop", site))
	browser := testkit.NewBrowser(t)
	page := testkit.Load(t, browser, testkit.NewRequest(t, http.MethodGet, shop.Server.URL+"/shop/cart", nil))
	require.Equal(t, "/shop/cart", page.URL.Path, page.Body)
	require.Equal(t, "alice at /cart", page.Body)

	limited := testkit.NewRequest(t, http.MethodGet, shop.Server.URL+"/shop/gloebit/connect", nil)
	limited.Header.Set("X-Real-IP", "192.0.2.1")
	page = testkit.Load(t, browser, limited)
	require.Equal(t, http.StatusTooManyRequests, page.Status)
	require.Equal(t, "60", page.Header.Get("Retry-After"))
}
