package omniport_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/servers/omniport"
	"github.com/go-gloebit/gloebit/servers/omniport/omniporttest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAuthorize checks the authorization page, and the authorization request of
// an application.
func TestAuthorize(t *testing.T) {
	w := newWorld(t)
	callback := w.app.Callback()
	for name, test := range map[string]struct {
		query    url.Values
		status   int
		state    string // that comes back; none comes without a code
		redirect string
	}{
		"all given": {
			url.Values{"client_id": {"app"}, "redirect_uri": {callback}, "state": {"s"}, "response_type": {"code"}}, 302, "s",
			callback,
		},
		"state absent":        {url.Values{"client_id": {"app"}, "redirect_uri": {callback}}, 302, "state", callback},
		"state empty":         {url.Values{"client_id": {"app"}, "state": {""}}, 302, "state", callback},
		"redirect URI absent": {url.Values{"client_id": {"app"}, "state": {"s"}}, 302, "s", callback},
		"redirect URI unknown": {
			url.Values{"client_id": {"app"}, "redirect_uri": {"https://elsewhere.example/"}}, 400, "", "",
		},
		"scope ignored": {url.Values{"client_id": {"app"}, "scope": {"admin"}}, 302, "state", callback},
		"challenge dropped": {
			url.Values{"client_id": {"app"}, "code_challenge": {"c"}, "code_challenge_method": {"S256"}}, 302, "state",
			callback,
		},
		"application unknown": {url.Values{"client_id": {"other"}}, 200, "", ""},
		"response type not known": {
			url.Values{"client_id": {"app"}, "response_type": {"token"}, "state": {"s"}}, 302, "s", callback,
		},
	} {
		for _, path := range []string{"/oauth/authorise", "/oauth/authorise/"} {
			t.Run(name+path, func(t *testing.T) {
				answer := w.send(t, http.MethodGet, path, test.query)
				require.Equal(t, test.status, answer.Status, answer.Body)
				to, err := url.Parse(answer.Header.Get("Location"))
				require.NoError(t, err)
				require.Equal(t, test.state, to.Query().Get("state"))
				if test.redirect == "" {
					require.Contains(t, answer.Header.Get("Content-Type"), "text/html")
					return
				}
				require.Equal(t, test.redirect, to.Scheme+"://"+to.Host+to.Path)
				require.Equal(t, test.query.Get("response_type") != "token", to.Query().Has("code"))
			})
		}
	}
	t.Run("other paths", func(t *testing.T) {
		require.Equal(t, 404, w.send(t, http.MethodGet, "/oauth/authorise/more", nil).Status)
		require.Equal(t, 405, w.send(t, http.MethodGet, "/open_auth/authorise/", nil).Status)
		require.Equal(t, 404, w.send(t, http.MethodPost, "/open_auth/introspect/", form("token", "t")).Status)
	})
	t.Run("form", func(t *testing.T) {
		w.Ask("7")
		defer w.Approve("7")
		browser := raw(t)
		page := testkit.Load(t, browser, testkit.NewRequest(t, http.MethodGet, w.url+"/oauth/authorise/?client_id=app", nil))
		fields := url.Values{}
		for _, field := range regexp.MustCompile(`name="(\w+)" value="([^"]*)"`).FindAllStringSubmatch(page.Body, -1) {
			fields.Set(field[1], field[2])
		}
		require.Equal(t, "read write", fields.Get("scope"))
		require.Equal(t, "Authorize", fields.Get("allow"))
		answer := testkit.Load(t, browser, testkit.NewRequest(t, http.MethodPost, w.url+"/open_auth/authorise/", fields))
		require.Equal(t, 302, answer.Status)
		require.Regexp(t, `\?code=\w{30}&state=state$`, answer.Header.Get("Location"))
		forged := w.send(t, http.MethodPost, "/open_auth/authorise/", fields)
		require.Equal(t, 403, forged.Status, "without the cookie")
	})
	t.Run("sent by an application", func(t *testing.T) {
		w := newWorld(t, func(c *connect.Config) { c.Scopes = []connect.Scope{omniport.ScopeRead} }) // which is not sent
		callback := w.app.Callback()
		location := testkit.Load(
			t, raw(t), testkit.NewRequest(t, http.MethodGet, w.app.URL+"/oauth/connect", nil),
		).Header.Get("Location")
		to, err := url.Parse(location)
		require.NoError(t, err)
		require.Equal(t, w.url+"/oauth/authorise/", to.Scheme+"://"+to.Host+to.Path)
		query := to.Query()
		require.Len(t, query.Get("state"), 50)
		query.Del("state")
		require.Equal(t, url.Values{"client_id": {"app"}, "redirect_uri": {callback}, "response_type": {"code"}}, query)
	})
}

// TestToken checks every row of the token endpoint.
func TestToken(t *testing.T) {
	testToken(t, func(t *testing.T) *world { return newWorld(t) })
	t.Run("redirect URI missing where one is registered", func(t *testing.T) {
		w := newWorld(t)
		w.AddApplication(omniporttest.Application{ClientID: "app", ClientSecret: secret, RedirectURIs: []string{w.callback}})
		require.Equal(t, 200, w.exchange(t, w.code(t), "redirect_uri", "").Status)
	})
	t.Run("code used again leaves its tokens", func(t *testing.T) {
		w := newWorld(t)
		code := w.code(t)
		tokens := w.read(t, w.exchange(t, code))
		w.exchange(t, code)
		require.Equal(t, 200, w.data(t, tokens.Access).Status)
	})
}

// ownRows are those that need the test server's clock, or another application.
var ownRows = []string{
	"code in its last second", "code late", "code of another client", "refresh after the access token expired",
}

func testToken(t *testing.T, newWorld func(*testing.T) *world) {
	for name, test := range map[string]struct {
		send   func(*testing.T, *world) testkit.Page
		status int
		body   string // JSON, or - for none; empty means a token
	}{
		"code": {func(t *testing.T, w *world) testkit.Page { return w.exchange(t, w.code(t)) }, 200, ""},
		"basic": {func(t *testing.T, w *world) testkit.Page {
			return w.send(t, "POST", tokenPath, url.Values{
				"grant_type": {"authorization_code"}, "code": {w.code(t)}, "redirect_uri": {w.callback},
			}, "Authorization", "Basic YXBwOmNsaWVudC1zZWNyZXQtb2YtdGhlLWFwcA==")
		}, 200, ""},
		"code in its last second": {func(t *testing.T, w *world) testkit.Page {
			code := w.code(t)
			w.clock.Advance(60 * time.Second)
			return w.exchange(t, code)
		}, 200, ""},
		"code late": {func(t *testing.T, w *world) testkit.Page {
			code := w.code(t)
			w.clock.Advance(61 * time.Second)
			return w.exchange(t, code)
		}, 400, `{"error":"invalid_grant"}`},
		"code used": {func(t *testing.T, w *world) testkit.Page {
			code := w.code(t)
			w.exchange(t, code)
			return w.exchange(t, code)
		}, 400, `{"error":"invalid_grant"}`},
		"code wrong": {
			func(t *testing.T, w *world) testkit.Page { return w.exchange(t, "wrong") }, 400, `{"error":"invalid_grant"}`,
		},
		"code of another client": {func(t *testing.T, w *world) testkit.Page {
			w.AddApplication(omniporttest.Application{ClientID: "other", ClientSecret: "other"})
			return w.exchange(t, w.code(t), "client_id", "other", "client_secret", "other")
		}, 400, `{"error":"invalid_grant"}`},
		"redirect URI missing": {func(t *testing.T, w *world) testkit.Page {
			return w.exchange(t, w.code(t), "redirect_uri", "")
		},
			400, `{"error":"invalid_request","error_description":"Missing redirect URI."}`},
		"redirect URI another": {func(t *testing.T, w *world) testkit.Page {
			return w.exchange(t, w.code(t), "redirect_uri", "https://elsewhere.example/")
		}, 400, `{"error":"invalid_request","error_description":"Mismatching redirect URI."}`},
		"code missing": {func(t *testing.T, w *world) testkit.Page { return w.exchange(t, "") },
			400, `{"error":"invalid_request","error_description":"Missing code parameter."}`},
		"secret wrong": {func(t *testing.T, w *world) testkit.Page {
			return w.exchange(t, w.code(t), "client_secret", "wrong")
		},
			401, `{"error":"invalid_client"}`},
		"secret missing": {func(t *testing.T, w *world) testkit.Page { return w.exchange(t, w.code(t), "client_secret", "") },
			401, `{"error":"invalid_client"}`},
		"client unknown": {func(t *testing.T, w *world) testkit.Page {
			return w.exchange(t, w.code(t), "client_id", "unknown")
		},
			401, `{"error":"invalid_client"}`},
		"verifier wrong": {
			func(t *testing.T, w *world) testkit.Page { return w.exchange(t, w.code(t), "code_verifier", "wrong") }, 200, "",
		},
		"grant unknown": {func(t *testing.T, w *world) testkit.Page {
			return w.exchange(t, w.code(t), "grant_type", "authorisation_code")
		},
			400, `{"error":"unsupported_grant_type"}`},
		"JSON": {func(t *testing.T, w *world) testkit.Page {
			return w.send(t, "POST", tokenPath, form(), "Content-Type", "application/json")
		}, 400, `{"error":"unsupported_grant_type"}`},
		"GET": {func(t *testing.T, w *world) testkit.Page { return w.send(t, "GET", tokenPath, nil) }, 405, "-"},
		"no slash": {func(t *testing.T, w *world) testkit.Page {
			page := w.send(t, "POST", "/open_auth/token", form())
			require.Equal(t, tokenPath, page.Header.Get("Location"))
			return page
		}, 301, "-"},
		"query": {
			func(t *testing.T, w *world) testkit.Page { return w.send(t, "POST", tokenPath+"?a=b", form()) }, 500, "-",
		},
		"refresh": {func(t *testing.T, w *world) testkit.Page { return w.refresh(t, w.tokens(t).Refresh) }, 200, ""},
		"refresh after the access token expired": {func(t *testing.T, w *world) testkit.Page {
			refresh := w.tokens(t).Refresh
			w.clock.Advance(1000 * time.Hour)
			return w.refresh(t, refresh)
		}, 200, ""},
		"refresh with the old token": {func(t *testing.T, w *world) testkit.Page {
			refresh := w.tokens(t).Refresh
			fresh := w.read(t, w.refresh(t, refresh))
			page := w.refresh(t, refresh)
			require.Equal(t, 200, w.data(t, fresh.Access).Status, "the new pair stays good")
			return page
		}, 400, `{"error":"invalid_grant"}`},
		"wider scope": {func(t *testing.T, w *world) testkit.Page {
			return w.refresh(t, w.tokens(t).Refresh, "scope", "read admin")
		},
			400, `{"error":"invalid_scope"}`},
		"scope of a narrower one": {func(t *testing.T, w *world) testkit.Page {
			narrow := w.read(t, w.refresh(t, w.tokens(t).Refresh, "scope", "read"))
			require.Equal(t, "read", narrow.Scope)
			return w.refresh(t, narrow.Refresh, "scope", "read write")
		}, 400, `{"error":"invalid_scope"}`},
	} {
		w := newWorld(t)
		if w.Server == nil && slices.Contains(ownRows, name) {
			continue // for the test server alone
		}
		t.Run(name, func(t *testing.T) {
			page := test.send(t, w)
			require.Equal(t, test.status, page.Status, page.Body)
			switch {
			case test.body == "":
				var answer map[string]any
				require.NoError(t, json.Unmarshal([]byte(page.Body), &answer))
				for _, name := range []string{"access_token", "refresh_token"} {
					require.Regexp(t, `^[A-Za-z0-9]{30}$`, answer[name])
					delete(answer, name)
				}
				require.Equal(t, map[string]any{"expires_in": 36000.0, "scope": "read write", "token_type": "Bearer"}, answer)
				require.Equal(t, "no-store", page.Header.Get("Cache-Control"))
				require.Equal(t, "no-cache", page.Header.Get("Pragma"))
			case test.body[0] == '{':
				require.JSONEq(t, test.body, page.Body)
			case test.status == 500:
				require.Contains(t, page.Header.Get("Content-Type"), "text/html")
			}
			if page.Status == 401 {
				require.Equal(t, `Bearer error="invalid_client"`, page.Header.Get("WWW-Authenticate"))
			}
		})
	}
	t.Run("refresh ends the old access token", func(t *testing.T) {
		w := newWorld(t)
		tokens := w.tokens(t)
		w.refresh(t, tokens.Refresh)
		require.Equal(t, 401, w.data(t, tokens.Access).Status)
	})
}

// TestOverlappingRefreshes checks that concurrent refreshes of one token get
// the same new pair, as two replicas without a common lock make them.
func TestOverlappingRefreshes(t *testing.T) {
	w := newWorld(t)
	refresh := w.tokens(t).Refresh
	var came, answered sync.WaitGroup
	came.Add(5)
	w.Inject(tokenPath, 5, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			came.Done()
			came.Wait()
			next.ServeHTTP(rw, r)
		})
	})
	pairs := make([]tokens, 5)
	for i := range pairs {
		answered.Go(func() { pairs[i] = w.read(t, w.refresh(t, refresh)) })
	}
	answered.Wait()
	for _, pair := range pairs {
		require.NotEmpty(t, pair.Access)
		require.Equal(t, pairs[0], pair)
	}
	require.Equal(t, 400, w.refresh(t, refresh).Status, "a late refresh")
	require.Equal(t, 200, w.data(t, pairs[0].Access).Status)
}

// TestReplicasThatOverlap checks that two replicas with separate stores both
// stay connected when they refresh one token at the same time.
func TestReplicasThatOverlap(t *testing.T) {
	w := newWorld(t)
	credential := w.account(t).Credential()
	other := oauthtest.NewApp(t, w.app.Account(t).Server(), secret)
	other.Save(t, credential)
	w.clock.Advance(11 * time.Hour)
	var came, answered sync.WaitGroup
	came.Add(2)
	w.Inject(tokenPath, 2, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			came.Done()
			came.Wait()
			next.ServeHTTP(rw, r)
		})
	})
	for _, app := range []*oauthtest.App{w.app, other} {
		account := app.Account(t)
		answered.Go(func() {
			name, err := w.app.Call(t.Context(), account)
			assert.NoError(t, err)
			assert.Equal(t, "Ann Arbor", name)
		})
	}
	answered.Wait()
	require.Equal(t, w.app.Account(t).Credential().AccessToken, other.Account(t).Credential().AccessToken)
}

// TestRevoke checks every row of the revocation endpoint.
func TestRevoke(t *testing.T) {
	testRevoke(t, func(t *testing.T) *world { return newWorld(t) })
	testRevokeIsSent(t)
}

const revokePath = "/open_auth/revoke_token/"

func testRevoke(t *testing.T, newWorld func(*testing.T) *world) {
	for name, test := range map[string]struct {
		method  string
		form    func(tokens) url.Values
		status  int
		body    string
		access  bool // the access token is still good
		refresh int  // status of a refresh
	}{
		"access token":  {"POST", func(pair tokens) url.Values { return form("token", pair.Access) }, 200, "", false, 500},
		"refresh token": {"POST", func(pair tokens) url.Values { return form("token", pair.Refresh) }, 200, "", false, 400},
		"hint": {"POST", func(pair tokens) url.Values {
			return form("token", pair.Refresh, "token_type_hint", "refresh_token")
		}, 200, "", false, 400},
		"unknown hint": {"POST", func(pair tokens) url.Values {
			return form("token", pair.Refresh, "token_type_hint", "other")
		}, 200, "", false, 400},
		"unknown token": {"POST", func(tokens) url.Values { return form("token", "unknown") }, 200, "", true, 200},
		"no token": {"POST", func(tokens) url.Values { return form() },
			400, `{"error":"invalid_request","error_description":"Missing token parameter."}`, true, 200},
		"wrong secret": {"POST", func(pair tokens) url.Values { return form("token", pair.Access, "client_secret", "wrong") },
			401, `{"error":"invalid_client"}`, true, 200},
		"GET": {"GET", func(pair tokens) url.Values { return form("token", pair.Access) }, 405, "", true, 200},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			pair := w.tokens(t)
			page := w.send(t, test.method, revokePath, test.form(pair))
			require.Equal(t, test.status, page.Status)
			if test.status == 400 || test.status == 401 {
				require.JSONEq(t, test.body, page.Body)
			}
			if test.status == 200 {
				require.Empty(t, page.Body)
				require.Contains(t, page.Header.Get("Content-Type"), "text/html")
			}
			require.Equal(t, test.access, w.data(t, pair.Access).Status == 200)
			require.Equal(t, test.refresh, w.refresh(t, pair.Refresh).Status)
		})
	}
}

// testRevokeIsSent checks what an application sends.
func testRevokeIsSent(t *testing.T) {
	for name, credential := range map[string]connect.Credential{
		"sent with a refresh token":    {AccessToken: "access-token", RefreshToken: "refresh-token"},
		"sent without a refresh token": {AccessToken: "access-token"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.app.Save(t, credential)
			require.NoError(t, w.app.Connector.Disconnect(t.Context(), "ann"))
			requests := w.Requests(revokePath)
			require.Len(t, requests, 1)
			want := form("token", "access-token", "token_type_hint", "access_token")
			if credential.RefreshToken != "" {
				want = form("token", "refresh-token", "token_type_hint", "refresh_token")
			}
			require.Equal(t, want, requests[0].Form)
			require.Empty(t, requests[0].Query)
			require.NotContains(t, w.app.Log.String(), "revoked")
		})
	}
}

// tokens are the members of a token response.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Scope   string `json:"scope"`
}

func (w *world) exchange(t *testing.T, code string, pairs ...string) testkit.Page {
	t.Helper()
	pairs = append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", w.callback}, pairs...)
	return w.send(t, http.MethodPost, tokenPath, form(pairs...))
}

func (w *world) refresh(t *testing.T, token string, pairs ...string) testkit.Page {
	t.Helper()
	return w.send(
		t, http.MethodPost, tokenPath,
		form(append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...),
	)
}

func (w *world) read(t *testing.T, page testkit.Page) tokens {
	t.Helper()
	var pair tokens
	require.Equal(t, http.StatusOK, page.Status, page.Body)
	require.NoError(t, json.Unmarshal([]byte(page.Body), &pair))
	return pair
}

// tokens returns a pair that the user approved.
func (w *world) tokens(t *testing.T) tokens {
	t.Helper()
	return w.read(t, w.exchange(t, w.code(t)))
}

// data requests the user data with a token.
func (w *world) data(t *testing.T, token string) testkit.Page {
	t.Helper()
	return w.send(t, http.MethodGet, userPath, nil, "Accept", "application/json", "Authorization", "Bearer "+token)
}
