package gloebit_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

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

// planted is a victim in a session that an attacker has put into their browser,
// after they connected in it themselves, and a callback that the attacker has
// kept from before, for an account of their own.
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

func TestSecurity17PlantedSessionCantReplaceTheAccountThatWasConnectedInIt(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t, mode.change)
			victim, kept := planted(t, w, nil)
			require.Equal(t, "connected", victim.get("/optional").body)
			require.GreaterOrEqual(t, victim.get(kept).status, 400, "a link of any site's")
			alice, _ := w.gloebit.User("alice")
			_, credential := w.stored()
			require.Equal(t, alice.ID, credential.GloebitID)
		})
	}
	t.Run("the session of an attacker who was connected in it", func(t *testing.T) {
		w := newWorld(t)
		victim, kept := planted(t, w, func(attacker *browser) {
			require.NoError(t, w.gloebit.Approve("bob"))
			require.Equal(t, http.StatusOK, attacker.get("/private").status)
		})
		require.GreaterOrEqual(t, victim.get(kept).status, 400)
		alice, _ := w.gloebit.User("alice")
		_, credential := w.stored()
		require.Equal(t, alice.ID, credential.GloebitID)
	})
}

func TestSecurity30SignOutAndDisconnectEndTheConnectionsUnderWay(t *testing.T) {
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

// TestSecurity30RequestInFlightDoesNotUndoASignOut lets a request that loaded
// the session before it ended change it after, with a copy of the cookie.
func TestSecurity30RequestInFlightDoesNotUndoASignOut(t *testing.T) {
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
			require.Equal(t, "your receipt", got.body, "what was done is told")
			require.Empty(t, got.header.Values("Set-Cookie"))
			require.Equal(t, "not connected", w.browser("").steal(old).get("/optional").body)
		})
	}
}

func TestSecurity30SignOutByNobodyMakesNoSession(t *testing.T) {
	w := newWorld(t)
	w.signingOut()
	p := w.browser("").do(http.MethodPost, "/out", nil, nil)
	require.Empty(t, p.header.Values("Set-Cookie"))
	require.Zero(t, w.merchant.Sessions())
}

func TestSecurity17SessionsAreAsLongAsWhatTheyAreFor(t *testing.T) {
	w := newWorld(t)
	w.signingOut()
	b := w.browser("")
	b.follow = false
	lifetime := func(p page) time.Duration {
		t.Helper()
		require.Len(t, p.header.Values("Set-Cookie"), 1)
		cookie, err := http.ParseSetCookie(p.header.Get("Set-Cookie"))
		require.NoError(t, err)
		return time.Duration(cookie.MaxAge) * time.Second
	}
	const slack = float64(5 * time.Second)
	short, day := 10*time.Minute, 24*time.Hour
	require.InDelta(t, short, lifetime(b.get("/gloebit/connect")), slack, "nobody is known")
	require.InDelta(t, day, lifetime(b.get(b.callback("/gloebit/connect").String())), slack, "somebody is connected")
	require.InDelta(t, day, lifetime(b.get("/gloebit/connect")), slack, "and stays so while connecting again")
	require.InDelta(t, short, lifetime(b.do(http.MethodPost, "/out", nil, nil)), slack, "nobody is known any more")
}

func TestSecurity17SessionEndsOnTheServerAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		merchant, err := gloebit.New(gloebit.Config{
			ClientID: "key", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
			Provider: gloebit.At("https://gloebit.example"), SignIn: true,
		})
		require.NoError(t, err)
		cookie := merchant.SignInAs("alice")
		known := func() error {
			var err error
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.AddCookie(cookie)
			merchant.Optional(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, err = merchant.User(r) })).ServeHTTP(httptest.NewRecorder(), r)
			return err
		}
		time.Sleep(24*time.Hour - time.Minute)
		require.NoError(t, known())
		time.Sleep(2 * time.Minute)
		require.ErrorIs(t, known(), gloebit.ErrNotConnected)
	})
}

// TestSecurity17FailingCallsMakeShortSessions is of users of the application,
// whose requests come without a cookie of ours.
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

// TestSecurity17HeaderIsLeftAloneOnceTheAnswerIsOut has a handler that goes on
// after its answer, as those in http.TimeoutHandler do: to touch the header then
// is a data race with the server.
func TestSecurity17HeaderIsLeftAloneOnceTheAnswerIsOut(t *testing.T) {
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
