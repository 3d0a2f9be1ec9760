package gloebit_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestSecurity17ConnectReplacesSessionID(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t, mode.change)
			attacker := w.browser("mallory")
			attacker.location("/gloebit/connect") // has a session from the shop
			planted := attacker.cookies()[1:]     // without the attempt's
			require.Len(t, planted, 1)
			victim := w.browser("ann").steal(planted)
			require.Equal(t, http.StatusOK, victim.get("/gloebit/connect?return_to=/private").status)
			now := victim.cookies()
			require.Len(t, now, 1)
			require.NotEqual(t, planted[0].Value, now[0].Value)
			require.Equal(t, "not connected", attacker.get("/optional").body)
			require.Equal(t, "connected", victim.get("/optional").body)
		})
	}
}

// TestSecurity17OldSessionStaysSignedOut loads the session in a request before
// the callback, and saves it after. The old session ID must not become the
// user's.
func TestSecurity17OldSessionStaysSignedOut(t *testing.T) {
	sessions := scs.New()
	sessions.Store = memstore.NewWithCleanupInterval(0)
	w := newWorld(t, func(w *world, c *gloebit.Config) { w.sessions, c.Sessions = sessions, sessions })
	loaded, finish := make(chan struct{}), make(chan struct{})
	w.mux.HandleFunc("/slow", func(rw http.ResponseWriter, r *http.Request) {
		close(loaded)
		<-finish
		sessions.Put(r.Context(), "cart", "x")
	})
	b := w.browser("")
	callback := b.callback("/gloebit/connect").String()
	attacker := w.browser("")
	shop, _ := url.Parse(w.shop.URL)
	attacker.jar.SetCookies(shop, b.jar.Cookies(shop)) // planted before
	done := make(chan struct{})
	go func() { defer close(done); attacker.get("/slow") }()
	<-loaded
	require.Equal(t, http.StatusOK, b.get(callback).status)
	close(finish)
	<-done
	require.Equal(t, "not connected", attacker.get("/optional").body)
	require.Equal(t, "connected", b.get("/optional").body)
}

func TestSecurity17FixatedSessionCannotReplaceAccount(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t, mode.change)
			victim, kept := planted(t, w, nil)
			require.Equal(t, "connected", victim.get("/optional").body)
			if status := victim.get(kept).status; mode.alone() { // it is redirected to its page
				require.Equal(t, http.StatusOK, status, "a link of any site's")
			} else {
				require.Equal(t, http.StatusForbidden, status, "a link of any site's")
			}
			alice, _ := w.gloebit.User("alice")
			_, credential := w.stored()
			require.Equal(t, alice.ID, credential.Subject)
		})
	}
	t.Run("the session of an attacker who was connected in it", func(t *testing.T) {
		w := newWorld(t)
		victim, kept := planted(t, w, func(attacker *browser) {
			require.NoError(t, w.gloebit.Approve("bob"))
			require.Equal(t, http.StatusOK, attacker.get("/private").status)
		})
		require.Equal(t, http.StatusOK, victim.get(kept).status)
		alice, _ := w.gloebit.User("alice")
		_, credential := w.stored()
		require.Equal(t, alice.ID, credential.Subject)
	})
}

func TestSecurity17SessionLifetimeDependsOnConnection(t *testing.T) {
	w := newWorld(t)
	w.signingOut()
	b := w.browser("")
	b.follow = false
	lifetime := func(p page) time.Duration {
		t.Helper()
		cookies := p.header.Values("Set-Cookie")
		require.NotEmpty(t, cookies)
		cookie, err := http.ParseSetCookie(cookies[len(cookies)-1]) // the session's, and not the attempt's
		require.NoError(t, err)
		return time.Duration(cookie.MaxAge) * time.Second
	}
	const slack = float64(5 * time.Second)
	short, day := 10*time.Minute, 24*time.Hour
	require.InDelta(t, short, lifetime(b.get("/gloebit/connect")), slack, "there is no user")
	w.tokens.failSaves(errDown)
	require.InDelta(
		t, short, lifetime(b.get(b.callback("/gloebit/connect").String())), slack, "nor after a failed save",
	)
	w.tokens.failSaves(nil)
	require.InDelta(t, day, lifetime(b.get(b.callback("/gloebit/connect").String())), slack, "a user is connected")
	require.InDelta(t, day, lifetime(b.get("/gloebit/connect")), slack, "and stays so while connecting again")
	w.tokens.failSaves(errDown)
	require.InDelta(
		t, day, lifetime(b.get(b.callback("/gloebit/connect").String())), slack, "also when that can't be saved",
	)
	w.tokens.failSaves(nil)
	require.InDelta(t, short, lifetime(b.do(http.MethodPost, "/out", nil, nil)), slack, "there is no user any more")
}

func TestSecurity17RefreshDoesNotExtendSessionCredential(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorldAt(t, gloebittest.Config{TokenLifetime: time.Hour, RefreshTokens: true}, mode.change)
			b := w.browser("ann")
			require.Equal(t, http.StatusOK, b.get("/private").status)
			_, connected := w.stored()
			require.Equal(t, mode.alone(), !connected.ExpiresAt.IsZero())
			if mode.alone() {
				require.WithinDuration(t, time.Now().Add(24*time.Hour), connected.ExpiresAt, time.Minute)
			}
			w.clock.Advance(2 * time.Hour)
			require.Equal(t, http.StatusOK, b.get("/private").status)
			_, refreshed := w.stored()
			require.NotEqual(t, connected.AccessToken, refreshed.AccessToken)
			require.Equal(t, connected.ExpiresAt, refreshed.ExpiresAt)
		})
	}
}

// known returns the error of asking for the session's user. It is nil if the
// session has a user.
func known(merchant *gloebit.Merchant, cookie *http.Cookie) error {
	var err error
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(cookie)
	merchant.Optional(http.HandlerFunc(
		func(_ http.ResponseWriter, r *http.Request) { _, err = merchant.User(r) },
	)).ServeHTTP(httptest.NewRecorder(), r)
	return err
}

func TestSecurity17ServerEndsSessionAfterDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		merchant, err := gloebit.New(gloebit.Config{
			ClientID: "key", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
			Provider: gloebit.ProviderAt("https://gloebit.example"), SignIn: true, HTTPClient: approving(),
		})
		require.NoError(t, err)
		cookie := signIn(t, merchant)
		time.Sleep(24*time.Hour - time.Minute)
		require.NoError(t, known(merchant, cookie))
		time.Sleep(2 * time.Minute)
		require.ErrorIs(t, known(merchant, cookie), gloebit.ErrNotConnected)
	})
}

func TestSecurity17ConnectDoesNotExtendSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := validConfig()
		config.SignIn, config.HTTPClient = true, approving()
		merchant, err := gloebit.New(config)
		require.NoError(t, err)
		cookie := signIn(t, merchant)
		time.Sleep(24*time.Hour - 5*time.Minute)
		require.NoError(t, known(merchant, cookie))
		for range 3 {
			r := httptest.NewRequest(http.MethodGet, "/gloebit/connect", nil)
			r.AddCookie(cookie)
			merchant.ConnectHandler().ServeHTTP(httptest.NewRecorder(), r)
			time.Sleep(4 * time.Minute)
		}
		require.ErrorIs(t, known(merchant, cookie), gloebit.ErrNotConnected, "the holder of the cookie")
	})
}

// TestSecurity17FailingCallsMakeShortSessions checks users of the application
// whose requests have no cookie of this package.
func TestSecurity17FailingCallsMakeShortSessions(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) { c.User = headerUser })
	w.mux.Handle("/products", w.merchant.RequireGloebit(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, err := gloebit.MustFromContext(r.Context()).Products(r.Context())
		w.merchant.HandleError(rw, r, err)
	})))
	require.Equal(t, http.StatusOK, w.browser("ann").get("/private").status)
	b := w.browser("ann")
	b.follow = false
	p := b.get("/products")
	require.Len(t, p.header.Values("Set-Cookie"), 1, p.body)
	cookie, err := http.ParseSetCookie(p.header.Get("Set-Cookie"))
	require.NoError(t, err)
	require.LessOrEqual(t, cookie.MaxAge, int((10*time.Minute + time.Second).Seconds()))
}

// TestSecurity17HeaderIsUntouchedAfterResponse checks a handler that continues
// after its response, as in http.TimeoutHandler. Changing the header then is a
// data race with the server.
func TestSecurity17HeaderIsUntouchedAfterResponse(t *testing.T) {
	merchant := benchMerchant(t, asAlice)
	answered, done := make(chan struct{}), make(chan error)
	handler := merchant.RequireGloebit(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		go func() {
			<-answered
			_, err := merchant.AuthorizationURL(r, "/") // loads the session, and changes it
			done <- err
		}()
	}))
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
	close(answered)
	require.NoError(t, <-done)
	require.Empty(t, recorder.Header())
}
