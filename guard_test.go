package gloebit_test

import (
	"context"
	"encoding/json"
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
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestRedactedSecretCannotBeUnmarshaled(t *testing.T) {
	type record struct{ Token gloebit.Secret }
	encoded, err := json.Marshal(record{"canary"})
	require.NoError(t, err)
	var read record
	err = json.Unmarshal(encoded, &read)
	require.ErrorContains(t, err, "Reveal")
	require.NoError(t, json.Unmarshal([]byte(`{"Token":"x"}`), &read))
	require.Equal(t, gloebit.Secret("x"), read.Token)
	require.Error(t, json.Unmarshal([]byte(`{"Token":7}`), &read))
}

func TestEverySentinelHasStatusAndMessage(t *testing.T) {
	for _, err := range []error{
		gloebit.ErrNotConnected, gloebit.ErrNoUser, gloebit.ErrNoSession, gloebit.ErrInvalidState, gloebit.ErrInvalidReturnTo,
		gloebit.ErrAccessDenied,
		gloebit.ErrUserChanged, gloebit.ErrAuthorizationFailed, gloebit.ErrTokenExchange, gloebit.ErrCrossOrigin,
		gloebit.ErrStore,
		gloebit.ErrTokenRefused, gloebit.ErrTokenExpired, gloebit.ErrScopeMissing, gloebit.ErrUnknownApplication,
		gloebit.ErrUnknownUser,
		gloebit.ErrInsufficientBalance, gloebit.ErrCannotSpend, gloebit.ErrCannotReceive, gloebit.ErrUnknownMerchant,
		gloebit.ErrUnknownSubscription,
		gloebit.ErrUnknownSubscriptionAuthorization, gloebit.ErrSubscriptionAuthorizationPending,
		gloebit.ErrSubscriptionAuthorizationDeclined,
		gloebit.ErrSubscriptionExists, gloebit.ErrSubscriptionMismatch, gloebit.ErrSubscriptionDisabled,
		gloebit.ErrCannotTransact,
		gloebit.ErrTransactionPending, gloebit.ErrQueuingFailed, gloebit.ErrRefused, gloebit.ErrRateLimited,
		gloebit.ErrUnavailable, gloebit.ErrInvalidResponse,
		gloebit.ErrOutcomeUnknown, gloebit.ErrInvalidRequest, gloebit.ErrTooManyAttempts,
	} {
		if errors.Is(err, gloebit.ErrTokenRefused) || errors.Is(err, gloebit.ErrTokenExpired) {
			err = errors.Join(err, gloebit.ErrNotConnected) // they never come alone
		}
		merchant, configErr := gloebit.New(validConfig())
		require.NoError(t, configErr)
		recorder := httptest.NewRecorder()
		merchant.HandleError(recorder, httptest.NewRequest(http.MethodPost, "/", nil), err)
		require.Contains(t, recorder.Body.String(), "gloebit#Err", "%v", err)
		if !errors.Is(err, gloebit.ErrNoSession) {
			require.NotEqual(t, http.StatusInternalServerError, recorder.Code, "%v", err)
		}
	}
}

func TestUncertainErrorsNeverClaimNothingHappened(t *testing.T) {
	merchant, err := gloebit.New(validConfig())
	require.NoError(t, err)
	for _, err := range []error{
		errors.Join(gloebit.ErrOutcomeUnknown, gloebit.ErrStore, gloebit.ErrNotConnected), gloebit.ErrStore,
		gloebit.ErrTransactionPending,
		gloebit.ErrUnavailable, errors.New("the application's own, after it was paid"), gloebit.ErrRefused,
		gloebit.ErrInvalidResponse, context.DeadlineExceeded,
	} {
		recorder := httptest.NewRecorder()
		merchant.HandleError(recorder, httptest.NewRequest(http.MethodPost, "/", nil), err)
		require.NotContains(t, recorder.Body.String(), "Nothing was", "%v", err)
	}
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
	for _, shared := range []bool{false, true} {
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
	}
}

func TestFailingCallDoesNotLoop(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) { c.ApprovalPrompt = gloebit.PromptAuto })
	w.mux.Handle("/balance", w.merchant.RequireGloebit(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if _, err := gloebit.MustFromContext(r.Context()).Balance(r.Context()); err != nil {
			w.merchant.HandleError(rw, r, err)
		}
	})))
	w.gloebit.Inject(gloebittest.Fault{Path: "balance", Reason: "missing domain"})
	b := w.browser("")
	p := b.get("/balance")
	require.Equal(t, http.StatusForbidden, p.status, "after connecting once more")
	require.Contains(t, p.body, "/gloebit/connect?return_to=%2Fbalance&amp;scope=balance")
	require.Equal(t, 2, w.exchanges())
	w.clock.Advance(time.Minute)
	require.Equal(t, "/gloebit/connect", b.location("/balance").Path, "a minute later it may be worth another try")
}

func TestConnectRedirectsToCallbackHost(t *testing.T) {
	w := newWorld(t)
	shop, _ := url.Parse(w.shop.URL)
	p := w.browser("").get("http://localhost:" + shop.Port() + "/private")
	require.Equal(t, http.StatusOK, p.status)
	require.Equal(t, shop.Host, p.url.Host)
	merchant, err := gloebit.New(validConfig())
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "http://evil.example/gloebit/connect", nil)
	merchant.ConnectHandler().ServeHTTP(recorder, r)
	require.Contains(t, recorder.Header().Get("Location"), "sandbox.gloebit.com", "Host is not believed otherwise")

	config := validConfig()
	config.RedirectURL = "http://localhost:8080/gloebit/callback"
	merchant, err = gloebit.New(config)
	require.NoError(t, err)
	recorder = httptest.NewRecorder()
	r = httptest.NewRequest(http.MethodGet, "http://127.0.0.1:9000/gloebit/connect", nil)
	merchant.ConnectHandler().ServeHTTP(recorder, r)
	require.Contains(
		t, recorder.Header().Get("Location"), "sandbox.gloebit.com",
		"a proxy on another port would send it round and round",
	)

	recorder = httptest.NewRecorder()
	r = httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080/gloebit/connect?return_to=/x%3Fy", nil)
	http.StripPrefix("/gloebit", merchant.Handler()).ServeHTTP(recorder, r)
	require.Equal(
		t, "http://localhost:8080/gloebit/connect?moved=1&return_to=%2Fx%3Fy", recorder.Header().Get("Location"),
		"where a prefix was stripped",
	)

	recorder = httptest.NewRecorder()
	r = httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080/sign/in?return_to=/x%3Fy", nil)
	merchant.ConnectHandler().ServeHTTP(recorder, r)
	require.Equal(
		t, "http://localhost:8080/sign/in?moved=1&return_to=%2Fx%3Fy", recorder.Header().Get("Location"),
		"where the application has it elsewhere",
	)
}

func TestRequireScopesPanicsOnUnknownScope(t *testing.T) {
	merchant, err := gloebit.New(validConfig())
	require.NoError(t, err)
	require.PanicsWithValue(t, `gloebit: RequireScopes: unknown scope "money"`, func() { merchant.RequireScopes("money") })
}

func TestDisconnectAllowsConfiguredOriginBehindProxy(t *testing.T) {
	config := validConfig()
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "http://10.0.0.1:8080/gloebit/disconnect", nil)
	r.Header.Set("Origin", "https://shop.example")
	merchant.DisconnectHandler().ServeHTTP(recorder, r)
	require.Equal(t, http.StatusSeeOther, recorder.Code)
}

func TestCallersHTTPClientIsNotModified(t *testing.T) {
	config := validConfig()
	config.HTTPClient = &http.Client{}
	_, err := gloebit.New(config)
	require.NoError(t, err)
	require.Nil(t, config.HTTPClient.CheckRedirect)
	require.Zero(t, config.HTTPClient.Timeout)
}

func TestOnlyRefusedRefreshDisconnects(t *testing.T) {
	for name, test := range map[string]struct {
		fault gloebittest.Fault
		stays bool
	}{
		"invalid_grant":           {gloebittest.Fault{Status: 400, Body: `{"error":"invalid_grant"}`}, false},
		"no such grant":           {gloebittest.Fault{Status: 400, Body: `{"error":"unsupported_grant_type"}`}, true},
		"not for this client":     {gloebittest.Fault{Status: 400, Body: `{"error":"unauthorized_client"}`}, true},
		"not in this moment":      {gloebittest.Fault{Status: 400, Body: `{"error":"invalid_request"}`}, true},
		"not for these scopes":    {gloebittest.Fault{Status: 400, Body: `{"error":"invalid_scope"}`}, true},
		"Gloebit's own word":      {gloebittest.Fault{Status: 400, Body: `{"error":"x","reason":"unknown token"}`}, false},
		"a word of its own":       {gloebittest.Fault{Status: 400, Body: `{"error":"unsupported grant"}`}, false},
		"a reason without a code": {gloebittest.Fault{Status: 400, Body: `{"reason":"missing code"}`}, false},
		"no such endpoint":        {gloebittest.Fault{Status: 404, Body: `not found`, ContentType: "text/plain"}, true},
		"a wrong client secret":   {gloebittest.Fault{Status: 401, Body: `{"error":"invalid_client"}`}, true},
		"too many requests":       {gloebittest.Fault{Status: 429}, true},
		"a proxy's denial":        {gloebittest.Fault{Status: 403, Body: `<html>`, ContentType: "text/html"}, true},
		"a gateway's word":        {gloebittest.Fault{Status: 403, Body: `{"error":"forbidden"}`}, true},
		"maintenance":             {gloebittest.Fault{Status: 302, Header: http.Header{"Location": {"/sorry"}}}, true},
		"unavailable":             {gloebittest.Fault{Body: `{"error":"temporarily_unavailable"}`}, true},
		"rubbish":                 {gloebittest.Fault{Body: `<html>`, ContentType: "text/html"}, true},
		"a broken server":         {gloebittest.Fault{Status: 500}, true},
		"a connection that drops": {gloebittest.Fault{Drop: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldAt(t, gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true})
			b := w.browser("")
			b.get("/private")
			w.clock.Advance(2 * time.Hour)
			test.fault.Path = "oauth2/access-token"
			w.gloebit.Inject(test.fault)
			require.Equal(t, http.StatusTeapot, b.get("/private").status)
			require.Equal(t, test.stays, w.tokens.Len() == 1)
		})
	}
}

func TestThousandWaitersShareOneRefresh(t *testing.T) {
	w := newWorldAt(t, gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true})
	w.browser("").get("/private")
	var id string
	for userID, err := range w.tokens.UserIDs(t.Context(), w.merchant.Realm()) {
		require.NoError(t, err)
		id = userID
	}
	w.clock.Advance(2 * time.Hour)
	stale, err := w.merchant.Client(t.Context(), id) // loaded before the others refresh
	require.NoError(t, err)
	before, err := w.tokens.Load(t.Context(), keyOf(w.merchant, id))
	require.NoError(t, err)
	var group sync.WaitGroup
	for i := range 1000 {
		group.Go(func() {
			ctx := t.Context()
			if i%10 == 0 { // a canceled caller does not affect the others
				short, cancel := context.WithCancel(ctx)
				cancel()
				ctx = short
			}
			client, err := w.merchant.Client(t.Context(), id)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := client.Balance(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	_, err = stale.Balance(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, w.exchanges(), "one for the code, one refresh")
	after, err := w.tokens.Load(t.Context(), keyOf(w.merchant, id))
	require.NoError(t, err)
	require.Equal(t, before.ExpiresAt, after.ExpiresAt)
	require.Equal(t, before.Subject, after.Subject)
	require.Equal(t, before.ConnectedAt, after.ConnectedAt)
	require.NotEqual(t, before.AccessToken, after.AccessToken)
	require.NotEqual(t, before.RefreshToken, after.RefreshToken)
}

func TestStorePanicDuringRefreshPropagates(t *testing.T) {
	var client *gloebit.Client
	client, _, _ = clientOf(t, answering(200, `{"success":true,"balance":1}`), func(
		c *gloebit.Config, credential *connect.Credential,
	) {
		credential.RefreshToken, credential.TokenExpiry = canaryRefresh, time.Now().Add(-time.Hour)
		c.Tokens = &panickingTokens{}
	})
	require.PanicsWithValue(t, "the store's own", func() { _, _ = client.Balance(t.Context()) })
}

type panickingTokens struct {
	gloebit.MemoryTokenStore
	updates atomic.Int32
}

func (s *panickingTokens) Update(
	ctx context.Context, key connect.Key, fn func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	if s.updates.Add(1) > 1 {
		panic("the store's own")
	}
	return s.MemoryTokenStore.Update(ctx, key, fn)
}

func TestInvalidProductCountsAreErrors(t *testing.T) {
	for _, products := range []string{`{"hat":null}`, `{"hat":-1}`, `null`} {
		client, _, _ := clientOf(t, answering(200, `{"success":true,"products":`+products+`}`))
		_, err := client.Products(t.Context())
		require.ErrorIs(t, err, gloebit.ErrInvalidResponse, products)
	}
}

func TestUnsupportedRefreshRedirectsToConnect(t *testing.T) {
	for _, fault := range []gloebittest.Fault{
		{Status: 404, Body: `<html>`, ContentType: "text/html"}, {Status: 405},
		{Body: `{"success":false,"reason":"missing code"}`}, {Status: 400, Body: `{"reason":"missing code"}`},
	} {
		w := newWorldAt(t, gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true})
		w.mux.Handle("/balance", w.merchant.RequireGloebit(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if _, err := gloebit.MustFromContext(r.Context()).Balance(r.Context()); err != nil {
				w.merchant.HandleError(rw, r, err)
			}
		})))
		b := w.browser("")
		b.get("/balance")
		w.clock.Advance(2 * time.Hour)
		fault.Path = "oauth2/access-token"
		w.gloebit.Inject(fault)
		require.Equal(t, "/gloebit/connect", b.location("/balance").Path, "%+v", fault)
	}
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

func TestOAuth1ProblemsAreUnderstood(t *testing.T) {
	for body, want := range map[string]error{
		"oauth_problem=token_rejected":    gloebit.ErrNotConnected,
		"oauth_problem=token_revoked":     gloebit.ErrNotConnected,
		"oauth_problem=token_expired":     gloebit.ErrNotConnected,
		"oauth_problem=timestamp_refused": gloebit.ErrRefused,
	} {
		client, _, _ := clientOf(t, answering(401, body))
		_, err := client.Balance(t.Context())
		require.ErrorIs(t, err, want, body)
		require.Equal(t, strings.TrimPrefix(body, "oauth_problem="), reasonOf(t, err))
	}
}

func TestStaleClientRefreshesAfterRotation(t *testing.T) {
	w := newWorldAt(t, gloebittest.Config{RefreshTokens: true}) // tokens that don't say when they expire
	w.browser("").get("/private")
	var id string
	for userID, err := range w.tokens.UserIDs(t.Context(), w.merchant.Realm()) {
		require.NoError(t, err)
		id = userID
	}
	old, err := w.merchant.Client(t.Context(), id)
	require.NoError(t, err)
	w.gloebit.ExpireTokens("alice")
	another, err := w.merchant.Client(t.Context(), id)
	require.NoError(t, err)
	_, err = another.Balance(t.Context())
	require.NoError(t, err)
	w.gloebit.ExpireTokens("alice")
	_, err = old.Balance(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, w.tokens.Len())
	require.Equal(t, 3, w.exchanges())
}

func TestRepeatedExpiryDoesNotDisconnect(t *testing.T) {
	w := newWorldAt(t, gloebittest.Config{RefreshTokens: true})
	b := w.browser("")
	b.get("/private")
	w.gloebit.Inject(gloebittest.Fault{Path: "balance", Reason: "token has expired"})
	require.Equal(t, http.StatusTeapot, b.get("/private").status)
	require.Equal(t, 1, w.tokens.Len(), "a credential that can be refreshed is not deleted")
	require.LessOrEqual(t, w.exchanges(), 3, "and not refreshed without end")
}
