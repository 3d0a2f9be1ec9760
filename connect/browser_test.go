package connect_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// roundTripper is a function as an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// site is an application behind https://shop.example, without a network.
type site struct {
	*connect.Connector
	mux     *http.ServeMux
	log     *testkit.Log
	cookies http.CookieJar
}

func newSite(t *testing.T, changes ...func(*connect.Config)) *site {
	t.Helper()
	s := &site{mux: http.NewServeMux(), log: new(testkit.Log), cookies: testkit.NewJar(t)}
	config := connect.Config{
		Server: connect.Server{
			Name:     "Example",
			Endpoint: oauth2.Endpoint{AuthURL: "https://as.example/authorize", TokenURL: "https://as.example/token"},
		},
		ClientID: "app", ClientSecret: "secret", RedirectURL: "https://shop.example/oauth/callback",
		Logger: s.log.Logger(), User: func(*http.Request) (connect.User, error) { return connect.User{ID: "ann"}, nil },
		HTTPClient: &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return ok(`{"access_token":"an-access-token","token_type":"bearer"}`), nil
		})},
	}
	for _, change := range changes {
		change(&config)
	}
	var err error
	s.Connector, err = connect.New(config)
	require.NoError(t, err)
	s.mux.Handle("/oauth/", s.Handler())
	s.mux.Handle("/page", s.Require()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello "+connect.MustFromContext(r.Context()).User().ID)
	})))
	return s
}

func ok(body string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// request returns a browser's request for a page of the site, with its cookies.
func (s *site) request(method, target string, header ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Accept", "text/html")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	for _, cookie := range s.cookies.Cookies(&url.URL{Scheme: "https", Host: r.URL.Host}) {
		r.AddCookie(cookie)
	}
	return r
}

// load sends a request, and keeps the cookies of the response.
func (s *site) load(r *http.Request) *http.Response {
	recorder := httptest.NewRecorder()
	s.mux.ServeHTTP(recorder, r)
	resp := recorder.Result()
	s.cookies.SetCookies(&url.URL{Scheme: "https", Host: r.URL.Host}, resp.Cookies())
	return resp
}

func (s *site) get(target string, header ...string) *http.Response {
	return s.load(s.request(http.MethodGet, target, header...))
}

// callback starts a connection and returns the URL to which the server sends the
// browser back.
func (s *site) callback(t *testing.T, query string) string {
	t.Helper()
	resp := s.get("https://shop.example/oauth/connect" + query)
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	to, err := resp.Location()
	require.NoError(t, err)
	return "https://shop.example/oauth/callback?" + url.Values{
		"code": {"code"}, "state": {to.Query().Get("state")},
	}.Encode()
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(text)
}

func sessionUsers(c *connect.Config) { c.User = nil }

// TestCallbackLoadedTwice checks a callback that the browser loads again while
// the first request is in flight. The browser drops the first response.
func TestCallbackLoadedTwice(t *testing.T) {
	for name, users := range map[string]func(*connect.Config){
		"application's users": func(*connect.Config) {}, "session's users": sessionUsers,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				exchanges, release := 0, make(chan struct{})
				s := newSite(t, users, func(c *connect.Config) {
					next := c.HTTPClient.Transport
					c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
						exchanges++
						<-release
						return next.RoundTrip(r)
					})}
				})
				target := s.callback(t, "?return_to=/page")
				dropped, kept := s.request(http.MethodGet, target), s.request(http.MethodGet, target)
				go s.mux.ServeHTTP(httptest.NewRecorder(), dropped)
				synctest.Wait()
				second := make(chan *http.Response)
				go func() { second <- s.load(kept) }()
				synctest.Wait()
				close(release)
				resp := <-second
				synctest.Wait()
				require.Equal(t, http.StatusSeeOther, resp.StatusCode)
				require.Equal(t, "/page", resp.Header.Get("Location"))
				require.Equal(t, 1, exchanges)
				require.Contains(
					t, body(t, s.get("https://shop.example/page")), "hello ", "with the cookies of the second response",
				)

				resp = s.get(target)
				require.Equal(t, http.StatusFound, resp.StatusCode, "later the state is used")
				require.Equal(t, "/page", resp.Header.Get("Location"))
				require.Contains(t, s.log.String(), "connected already\" reason=")
				require.Equal(t, 1, exchanges)
			})
		})
	}
}

// TestCallbackAfterSessionFixation has an attacker who knows the user's session
// and state, but not the code, wait for the user's callback.
func TestCallbackAfterSessionFixation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := newSite(t, sessionUsers, func(c *connect.Config) {
			next := c.HTTPClient.Transport
			c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				<-release
				return next.RoundTrip(r)
			})}
		})
		target := s.callback(t, "?return_to=/page")
		users, planter := s.request(http.MethodGet, target),
			s.request(http.MethodGet, strings.Replace(target, "code=code", "code=guess", 1))
		first := make(chan int)
		go func() {
			recorder := httptest.NewRecorder()
			s.mux.ServeHTTP(recorder, users)
			first <- recorder.Code
		}()
		synctest.Wait()
		second := make(chan *http.Response)
		go func() { second <- s.load(planter) }()
		synctest.Wait()
		close(release)
		require.Equal(t, http.StatusSeeOther, <-first)
		require.Equal(t, http.StatusBadRequest, (<-second).StatusCode)
		require.NotContains(t, body(t, s.get("https://shop.example/page")), "hello ")
	})
}

// TestCallbackDroppedAtTheStore checks a callback that the browser cancels
// while the state store is slow, and then loads again.
func TestCallbackDroppedAtTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		states := &slowStates{release: make(chan struct{})}
		s := newSite(t, func(c *connect.Config) { c.States = states })
		target := s.callback(t, "?return_to=/page")
		ctx, drop := context.WithCancel(t.Context())
		first, second := s.request(http.MethodGet, target).WithContext(ctx), s.request(http.MethodGet, target)
		go s.mux.ServeHTTP(httptest.NewRecorder(), first)
		synctest.Wait()
		kept := make(chan *http.Response)
		go func() { kept <- s.load(second) }()
		synctest.Wait()
		drop()
		synctest.Wait()
		close(states.release)
		resp := <-kept
		require.Equal(t, http.StatusSeeOther, resp.StatusCode)
		require.Equal(t, "/page", resp.Header.Get("Location"))
	})
}

// slowStates is a store whose Take waits.
type slowStates struct {
	connect.MemoryStateStore
	release chan struct{}
}

func (s *slowStates) Take(ctx context.Context, key connect.Key) (connect.PendingConnection, error) {
	select {
	case <-s.release:
		return s.MemoryStateStore.Take(ctx, key)
	case <-ctx.Done():
		return connect.PendingConnection{}, ctx.Err()
	}
}

// TestConnectingOnTwoDevices saves the earlier of two approvals last. Its token
// must not replace the later one, because the server may have revoked it.
func TestConnectingOnTwoDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		exchanges, saves, release := 0, 0, make(chan struct{})
		s := newSite(t, func(c *connect.Config) {
			c.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
				exchanges++
				return ok(fmt.Sprintf(`{"access_token":"token-%d","token_type":"bearer"}`, exchanges)), nil
			})}
			c.OnConnect = func(*http.Request, connect.Connection) error {
				if saves++; saves == 1 {
					<-release
				}
				return nil
			}
		})
		connected := make(chan int)
		phone := s.request(http.MethodGet, s.callback(t, ""))
		go func() {
			recorder := httptest.NewRecorder()
			s.mux.ServeHTTP(recorder, phone)
			connected <- recorder.Code
		}()
		synctest.Wait()
		time.Sleep(time.Second)
		s.cookies = testkit.NewJar(t)
		require.Equal(t, http.StatusSeeOther, s.get(s.callback(t, "")).StatusCode)
		close(release)
		require.Equal(t, http.StatusSeeOther, <-connected)
		account, err := s.Account(t.Context(), "ann")
		require.NoError(t, err)
		require.Equal(t, "token-2", account.Credential().AccessToken.Reveal())
	})
}

// TestPrefetch checks that a prefetch request starts and ends no connection.
func TestPrefetch(t *testing.T) {
	for _, header := range [][]string{
		{"Sec-Purpose", "prefetch"}, {"Sec-Purpose", "prefetch;prerender"}, {"X-Moz", "prefetch"},
	} {
		t.Run(strings.Join(header, " "), func(t *testing.T) {
			s := newSite(t)
			target := s.callback(t, "")
			for _, path := range []string{target, "https://shop.example/oauth/connect"} {
				resp := s.get(path, header...)
				require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
				require.Empty(t, resp.Cookies())
			}
			require.Equal(t, http.StatusSeeOther, s.get(target).StatusCode, "the user's own load completes")
		})
	}
}

// TestMiddlewareAroundEverything wraps the connector's own handlers in the
// middleware. Users who are not connected must still reach them.
func TestMiddlewareAroundEverything(t *testing.T) {
	around := func(changes ...func(*connect.Config)) *site {
		s := newSite(t, changes...)
		around := http.NewServeMux()
		around.Handle("/", s.Require()(s.mux))
		s.mux = around
		return s
	}
	stripped := around(sessionUsers, func(c *connect.Config) {
		c.RedirectURL = "https://shop.example/shop/oauth/callback"
	})
	require.Equal(
		t, "/shop/page", stripped.get(stripped.callback(t, "?return_to=/page")).Header.Get("Location"),
		"behind a proxy that strips /shop",
	)

	s := around(sessionUsers)
	require.Equal(t, "/oauth/connect?return_to=%2Fpage", s.get("https://shop.example/page").Header.Get("Location"))
	target := s.callback(t, "?return_to=/page")
	require.Equal(t, http.StatusSeeOther, s.get(target).StatusCode)
	require.Equal(t, http.StatusOK, s.get("https://shop.example/page").StatusCode)
}

// TestMiddlewareAtItsOwnPaths checks that no path reaches a protected handler
// without an account, even if the handler ignores the path.
func TestMiddlewareAtItsOwnPaths(t *testing.T) {
	s := newSite(t, sessionUsers)
	s.mux = http.NewServeMux()
	s.mux.Handle("/", s.Require()(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "for connected users")
	})))
	for _, path := range []string{"connect", "callback", "disconnect"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			resp := s.load(s.request(method, "https://members.shop.example/oauth/"+path))
			require.NotContains(t, body(t, resp), "for connected users", "%s %s", method, path)
		}
	}
}

// TestCrossOriginRequests checks that another site's page can't make a
// connected user's browser run a protected handler.
func TestCrossOriginRequests(t *testing.T) {
	trusting := http.NewCrossOriginProtection()
	require.NoError(t, trusting.AddTrustedOrigin("https://partner.example"))
	for name, test := range map[string]struct {
		method string
		header []string
		status int
	}{
		"form of another site": {
			http.MethodPost, []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403,
		},
		"form of another browser": {http.MethodPost, []string{"Origin", "https://evil.example"}, 403},
		"subdomain": {
			http.MethodPost, []string{"Origin", "https://a.shop.example", "Sec-Fetch-Site", "same-site"}, 403,
		},
		"own form": {
			http.MethodPost, []string{"Origin", "https://shop.example", "Sec-Fetch-Site", "same-origin"}, 200,
		},
		"own form, Host rewritten": {http.MethodPost, []string{"Origin", "https://shop.example"}, 200},
		"link on another site":     {http.MethodGet, []string{"Sec-Fetch-Site", "cross-site"}, 200},
		"program":                  {http.MethodPost, nil, 200},
		"origin that was allowed": {
			http.MethodPost, []string{"Origin", "https://partner.example", "Sec-Fetch-Site", "cross-site"}, 200,
		},
		"deletion from another one": {http.MethodDelete, []string{"Sec-Fetch-Site", "cross-site"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(c *connect.Config) {
				c.CrossOrigin, c.RedirectURL = trusting, "https://Shop.example:443/oauth/callback"
			})
			s.get(s.callback(t, ""))
			optional := s.Optional(http.HandlerFunc(
				func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) },
			))
			s.mux.Handle("/optional", optional)
			for _, path := range []string{"/page", "/optional"} {
				r := s.request(test.method, "https://shop.example"+path, test.header...)
				if name == "own form, Host rewritten" {
					r.Host = "10.0.0.1:8080"
				}
				require.Equal(t, test.status, s.load(r).StatusCode, path)
			}
		})
	}
}

// TestHTMX checks that an htmx request makes the page navigate: scripts can't
// follow a redirect to another site.
func TestHTMX(t *testing.T) {
	for name, test := range map[string]struct {
		method, target, accept, boosted string
		status                          int
		to                              string // how the URL begins
	}{
		"form": {"POST", "https://shop.example/page", "*/*", "", 401, "/oauth/connect?return_to=%2Fcart"},
		"part": {"GET", "https://shop.example/page", "*/*", "", 401, "/oauth/connect?return_to=%2Fcart"},
		"part that accepts HTML": {
			"GET", "https://shop.example/page", "text/html, */*", "", 401, "/oauth/connect?return_to=%2Fcart",
		},
		"boosted link": {
			"GET", "https://shop.example/page?x=1", "*/*", "true", 401, "/oauth/connect?return_to=%2Fpage%3Fx%3D1",
		},
		"boosted form": {"POST", "https://shop.example/page", "*/*", "true", 401, "/oauth/connect?return_to=%2Fcart"},
		"link to connect": {
			"GET", "https://shop.example/oauth/connect", "*/*", "true", 204, "https://as.example/authorize?",
		},
		"link to connect under another name": {
			"GET", "https://www.shop.example/oauth/connect", "*/*", "true", 204, "https://shop.example/oauth/connect?moved=1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			resp := s.load(s.request(test.method, test.target, "HX-Request", "true", "Accept", test.accept,
				"HX-Boosted", test.boosted, "Referer", "https://shop.example/cart"))
			require.Equal(t, test.status, resp.StatusCode)
			require.Empty(t, resp.Header.Get("Location"))
			require.True(t, strings.HasPrefix(resp.Header.Get("HX-Redirect"), test.to), resp.Header.Get("HX-Redirect"))
		})
	}
}

// TestHTMXRedirectLoop has a server that approves every user and refuses every
// token: a part of a page that htmx loads must not send its page to connect
// again and again.
func TestHTMXRedirectLoop(t *testing.T) {
	for name, handler := range map[string]func(*site, *connect.Config){
		"default page": func(*site, *connect.Config) {},
		"ErrorHandler": func(s *site, c *connect.Config) {
			c.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) { s.WriteError(w, r, err) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := new(site)
			*s = *newSite(t, func(c *connect.Config) { handler(s, c) })
			s.mux.Handle("/part", s.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s.HandleError(w, r, connect.ErrTokenRefused)
			})))
			part := func() *http.Response {
				return s.get("https://shop.example/part", "HX-Request", "true", "Accept", "*/*", "Sec-Fetch-Mode", "cors",
					"Referer", "https://shop.example/cart")
			}
			first := part()
			require.Equal(t, http.StatusUnauthorized, first.StatusCode)
			require.Equal(t, "/oauth/connect?return_to=%2Fcart", first.Header.Get("HX-Redirect"))
			second := part()
			require.Equal(t, http.StatusUnauthorized, second.StatusCode)
			require.Empty(t, second.Header.Get("HX-Redirect"))
			load := s.get("https://shop.example/part", "Sec-Fetch-Mode", "navigate")
			require.Equal(t, http.StatusUnauthorized, load.StatusCode)
		})
	}
}

// TestErrorOfADownload checks that an error is not sent as the file that the
// handler meant to send.
func TestErrorOfADownload(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		answer func(*connect.Connector, http.ResponseWriter, *http.Request, error)
		status int
	}{
		"redirect":    {connect.ErrNotConnected, (*connect.Connector).HandleError, http.StatusSeeOther},
		"page":        {connect.ErrUnavailable, (*connect.Connector).HandleError, http.StatusServiceUnavailable},
		"own handler": {connect.ErrUnavailable, (*connect.Connector).WriteError, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			server := httptest.NewServer(s.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Disposition", `attachment; filename="receipt.pdf"`)
				w.Header().Set("Content-Length", "7")
				test.answer(s.Connector, w, r, test.err)
			})))
			defer server.Close()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/receipt.pdf", nil)
			require.NoError(t, err)
			r.Header.Set("Accept", "text/html")
			transport := &http.Transport{DisableKeepAlives: true}
			resp, err := transport.RoundTrip(r)
			require.NoError(t, err)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, test.status, resp.StatusCode)
			require.Empty(t, resp.Header.Get("Content-Disposition"))
			require.Equal(t, test.status != http.StatusSeeOther, strings.Contains(string(body), "</html>"))
		})
	}
}

// TestDisconnectForms sends the form as each kind of form sends it.
func TestDisconnectForms(t *testing.T) {
	const part = "--x\r\nContent-Disposition: form-data; name=\"return_to\"\r\n\r\n/goodbye\r\n--x--\r\n"
	for name, test := range map[string]struct {
		contentType, body string
		status            int
		location          string
	}{
		"urlencoded":     {"application/x-www-form-urlencoded", "return_to=%2Fgoodbye", 303, "/goodbye"},
		"malformed":      {"application/x-www-form-urlencoded", "return_to=%zz", 400, ""},
		"multipart":      {"multipart/form-data; boundary=x", part, 303, "/goodbye"},
		"cut off":        {"multipart/form-data; boundary=x", part[:60], 400, ""},
		"too long":       {"multipart/form-data; boundary=x", strings.Repeat(" ", 70_000) + part, 400, ""},
		"another site":   {"multipart/form-data; boundary=x", strings.Replace(part, "/good", "//good", 1), 400, ""},
		"no form":        {"application/json", `{"return_to":"/goodbye"}`, 303, "/"},
		"nothing at all": {"", "", 303, "/"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			r := s.request(http.MethodPost, "https://shop.example/oauth/disconnect", "Origin", "https://shop.example",
				"Content-Type", test.contentType)
			r.Body = io.NopCloser(strings.NewReader(test.body))
			resp := s.load(r)
			require.Equal(t, test.status, resp.StatusCode)
			require.Equal(t, test.location, resp.Header.Get("Location"))
		})
	}
}

// TestUnknownGrantedScopeIsNotRequested has a server that reports more than the
// scopes that it takes. A later request with all of them would be refused.
func TestUnknownGrantedScopeIsNotRequested(t *testing.T) {
	for name, test := range map[string]struct {
		known []connect.Scope
		names map[connect.Scope]connect.Scope
		want  string
	}{
		"known scopes": {[]connect.Scope{"read", "write"}, nil, "read write"},
		"under another name": {
			[]connect.Scope{"read", "edit"}, map[connect.Scope]connect.Scope{"edit": "write"}, "read write",
		},
		"any scopes": {nil, nil, "read write offline"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(c *connect.Config) {
				c.Server.Scopes.Known, c.Scopes, c.Server.Scopes.Names = test.known, []connect.Scope{"read"}, test.names
				c.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
					return ok(`{"access_token":"an-access-token","scope":"read write offline"}`), nil
				})}
			})
			require.Equal(t, http.StatusSeeOther, s.get(s.callback(t, "")).StatusCode)
			account, err := s.Account(t.Context(), "ann")
			require.NoError(t, err)
			require.Equal(t, []connect.Scope{"read", "write", "offline"}, account.Scopes())
			to, err := s.get("https://shop.example/oauth/connect").Location()
			require.NoError(t, err)
			require.Equal(t, test.want, to.Query().Get("scope"))
		})
	}
}

// TestPrefetchAfterRefusal checks that a page that the browser loads in advance
// does not use up the redirect to connect.
func TestPrefetchAfterRefusal(t *testing.T) {
	s := newSite(t)
	s.mux.Handle("/shelf", s.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.HandleError(w, r, connect.ErrTokenRefused)
	})))
	for _, header := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		ahead := s.get("https://shop.example/shelf", header, "prefetch")
		require.Equal(t, http.StatusSeeOther, ahead.StatusCode, header)
		ahead = s.get("https://shop.example"+ahead.Header.Get("Location"), header, "prefetch")
		require.Equal(t, http.StatusServiceUnavailable, ahead.StatusCode, header)
	}
	require.Equal(t, http.StatusSeeOther, s.get("https://shop.example/shelf").StatusCode)
	require.Equal(t, http.StatusUnauthorized, s.get("https://shop.example/shelf").StatusCode)
}

// TestStrippedPrefix serves the application behind a proxy that strips the
// prefix /shop.
func TestStrippedPrefix(t *testing.T) {
	for name, test := range map[string]struct{ home, returnTo, want string }{
		"page as the application sees it": {"", "/cart?x=1", "/shop/cart?x=1"},
		"page as the browser sees it":     {"", "/shop/cart", "/shop/cart"},
		"home page":                       {"", "", "/shop/"},
		"configured home page":            {"/shop/home", "", "/shop/home"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(c *connect.Config) {
				c.RedirectURL, c.HomePath = "https://shop.example/shop/oauth/callback", test.home
			})
			target := s.callback(t, "?return_to="+url.QueryEscape(test.returnTo))
			require.Equal(t, test.want, s.get(target).Header.Get("Location"))
			resp := s.load(s.request(http.MethodPost, "https://shop.example/oauth/disconnect", "Origin", "https://shop.example"))
			require.Equal(t, cmp.Or(test.home, "/shop/"), resp.Header.Get("Location"))
		})
	}
}

// TestAlternativeHostNames checks that connect first redirects to the host of
// the callback.
func TestAlternativeHostNames(t *testing.T) {
	s := newSite(t)
	resp := s.get("https://www.shop.example/oauth/connect?return_to=/page")
	require.Equal(t, "https://shop.example/oauth/connect?moved=1&return_to=%2Fpage", resp.Header.Get("Location"))
	resp = s.get("https://www.shop.example/oauth/connect?moved=1&return_to=%2Fpage")
	require.Contains(t, resp.Header.Get("Location"), "https://as.example/authorize", "behind a proxy that rewrites Host")
	resp = s.get("https://evil.example/oauth/connect")
	require.Contains(t, resp.Header.Get("Location"), "https://as.example/authorize")
}

// TestPathsOfTheHandlers checks a trailing slash, and a handler at the wrong
// path.
func TestPathsOfTheHandlers(t *testing.T) {
	s := newSite(t)
	require.Equal(t, http.StatusSeeOther, s.get("https://shop.example/oauth/connect/").StatusCode)
	s.mux.Handle("/auth/", s.Handler())
	require.Equal(t, http.StatusNotFound, s.get("https://shop.example/auth/connect").StatusCode)
	require.Contains(t, s.log.String(), "mounted at another path than Config.RedirectURL says")
	require.Contains(t, s.log.String(), "want=/oauth/connect")
}

// TestReturnToKeepsBackslash checks that return_to keeps a backslash, which
// browsers leave unescaped in a query.
func TestReturnToKeepsBackslash(t *testing.T) {
	s := newSite(t)
	s.mux.Handle("/search", s.Require()(http.NotFoundHandler()))
	resp := s.get(`https://shop.example/search?q=a\b`)
	require.Equal(t, "/oauth/connect?return_to=%2Fsearch%3Fq%3Da%255Cb", resp.Header.Get("Location"))
}

// TestNewRejectsInvalidSettings checks that New names each invalid setting.
func TestNewRejectsInvalidSettings(t *testing.T) {
	strict := &scs.SessionManager{Cookie: scs.SessionCookie{SameSite: http.SameSiteStrictMode}}
	for name, test := range map[string]struct {
		change func(*connect.Config)
		want   string
	}{
		"client id with a space": {func(c *connect.Config) { c.ClientID = "app " }, "Config.ClientID has white space"},
		"secret with a line feed": {
			func(c *connect.Config) { c.ClientSecret = "secret\n" }, "Config.ClientSecret has white space",
		},
		"secret with CR LF": {
			func(c *connect.Config) { c.ClientSecret = "secret\r\n" }, "Config.ClientSecret has white space",
		},
		"secret with a BOM": {
			func(c *connect.Config) { c.ClientSecret = "\ufeffsecret" }, "Config.ClientSecret has white space",
		},
		"cookie of Strict": {func(c *connect.Config) { c.Sessions = strict }, "SameSite is Strict"},
		"redirect URL with a space": {
			func(c *connect.Config) { c.RedirectURL = "https://shop.example/oauth/callback " }, "Config.RedirectURL",
		},
		"redirect URL with a port": {
			func(c *connect.Config) { c.RedirectURL = "https://shop.example:99999/oauth/callback" }, "no valid port",
		},
		"redirect URL with //": {
			func(c *connect.Config) { c.RedirectURL = "https://shop.example//oauth/callback" }, "Config.RedirectURL",
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := connect.Config{
				Server: connect.Server{Name: "Example", Endpoint: oauth2.Endpoint{
					AuthURL: "https://as.example/a", TokenURL: "https://as.example/t",
				}},
				ClientID: "app", ClientSecret: "secret", RedirectURL: "https://shop.example/oauth/callback",
			}
			_, err := connect.New(config)
			require.NoError(t, err)
			test.change(&config)
			_, err = connect.New(config)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "secret\n")
		})
	}
}

// TestCookiesOfTheHTTPClient checks that cookies of the server are not sent
// with another user's request.
func TestCookiesOfTheHTTPClient(t *testing.T) {
	jar := testkit.NewJar(t)
	jar.SetCookies(&url.URL{Scheme: "https", Host: "as.example"}, []*http.Cookie{{Name: "session", Value: "another's"}})
	var sent []*http.Cookie
	s := newSite(t, func(c *connect.Config) {
		next := c.HTTPClient.Transport
		c.HTTPClient = &http.Client{Jar: jar, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			sent = append(sent, r.Cookies()...)
			return next.RoundTrip(r)
		})}
	})
	require.Equal(t, http.StatusSeeOther, s.get(s.callback(t, "")).StatusCode)
	require.Empty(t, sent)
}
