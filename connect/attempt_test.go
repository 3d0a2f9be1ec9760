package connect_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

// managed wraps a site in an application's own session manager.
func managed(s *site, sessions *scs.SessionManager) {
	inner := s.mux
	s.mux = http.NewServeMux()
	s.mux.Handle("/", sessions.LoadAndSave(inner))
}

func newSessions() *scs.SessionManager {
	return &scs.SessionManager{
		Store: memstore.NewWithCleanupInterval(0), Codec: connect.SessionCodec{}, Lifetime: time.Hour,
		Cookie: scs.SessionCookie{Name: "session", Path: "/", SameSite: http.SameSiteLaxMode},
	}
}

// TestCallbackThatFails checks that each cause of failure has its own page and
// log record.
func TestCallbackThatFails(t *testing.T) {
	clock := testkit.NewClock()
	states := &connect.MemoryStateStore{Clock: clock.Now}
	drop := func(s *site, _ *testing.T) { s.cookies = nil }
	for name, test := range map[string]struct {
		change  func(*site, *testing.T)
		query   string
		reason  string
		page    string
		advises string // in the log
	}{
		"no cookie": {drop, "", "cookie_missing", "Your browser sent no cookie", "it blocks cookies"},
		"another session": {func(s *site, t *testing.T) {
			cookies := s.cookies.Cookies(&url.URL{Scheme: "https", Host: "shop.example"})
			for _, cookie := range cookies {
				cookie.Value, cookie.Path, cookie.Secure = strings.Repeat("x", 43), "/", true
			}
			s.cookies.SetCookies(&url.URL{Scheme: "https", Host: "shop.example"}, cookies)
		}, "", "session_lost", "Your session on this site has ended", "Config.Sessions"},
		"another browser's": {func(s *site, t *testing.T) {
			s.cookies = testkit.NewJar(t)
			s.callback(t, "")
		}, "", "other_browser", "You started to connect in another browser", "another browser started"},
		"expired": {
			func(*site, *testing.T) { clock.Advance(time.Hour) }, "", "state_expired", "Connecting took too long",
			"Config.ConnectTimeout",
		},
		"expired with its cookie": {func(s *site, _ *testing.T) {
			clock.Advance(time.Hour)
			s.cookies = nil
		}, "", "state_expired", "Connecting took too long", "Config.ConnectTimeout"},
		"store that forgot": {
			func(*site, *testing.T) { *states = connect.MemoryStateStore{Clock: clock.Now} }, "", "state_lost",
			"This site no longer knows", "Config.States",
		},
		"used": {func(s *site, t *testing.T) {
			require.Equal(t, http.StatusForbidden, s.get(s.callback(t, "")+"&error=access_denied").StatusCode)
		}, "used", "state_used", "was used already", "completed before"},
		"no state": {
			func(*site, *testing.T) {}, "code=code", "callback_malformed", "is incomplete or was changed", "want one state",
		},
		"cut state": {
			func(*site, *testing.T) {}, "code=code&state=short", "callback_malformed", "is incomplete or was changed",
			"of 5 bytes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(c *connect.Config) { c.States, c.Clock = states, clock.Now })
			target := s.callback(t, "?return_to=/page")
			if test.query == "used" {
				denied, _, _ := strings.Cut(target, "?")
				u, err := url.Parse(target)
				require.NoError(t, err)
				denied += "?error=access_denied&state=" + u.Query().Get("state")
				require.Equal(t, http.StatusForbidden, s.get(denied).StatusCode)
			} else {
				test.change(s, t)
			}
			if s.cookies == nil {
				s.cookies = testkit.NewJar(t)
			}
			if test.query != "" && test.query != "used" {
				target = "https://shop.example/oauth/callback?" + test.query
			}
			resp := s.get(target)
			require.Equal(t, http.StatusBadRequest, resp.StatusCode)
			page := body(t, resp)
			require.Contains(t, page, test.page)
			require.Contains(t, page, "/oauth/connect", "to start again")
			require.Contains(t, s.log.String(), "reason="+test.reason)
			require.Contains(t, s.log.String(), test.advises)
		})
	}
}

// TestCallbackOfAConnectedBrowser checks that a callback that can't be used
// redirects a connected browser to its page.
func TestCallbackOfAConnectedBrowser(t *testing.T) {
	for name, users := range map[string]func(*connect.Config){
		"application's users": func(*connect.Config) {}, "session's users": sessionUsers,
	} {
		t.Run(name, func(t *testing.T) {
			clock := testkit.NewClock()
			states := &connect.MemoryStateStore{Clock: clock.Now}
			shared := func(c *connect.Config) { c.Clock, c.States = clock.Now, states }
			s, other := newSite(t, users, shared), newSite(t, users, shared)
			old, used := s.callback(t, "?return_to=/old"), s.callback(t, "?return_to=/page")
			require.Equal(t, http.StatusSeeOther, s.get(used).StatusCode)

			again := s.get(used)
			require.Equal(t, http.StatusFound, again.StatusCode)
			require.Equal(t, "/page", again.Header.Get("Location"))
			require.Equal(t, "/old", s.get(old).Header.Get("Location"), "another tab")

			theirs := other.callback(t, "?return_to=/theirs")
			require.Equal(t, "/", s.get(theirs).Header.Get("Location"), "another browser chose that page")

			late := s.callback(t, "?return_to=/page")
			clock.Advance(time.Hour)
			require.Equal(t, "/", s.get(late).Header.Get("Location"))
			require.Equal(t, http.StatusBadRequest, s.get("https://shop.example/oauth/callback?state=x").StatusCode)
		})
	}
}

// TestTwoTabsWithoutASession starts connections in two tabs before either has
// the session cookie.
func TestTwoTabsWithoutASession(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*connect.Config)
		scs    bool
		second int
	}{
		"application's users":               {func(*connect.Config) {}, false, http.StatusSeeOther},
		"session's users":                   {sessionUsers, false, http.StatusFound}, // connected by then
		"application's users, its sessions": {func(*connect.Config) {}, true, http.StatusSeeOther},
		"session's users, its sessions":     {sessionUsers, true, http.StatusFound},
	} {
		for _, order := range []string{"first", "last"} {
			t.Run(name+", "+order, func(t *testing.T) {
				sessions := newSessions()
				s := newSite(t, test.change, func(c *connect.Config) {
					if test.scs {
						c.Sessions = sessions
					}
				})
				if test.scs {
					managed(s, sessions)
				}
				first := s.request(http.MethodGet, "https://shop.example/oauth/connect?return_to=/first")
				last := s.request(http.MethodGet, "https://shop.example/oauth/connect?return_to=/last")
				tabs := map[string]string{"first": back(t, s.load(first)), "last": back(t, s.load(last))}
				other := map[string]string{"first": "last", "last": "first"}[order]

				resp := s.get(tabs[order])
				require.Equal(t, http.StatusSeeOther, resp.StatusCode, s.log)
				require.Equal(t, "/"+order, resp.Header.Get("Location"))
				resp = s.get(tabs[other])
				require.Equal(t, test.second, resp.StatusCode, s.log)
				require.Equal(t, "/"+other, resp.Header.Get("Location"))
				require.Contains(t, body(t, s.get("https://shop.example/page")), "hello ")
				require.Len(t, s.cookies.Cookies(&url.URL{Scheme: "https", Host: "shop.example"}), 1+attemptsLeft(test.second))
			})
		}
	}
}

func attemptsLeft(second int) int {
	if second == http.StatusFound {
		return 1 // it ends with the attempt
	}
	return 0
}

// back returns the callback to which the server redirects the browser.
func back(t *testing.T, resp *http.Response) string {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	to, err := resp.Location()
	require.NoError(t, err)
	return "https://shop.example/oauth/callback?" + url.Values{
		"code": {"code"}, "state": {to.Query().Get("state")},
	}.Encode()
}

// TestConcurrentConnectsInOneSession starts two connections of one session at
// the same moment. Each request saves the session without the other's attempt.
func TestConcurrentConnectsInOneSession(t *testing.T) {
	sessions := newSessions()
	gate := &gatedStates{arrived: make(chan struct{}), release: make(chan struct{})}
	s := newSite(t, func(c *connect.Config) {
		c.Sessions, c.States = sessions, gate
		c.User = func(r *http.Request) (connect.User, error) {
			return connect.User{ID: sessions.GetString(r.Context(), "user")}, nil
		}
	})
	s.mux.HandleFunc("/signin", func(_ http.ResponseWriter, r *http.Request) { sessions.Put(r.Context(), "user", "ann") })
	managed(s, sessions)
	require.Equal(t, http.StatusOK, s.get("https://shop.example/signin").StatusCode)

	responses := make(chan *http.Response, 2)
	for _, page := range []string{"/first", "/last"} {
		r := s.request(http.MethodGet, "https://shop.example/oauth/connect?return_to="+page)
		go func() {
			recorder := httptest.NewRecorder()
			s.mux.ServeHTTP(recorder, r)
			responses <- recorder.Result()
		}()
		<-gate.arrived // both have loaded the session before either saves it
	}
	close(gate.release)
	var tabs []string
	for range 2 {
		resp := <-responses
		s.cookies.SetCookies(&url.URL{Scheme: "https", Host: "shop.example"}, resp.Cookies())
		tabs = append(tabs, back(t, resp))
	}
	for _, target := range tabs {
		require.Equal(t, http.StatusSeeOther, s.get(target).StatusCode, s.log)
	}
}

// gatedStates signals each Put, and waits before it.
type gatedStates struct {
	connect.MemoryStateStore
	arrived, release chan struct{}
}

func (s *gatedStates) Put(ctx context.Context, key connect.Key, pending connect.PendingConnection) error {
	s.arrived <- struct{}{}
	<-s.release
	return s.MemoryStateStore.Put(ctx, key, pending)
}

// TestCookieOfAnAttempt checks that the cookie of an attempt is valid for that
// attempt only, and not after the session has ended.
func TestCookieOfAnAttempt(t *testing.T) {
	s := newSite(t, sessionUsers)
	first := s.request(http.MethodGet, "https://shop.example/oauth/connect")
	last := s.request(http.MethodGet, "https://shop.example/oauth/connect")
	target := back(t, s.load(first))
	s.load(last)
	post := s.request(http.MethodPost, "https://shop.example/oauth/disconnect", "Origin", "https://shop.example")
	require.Equal(t, http.StatusSeeOther, s.load(post).StatusCode)
	require.Equal(t, http.StatusBadRequest, s.get(target).StatusCode)

	s.callback(t, "")
	require.Equal(t, http.StatusBadRequest, s.get(target).StatusCode, "the cookie of the session before is gone")
	require.Contains(t, s.log.String(), "reason=other_browser")
}

// TestSameSiteStrictSessionCookie checks a session cookie with SameSite=Strict,
// which browsers omit on the callback.
func TestSameSiteStrictSessionCookie(t *testing.T) {
	for name, users := range map[string]func(*connect.Config){
		"application's users": func(*connect.Config) {}, "session's users": sessionUsers,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, users)
			target := s.callback(t, "?return_to=/page")
			kept := s.cookies
			s.cookies = testkit.NewJar(t)
			resp := s.get(target, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate")
			require.Equal(t, http.StatusOK, resp.StatusCode)
			require.Empty(t, resp.Cookies())
			again, ok := strings.CutPrefix(resp.Header.Get("Refresh"), "0; url=?")
			require.True(t, ok)
			again = "https://shop.example/oauth/callback?" + again

			blocked := s.get(again, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate")
			require.Equal(t, http.StatusBadRequest, blocked.StatusCode)
			require.Contains(t, s.log.String(), "reason=cookie_missing")
			require.NotContains(t, s.log.String(), "cookie_strict")

			s.cookies = kept
			resp = s.get(again, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate")
			require.Equal(t, http.StatusSeeOther, resp.StatusCode, s.log)
			require.Equal(t, "/page", resp.Header.Get("Location"))
			require.Contains(t, s.log.String(), "set SameSite=Lax\" reason=cookie_strict")
		})
	}
}
