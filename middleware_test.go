package gloebit_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
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

func TestHandleErrorResponses(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		err      error
		status   int
		location string
		body     string
	}{
		"not connected": {
			gloebit.ErrNotConnected, 303, "/gloebit/connect?return_to=%2Fcart%3Fa%3Db", "",
		},
		"a scope": {
			&gloebit.ScopeError{Missing: []gloebit.Scope{"balance"}}, 303,
			"/gloebit/connect?return_to=%2Fcart%3Fa%3Db&scope=balance", "",
		},
		"not enough gloebits": {gloebit.ErrInsufficientBalance, 402, "", "purchase?r="},
		"Gloebit down":        {gloebit.ErrUnavailable, 503, "", "can&#39;t be reached"},
		"a store down": {
			errors.Join(gloebit.ErrStore, gloebit.ErrNotConnected), 503, "", "own records",
		},
		"an unknown error":   {errors.New("secret detail"), 500, "", "Something went wrong"},
		"an unknown outcome": {gloebit.ErrOutcomeUnknown, 503, "", "not known yet whether this was done"},
		"an unknown outcome and a dead token": {
			errors.Join(gloebit.ErrOutcomeUnknown, gloebit.ErrNotConnected), 503, "", "not known yet whether this was done",
		},
		"an error of the page": {gloebit.ErrInvalidRequest, 400, "", "not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, "/cart?a=b", nil)
			r.Header.Set("Accept", "text/html")
			w.merchant.HandleError(recorder, r, test.err)
			require.Equal(t, test.status, recorder.Code)
			require.Equal(t, test.location, recorder.Header().Get("Location"))
			require.Contains(t, recorder.Body.String(), test.body)
			require.NotContains(t, recorder.Body.String(), "secret detail")
		})
	}
}

func TestErrorHandlerWritesResponse(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
			w.WriteHeader(gloebit.StatusCode(err))
			_, _ = io.WriteString(w, "in my own words")
		}
	})
	p := w.browser("").do(http.MethodPost, "/private", nil, nil)
	require.Equal(t, http.StatusUnauthorized, p.status)
	require.Equal(t, "in my own words", p.body)
	p = w.browser("").get("/gloebit/callback?state=x&code=y")
	require.Equal(t, http.StatusBadRequest, p.status)
	require.Equal(t, "in my own words", p.body)
	require.Equal(t, "/private", w.browser("").get("/private").url.Path, "a page load is still sent to connect")
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

func TestRefresh(t *testing.T) {
	expiring := gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true}
	connected := func(t *testing.T, provider gloebittest.Config) (*world, *browser) {
		w := newWorldAt(t, provider)
		b := w.browser("")
		require.Equal(t, http.StatusOK, b.get("/private").status)
		return w, b
	}
	t.Run("before the expiry", func(t *testing.T) {
		w, b := connected(t, expiring)
		w.clock.Advance(time.Hour - 10*time.Second)
		require.Equal(t, http.StatusOK, b.get("/private").status)
		require.Equal(t, 2, w.exchanges())
		w.clock.Advance(time.Hour)
		require.Equal(t, http.StatusOK, b.get("/private").status, "the rotated refresh token was saved")
		require.Equal(t, 3, w.exchanges())
	})
	t.Run("when Gloebit says that it has expired", func(t *testing.T) {
		for _, challenge := range []bool{false, true} {
			provider := expiring
			provider.Challenge = challenge
			w, b := connected(t, provider)
			w.gloebit.ExpireTokens("alice")
			require.Equal(t, http.StatusOK, b.get("/private").status)
			require.Equal(t, 2, w.exchanges())
		}
	})
	t.Run("refused, the user is disconnected", func(t *testing.T) {
		w, b := connected(t, expiring)
		w.gloebit.RevokeTokens("alice")
		w.clock.Advance(2 * time.Hour)
		require.Equal(t, http.StatusTeapot, b.get("/private").status)
		require.Zero(t, w.tokens.Len())
	})
	t.Run("not reached, the credential stays", func(t *testing.T) {
		w, b := connected(t, expiring)
		w.clock.Advance(2 * time.Hour)
		w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Status: 503})
		require.Equal(t, http.StatusTeapot, b.get("/private").status)
		require.Equal(t, 1, w.tokens.Len())
		w.gloebit.ClearFaults()
		require.Equal(t, http.StatusOK, b.get("/private").status)
	})
	t.Run("without a refresh token, the user connects again", func(t *testing.T) {
		w, b := connected(t, gloebittest.Config{TokenLifetime: time.Hour})
		w.clock.Advance(2 * time.Hour)
		require.Equal(t, http.StatusTeapot, b.get("/private").status)
		require.Zero(t, w.tokens.Len())
		require.Equal(t, http.StatusOK, b.get("/private").status)
	})
}
