package gloebit_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

func TestSessionHasTenPendingConnections(t *testing.T) {
	for _, mode := range modes() {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t, mode.change)
			b := w.browser("ann")
			var callbacks []string
			for range 12 {
				callbacks = append(callbacks, b.callback("/gloebit/connect").String())
			}
			require.Equal(t, 10, w.states.Len())
			for i, callback := range callbacks {
				want := http.StatusOK
				if i < 2 {
					want = http.StatusBadRequest
				}
				require.Equal(t, want, b.get(callback).status, "the ten that started last are good, and %d is not among them", i)
			}
			require.Zero(t, w.states.Len())
		})
	}
}

func TestACallbackMakesRoomForAnotherConnection(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) { c.SignIn = true })
	b := w.browser("")
	first := b.callback("/gloebit/connect").String()
	for range 30 { // redeemed one by one, with a refusal or without
		callback := b.callback("/gloebit/connect")
		b.get(strings.ReplaceAll(callback.String(), "code=", "error=access_denied&x="))
		b.get(b.callback("/gloebit/connect").String())
	}
	require.Equal(t, 1, w.states.Len())
	require.Equal(t, http.StatusOK, b.get(first).status, "one tab of many is not dropped for those that are done")
}

func TestPendingLimitIsPerSession(t *testing.T) {
	w := newWorld(t)
	callback := w.browser("").callback("/gloebit/connect")
	b := w.browser("")
	for range 11 {
		b.location("/gloebit/connect")
	}
	require.Equal(t, 11, w.states.Len(), "ten, and the other session's")
	require.Equal(t, http.StatusBadRequest, b.get(callback.String()).status)
}

func TestConnectFailsWhenOldestStateRemains(t *testing.T) {
	states := &untakeable{}
	w := newWorld(t, func(w *world, c *gloebit.Config) { states.Clock, c.States = w.clock.Now, states })
	b := w.browser("")
	for range 10 {
		b.location("/gloebit/connect")
	}
	b.follow = false
	require.Equal(t, http.StatusServiceUnavailable, b.get("/gloebit/connect").status)
	require.Equal(t, 10, states.Len())
}

// untakeable is a state store whose Take fails.
type untakeable struct{ gloebit.MemoryStateStore }

func (*untakeable) Take(context.Context, connect.Key) (connect.PendingConnection, error) {
	return connect.PendingConnection{}, errDown
}

func TestLaterTabGetsFullConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := validConfig()
		config.HTTPClient = &http.Client{Transport: &tokens{}}
		merchant, err := gloebit.New(config)
		require.NoError(t, err)
		v := &visitor{handler: merchant.Handler()}
		v.connect()
		time.Sleep(9 * time.Minute)
		state := v.connect()
		time.Sleep(9 * time.Minute)
		require.Equal(t, http.StatusSeeOther, v.visit("/gloebit/callback?code=c&state="+state).Code)
	})
}

// visitor is a browser without a network.
type visitor struct {
	handler http.Handler
	user    string
	cookies []*http.Cookie
}

func (v *visitor) visit(target string) *httptest.ResponseRecorder {
	return v.send(httptest.NewRequest(http.MethodGet, target, nil))
}

func (v *visitor) send(r *http.Request) *httptest.ResponseRecorder {
	if v.user != "" {
		r.Header.Set("X-User", v.user)
	}
	for _, cookie := range v.cookies {
		r.AddCookie(cookie)
	}
	recorder := httptest.NewRecorder()
	v.handler.ServeHTTP(recorder, r)
	if cookies := recorder.Result().Cookies(); len(cookies) > 0 {
		v.cookies = cookies
	}
	return recorder
}

// connect returns the state of a new connection.
func (v *visitor) connect() string {
	to, err := v.visit("/gloebit/connect").Result().Location()
	if err != nil {
		return ""
	}
	return to.Query().Get("state")
}

// tokens is a token endpoint that accepts any code, and counts its tokens.
type tokens struct{ given int }

func (s *tokens) RoundTrip(*http.Request) (*http.Response, error) {
	s.given++
	recorder := httptest.NewRecorder()
	answering(200, `{"access_token":"t"}`)(recorder, nil)
	return recorder.Result(), nil
}

// untouchable are sessions that must not be used.
type untouchable struct{ gloebit.SessionStore }

func TestRateLimitIsCheckedFirst(t *testing.T) {
	log := &testkit.Log{}
	var refusal error
	var asked int
	config := validConfig()
	config.Sessions = untouchable{} // panics
	config.User = func(*http.Request) (gloebit.User, error) { panic("the user was looked up") }
	config.RateLimit = func(*http.Request) error { asked++; return refusal }
	config.Logger = slog.New(slog.NewTextHandler(log, nil))
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		refusal    error
		retryAfter string
	}{
		"any error":           {errors.New("too fast"), ""},
		"ErrTooManyAttempts":  {gloebit.ErrTooManyAttempts, ""},
		"a time":              {&gloebit.RateLimitError{RetryAfter: 90 * time.Second}, "90"},
		"less than a second":  {&gloebit.RateLimitError{RetryAfter: time.Millisecond}, "1"},
		"not a whole second":  {&gloebit.RateLimitError{RetryAfter: 1001 * time.Millisecond}, "2"},
		"no time":             {&gloebit.RateLimitError{}, ""},
		"a limiter that died": {context.DeadlineExceeded, ""},
		"another's sentinel":  {gloebit.ErrNotConnected, ""},
	} {
		t.Run(name, func(t *testing.T) {
			refusal = test.refusal
			for _, handler := range []http.Handler{merchant.Handler(), merchant.ConnectHandler(), merchant.CallbackHandler()} {
				for _, path := range []string{"/gloebit/connect", "/gloebit/callback?state=x&code=y", "/gloebit/callback?%zz"} {
					asked = 0
					recorder := httptest.NewRecorder()
					handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
					require.Equal(t, http.StatusTooManyRequests, recorder.Code)
					require.Equal(t, test.retryAfter, recorder.Header().Get("Retry-After"))
					require.Equal(t, "application/problem+json", recorder.Header().Get("Content-Type"))
					require.Equal(t, "no-store", recorder.Header().Get("Cache-Control"))
					require.Equal(t, "no-referrer", recorder.Header().Get("Referrer-Policy"))
					require.Contains(t, recorder.Body.String(), "gloebit#ErrTooManyAttempts")
					require.NotContains(t, recorder.Body.String(), "connect_url")
					require.Equal(t, 1, asked)
				}
			}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			_, err := merchant.AuthorizationURL(r, "/")
			require.ErrorIs(t, err, gloebit.ErrTooManyAttempts)
			require.ErrorIs(t, err, test.refusal)
			_, err = merchant.Exchange(r)
			require.ErrorIs(t, err, gloebit.ErrTooManyAttempts)
			require.Equal(t, http.StatusTooManyRequests, gloebit.StatusCode(err))
			r.Header.Set("Accept", "text/html")
			recorder := httptest.NewRecorder()
			merchant.HandleError(recorder, r, err)
			require.Equal(t, http.StatusTooManyRequests, recorder.Code, "and not sent to connect")
			require.Contains(t, recorder.Body.String(), "Too many attempts")
			require.Equal(t, test.retryAfter, recorder.Header().Get("Retry-After"))
		})
	}
	require.Empty(t, log.String(), "a flood is not logged")
}

func TestRateLimitAppliesToConnectAndCallback(t *testing.T) {
	var paths []string
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.RateLimit = func(r *http.Request) error { paths = append(paths, r.URL.Path); return nil }
	})
	b := w.browser("")
	require.Equal(t, http.StatusOK, b.get("/private").status)
	require.Equal(t, http.StatusOK, b.do(http.MethodPost, "/gloebit/disconnect", url.Values{}, nil).status)
	require.Equal(t, []string{"/gloebit/connect", "/gloebit/callback"}, paths)
}

func TestQueriesAreBounded(t *testing.T) {
	longest := "/" + strings.Repeat("~", 2047)
	encoded := "%2F" + strings.Repeat("%7E", 2047)
	for name, test := range map[string]struct {
		target string
		status int
	}{
		"the longest return_to, all of it encoded": {
			"/gloebit/connect?return_to=" + encoded + "&scope=balance+inventory+character", 303,
		},
		"a longer return_to":   {"/gloebit/connect?return_to=" + longest + "~", 400},
		"a query of 8 KiB":     {"/gloebit/connect?x=" + strings.Repeat("x", 8<<10-2), 303},
		"a longer query":       {"/gloebit/connect?x=" + strings.Repeat("x", 8<<10-1), 400},
		"an unknown scope":     {"/gloebit/connect?scope=" + strings.Repeat("x", 4000), 400},
		"a known scope, often": {"/gloebit/connect?scope=" + strings.Repeat("id+", 2000) + "balance", 303},
		"a callback of 8 KiB":  {"/gloebit/callback?state={}&code=" + strings.Repeat("x", 8<<10-56-6), 303},
		"a longer callback":    {"/gloebit/callback?state={}&code=" + strings.Repeat("x", 8<<10-56-5), 400},
		"a longer state":       {"/gloebit/callback?state={}x&code=c", 400},
		"a shorter state":      {"/gloebit/callback?state=x&code=c", 400},
	} {
		t.Run(name, func(t *testing.T) {
			states := &faultyStates{}
			config := validConfig()
			config.HTTPClient = &http.Client{Transport: &tokens{}}
			config.States = states
			merchant, err := gloebit.New(config)
			require.NoError(t, err)
			v := &visitor{handler: merchant.Handler()}
			p := v.visit(strings.ReplaceAll(test.target, "{}", v.connect()))
			require.Equal(t, test.status, p.Code, p.Body)
			require.Less(t, p.Body.Len(), 2048, "the query is not echoed")
			require.LessOrEqual(t, len(states.lastPending.ReturnTo), 2048)
			require.LessOrEqual(t, len(states.lastPending.RequiredScopes), 5)
			if strings.Contains(test.target, "callback") && test.status == 400 {
				require.Zero(t, states.takes, "no store was asked")
			}
		})
	}
}

func TestResponseHeaderIsBounded(t *testing.T) {
	for size, want := range map[int]error{32 << 10: nil, 128 << 10: gloebit.ErrUnavailable} {
		client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", size))
			answering(200, `{"success":true,"balance":1}`)(w, r)
		})
		_, err := client.Balance(t.Context())
		require.ErrorIs(t, err, want)
	}
}

// TestStalledCallsTimeOut makes the other side stop responding in each phase of
// a call, on a network and a clock of the test's own.
func TestStalledCallsTimeOut(t *testing.T) {
	const header = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	for phase, test := range map[string]struct {
		scheme string
		dial   func(context.Context, net.Conn) error
	}{
		"connecting":     {"http", func(ctx context.Context, _ net.Conn) error { <-ctx.Done(); return ctx.Err() }},
		"TLS":            {"https", swallow("")},
		"the header":     {"http", swallow("")},
		"half a header":  {"http", swallow(header)},
		"the body":       {"http", swallow(header + "Content-Length: 100\r\n\r\n")},
		"half of a body": {"http", swallow(header + "Content-Length: 100\r\n\r\n{\"success\":true,")},
	} {
		t.Run(phase, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
					here, there := net.Pipe()
					if err := test.dial(ctx, there); err != nil {
						return nil, err
					}
					return here, nil
				}}
				defer transport.CloseIdleConnections()
				config := validConfig()
				config.Provider = gloebit.ProviderAt(test.scheme + "://127.0.0.1:1/")
				config.HTTPClient = &http.Client{Transport: transport}
				config.Tokens = &gloebit.MemoryTokenStore{}
				merchant, err := gloebit.New(config)
				require.NoError(t, err)
				require.NoError(
					t, config.Tokens.Update(t.Context(), keyOf(merchant, "u"), save(connect.Credential{AccessToken: "t"})),
				)

				v := &visitor{handler: merchant.Handler()}
				state := v.connect()
				start := time.Now()
				p := v.visit("/gloebit/callback?code=c&state=" + state)
				require.GreaterOrEqual(t, p.Code, http.StatusBadGateway, p.Body)
				require.Equal(t, 15*time.Second, time.Since(start), "the exchange")

				client, err := merchant.Client(t.Context(), "u")
				require.NoError(t, err)
				start = time.Now()
				_, err = client.ConsumeProduct(t.Context(), "hat", 1)
				require.Error(t, err)
				require.Equal(t, 15*time.Second, time.Since(start), "a call that is not repeated")
				start = time.Now()
				_, err = client.Balance(t.Context())
				require.Error(t, err)
				require.LessOrEqual(t, time.Since(start), 30*time.Second, "one that is")
			})
		})
	}
}

// swallow responds at once with the beginning of a reply, reads the request,
// and sends nothing more.
func swallow(reply string) func(context.Context, net.Conn) error {
	return func(_ context.Context, conn net.Conn) error {
		go func(reply string) {
			defer conn.Close()
			for buffer := make([]byte, 4096); ; {
				if _, err := conn.Read(buffer); err != nil {
					return
				}
				if _, err := conn.Write([]byte(reply)); err != nil {
					return
				}
				reply = ""
			}
		}(reply)
		return nil
	}
}

// TestTheDocumentedLimitsHaveTests checks that the tests that
// docs/security-tests.md names exist.
func TestTheDocumentedLimitsHaveTests(t *testing.T) {
	page, err := os.ReadFile("docs/security-tests.md")
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(page), "\n## Limits\n")
	table, _, _ = strings.Cut(table, "\n## ")
	names := regexp.MustCompile("`(Test[A-Za-z0-9]+)` \\|").FindAllStringSubmatch(table, -1)
	require.Greater(t, len(names), 10)
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	more, err := filepath.Glob("connect/*_test.go")
	require.NoError(t, err)
	files = append(files, more...)
	var tests strings.Builder
	for _, file := range files {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		tests.Write(source)
	}
	for _, name := range names {
		require.Contains(t, tests.String(), "\nfunc "+name[1]+"(")
	}
}
