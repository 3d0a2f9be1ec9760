package docs_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
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
	merchant, err := gloebit.New(config)
	if err != nil {
		return nil, err
	}
	cart := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s at %s", gloebit.MustFromContext(r.Context()).User().Name, r.URL.Path)
	}
	mux := http.NewServeMux()
	for _, path := range merchant.Routes() { // with and without the prefix
		mux.Handle(path, merchant.Handler())
	}
	mux.Handle("GET /cart", merchant.RequireGloebit(http.HandlerFunc(cart)))
	return mux, nil
}

// TestNginx runs the configuration that proxies.md shows.
func TestNginx(t *testing.T) {
	nginx, shop := testkit.NewNginx(t), testkit.NewShop(t, gloebittest.Config{})
	_, err := shop.Gloebit.AddApplication(gloebittest.Application{
		Key: "proxied", Secret: "secret", RedirectPrefixes: []string{nginx.URL + "/"},
	})
	require.NoError(t, err)
	site, err := newProxied(gloebit.Config{
		ClientID: "proxied", ClientSecret: "secret", Provider: gloebit.ProviderAt(shop.Gloebit.URL),
		RedirectURL: nginx.URL + "/shop/gloebit/callback", SignIn: true, Scopes: []gloebit.Scope{gloebit.ScopeID},
	}, func(address string) bool { return address == "127.0.0.1" })
	require.NoError(t, err)
	shop.Serve(site)
	shown := regexp.MustCompile("(?s)```nginx\n(.*?)```").FindStringSubmatch(read(t, "proxies.md"))
	require.NotNil(t, shown)
	nginx.Start(strings.NewReplacer(
		"443 ssl", nginx.Address+" ssl", "server_name shop.example", "server_name 127.0.0.1",
		"/etc/ssl/shop.example.pem", nginx.Certificate, "/etc/ssl/shop.example.key", nginx.Key,
		"10.0.0.1:8080", shop.Server.Listener.Addr().String(), "\tserver 10.0.0.2:8080;\n", "",
	).Replace(shown[1]))

	page := testkit.Load(t, nginx.Client, testkit.NewRequest(t, http.MethodGet, nginx.URL+"/shop/cart", nil))
	require.Equal(t, "/shop/cart", page.URL.Path, page.Body)
	require.Equal(t, "alice at /cart", page.Body)
	require.NotEmpty(t, page.Header.Get("Strict-Transport-Security"))
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
