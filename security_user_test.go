package gloebit_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestSecurity18ForeignSessionDoesNotComplete(t *testing.T) {
	sessions := scs.New()
	sessions.Store = memstore.NewWithCleanupInterval(0)
	w := newWorld(t, func(w *world, c *gloebit.Config) { w.sessions, c.Sessions = sessions, sessions })
	w.mux.HandleFunc("/become", func(_ http.ResponseWriter, r *http.Request) { // what a writer of sessions could do
		for _, key := range sessions.Keys(r.Context()) {
			if strings.HasSuffix(key, ".user") {
				sessions.Put(r.Context(), key, "another")
			}
		}
	})
	b := w.browser("")
	require.Equal(t, http.StatusOK, b.get("/private").status)
	callback := b.callback("/gloebit/connect").String()
	b.get("/become")
	require.Equal(t, http.StatusForbidden, b.get(callback).status)
	require.Equal(t, 1, w.tokens.Len())
}

func TestSecurity18SignInRefusesEmptyID(t *testing.T) {
	for name, body := range map[string]string{
		"empty": `{"success":true,"id":"","name":"alice"}`, "none": `{"success":true,"name":"alice"}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(_ *world, c *gloebit.Config) { c.SignIn = true })
			w.gloebit.Inject(gloebittest.Fault{Path: "user", Body: body})
			require.Equal(t, http.StatusBadGateway, w.browser("").get("/private").status)
			require.Zero(t, w.tokens.Len())
		})
	}
}

func TestSecurity18OnConnectErrorPreventsConnection(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t, mode.change, func(_ *world, c *gloebit.Config) {
				c.OnConnect = func(*http.Request, gloebit.Connection) error { return errors.New("not you") }
			})
			b := w.browser("ann")
			before := b.callback("/gloebit/connect").String()
			require.Equal(t, http.StatusInternalServerError, b.get(before).status)
			require.Zero(t, w.tokens.Len())
			require.Equal(t, "not connected", b.get("/optional").body)
		})
	}
}

func TestSecurity18EmptyIDIsNotSignedIn(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.User = func(*http.Request) (gloebit.User, error) { return gloebit.User{Name: "ann"}, nil }
	})
	for _, path := range []string{"/private", "/inventory", "/gloebit/connect"} {
		require.Equal(t, http.StatusUnauthorized, w.browser("").get(path).status, path)
	}
	require.Equal(t, "not connected", w.browser("").get("/optional").body)
	require.Zero(t, w.states.puts)
}

func TestSecurity18AnotherMerchantsClientIsNotAccepted(t *testing.T) {
	theirs, ours := benchMerchant(t, asAlice), benchMerchant(t, func(c *gloebit.Config) {
		c.User = func(*http.Request) (gloebit.User, error) { return gloebit.User{ID: "bob"}, nil }
	})
	for name, middleware := range map[string]func(http.Handler) http.Handler{
		"required": ours.RequireGloebit, "scoped": ours.RequireScopes(gloebit.ScopeUser),
	} {
		handler := theirs.RequireGloebit(middleware(http.HandlerFunc(
			func(http.ResponseWriter, *http.Request) { t.Error("it ran") },
		)))
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/", nil))
		require.Equal(t, http.StatusUnauthorized, recorder.Code, name)
	}
}

func TestSecurity18UsersKeepTheirOwnScopes(t *testing.T) {
	tokens := &gloebit.MemoryTokenStore{}
	want := map[string][]gloebit.Scope{
		"ann": {"user", "transact"}, "ben": {"user", "balance"}, "cem": {"transact", "user"}, "dan": nil,
		"eve": {"user", "transact"}, "fay": {},
	}
	for _, id := range []string{"ann", "ben", "cem", "dan", "eve", "fay"} {
		require.NoError(
			t,
			tokens.Update(
				t.Context(), connect.Key{Realm: "www.gloebit.com/shop", ID: id},
				save(connect.Credential{AccessToken: "t", Scopes: want[id]}),
			),
		)
	}
	for id, scopes := range want {
		credential, err := tokens.Load(t.Context(), connect.Key{Realm: "www.gloebit.com/shop", ID: id})
		require.NoError(t, err)
		require.Equal(t, scopes, credential.Scopes, id)
	}
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
