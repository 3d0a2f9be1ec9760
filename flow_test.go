package gloebit_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestAPageLoadConnectsAndComesBackWhereItWas(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t, mode.change)
			b := w.browser("ann")
			p := b.get("/private?x=1&y=%2F")
			require.Equal(t, http.StatusOK, p.status, p.body)
			require.Equal(t, "/private?x=1&y=%2F", p.url.RequestURI())
			require.Contains(t, p.body, "has 1000")
			require.Equal(t, "connected", b.get("/optional").body)
			require.Equal(t, "not connected", w.browser("another").get("/optional").body)
			require.Equal(t, 1, w.exchanges())
			b.get("/private")
			require.Equal(t, 1, w.exchanges(), "connected once and for all")
		})
	}
}

func TestConnectSendsWhatGloebitWants(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.User, c.ApprovalPrompt = headerUser, gloebit.PromptAuto
	})
	to := w.browser("ann").location("/gloebit/connect?return_to=/private")
	require.Equal(t, w.gloebit.URL+"oauth2/authorize", "http://"+to.Host+to.Path)
	query := to.Query()
	state, challenge := query.Get("state"), query.Get("code_challenge")
	require.GreaterOrEqual(t, len(state), 22, "128 bits and more")
	require.Len(t, challenge, 43)
	query.Del("state")
	query.Del("code_challenge")
	require.Equal(t, url.Values{
		"client_id": {w.app.Key}, "response_type": {"code"}, "redirect_uri": {w.shop.URL + "/gloebit/callback"},
		"scope": {"user balance transact"}, "user": {"ann"}, "approval_prompt": {"auto"}, "code_challenge_method": {"S256"},
	}, query)
	require.NotContains(t, w.states.lastKey, state, "the store sees a hash of the state")

	again := w.browser("ann").location("/gloebit/connect").Query()
	require.NotEqual(t, state, again.Get("state"))
	require.NotEqual(t, challenge, again.Get("code_challenge"))
}

func TestConnectSendsNoChallengeToAProviderThatTakesNone(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) { c.Provider.PKCE = false })
	b := w.browser("")
	require.NotContains(t, b.location("/gloebit/connect").RawQuery, "code_challenge")
	require.Equal(t, http.StatusOK, b.get("/private").status)
}

func TestTheExchangeSendsTheScopeAndNoSecretInTheQuery(t *testing.T) {
	w := newWorld(t)
	w.browser("").get("/private")
	for _, r := range w.gloebit.Requests() {
		require.NotContains(t, r.RawQuery, w.app.Secret)
		if strings.Contains(r.Path, "access-token") {
			form, err := url.ParseQuery(r.Body)
			require.NoError(t, err)
			require.Equal(t, "user balance transact", form.Get("scope"))
			require.Equal(t, w.shop.URL+"/gloebit/callback", form.Get("redirect_uri"))
			require.NotEmpty(t, form.Get("code_verifier"))
		}
	}
}

// TestCallbacksThatAreNotValid starts a connection, changes what comes back,
// and looks that nothing was stored and, where the state is not good, that
// nothing was exchanged.
func TestCallbacksThatAreNotValid(t *testing.T) {
	set := func(name string, values ...string) func(*world, *browser, url.Values) {
		return func(_ *world, _ *browser, q url.Values) {
			q.Del(name)
			if len(values) > 0 {
				q[name] = values
			}
		}
	}
	for name, test := range map[string]struct {
		change func(*world, *browser, url.Values)
		status int
	}{
		"no state":         {set("state"), 400},
		"an empty state":   {set("state", ""), 400},
		"an unknown state": {set("state", "x"), 400},
		"two states":       {func(_ *world, _ *browser, q url.Values) { q.Add("state", q.Get("state")) }, 400},
		"an expired state": {func(w *world, _ *browser, _ url.Values) { w.clock.Advance(10 * time.Minute) }, 400},
		"another browser":  {func(w *world, b *browser, _ url.Values) { b.jar = w.browser("").jar }, 400},
		"another browser that started": {func(w *world, b *browser, _ url.Values) {
			other := w.browser(b.user)
			other.location("/gloebit/connect")
			b.jar = other.jar
		}, 400},
		"no code":                        {set("code"), 400},
		"an empty code":                  {set("code", ""), 400},
		"two codes":                      {func(_ *world, _ *browser, q url.Values) { q.Add("code", "x") }, 400},
		"a code that Gloebit never gave": {set("code", "x"), 502},
		"an error without a state": {func(_ *world, _ *browser, q url.Values) {
			q.Del("state")
			q.Del("code")
			q.Set("error", "access_denied")
		}, 400},
		"an error with an unknown state": {func(_ *world, _ *browser, q url.Values) {
			q.Set("state", "x")
			q.Del("code")
			q.Set("error", "access_denied")
		}, 400},
		"a refusal":             {func(_ *world, _ *browser, q url.Values) { q.Del("code"); q.Set("error", "access_denied") }, 403},
		"a refusal with a code": {set("error", "access_denied"), 403},
		"an empty error":        {set("error", ""), 400},
		"two errors":            {set("error", "access_denied", "server_error"), 400},
		"another error": {func(_ *world, _ *browser, q url.Values) {
			q.Del("code")
			q.Set("error", "server_error")
			q.Set("error_description", "<script>alert(1)</script>")
		}, 502},
		"another user came back":       {func(_ *world, b *browser, _ url.Values) { b.user = "bob" }, 403},
		"nobody is signed in any more": {func(_ *world, b *browser, _ url.Values) { b.user = "" }, 401},
		"the users can't be looked up": {func(_ *world, b *browser, _ url.Values) { b.user = "down" }, 503},
		"the state store is down":      {func(w *world, _ *browser, _ url.Values) { w.states.fail(errDown) }, 503},
		"the token store is down":      {func(w *world, _ *browser, _ url.Values) { w.tokens.fail(errDown) }, 503},
		"Gloebit refuses the application": {func(w *world, _ *browser, _ url.Values) {
			w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Status: 401, Body: `{"error":"invalid_client","reason":"who?"}`})
		}, 502},
		"an error within a 200": {func(w *world, _ *browser, _ url.Values) {
			w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Body: `{"error":"invalid_grant"}`})
		}, 502},
		"Gloebit answers HTML": {func(w *world, _ *browser, _ url.Values) {
			w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Body: `<html>`, ContentType: "text/html"})
		}, 502},
		"Gloebit answers no token": {func(w *world, _ *browser, _ url.Values) {
			w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Body: `{"success":true}`})
		}, 502},
		"Gloebit answers an odd token": {func(w *world, _ *browser, _ url.Values) {
			w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Body: `{"access_token":"a b"}`})
		}, 502},
		"Gloebit answers a MAC token": {func(w *world, _ *browser, _ url.Values) {
			w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Body: `{"access_token":"ab","token_type":"mac"}`})
		}, 502},
		"Gloebit answers too much": {func(w *world, _ *browser, _ url.Values) {
			w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Body: `{"x":"` + strings.Repeat("x", 1<<20) + `","access_token":"x"}`})
		}, 502},
		"Gloebit answers half": {func(w *world, _ *browser, _ url.Values) {
			w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", After: true, TruncateAt: 20})
		}, 502},
		"Gloebit is broken": {func(w *world, _ *browser, _ url.Values) {
			w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Status: 500})
		}, 502},
		"Gloebit hangs up": {func(w *world, _ *browser, _ url.Values) {
			w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Drop: true})
		}, 502},
		"Gloebit redirects the exchange": {func(w *world, _ *browser, _ url.Values) {
			w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Status: 307, Header: http.Header{"Location": {"/elsewhere"}}})
		}, 502},
		"Gloebit is slow": {func(w *world, _ *browser, _ url.Values) {
			w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Latency: 3 * time.Second})
		}, 504},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(_ *world, c *gloebit.Config) {
				c.User = headerUser
				c.HTTPClient = &http.Client{Timeout: 500 * time.Millisecond}
			})
			b := w.browser("ann")
			b.follow = false
			callback := b.callback("/gloebit/connect?return_to=/private")
			query := callback.Query()
			code, state := query.Get("code"), query.Get("state")
			test.change(w, b, query)
			callback.RawQuery = query.Encode()

			for _, accept := range []string{"text/html", "application/json"} {
				jar := b.jar
				p := b.do(http.MethodGet, callback.String(), nil, http.Header{"Accept": {accept}})
				if accept == "text/html" {
					require.Equal(t, test.status, p.status, p.body)
					require.Contains(t, p.header.Get("Content-Type"), "text/html")
					require.NotContains(t, p.body, "<script>")
				} else { // the state is spent or was never good
					require.GreaterOrEqual(t, p.status, 400)
					require.Equal(t, "application/problem+json", p.header.Get("Content-Type"))
				}
				b.jar = jar
				require.Equal(t, "no-store", p.header.Get("Cache-Control"))
				require.Equal(t, "no-referrer", p.header.Get("Referrer-Policy"))
				for _, secret := range []string{w.app.Secret, code, state} {
					if len(secret) > 8 {
						require.NotContains(t, p.body, secret)
					}
				}
			}
			logged := w.log.String()
			require.Contains(t, logged, "request failed")
			for _, secret := range []string{w.app.Secret, code, state, w.states.lastPending.Verifier.Reveal()} {
				require.NotContains(t, logged, secret)
			}
			if test.status == 400 || test.status == 401 {
				require.Zero(t, w.exchanges(), "no exchange without a good state and a code")
			}
			w.tokens.fail(nil)
			w.states.fail(nil)
			require.Zero(t, w.tokens.Len(), "no token was stored")
		})
	}
}

func TestAUsedStateFailsAgainAlsoWithTheOldCookies(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	callback := b.callback("/gloebit/connect")
	shop, err := url.Parse(w.shop.URL)
	require.NoError(t, err)
	old := b.jar.Cookies(shop)
	require.Equal(t, http.StatusOK, b.get(callback.String()).status)
	require.Equal(t, http.StatusBadRequest, b.get(callback.String()).status)
	thief := w.browser("")
	thief.jar.SetCookies(shop, old)
	require.Equal(t, http.StatusBadRequest, thief.get(callback.String()).status)
	require.Equal(t, 1, w.exchanges())
	require.Equal(t, "not connected", thief.get("/optional").body, "the old session id is dead")
	require.Equal(t, "connected", b.get("/optional").body)
}

func TestReplaysAtTheSameMomentGiveOneExchange(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	callback := b.callback("/gloebit/connect").String()
	b.follow = false
	var group sync.WaitGroup
	var good atomic.Int32
	for range 20 {
		group.Go(func() {
			if b.get(callback).status == http.StatusSeeOther {
				good.Add(1)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 1, good.Load())
	require.Equal(t, 1, w.exchanges())
}

func TestSeveralTabsConnectBesideEachOther(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t, mode.change)
			b := w.browser("ann")
			first := b.callback("/gloebit/connect?return_to=/first")
			second := b.callback("/gloebit/connect?return_to=/second")
			require.Equal(t, "/second", b.get(second.String()).url.Path)
			require.Equal(t, "/first", b.get(first.String()).url.Path)
			require.Equal(t, 1, w.tokens.Len())
		})
	}
}

func TestSignInRefusesASwitchOfAccounts(t *testing.T) {
	for name, start := range map[string]func(*world, *browser) *url.URL{
		"started as alice": func(w *world, b *browser) *url.URL {
			b.get("/private")
			require.NoError(w.t, w.gloebit.Approve("bob"))
			return b.callback("/gloebit/connect")
		},
		"signed in as alice in another tab": func(w *world, b *browser) *url.URL {
			require.NoError(w.t, w.gloebit.Approve("bob"))
			callback := b.callback("/gloebit/connect")
			require.NoError(w.t, w.gloebit.Approve("alice"))
			b.get("/private")
			return callback
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(_ *world, c *gloebit.Config) { c.SignIn = true })
			b := w.browser("")
			callback := start(w, b)
			require.Equal(t, http.StatusForbidden, b.get(callback.String()).status)
			alice, _ := w.gloebit.User("alice")
			require.Contains(t, b.get("/private").body, alice.ID)
			require.Equal(t, 1, w.tokens.Len())
		})
	}
}

func TestTheSessionIDChangesAtConnect(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	shop, _ := url.Parse(w.shop.URL)
	callback := b.callback("/gloebit/connect")
	before := b.jar.Cookies(shop)
	b.get(callback.String())
	after := b.jar.Cookies(shop)
	require.Len(t, before, 1)
	require.Len(t, after, 1)
	require.NotEqual(t, before[0].Value, after[0].Value)
}

func TestTheCookieOfTheOwnSessions(t *testing.T) {
	config := validConfig()
	for redirect, want := range map[string]http.Cookie{
		"https://shop.example/gloebit/callback":  {Name: "__Host-gloebit-", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, Path: "/"},
		"http://localhost:8080/gloebit/callback": {Name: "gloebit-", HttpOnly: true, SameSite: http.SameSiteLaxMode, Path: "/"},
	} {
		config.RedirectURL = redirect
		merchant, err := gloebit.New(config)
		require.NoError(t, err)
		recorder := httptest.NewRecorder()
		merchant.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/gloebit/connect", nil))
		cookies := recorder.Result().Cookies()
		require.Len(t, cookies, 1)
		name, id, _ := strings.Cut(cookies[0].Name, "-")
		if name == "__Host" {
			name, id, _ = strings.Cut(id, "-")
			name = "__Host-" + name
		}
		require.Len(t, id, 12, "another merchant's cookie has another name")
		got := http.Cookie{Name: name + "-", Secure: cookies[0].Secure, HttpOnly: cookies[0].HttpOnly, SameSite: cookies[0].SameSite, Path: cookies[0].Path}
		require.Equal(t, want, got)
		require.Empty(t, cookies[0].Domain)
	}
}

func TestNarrowerScopesAreNoticedAndToldAndDoNotLoop(t *testing.T) {
	var told gloebit.Connection
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.OnConnect = func(_ *http.Request, connection gloebit.Connection) error { told = connection; return nil }
	})
	require.NoError(t, w.gloebit.Approve("alice", "user", "balance"))
	b := w.browser("")
	require.Equal(t, http.StatusOK, b.get("/private").status, "what was granted is enough for this page")
	require.Equal(t, []gloebit.Scope{"user", "balance"}, told.Granted)
	require.Equal(t, []gloebit.Scope{"transact"}, told.Missing)
	require.Contains(t, w.log.String(), "missing=transact")

	p := b.get("/inventory")
	require.Equal(t, http.StatusForbidden, p.status, "refused again: say so rather than ask for ever")
	require.Contains(t, p.body, "does not cover")
	require.Equal(t, 2, w.exchanges())
}

func TestRequireScopesConnectsAgainWithTheUnion(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	require.Equal(t, http.StatusOK, b.get("/private").status)
	to := b.location(b.location("/inventory?x=1").String())
	require.Equal(t, "user balance transact inventory", to.Query().Get("scope"))
	p := b.get("/inventory?x=1")
	require.Equal(t, http.StatusOK, p.status)
	require.Equal(t, "/inventory?x=1", p.url.RequestURI())
	to = b.location("/gloebit/connect")
	require.Equal(t, "user balance transact inventory", to.Query().Get("scope"), "a new token does not hold less")
}

func TestReturnToStaysOnThisSite(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	for _, hostile := range []string{
		"https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/%5cevil.example", "/%5C%5Cevil.example",
		"/%2fevil.example", "/%2F%2Fevil.example", "/%252fevil.example", "/%25252fevil.example", "javascript:alert(1)", "data:text/html,x", "evil.example", "@evil.example",
		"http:evil.example", "http:/evil.example", "/\tevil", "/\nLocation: x", "/%0d%0aSet-Cookie:x=1", "/%09/evil.example", "/x\u0000", "/\u0085/x", "/..//evil.example", "/./x",
		"/%2e%2e//evil.example", "/a/../../x", "?x", "#x", "/x#frag", " /x", "/%zz", "/" + strings.Repeat("x", 3000),
	} {
		b.follow = false
		p := b.get("/gloebit/connect?return_to=" + url.QueryEscape(hostile))
		require.Equal(t, http.StatusBadRequest, p.status, hostile)
		p = b.do(http.MethodPost, "/gloebit/disconnect", url.Values{"return_to": {hostile}}, nil)
		require.Equal(t, http.StatusBadRequest, p.status, hostile)
	}
	require.Zero(t, w.states.puts)
	for _, local := range []string{"/", "/private", "/private?x=//evil.example&y=https://z.example", "/a%20b/ü", "/a//b", "/100%25"} {
		b.follow = false
		require.Equal(t, http.StatusSeeOther, b.get("/gloebit/connect?return_to="+url.QueryEscape(local)).status, local)
		callback := b.callback("/gloebit/connect?return_to=" + url.QueryEscape(local))
		require.NotContains(t, callback.RawQuery, "return_to")
		require.Equal(t, strings.ReplaceAll(local, "ü", "%C3%BC"), b.get(callback.String()).header.Get("Location"))
	}
}

func TestConnectRefusesWhatItCantRead(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	b.follow = false
	for target, status := range map[string]int{
		"/gloebit/connect?scope=money":              400,
		"/gloebit/connect?scope=user&scope=balance": 400,
		"/gloebit/connect?return_to=/&return_to=/":  400,
		"/gloebit/connect?return_to=%zz":            400,
		"/gloebit/":                                 404,
		"/gloebit/else":                             404,
		"/gloebit/x/connect":                        404,
		"/gloebit/xconnect":                         404,
	} {
		require.Equal(t, status, b.get(target).status, target)
	}
	for target, method := range map[string]string{"/gloebit/connect": "POST", "/gloebit/callback": "POST", "/gloebit/disconnect": "GET"} {
		p := b.do(method, target, nil, nil)
		require.Equal(t, http.StatusMethodNotAllowed, p.status, target)
		require.NotEmpty(t, p.header.Get("Allow"))
	}
	require.Zero(t, w.states.puts)
}

func TestConnectFailsClosed(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) { c.User = headerUser })
	w.states.fail(errDown)
	require.Equal(t, http.StatusServiceUnavailable, w.browser("ann").get("/gloebit/connect").status)
	w.states.fail(nil)
	w.tokens.fail(errDown)
	require.Equal(t, http.StatusServiceUnavailable, w.browser("ann").get("/gloebit/connect").status)
	require.Equal(t, http.StatusUnauthorized, w.browser("").get("/gloebit/connect").status)
	require.NotContains(t, w.browser("ann").get("/gloebit/connect").body, errDown.Error(), "users see a plain message")
	require.Contains(t, w.log.String(), errDown.Error(), "the log has the cause")
}

func TestAMissingLoadAndSaveIsAClearError(t *testing.T) {
	config := validConfig()
	config.Sessions = scs.New()
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	for name, handler := range map[string]http.Handler{
		"connect":  merchant.ConnectHandler(),
		"callback": merchant.CallbackHandler(),
		"require":  merchant.RequireGloebit(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it ran") })),
		"optional": merchant.Optional(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it ran") })),
	} {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/x?state=s&code=c", nil))
		require.Equal(t, http.StatusInternalServerError, recorder.Code, name)
	}
	_, err = merchant.AuthorizationURL(httptest.NewRequest(http.MethodGet, "/", nil), "")
	require.ErrorIs(t, err, gloebit.ErrNoSession)
	require.ErrorContains(t, err, "LoadAndSave")
	_, err = merchant.Exchange(httptest.NewRequest(http.MethodGet, "/?state=s&code=c", nil))
	require.ErrorIs(t, err, gloebit.ErrNoSession)
}

func TestDisconnectForgetsTheCredential(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			var left []gloebit.User
			w := newWorld(t, mode.change, func(_ *world, c *gloebit.Config) {
				c.OnDisconnect = func(_ *http.Request, user gloebit.User) error { left = append(left, user); return nil }
			})
			b := w.browser("ann")
			require.Equal(t, http.StatusOK, b.get("/private").status)
			p := b.do(http.MethodPost, "/gloebit/disconnect", url.Values{"return_to": {"/optional"}}, nil)
			require.Equal(t, "not connected", p.body)
			require.Zero(t, w.tokens.Len())
			require.Len(t, left, 1)
			p = b.do(http.MethodPost, "/gloebit/disconnect", nil, nil)
			require.Equal(t, "home", p.body, "again is no error")
		})
	}
}

func TestDisconnectIsProtectedAndFailsClosed(t *testing.T) {
	refuse := errors.New("not now")
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.OnDisconnect = func(*http.Request, gloebit.User) error { return refuse }
	})
	b := w.browser("")
	b.get("/private")
	for name, header := range map[string]http.Header{
		"a cross-site form":                 {"Sec-Fetch-Site": {"cross-site"}},
		"a same-site form of another host":  {"Sec-Fetch-Site": {"same-site"}},
		"another origin in an old browser":  {"Origin": {"https://evil.example"}},
		"an origin that hides (sandboxed)":  {"Origin": {"null"}},
		"another port of the same computer": {"Origin": {"http://127.0.0.1:1"}},
	} {
		require.Equal(t, http.StatusForbidden, b.do(http.MethodPost, "/gloebit/disconnect", nil, header).status, name)
	}
	require.Equal(t, 1, w.tokens.Len())
	w.tokens.fail(errDown)
	require.Equal(t, http.StatusServiceUnavailable, b.do(http.MethodPost, "/gloebit/disconnect", nil, nil).status)
	w.tokens.fail(nil)
	require.Equal(t, "connected", b.get("/optional").body)
	require.Equal(t, http.StatusInternalServerError, b.do(http.MethodPost, "/gloebit/disconnect", nil, nil).status)
	require.Zero(t, w.tokens.Len(), "the hook comes after")
	huge := url.Values{"return_to": {"/"}, "x": {strings.Repeat("x", 1<<20)}}
	require.Equal(t, http.StatusBadRequest, b.do(http.MethodPost, "/gloebit/disconnect", huge, nil).status)
}

func TestOnConnectCanRefuse(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.OnConnect = func(_ *http.Request, connection gloebit.Connection) error {
			if connection.GloebitID == "" || connection.ReturnTo != "/private" || connection.User.ID == "" {
				return errors.New("incomplete")
			}
			return errors.New("banned")
		}
	})
	p := w.browser("").get("/private")
	require.Equal(t, http.StatusInternalServerError, p.status)
	require.Contains(t, w.log.String(), "banned")
	require.NotContains(t, p.body, "banned")
	require.Zero(t, w.tokens.Len())
}

func TestPanicsInTheApplicationsFunctionsGoOn(t *testing.T) {
	boom := func() { panic("the application's own") }
	for name, change := range map[string]func(*gloebit.Config){
		"User": func(c *gloebit.Config) {
			c.User = func(*http.Request) (gloebit.User, error) { boom(); return gloebit.User{}, nil }
		},
		"ErrorHandler": func(c *gloebit.Config) {
			c.User, c.ErrorHandler = headerUser, func(http.ResponseWriter, *http.Request, error) { boom() }
		},
		"Sessions": func(c *gloebit.Config) { c.Sessions = panickingSessions{} },
	} {
		t.Run(name, func(t *testing.T) {
			config := validConfig()
			change(&config)
			merchant, err := gloebit.New(config)
			require.NoError(t, err)
			require.PanicsWithValue(t, "the application's own", func() {
				merchant.ConnectHandler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
			})
		})
	}
}

func TestACredentialOfASessionEndsWithIt(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	require.Equal(t, http.StatusOK, b.get("/private").status)
	w.clock.Advance(200 * 365 * 24 * time.Hour)
	require.Equal(t, "not connected", b.get("/optional").body)
}

func TestTheIssuerMustMatchWhereTheProviderNamesOne(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) { c.Provider.Issuer = "https://gloebit.example" })
	for iss, status := range map[string]int{"": 502, "&iss=https://evil.example": 502, "&iss=a&iss=b": 400, "&iss=https://gloebit.example": 200} {
		b := w.browser("")
		require.Equal(t, status, b.get(b.callback("/gloebit/connect").String()+iss).status, iss)
	}
	require.Equal(t, 1, w.exchanges())
}

func TestOwnHandlersOverAuthorizationURLAndExchange(t *testing.T) {
	w := newWorld(t)
	w.mux.Handle("/begin", w.merchant.Optional(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		to, err := w.merchant.AuthorizationURL(r, "/done", gloebit.ScopeInventory)
		if err != nil {
			t.Error(err)
		}
		http.Redirect(rw, r, to, http.StatusFound)
	})))
	var connection gloebit.Connection
	w.mux.Handle("/gloebit/callback", w.merchant.Optional(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var err error
		if connection, err = w.merchant.Exchange(r); err != nil {
			w.merchant.HandleError(rw, r, err)
			return
		}
		http.Redirect(rw, r, connection.ReturnTo, http.StatusFound)
	})))
	b := w.browser("")
	require.Equal(t, "/done", b.get("/begin").url.Path)
	require.Contains(t, connection.Granted, gloebit.ScopeInventory)
	require.Equal(t, "connected", b.get("/optional").body)
	require.Equal(t, http.StatusBadRequest, b.get("/gloebit/callback?state=x&code=y").status)
}
