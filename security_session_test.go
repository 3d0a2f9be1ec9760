package gloebit_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/go-gloebit/gloebit"
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

func TestSecurity18ConnectionGoesToStartingUser(t *testing.T) {
	for name, path := range map[string]string{"at once": "/private", "from a link": "/gloebit/connect"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(_ *world, c *gloebit.Config) { c.User = headerUser })
			require.Equal(t, http.StatusOK, w.browser("ann").get(path).status)
			userID, _ := w.stored()
			require.Equal(t, "id of ann", userID)
			require.Equal(t, "not connected", w.browser("bob").get("/optional").body)
		})
	}
	refuses(t, map[string]badCallback{
		"another user came back":       {func(_ *world, b *browser, _ url.Values) { b.user = "bob" }, 403},
		"a user of another case":       {func(_ *world, b *browser, _ url.Values) { b.user = "Ann" }, 403},
		"the user has signed out":      {func(_ *world, b *browser, _ url.Values) { b.user = "" }, 401},
		"the users can't be looked up": {func(_ *world, b *browser, _ url.Values) { b.user = "down" }, 503},
	})
}

func TestSecurity18SignInRefusesAnotherAccount(t *testing.T) {
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
