package gloebit_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestPageLoadConnectsAndReturns(t *testing.T) {
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

func TestConnectSendsAuthorizationRequest(t *testing.T) {
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
	require.NotContains(t, w.states.lastKey.ID, state, "the store sees a hash of the state")

	again := w.browser("ann").location("/gloebit/connect").Query()
	require.NotEqual(t, state, again.Get("state"))
	require.NotEqual(t, challenge, again.Get("code_challenge"))
}

func TestConnectWithoutPKCESendsNoChallenge(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) { c.Provider.PKCE = false })
	b := w.browser("")
	require.NotContains(t, b.location("/gloebit/connect").RawQuery, "code_challenge")
	require.Equal(t, http.StatusOK, b.get("/private").status)
}

// TestNoTokenIsStoredWhenTheExchangeFails covers codes that the token endpoint
// rejects, and malformed responses.
func TestNoTokenIsStoredWhenTheExchangeFails(t *testing.T) {
	refuses(t, map[string]badCallback{
		"a code that Gloebit never gave": {set("code", "x"), 502},
		"Gloebit refuses the application": {
			injecting(gloebittest.Fault{Status: 401, Body: `{"error":"invalid_client","reason":"who?"}`}), 502,
		},
		"an error within a 200":        {injecting(gloebittest.Fault{Body: `{"error":"invalid_grant"}`}), 502},
		"Gloebit answers HTML":         {injecting(gloebittest.Fault{Body: `<html>`, ContentType: "text/html"}), 502},
		"Gloebit answers no token":     {injecting(gloebittest.Fault{Body: `{"success":true}`}), 502},
		"Gloebit answers an odd token": {injecting(gloebittest.Fault{Body: `{"access_token":"a b"}`}), 502},
		"Gloebit answers a MAC token":  {injecting(gloebittest.Fault{Body: `{"access_token":"ab","token_type":"mac"}`}), 502},
		"Gloebit answers half":         {injecting(gloebittest.Fault{After: true, TruncateAt: 20}), 502},
		"Gloebit is broken":            {injecting(gloebittest.Fault{Status: 500}), 502},
		"Gloebit hangs up":             {injecting(gloebittest.Fault{Drop: true}), 502},
	})
}

func TestSeveralTabsConnectIndependently(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t, mode.change)
			b := w.browser("ann")
			first := b.callback("/gloebit/connect?return_to=/first")
			second := b.callback("/gloebit/connect?return_to=/second")
			require.Equal(t, "/second", b.get(second.String()).url.Path)
			require.Equal(t, "/first", b.get(first.String()).url.Path, "connected there, or by then")
			require.Equal(t, 1, w.tokens.Len(), "they are of one user")
		})
	}
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

func TestConnectRejectsMalformedQuery(t *testing.T) {
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
	for target, method := range map[string]string{
		"/gloebit/connect": "POST", "/gloebit/callback": "POST", "/gloebit/disconnect": "GET",
	} {
		p := b.do(method, target, nil, nil)
		require.Equal(t, http.StatusMethodNotAllowed, p.status, target)
		require.NotEmpty(t, p.header.Get("Allow"))
	}
	require.Zero(t, w.states.puts)
}

func TestMissingLoadAndSaveReturnsErrNoSession(t *testing.T) {
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

func TestOnConnectCanRefuse(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.OnConnect = func(_ *http.Request, connection gloebit.Connection) error {
			if connection.Subject == "" || connection.ReturnTo != "/private" || connection.User.ID == "" {
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

func TestApplicationPanicsPropagate(t *testing.T) {
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

func TestSessionCredentialEndsWithSession(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	require.Equal(t, http.StatusOK, b.get("/private").status)
	w.clock.Advance(200 * 365 * 24 * time.Hour)
	require.Equal(t, "not connected", b.get("/optional").body)
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

func TestScopesUseNamesOfTheVersion(t *testing.T) {
	for version, server := range map[gloebit.APIVersion]gloebittest.APIVersion{
		gloebit.VersionA: gloebittest.VersionA, gloebit.VersionB: gloebittest.VersionB,
	} {
		for _, scopes := range [][]gloebit.Scope{
			nil, {gloebit.ScopeID, gloebit.ScopeBalance}, {gloebit.ScopeUser, gloebit.ScopeBalance},
			{gloebit.ScopeIdentity, gloebit.ScopeBalance},
		} {
			w := newWorldAt(t, gloebittest.Config{APIVersion: server}, func(_ *world, c *gloebit.Config) {
				c.Provider.APIVersion, c.Scopes, c.SignIn = version, scopes, true
			})
			b := w.browser("")
			require.Equal(t, "connected", b.get("/gloebit/connect?return_to=/optional").body, "version %d, %v", version, scopes)
		}
	}
}
