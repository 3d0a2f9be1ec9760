package gloebit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

// forgetful is a store that ignores the expiry.
type forgetful struct{ gloebit.TokenStore }

func (s forgetful) Load(_ context.Context, _ connect.Key) (connect.Credential, error) {
	return connect.Credential{AccessToken: canaryToken, ExpiresAt: time.Unix(1_000_000, 0)}, nil
}

func TestSecurity17ExpiredCredentialIsIgnored(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	config := validConfig()
	config.Tokens, config.Clock = forgetful{&gloebit.MemoryTokenStore{}}, func() time.Time { return now }
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	_, err = merchant.Client(t.Context(), "u")
	require.ErrorIs(t, err, gloebit.ErrNotConnected)
	now = now.Add(-time.Nanosecond)
	_, err = merchant.Client(t.Context(), "u")
	require.NoError(t, err)
}

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

func TestSecurity26RefreshDoesNotUndoADisconnect(t *testing.T) {
	exchanges := 0
	client, merchant, tokens := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/oauth2/access-token" {
			exchanges++
			_, _ = io.WriteString(w, `{"access_token":"new","expires_in":3600}`)
			return
		}
		_, _ = io.WriteString(w, `{"success":false,"reason":"token has expired"}`)
	}, func(_ *gloebit.Config, c *connect.Credential) { c.RefreshToken = canaryRefresh })
	require.NoError(t, tokens.Delete(t.Context(), keyOf(merchant, "u")))
	_, err := client.Balance(t.Context())
	require.ErrorIs(t, err, gloebit.ErrNotConnected)
	require.Zero(t, exchanges)
	_, err = tokens.Load(t.Context(), keyOf(merchant, "u"))
	require.ErrorIs(t, err, gloebit.ErrNotFound)
}

func TestSecurity29OtherFailuresDoNotRedirect(t *testing.T) {
	merchant := benchMerchant(t, asAlice)
	for name, err := range map[string]error{
		"a refused token that can't be forgotten": fmt.Errorf("%w (and %w)", gloebit.ErrNotConnected, gloebit.ErrStore),
		"a call that may have been carried out":   fmt.Errorf("%w (%w)", gloebit.ErrNotConnected, gloebit.ErrOutcomeUnknown),
		"scopes that can't be looked up": errors.Join(
			&gloebit.ScopeError{Missing: []gloebit.Scope{"balance"}}, gloebit.ErrStore,
		),
	} {
		t.Run(name, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			request := httptest.NewRequest(http.MethodGet, "/", nil)
			request.Header.Set("Sec-Fetch-Mode", "navigate")
			merchant.HandleError(recorder, request, err)
			require.Empty(t, recorder.Header().Get("Location"))
			require.GreaterOrEqual(t, recorder.Code, 400)
		})
	}
}

func TestSecurity29UserErrorReturns503(t *testing.T) {
	for name, failure := range map[string]error{
		"not connected": gloebit.ErrNotConnected, "missing scopes": gloebit.ErrScopeMissing,
	} {
		w := newWorld(t, func(_ *world, c *gloebit.Config) {
			c.User = func(*http.Request) (gloebit.User, error) { return gloebit.User{}, fmt.Errorf("users: %w", failure) }
		})
		for _, path := range []string{"/private", "/inventory", "/optional", "/gloebit/connect"} {
			require.Equal(t, http.StatusServiceUnavailable, w.browser("").get(path).status, "%s: %s", name, path)
		}
		require.Equal(
			t, http.StatusServiceUnavailable, w.browser("").do(http.MethodPost, "/gloebit/disconnect", nil, nil).status, name,
		)
	}
}

func TestSecurity29NothingRunsWithoutASession(t *testing.T) {
	config := validConfig()
	config.Sessions = scs.New() // whose LoadAndSave is forgotten
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	for name, middleware := range map[string]func(http.Handler) http.Handler{
		"required": merchant.RequireGloebit, "scoped": merchant.RequireScopes(gloebit.ScopeUser),
		"optional": merchant.Optional,
	} {
		recorder := httptest.NewRecorder()
		middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it ran") })).
			ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
		require.Equal(t, http.StatusInternalServerError, recorder.Code, name)
	}
}

func TestSecurity29NilRateLimitErrorIsRefused(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.RateLimit = func(*http.Request) error { var limited *gloebit.RateLimitError; return limited } // a common mistake
	})
	require.Equal(t, http.StatusTooManyRequests, w.browser("").get("/gloebit/connect").status)
}
