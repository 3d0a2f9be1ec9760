package gloebit_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

// panickingSessions is a session store that panics.
type panickingSessions struct{}

func (panickingSessions) GetString(context.Context, string) string { panic("the application's own") }
func (panickingSessions) Put(context.Context, string, any)         {}
func (panickingSessions) Remove(context.Context, string)           {}
func (panickingSessions) RenewToken(context.Context) error         { return nil }
func (panickingSessions) Deadline(context.Context) time.Time       { return time.Time{} }

func TestUnconnectedRequestsGetRedirectOr401(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		method   string
		header   http.Header
		redirect bool
	}{
		"a navigation":           {"GET", http.Header{"Sec-Fetch-Mode": {"navigate"}}, true},
		"a HEAD of a navigation": {"HEAD", http.Header{"Sec-Fetch-Mode": {"navigate"}}, true},
		"an old browser":         {"GET", http.Header{"Accept": {"text/html,application/xhtml+xml"}}, true},
		"a browser of odd case":  {"GET", http.Header{"Accept": {"Text/HTML"}}, true},
		"a script's fetch":       {"GET", http.Header{"Sec-Fetch-Mode": {"cors"}, "Accept": {"*/*"}}, false},
		"a script's fetch that accepts HTML": {
			"GET", http.Header{"Sec-Fetch-Mode": {"cors"}, "Accept": {"text/html"}}, false,
		},
		"an API client": {"GET", http.Header{"Accept": {"application/json"}}, false},
		"curl":          {"GET", http.Header{"Accept": {"*/*"}}, false},
		"nothing said":  {"GET", http.Header{}, false},
		"a form":        {"POST", http.Header{"Sec-Fetch-Mode": {"navigate"}, "Accept": {"text/html"}}, false},
		"a DELETE":      {"DELETE", http.Header{"Accept": {"text/html"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest(test.method, w.shop.URL+"/private?a=b", nil)
			require.NoError(t, err)
			req.Header = test.header
			resp, err := http.DefaultTransport.RoundTrip(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
			if test.redirect {
				require.Equal(t, http.StatusSeeOther, resp.StatusCode)
				require.Equal(t, "/gloebit/connect?return_to=%2Fprivate%3Fa%3Db", resp.Header.Get("Location"))
				return
			}
			require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
			require.NotEmpty(t, resp.Header.Get("WWW-Authenticate"))
		})
	}
}

func TestUnauthorizedProblemHasConnectURL(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	for referer, connect := range map[string]string{
		"":                                "/gloebit/connect",
		w.shop.URL + "/cart?x=1":          "/gloebit/connect?return_to=%2Fcart%3Fx%3D1",
		"https://evil.example/cart":       "/gloebit/connect",
		w.shop.URL + "//evil.example":     "/gloebit/connect",
		"http://user@" + w.shop.URL[7:]:   "/gloebit/connect?return_to=%2F",
		"http://%zz":                      "/gloebit/connect",
		w.shop.URL + "/a%2f..%2f..%2fbad": "/gloebit/connect",
	} {
		p := b.do(http.MethodPost, "/private", nil, http.Header{"Accept": {"application/json"}, "Referer": {referer}})
		require.Equal(t, http.StatusUnauthorized, p.status)
		require.Equal(t, "application/problem+json", p.header.Get("Content-Type"))
		var problem map[string]any
		require.NoError(t, json.Unmarshal([]byte(p.body), &problem))
		require.Equal(t, map[string]any{
			"type": "https://pkg.go.dev/github.com/go-gloebit/gloebit#ErrNotConnected", "title": "Unauthorized", "status": 401.0,
			"detail": "Please connect your Gloebit account first.", "connect_url": connect,
		}, problem, referer)
	}
}

func TestMissingScopeReturns403ToScripts(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	b.get("/private")
	p := b.do(http.MethodPost, "/inventory", nil, http.Header{"Accept": {"application/json"}})
	require.Equal(t, http.StatusForbidden, p.status)
	require.Contains(t, p.body, `"connect_url":"/gloebit/connect?scope=inventory"`)
}

func TestSignedOutUserGets401WithoutConnectURL(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) { c.User = headerUser })
	p := w.browser("").get("/private")
	require.Equal(t, http.StatusUnauthorized, p.status)
	require.NotContains(t, p.body, "/gloebit/connect")
	require.Equal(t, "not connected", w.browser("").get("/optional").body)
}

func TestMiddlewareNests(t *testing.T) {
	w := newWorld(t)
	inner := http.HandlerFunc(showBalance)
	w.mux.Handle(
		"/nested", w.merchant.Optional(w.merchant.RequireGloebit(w.merchant.RequireScopes(gloebit.ScopeBalance)(inner))),
	)
	b := w.browser("")
	p := b.get("/nested")
	require.Equal(t, http.StatusOK, p.status)
	before := b.jar.Cookies(p.url)
	require.Len(t, before, 1)
	b.location("/gloebit/connect")
	require.Contains(t, b.jar.Cookies(p.url), before[0], "the session is there already")
}

func TestMiddlewareWorksBelowAStrippedPrefix(t *testing.T) {
	w := newWorld(t, func(w *world, c *gloebit.Config) { c.RedirectURL = w.shop.URL + "/shop/gloebit/callback" })
	inner := http.NewServeMux()
	inner.Handle("/gloebit/", w.merchant.Handler())
	inner.Handle("/private", w.merchant.RequireGloebit(http.HandlerFunc(showBalance)))
	w.mux.Handle("/shop/", http.StripPrefix("/shop", inner))
	p := w.browser("").get("/shop/private?x=1")
	require.Equal(t, http.StatusOK, p.status, p.body)
	require.Equal(t, "/shop/private?x=1", p.url.RequestURI())
}

func TestRevokedTokenRedirectsToConnect(t *testing.T) {
	w := newWorld(t)
	w.mux.Handle("/balance", w.merchant.RequireGloebit(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		balance, err := gloebit.MustFromContext(r.Context()).Balance(r.Context())
		if err != nil {
			w.merchant.HandleError(rw, r, err)
			return
		}
		_, _ = io.WriteString(rw, balance.String())
	})))
	b := w.browser("")
	require.Equal(t, "1000", b.get("/balance").body)
	w.gloebit.RevokeTokens("alice")
	require.Equal(t, "/gloebit/connect?return_to=%2Fbalance", b.location("/balance").RequestURI())
	require.Zero(t, w.tokens.Len(), "the credential is forgotten")
	require.Equal(t, "1000", b.get("/balance").body, "and connecting again mends it")
}

func TestConnectErrorHasReturnToAndScopes(t *testing.T) {
	var failed *gloebit.ConnectError
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
			if !errors.As(err, &failed) {
				t.Errorf("%v is not a ConnectError", err)
			}
			w.WriteHeader(gloebit.StatusCode(err))
		}
	})
	b := w.browser("")
	callback := b.callback("/gloebit/connect?return_to=/inventory&scope=inventory")
	query := callback.Query()
	query.Set("error", "access_denied")
	callback.RawQuery = query.Encode()
	require.Equal(t, http.StatusForbidden, b.get(callback.String()).status)
	require.ErrorIs(t, failed, gloebit.ErrAccessDenied)
	require.Equal(t, "/inventory", failed.ReturnTo)
	require.Equal(t, []gloebit.Scope{gloebit.ScopeInventory}, failed.Scopes)
}

func TestUnsavedConnectionIsLoggedWithUser(t *testing.T) {
	wants := map[string]string{ // in the modes in which the id is known beforehand
		"users of the application": `user="id of alice"`, "users of the application, its sessions": `user="id of alice"`,
	}
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t, mode.change)
			w.tokens.failSaves(errDown)
			require.Equal(t, http.StatusServiceUnavailable, w.browser("alice").get("/gloebit/connect").status)
			var record string
			for line := range strings.Lines(w.log.String()) {
				if strings.Contains(line, "save the credential") {
					record = line
				}
			}
			require.Contains(t, record, "gloebit: request failed")
			require.Contains(t, record, cmp.Or(wants[mode.name], " user="))
		})
	}
}

func TestConnectURLIsEscaped(t *testing.T) {
	config := validConfig()
	config.RedirectURL = "https://shop.example/a%20b/gloebit/callback"
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	u, err := url.Parse(merchant.ConnectURL("/x?y=z&w", gloebit.ScopeBalance, gloebit.ScopeInventory))
	require.NoError(t, err)
	require.Equal(t, "/a%20b/gloebit/connect", u.EscapedPath())
	require.Equal(t, url.Values{"return_to": {"/x?y=z&w"}, "scope": {"balance inventory"}}, u.Query())
}

func TestRequireScopesPanicsOnUnknownScope(t *testing.T) {
	merchant, err := gloebit.New(validConfig())
	require.NoError(t, err)
	require.PanicsWithValue(t, `gloebit: RequireScopes: unknown scope "money"`, func() { merchant.RequireScopes("money") })
}
