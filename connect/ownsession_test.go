package connect_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// shop is an application without users or sessions of its own, to which a user
// named alice is connected.
func shop(t *testing.T, changes ...func(*connect.Config)) *connect.Connector {
	t.Helper()
	tokens := new(connect.MemoryTokenStore)
	config := connect.Config{
		Server: connect.Server{Name: "Example", Endpoint: oauth2.Endpoint{
			AuthURL: "https://example.com/authorize", TokenURL: "https://example.com/token",
		}},
		ClientID: "app", ClientSecret: "secret", RedirectURL: "https://shop.example/oauth/callback", Tokens: tokens,
	}
	for _, change := range changes {
		change(&config)
	}
	connector, err := connect.New(config)
	require.NoError(t, err)
	alice := connect.Key{Realm: connector.Realm(), ID: "alice"}
	require.NoError(t, tokens.Update(t.Context(), alice, save(connect.Credential{AccessToken: "canary-access-token"})))
	return connector
}

// serve answers a GET, with a cookie unless it is nil.
func serve(handler http.Handler, target string, cookie *http.Cookie) *httptest.ResponseRecorder {
	recorder, request := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, target, nil)
	if cookie != nil {
		request.AddCookie(cookie)
	}
	handler.ServeHTTP(recorder, request)
	return recorder
}

func TestOwnSessionsAreBoundedAndShort(t *testing.T) {
	connector := shop(t)
	connector.BoundSessions(2000)
	codes := map[int]int{}
	for range 2010 {
		recorder := serve(connector.ConnectHandler(), "/oauth/connect", nil)
		codes[recorder.Code]++
		if codes[http.StatusSeeOther] == 1 {
			cookie := recorder.Result().Cookies()[0]
			require.LessOrEqual(t, cookie.MaxAge, 601, "no longer than the attempt")
		}
	}
	require.Equal(t, 2000, connector.Sessions())
	require.Equal(t, map[int]int{http.StatusSeeOther: 2000, http.StatusServiceUnavailable: 10}, codes)
}

func TestExpiredSessionsMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connector := shop(t)
		connector.BoundSessions(3)
		for range 2 {
			for _, want := range []int{303, 303, 303, 503, 503} {
				require.Equal(t, want, serve(connector.ConnectHandler(), "/oauth/connect", nil).Code)
			}
			time.Sleep(10 * time.Minute)
		}
	})
}

// crowdedTokens starts new sessions while a credential is saved.
type crowdedTokens struct {
	connect.MemoryTokenStore
	newcomers func()
}

func (s *crowdedTokens) Update(
	ctx context.Context, key connect.Key, fn func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	s.newcomers()
	return s.MemoryTokenStore.Update(ctx, key, fn)
}

func TestFullSessionStoreKeepsConnectingUsers(t *testing.T) {
	tokens := &crowdedTokens{}
	description := newOAuthServer(t, oauth2.AuthStyleInHeader).description()
	description.Identity = func(context.Context, *connect.Account) (connect.User, error) {
		return connect.User{ID: "alice", Name: "Alice"}, nil
	}
	a := newApplication(t, description, func(c *connect.Config) { c.User, c.SignIn, c.Tokens = nil, true, tokens })
	tokens.newcomers = func() {
		for range 3 {
			serve(a.connector.ConnectHandler(), "/oauth/connect", nil)
		}
	}
	a.api = func(*connect.Account) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("connected"))}, nil
	}
	stay := *a.browser
	stay.CheckRedirect = testkit.Stay
	load := func(browser *http.Client, target string) testkit.Page {
		return testkit.Load(t, browser, testkit.NewRequest(t, http.MethodGet, target, nil))
	}
	authorize := load(&stay, a.site.URL+"/oauth/connect?return_to=/page").Header.Get("Location")
	callback := load(&stay, authorize).Header.Get("Location")
	a.connector.BoundSessions(1)
	require.Equal(t, "connected", load(a.browser, callback).Body)
	require.Equal(t, "connected", load(a.browser, a.site.URL+"/oauth/connect?return_to=/page").Body, "again")
	require.Equal(t, 1, a.connector.Sessions())
}

// memoryOfAFlood limits the memory of 50,000 connects that are never completed,
// each from its own browser and with the longest return_to.
// docs/security-tests.md states it.
const memoryOfAFlood = 200 << 20

// TestConnectFloodUsesBoundedMemory makes a fifth of the connects, which take a
// fifth of the memory.
func TestConnectFloodUsesBoundedMemory(t *testing.T) {
	connector := shop(t)
	handler := connector.ConnectHandler()
	target := "/oauth/connect?return_to=/" + strings.Repeat("x", 2047) + "&scope=balance&x="
	target += strings.Repeat("x", 8000-len(target)) // which is not kept
	before := heap()
	started := 0
	const many = 50_000 / 5
	for range many {
		if serve(handler, target, nil).Code == http.StatusSeeOther {
			started++
		}
	}
	cost := heap() - before
	t.Logf("%d MiB, %d bytes a connect", cost>>20, cost/many)
	require.Equal(t, many, started)
	require.Equal(t, many, connector.Sessions())
	require.Less(t, cost, int64(memoryOfAFlood/5))
	runtime.KeepAlive(connector)
}

// heap returns the bytes in use after garbage collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestKnownUserRequestWritesNoSession(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*connect.Config)
		loads  int
		vary   []string
	}{
		"with Config.User": {func(c *connect.Config) {
			c.User = func(*http.Request) (connect.User, error) { return connect.User{ID: "alice"}, nil }
		}, 0, nil},
		"with the session's": {func(*connect.Config) {}, 1, []string{"Cookie"}},
	} {
		t.Run(name, func(t *testing.T) {
			connector := shop(t, test.change)
			cookie, loads := connector.SignInAs("alice"), connector.SessionLoads()
			recorder := serve(connector.Require()(connector.Optional(http.HandlerFunc(func(
				w http.ResponseWriter, r *http.Request,
			) {
				_, _ = io.WriteString(w, connect.MustFromContext(r.Context()).User().ID)
			}))), "/", cookie)
			require.Equal(t, "alice", recorder.Body.String())
			require.Equal(t, test.loads, *loads)
			require.Equal(t, test.vary, recorder.Header().Values("Vary"))
			require.Empty(t, recorder.Header().Values("Set-Cookie"))
		})
	}
}

func TestUnsavedSessionReplacesResponseWith503(t *testing.T) {
	connector := shop(t)
	connector.SignInAs("alice")
	connector.BoundSessions(1)
	var written error
	recorder := serve(connector.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := connector.AuthorizationURL(r, "/") // changes the session
		require.NoError(t, err)
		w.Header().Set("Location", "/elsewhere")
		_, written = io.WriteString(w, "all is well")
	})), "/", nil)
	require.Error(t, written)
	require.Equal(t, http.StatusServiceUnavailable, recorder.Code)
	require.Equal(t, "application/problem+json", recorder.Header().Get("Content-Type"))
	require.NotContains(t, recorder.Body.String(), "all is well")
	require.Empty(t, recorder.Header().Get("Location"))
	require.Empty(t, recorder.Result().Cookies())
}

func TestSecurity17SessionsAreKeptWithoutTheirCookies(t *testing.T) {
	connector := shop(t)
	cookie := connector.SignInAs("alice").Value
	require.NotContains(t, connector.SessionsAtRest(), cookie, "a reader of the memory gets no session")
	require.Contains(t, connector.SessionsAtRest(), "alice")
}

func TestEndingWithoutSessionSetsNoCookie(t *testing.T) {
	connector := shop(t)
	for name, handler := range map[string]http.Handler{
		"disconnect": connector.DisconnectHandler(),
		"sign out": connector.Optional(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			require.NoError(t, connector.SignOut(r))
		})),
	} {
		t.Run(name, func(t *testing.T) {
			recorder, request := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/oauth/disconnect", nil)
			request.Header.Set("Origin", "https://shop.example")
			handler.ServeHTTP(recorder, request)
			require.Less(t, recorder.Code, 400, recorder.Body)
			require.Empty(t, recorder.Header().Values("Set-Cookie"))
			require.Zero(t, connector.Sessions())
		})
	}
}

func TestLongNameIsTruncated(t *testing.T) {
	description := newOAuthServer(t, oauth2.AuthStyleInHeader).description()
	description.Identity = func(context.Context, *connect.Account) (connect.User, error) {
		return connect.User{ID: "1", Name: strings.Repeat("n", 1e6)}, nil
	}
	a := newApplication(t, description, func(c *connect.Config) { c.User, c.SignIn = nil, true })
	connected := testkit.Load(
		t, a.browser, testkit.NewRequest(t, http.MethodGet, a.site.URL+"/oauth/connect", url.Values{}),
	)
	require.Equal(t, "/", connected.URL.Path, connected.Body)
	require.Equal(t, 1, a.tokens.Len())
	require.Less(t, len(a.connector.SessionsAtRest()), 1000)
}
