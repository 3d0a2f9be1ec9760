package gloebit_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

func TestRoutes(t *testing.T) {
	for path, want := range map[string][]string{
		"/callback":         {"/connect", "/callback", "/disconnect"},
		"/gloebit/callback": {"/gloebit/connect", "/gloebit/callback", "/gloebit/disconnect"},
		"/shop/gloebit/return": {
			"/shop/gloebit/connect", "/shop/gloebit/return", "/shop/gloebit/disconnect",
			"/gloebit/connect", "/gloebit/return", "/gloebit/disconnect",
		},
		"/a/hat%20shop/pay/callback": {
			"/a/hat shop/pay/connect", "/a/hat shop/pay/callback", "/a/hat shop/pay/disconnect",
			"/hat shop/pay/connect", "/hat shop/pay/callback", "/hat shop/pay/disconnect",
			"/pay/connect", "/pay/callback", "/pay/disconnect",
		},
	} {
		t.Run(path, func(t *testing.T) {
			m, err := gloebit.New(gloebit.Config{
				ClientID: "key", ClientSecret: "secret", Provider: gloebit.Sandbox(),
				RedirectURL: "https://shop.example" + path,
			})
			require.NoError(t, err)
			require.Equal(t, want, m.Routes())
		})
	}
}

// TestOwnPathsBelowRequire checks that the middleware passes requests for the
// handler's paths to it, also with a slash at the end.
func TestOwnPathsBelowRequire(t *testing.T) {
	merchant, err := gloebit.New(validConfig())
	require.NoError(t, err)
	handler := merchant.RequireGloebit(merchant.Handler())
	for path, status := range map[string]int{
		"/gloebit/connect": 303, "/gloebit/connect/": 303, "/gloebit/callback": 400, "/gloebit/callback/": 400,
		"/gloebit/disconnect/": 405, "/gloebit/other/": 303,
	} {
		recorder := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Accept", "text/html")
		handler.ServeHTTP(recorder, r)
		require.Equal(t, status, recorder.Code, path)
		require.Equal(t, path == "/gloebit/other/", strings.HasPrefix(recorder.Header().Get("Location"), "/"), path)
	}
}

func TestConnectRedirectsToCallbackHost(t *testing.T) {
	w := newWorld(t)
	shop, _ := url.Parse(w.shop.URL)
	p := w.browser("").get("http://localhost:" + shop.Port() + "/private")
	require.Equal(t, http.StatusOK, p.status)
	require.Equal(t, shop.Host, p.url.Host)

	merchant, err := gloebit.New(validConfig())
	require.NoError(t, err)
	config := validConfig()
	config.RedirectURL = "http://localhost:8080/gloebit/callback"
	local, err := gloebit.New(config)
	require.NoError(t, err)
	location := func(handler http.Handler, target string) string {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, target, nil))
		return recorder.Header().Get("Location")
	}
	t.Run("not from a host that is not loopback", func(t *testing.T) {
		to := location(merchant.ConnectHandler(), "http://evil.example/gloebit/connect")
		require.Contains(t, to, "sandbox.gloebit.com")
	})
	t.Run("not from another port, because a proxy could cause a loop", func(t *testing.T) {
		to := location(local.ConnectHandler(), "http://127.0.0.1:9000/gloebit/connect")
		require.Contains(t, to, "sandbox.gloebit.com")
	})
	t.Run("below a stripped prefix", func(t *testing.T) {
		to := location(
			http.StripPrefix("/gloebit", local.Handler()), "http://127.0.0.1:8080/gloebit/connect?return_to=/x%3Fy",
		)
		require.Equal(t, "http://localhost:8080/gloebit/connect?moved=1&return_to=%2Fx%3Fy", to)
	})
	t.Run("with the connect handler at another path", func(t *testing.T) {
		to := location(local.ConnectHandler(), "http://127.0.0.1:8080/sign/in?return_to=/x%3Fy")
		require.Equal(t, "http://localhost:8080/sign/in?moved=1&return_to=%2Fx%3Fy", to)
	})
}
