package gloebit_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
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

func TestSecurity30OnlyThisSitesPOSTDisconnects(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	b.get("/private")
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
		require.Equal(t, http.StatusMethodNotAllowed, b.do(method, "/gloebit/disconnect", nil, nil).status, method)
	}
	for name, header := range map[string]http.Header{
		"a cross-site form":                 {"Sec-Fetch-Site": {"cross-site"}},
		"a same-site form of another host":  {"Sec-Fetch-Site": {"same-site"}},
		"another origin in an old browser":  {"Origin": {"https://evil.example"}},
		"an origin that hides (sandboxed)":  {"Origin": {"null"}},
		"another port of the same computer": {"Origin": {"http://127.0.0.1:1"}},
		"a page of the provider's":          {"Origin": {w.gloebit.URL}},
		"a page of Gloebit's":               {"Origin": {"https://www.gloebit.com"}},
	} {
		require.Equal(t, http.StatusForbidden, b.do(http.MethodPost, "/gloebit/disconnect", nil, header).status, name)
	}
	require.Equal(t, "connected", b.get("/optional").body)
	require.Equal(t, 1, w.tokens.Len())
}

func TestSecurity30DisconnectFailsClosed(t *testing.T) {
	t.Parallel()
	refuse := errors.New("not now")
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.OnDisconnect = func(*http.Request, gloebit.User) error { return refuse }
	})
	b := w.browser("")
	b.get("/private")
	w.tokens.fail(errDown)
	require.Equal(t, http.StatusServiceUnavailable, b.do(http.MethodPost, "/gloebit/disconnect", nil, nil).status)
	w.tokens.fail(nil)
	require.Equal(t, "connected", b.get("/optional").body)
	require.Equal(t, http.StatusInternalServerError, b.do(http.MethodPost, "/gloebit/disconnect", nil, nil).status)
	require.Zero(t, w.tokens.Len(), "the hook comes after")
	huge := url.Values{"return_to": {"/"}, "x": {strings.Repeat("x", 1<<20)}}
	require.Equal(t, http.StatusBadRequest, b.do(http.MethodPost, "/gloebit/disconnect", huge, nil).status)
}

func TestSecurity30DisconnectTakesEffectOnTheServer(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			var left []gloebit.User
			w := newWorld(t, mode.change, func(_ *world, c *gloebit.Config) {
				c.OnDisconnect = func(_ *http.Request, user gloebit.User) error { left = append(left, user); return nil }
			})
			b := w.browser("ann")
			require.Equal(t, http.StatusOK, b.get("/private").status)
			thief := w.browser("ann").steal(b.cookies())
			require.Equal(t, "connected", thief.get("/optional").body)
			p := b.do(http.MethodPost, "/gloebit/disconnect", url.Values{"return_to": {"/optional"}}, nil)
			require.Equal(t, "not connected", p.body)
			require.Equal(t, "not connected", thief.get("/optional").body, "with a copy of the cookies neither")
			require.Zero(t, w.tokens.Len())
			require.Len(t, left, 1)
			p = b.do(http.MethodPost, "/gloebit/disconnect", nil, nil)
			require.Equal(t, "home", p.body, "again is no error")
		})
	}
}

func TestSecurity30DisconnectSignsOut(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) { c.SignIn = true })
	var user gloebit.User
	var err error
	w.mux.Handle(
		"/who",
		w.merchant.Optional(http.HandlerFunc(
			func(rw http.ResponseWriter, r *http.Request) { user, err = w.merchant.User(r) },
		)),
	)
	w.mux.Handle("POST /out", w.merchant.Optional(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if err := w.merchant.SignOut(r); err != nil {
			t.Error(err)
		}
	})))
	b := w.browser("")
	b.get("/private")
	b.get("/who")
	require.NoError(t, err)
	alice, _ := w.gloebit.User("alice")
	require.Equal(t, gloebit.User{ID: alice.ID, Name: "alice"}, user)

	shop, _ := url.Parse(w.shop.URL)
	before := b.jar.Cookies(shop)[0].Value
	b.do(http.MethodPost, "/out", nil, nil)
	require.NotEqual(t, before, b.jar.Cookies(shop)[0].Value, "the session has a new id")
	b.get("/who")
	require.ErrorIs(t, err, gloebit.ErrNotConnected)
	require.Equal(t, 1, w.tokens.Len(), "signing out is not disconnecting")

	b.get("/private")
	before = b.jar.Cookies(shop)[0].Value
	b.do(http.MethodPost, "/gloebit/disconnect", nil, nil)
	require.NotEqual(t, before, b.jar.Cookies(shop)[0].Value)
	b.get("/who")
	require.ErrorIs(t, err, gloebit.ErrNotConnected)
	require.Empty(t, user.Name)
	require.Zero(t, w.tokens.Len())
}
