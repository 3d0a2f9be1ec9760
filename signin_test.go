package gloebit_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

// signingIn serves a request without a session at the shop
// https://shop.example, which has its own sign-in.
func signingIn(t *testing.T, signIn string, r *http.Request, changes ...func(*gloebit.Config)) *http.Response {
	t.Helper()
	config := validConfig()
	config.User, config.SignInURL = headerUser, signIn
	for _, change := range changes {
		change(&config)
	}
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler())
	mux.Handle(
		"/", merchant.RequireGloebit(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it ran") })),
	)
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, r)
	return answer.Result()
}

func pageLoad(path string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept", "text/html")
	return r
}

func TestSignInURLOfAPageLoad(t *testing.T) {
	for name, test := range map[string]struct{ signIn, path, want string }{
		"a local path":       {"/login", "/cart?x=1&y=a%20b", "/login?return_to=%2Fcart%3Fx%3D1%26y%3Da%2520b"},
		"with a query":       {"/login?from=hats", "/cart", "/login?from=hats&return_to=%2Fcart"},
		"on the shop's host": {"https://shop.example/login", "/cart", "https://shop.example/login?return_to=%2Fcart"},
		"on another host": {
			"https://id.example/", "/cart", "https://id.example/?return_to=https%3A%2F%2Fshop.example%2Fcart",
		},
		"a page of no return": {"/login", "//evil.example/cart", "/login"},
		"a connection": {
			"/login", "/gloebit/connect?return_to=/cart", "/login?return_to=%2Fgloebit%2Fconnect%3Freturn_to%3D%252Fcart",
		},
		"a connection to home": {"/login", "/gloebit/connect", "/login?return_to=%2Fgloebit%2Fconnect"},
	} {
		t.Run(name, func(t *testing.T) {
			r := pageLoad("/")
			r.RequestURI = test.path
			if u, err := url.ParseRequestURI(test.path); err == nil && u.Host == "" && test.path[1] != '/' {
				r.URL = u
			}
			resp := signingIn(t, test.signIn, r)
			require.Equal(t, http.StatusSeeOther, resp.StatusCode)
			require.Equal(t, test.want, resp.Header.Get("Location"))
			require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
		})
	}
	t.Run("before the ErrorHandler", func(t *testing.T) {
		resp := signingIn(t, "/login", pageLoad("/cart"), func(c *gloebit.Config) {
			c.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { t.Error("it was asked") }
		})
		require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	})
	for name, test := range map[string]struct {
		change func(*http.Request)
		signIn string
		want   int
	}{
		"a store is down": {
			func(r *http.Request) { r.Header.Set("X-User", "down") }, "/login", http.StatusServiceUnavailable,
		},
		"the user is not known": {func(*http.Request) {}, "", http.StatusUnauthorized},
		"the user is signed in": {func(r *http.Request) { r.Header.Set("X-User", "ann") }, "/login", http.StatusSeeOther},
		"a way back that is wrong": {
			func(r *http.Request) { r.URL.Path, r.URL.RawQuery = "/gloebit/connect", "return_to=//x" }, "/login",
			http.StatusBadRequest,
		},
	} {
		t.Run("none when "+name, func(t *testing.T) {
			r := pageLoad("/cart")
			test.change(r)
			resp := signingIn(t, test.signIn, r)
			require.Equal(t, test.want, resp.StatusCode)
			require.NotContains(t, resp.Header.Get("Location"), "/login")
		})
	}
}

func TestSignInURLOfOtherRequests(t *testing.T) {
	request := func(method, accept string) *http.Request {
		r := httptest.NewRequest(method, "https://shop.example/buy", nil)
		r.Header.Set("Accept", accept)
		r.Header.Set("Sec-Fetch-Mode", "cors")
		r.Header.Set("Referer", "https://shop.example/cart")
		return r
	}
	t.Run("a script", func(t *testing.T) {
		resp := signingIn(t, "/login", request(http.MethodGet, "application/json"))
		require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
		require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
		var problem map[string]any
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&problem))
		require.Equal(t, "/login?return_to=%2Fcart", problem["sign_in_url"])
		require.NotContains(t, problem, "connect_url")
	})
	t.Run("a script without a sign-in", func(t *testing.T) {
		resp := signingIn(t, "", request(http.MethodGet, "application/json"))
		require.NotContains(t, bodyOf(t, resp), "sign_in_url")
	})
	t.Run("a form", func(t *testing.T) {
		resp := signingIn(t, "/login", request(http.MethodPost, "text/html"))
		require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
		require.Contains(t, bodyOf(t, resp), `<a href="/login?return_to=%2Fcart">Sign in</a>`)
	})
	t.Run("a form without a sign-in", func(t *testing.T) {
		resp := signingIn(t, "", request(http.MethodPost, "text/html"))
		require.NotContains(t, bodyOf(t, resp), "Sign in<")
	})
}

func TestSignInURLOfACallback(t *testing.T) {
	for name, test := range map[string]struct{ connect, want string }{
		"of a page": {"/gloebit/connect?return_to=/private", "/login?return_to=%2Fprivate"},
		"of none":   {"/gloebit/connect", "/login"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(_ *world, c *gloebit.Config) { c.User, c.SignInURL = headerUser, "/login" })
			b := w.browser("ann")
			callback := b.callback(test.connect)
			b.user = "" // signed out meanwhile
			require.Equal(t, test.want, b.location(callback.String()).RequestURI())
			require.Zero(t, w.tokens.Len())
		})
	}
}

func bodyOf(t *testing.T, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}

func TestUserWithoutIDIsNotSignedIn(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.User = func(*http.Request) (gloebit.User, error) { return gloebit.User{Name: "ann"}, nil }
	})
	for _, path := range []string{"/private", "/gloebit/connect"} {
		require.Equal(t, http.StatusUnauthorized, w.browser("").get(path).status)
	}
}

func TestTwoMerchantsDoNotShareALogin(t *testing.T) {
	for name, shared := range map[string]bool{"own sessions": false, "shared sessions": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(w *world, c *gloebit.Config) {
				c.SignIn = true
				if shared {
					w.sessions = scs.New()
					w.sessions.Store = memstore.NewWithCleanupInterval(0)
					c.Sessions = w.sessions
				}
			})
			config := validConfig()
			config.SignIn, config.Tokens, config.States = true, w.tokens, w.states
			if shared {
				config.Sessions = w.sessions
			}
			another, err := gloebit.New(config)
			require.NoError(t, err)
			ran := false
			show := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true })
			w.mux.Handle("/another", another.RequireGloebit(show))
			w.mux.Handle("/nested", w.merchant.RequireGloebit(another.RequireGloebit(show)))
			b := w.browser("")
			require.Equal(t, http.StatusOK, b.get("/private").status)
			b.follow = false
			require.Equal(t, http.StatusSeeOther, b.get("/another").status)
			require.Equal(t, http.StatusSeeOther, b.get("/nested").status)
			require.False(t, ran)
		})
	}
}
