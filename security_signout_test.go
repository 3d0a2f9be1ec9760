package gloebit_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

// signingOut adds a handler that signs out.
func (w *world) signingOut() {
	w.mux.Handle("POST /out", w.merchant.Optional(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := w.merchant.SignOut(r); err != nil {
			w.t.Error(err)
		}
	})))
}

// planted returns a victim and a callback. An attacker has put their own
// session into the victim's browser, the victim has connected in it, and the
// callback is an earlier one of the attacker's, for the attacker's account.
func planted(t *testing.T, w *world, before func(attacker *browser)) (victim *browser, kept string) {
	t.Helper()
	attacker := w.browser("mallory")
	if before != nil {
		before(attacker)
	}
	require.NoError(t, w.gloebit.Approve("bob"))
	kept = attacker.callback("/gloebit/connect").String()
	require.NoError(t, w.gloebit.Approve("alice"))
	victim = w.browser("ann").steal(attacker.cookies())
	victim.get("/gloebit/connect?return_to=/private")
	return victim, kept
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

func TestSecurity30SignOutAndDisconnectEndAttempts(t *testing.T) {
	for name, out := range map[string]string{"signing out": "/out", "disconnecting": "/gloebit/disconnect"} {
		for _, mode := range modes() {
			t.Run(name+", "+mode.name, func(t *testing.T) {
				w := newWorld(t, mode.change)
				w.signingOut()
				b := w.browser("ann")
				require.Equal(t, http.StatusOK, b.get("/private").status)
				callback := b.callback("/gloebit/connect").String() // in another tab
				b.do(http.MethodPost, out, nil, nil)
				connected := b.get("/optional").body
				status := b.get(callback).status
				if out == "/out" && connected == "connected" { // users are the application's to sign out
					require.Equal(t, http.StatusOK, status)
					return
				}
				require.Equal(t, "not connected", connected)
				require.Equal(t, http.StatusBadRequest, status)
				require.Equal(t, "not connected", b.get("/optional").body)
			})
		}
	}
}

func TestSecurity30UnconnectedDisconnectEndsAttempts(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t, mode.change)
			b := w.browser("ann")
			callback := b.callback("/gloebit/connect").String() // in another tab
			require.Equal(t, "home", b.do(http.MethodPost, "/gloebit/disconnect", nil, nil).body)
			require.Equal(t, http.StatusBadRequest, b.get(callback).status)
			require.Zero(t, w.tokens.Len())
		})
	}
	t.Run("and makes no session", func(t *testing.T) {
		w := newWorld(t)
		require.Empty(t, w.browser("").do(http.MethodPost, "/gloebit/disconnect", nil, nil).header.Values("Set-Cookie"))
	})
}

// TestSecurity30InFlightRequestKeepsSignOut loads the session in a
// request with a copy of the cookie, and changes it after the session has
// ended.
func TestSecurity30InFlightRequestKeepsSignOut(t *testing.T) {
	for name, end := range map[string]func(*browser){
		"signing out":      func(b *browser) { b.do(http.MethodPost, "/out", nil, nil) },
		"disconnecting":    func(b *browser) { b.do(http.MethodPost, "/gloebit/disconnect", nil, nil) },
		"connecting again": func(b *browser) { b.get(b.callback("/gloebit/connect").String()) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(_ *world, c *gloebit.Config) { c.SignIn = true })
			w.signingOut()
			loaded, finish := make(chan struct{}), make(chan struct{})
			w.mux.Handle("/slow", w.merchant.RequireGloebit(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				close(loaded)
				<-finish
				if _, err := w.merchant.AuthorizationURL(r, "/"); err != nil { // changes the session
					t.Error(err)
				}
				_, _ = rw.Write([]byte("your receipt"))
			})))
			b := w.browser("")
			require.Equal(t, http.StatusOK, b.get("/private").status)
			old := b.cookies()
			thief := w.browser("").steal(old)
			answer := make(chan page)
			go func() { answer <- thief.get("/slow") }()
			<-loaded
			end(b)
			close(finish)
			got := <-answer
			require.Equal(t, "your receipt", got.body, "the response is still sent")
			require.Empty(t, got.header.Values("Set-Cookie"))
			require.Equal(t, "not connected", w.browser("").steal(old).get("/optional").body)
		})
	}
}

// TestSecurity30InFlightCallbackSignsNoUserIn loads the session in a callback
// with a copy of the cookie. The callback fails after the session has ended.
func TestSecurity30InFlightCallbackSignsNoUserIn(t *testing.T) {
	for _, out := range []string{"/out", "/gloebit/disconnect"} {
		for name, signIn := range map[string]bool{"signed in": true, "of a session": false} {
			t.Run(name+", "+out, func(t *testing.T) {
				first, loaded, finish := true, make(chan struct{}), make(chan struct{})
				w := newWorld(t, func(_ *world, c *gloebit.Config) {
					c.SignIn = signIn
					c.OnConnect = func(*http.Request, gloebit.Connection) error {
						if !first {
							close(loaded)
							<-finish
						}
						first = false
						return nil
					}
				})
				w.signingOut()
				b := w.browser("")
				require.Equal(t, http.StatusOK, b.get("/private").status)
				callback := b.callback("/gloebit/connect").String()
				thief := w.browser("").steal(b.cookies())
				answer := make(chan page)
				go func() { answer <- thief.get(callback) }()
				<-loaded
				b.do(http.MethodPost, out, nil, nil)
				w.tokens.failSaves(errDown)
				close(finish)
				got := <-answer
				require.Equal(t, http.StatusServiceUnavailable, got.status, got.body)
				require.Len(t, got.header.Values("Set-Cookie"), 1)
				cookie, err := http.ParseSetCookie(got.header.Get("Set-Cookie"))
				require.NoError(t, err)
				require.LessOrEqual(t, cookie.MaxAge, 601, "a session without a user")
				w.tokens.failSaves(nil)
				require.Equal(t, "not connected", thief.get("/optional").body)
			})
		}
	}
}

// TestSecurity30InFlightRequestRestoresNoAttempts starts a connection in
// one request while another request ends the pending ones.
func TestSecurity30InFlightRequestRestoresNoAttempts(t *testing.T) {
	for name, change := range map[string]func(*gloebit.Config){
		"of a user of the application": func(c *gloebit.Config) { c.User = headerUser },
		"of a signed-in user":          func(c *gloebit.Config) { c.SignIn = true },
	} {
		for _, connected := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, connected %t", name, connected), func(t *testing.T) {
				w := newWorld(t, func(_ *world, c *gloebit.Config) { change(c) })
				started, finish := make(chan struct{}), make(chan struct{})
				w.mux.Handle("/slow", w.merchant.Optional(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					if _, err := w.merchant.AuthorizationURL(r, "/"); err != nil {
						t.Error(err)
					}
					close(started)
					<-finish
				})))
				b := w.browser("ann")
				if connected {
					require.Equal(t, http.StatusOK, b.get("/private").status)
				}
				callback := b.callback("/gloebit/connect").String() // in another tab
				slow := w.browser("ann").steal(b.cookies())
				done := make(chan page)
				go func() { done <- slow.get("/slow") }()
				<-started
				require.Equal(t, "home", b.do(http.MethodPost, "/gloebit/disconnect", nil, nil).body)
				close(finish)
				require.Empty(t, (<-done).header.Values("Set-Cookie"))
				for _, browser := range []*browser{b, slow} {
					require.Equal(t, http.StatusBadRequest, browser.get(callback).status)
				}
				require.Zero(t, w.tokens.Len())
			})
		}
	}
}

func TestSecurity30UnneededSignOutSetsNoCookie(t *testing.T) {
	w := newWorld(t)
	w.signingOut()
	p := w.browser("").do(http.MethodPost, "/out", nil, nil)
	require.Empty(t, p.header.Values("Set-Cookie"))
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
