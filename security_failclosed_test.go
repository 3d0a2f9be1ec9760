package gloebit_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

// faultySessions is a session store of the application that can be made to fail.
type faultySessions struct {
	scs.Store
	down atomic.Bool
}

func (s *faultySessions) Find(id string) ([]byte, bool, error) {
	if s.down.Load() {
		return nil, false, errDown
	}
	return s.Store.Find(id)
}

func TestSecurity29HandlersNeedTheStore(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			store := &faultySessions{}
			w := newWorld(t, mode.change, func(w *world, _ *gloebit.Config) {
				if w.sessions != nil {
					store.Store, w.sessions.Store = w.sessions.Store, store
					w.sessions.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, _ error) {
						http.Error(w, "scs", http.StatusInternalServerError)
					}
				}
			})
			var ran atomic.Int32
			counted := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				ran.Add(1)
				_, _ = io.WriteString(rw, "the goods")
			})
			protected := map[string]func(http.Handler) http.Handler{
				"/required": w.merchant.RequireGloebit, "/scoped": w.merchant.RequireScopes(gloebit.ScopeBalance),
				"/either": w.merchant.Optional,
			}
			for path, middleware := range protected {
				w.mux.Handle(path, middleware(counted))
			}
			b := w.browser("ann")
			require.Equal(t, http.StatusOK, b.get("/private").status)
			visit := func(path string, status int) {
				t.Helper()
				for _, p := range []page{
					b.get(path), b.do(http.MethodPost, path, nil, http.Header{"Accept": {"application/json"}}),
				} {
					require.Equal(t, status, p.status, path)
					require.Equal(t, status == http.StatusOK, p.body == "the goods", path)
				}
			}
			w.tokens.fail(errDown)
			for path := range protected {
				visit(path, http.StatusServiceUnavailable)
			}
			require.Zero(t, ran.Load())
			w.tokens.fail(nil)
			if w.sessions != nil {
				store.down.Store(true)
				for path := range protected {
					visit(path, http.StatusInternalServerError)
				}
				require.Zero(t, ran.Load())
				store.down.Store(false)
			}
			for path := range protected {
				visit(path, http.StatusOK)
			}
		})
	}
	t.Run("with the users down", func(t *testing.T) {
		w := newWorld(t, func(_ *world, c *gloebit.Config) { c.User = headerUser })
		require.Equal(t, http.StatusOK, w.browser("ann").get("/private").status)
		for _, path := range []string{"/private", "/optional", "/inventory"} {
			require.Equal(t, http.StatusServiceUnavailable, w.browser("down").get(path).status)
		}
	})
}

func TestSecurity29ConnectAndCallbackFailClosed(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) { c.User = headerUser })
	w.states.fail(errDown)
	require.Equal(t, http.StatusServiceUnavailable, w.browser("ann").get("/gloebit/connect").status)
	w.states.fail(nil)
	w.tokens.fail(errDown)
	p := w.browser("ann").get("/gloebit/connect")
	require.Equal(t, http.StatusServiceUnavailable, p.status)
	require.NotContains(t, p.body, errDown.Error(), "users see a plain message")
	require.Contains(t, w.log.String(), errDown.Error(), "the log has the cause")
	require.Zero(t, w.states.puts, "and nothing was begun")
	require.Equal(t, http.StatusUnauthorized, w.browser("").get("/gloebit/connect").status)
	refuses(t, map[string]badCallback{
		"the state store is down": {func(w *world, _ *browser, _ url.Values) { w.states.fail(errDown) }, 503},
		"the token store is down": {func(w *world, _ *browser, _ url.Values) { w.tokens.fail(errDown) }, 503},
		"a save fails":            {func(w *world, _ *browser, _ url.Values) { w.tokens.failSaves(errDown) }, 503},
	})
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
