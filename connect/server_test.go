package connect_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// oauthServer is an OAuth 2.0 server that approves every request. It requires
// PKCE, accepts one way of client authentication, and rotates refresh tokens.
type oauthServer struct {
	*httptest.Server
	style oauth2.AuthStyle // zero is none: a public client

	mu        sync.Mutex
	n         int
	challenge string
	scope     string
	access    string // the token that the API takes
	refresh   string
	authorize []url.Values
	tokens    []url.Values
	revoked   []url.Values
	calls     []string // bodies of the API calls that were answered with 200
	fault     func(http.ResponseWriter, *http.Request) bool
}

func newOAuthServer(t *testing.T, style oauth2.AuthStyle) *oauthServer {
	t.Helper()
	s := &oauthServer{style: style}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", s.authorizePage)
	mux.HandleFunc("POST /token", s.token)
	mux.HandleFunc("POST /revoke", s.revoke)
	mux.HandleFunc("/api", s.api)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *oauthServer) description() connect.Server {
	return connect.Server{
		Name:         "Example",
		Endpoint:     oauth2.Endpoint{AuthURL: s.URL + "/authorize", TokenURL: s.URL + "/token", AuthStyle: s.style},
		PublicClient: s.style == 0,
		PKCE:         true,
		RevokeURL:    s.URL + "/revoke",
	}
}

func (s *oauthServer) authorizePage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	query := r.URL.Query()
	s.authorize = append(s.authorize, query)
	s.challenge, s.scope = query.Get("code_challenge"), query.Get("scope")
	back := query.Get("redirect_uri") + "?" + url.Values{"code": {"code"}, "state": {query.Get("state")}}.Encode()
	http.Redirect(w, r, back, http.StatusFound)
}

// authenticated reports whether the client authenticated in the way that the
// server accepts.
func (s *oauthServer) authenticated(r *http.Request) bool {
	id, secret, basic := r.BasicAuth()
	inBody := r.PostForm.Get("client_id") == "app" && r.PostForm.Get("client_secret") == "secret"
	switch s.style {
	case oauth2.AuthStyleInHeader:
		return basic && id == "app" && secret == "secret" && !r.PostForm.Has("client_secret")
	case oauth2.AuthStyleInParams:
		return !basic && inBody
	default:
		return !basic && r.PostForm.Get("client_id") == "app" && !r.PostForm.Has("client_secret")
	}
}

func (s *oauthServer) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = r.ParseForm()
	s.tokens = append(s.tokens, r.PostForm)
	refuse := func(code string) {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": code})
	}
	verifier := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	switch grant := r.PostForm.Get("grant_type"); {
	case !s.authenticated(r):
		refuse("invalid_client")
	case grant == "authorization_code" && base64.RawURLEncoding.EncodeToString(verifier[:]) != s.challenge,
		grant == "refresh_token" && (r.PostForm.Get("refresh_token") != s.refresh || s.refresh == ""):
		refuse("invalid_grant")
	default:
		s.n++
		s.access, s.refresh = fmt.Sprintf("access-token-%d", s.n), fmt.Sprintf("refresh-token-%d", s.n)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"access_token": s.access, "refresh_token": s.refresh, "token_type": "bearer", "expires_in": 3600, "scope": s.scope,
		})
	}
}

func (s *oauthServer) revoke(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = r.ParseForm()
	if !s.authenticated(r) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.revoked = append(s.revoked, r.PostForm)
}

func (s *oauthServer) api(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil && s.fault(w, r) {
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+s.access {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="expired"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.calls = append(s.calls, string(body))
	_, _ = io.WriteString(w, "hello")
}

// application is an application that is connected to a server, with a page that
// calls the server's API.
type application struct {
	site      *httptest.Server
	connector *connect.Connector
	browser   *http.Client
	tokens    *connect.MemoryTokenStore
	log       *testkit.Log
	clock     *testkit.Clock
	api       func(*connect.Account) (*http.Response, error)
}

func newApplication(t *testing.T, server connect.Server, changes ...func(*connect.Config)) *application {
	t.Helper()
	a := &application{
		browser: testkit.NewBrowser(t), tokens: new(connect.MemoryTokenStore), log: new(testkit.Log),
		clock: testkit.NewClock(),
	}
	mux := http.NewServeMux()
	a.site = httptest.NewServer(mux)
	t.Cleanup(a.site.Close)
	config := connect.Config{
		Server: server, ClientID: "app", ClientSecret: "secret", RedirectURL: a.site.URL + "/oauth/callback",
		Scopes: []connect.Scope{"profile"}, Tokens: a.tokens, Logger: a.log.Logger(), Clock: a.clock.Now,
		User: func(*http.Request) (connect.User, error) { return connect.User{ID: "ann"}, nil },
	}
	if server.PublicClient {
		config.ClientSecret = ""
	}
	for _, change := range changes {
		change(&config)
	}
	var err error
	a.connector, err = connect.New(config)
	require.NoError(t, err)
	mux.Handle("/oauth/", a.connector.Handler())
	mux.Handle("/{$}", http.NotFoundHandler())
	mux.Handle("/page", a.connector.Require("profile")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resp, err := a.api(connect.MustFromContext(r.Context()))
		if err != nil {
			a.connector.HandleError(w, r, err)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	})))
	return a
}

// calling returns a call of the server's API with a body.
func calling(s *oauthServer, body string) func(*connect.Account) (*http.Response, error) {
	return func(account *connect.Account) (*http.Response, error) {
		return account.HTTPClient().Post(s.URL+"/api", "text/plain", strings.NewReader(body))
	}
}

// TestServers connects to servers that authenticate clients in each way, calls
// the API, lets the token expire, and disconnects.
func TestServers(t *testing.T) {
	for name, style := range map[string]oauth2.AuthStyle{
		"basic": oauth2.AuthStyleInHeader, "body": oauth2.AuthStyleInParams, "public client": 0,
	} {
		t.Run(name, func(t *testing.T) {
			server := newOAuthServer(t, style)
			a := newApplication(t, server.description())
			a.api = calling(server, "one")
			page := testkit.Load(t, a.browser, testkit.NewRequest(t, http.MethodGet, a.site.URL+"/page", nil))
			require.Equal(t, http.StatusOK, page.Status, page.Body)
			require.Equal(t, "hello", page.Body)
			require.Equal(t, "profile", server.authorize[0].Get("scope"))
			require.Equal(t, "S256", server.authorize[0].Get("code_challenge_method"))
			require.False(t, server.tokens[0].Has("scope"), "RFC 6749 has none in the token request")

			a.clock.Advance(2 * time.Hour)
			a.api = calling(server, "two")
			page = testkit.Load(t, a.browser, testkit.NewRequest(t, http.MethodGet, a.site.URL+"/page", nil))
			require.Equal(t, http.StatusOK, page.Status, page.Body)
			require.Equal(t, []string{"one", "two"}, server.calls)
			require.Equal(t, "refresh_token", server.tokens[1].Get("grant_type"))
			require.Len(t, server.tokens, 2)

			out := testkit.NewRequest(t, http.MethodPost, a.site.URL+"/oauth/disconnect", url.Values{})
			out.Header.Set("Origin", a.site.URL)
			require.Equal(t, http.StatusNotFound, testkit.Load(t, a.browser, out).Status, "it leads home")
			require.Zero(t, a.tokens.Len())
			require.Len(t, server.revoked, 1)
			require.Equal(t, "refresh-token-2", server.revoked[0].Get("token"))
		})
	}
}

// TestHTTPClient checks requests that the server rejects, and which tokens are
// refreshed or deleted for it.
func TestHTTPClient(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*testing.T, *oauthServer, *application) // after connecting
		status int
		tokens int // requests to the token endpoint, with the one of connecting
		calls  []string
		stays  bool // the credential is still there
	}{
		"good token": {nil, 200, 1, []string{"body"}, true},
		"revoked and refreshed": {func(_ *testing.T, s *oauthServer, _ *application) { s.access = "newer" },
			200, 2, []string{"body"}, true},
		"refresh refused": {func(_ *testing.T, s *oauthServer, _ *application) { s.access, s.refresh = "newer", "" },
			401, 2, nil, false},
		"unknown token": {func(_ *testing.T, s *oauthServer, _ *application) {
			s.fault = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(401); return true }
		}, 401, 1, nil, true},
		"renewed by another replica": {func(t *testing.T, s *oauthServer, a *application) {
			s.access = "newer"
			s.fault = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Authorization") == "Bearer newer" {
					return false
				}
				require.NoError(
					t,
					a.tokens.Update(
						t.Context(), connect.Key{Realm: a.connector.Realm(), ID: "ann"}, save(connect.Credential{AccessToken: "newer"}),
					),
				)
				w.WriteHeader(401)
				return true
			}
		}, 200, 1, []string{"body"}, true},
		"forbidden": {func(_ *testing.T, s *oauthServer, _ *application) {
			s.fault = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(403); return true }
		}, 403, 1, nil, true},
		"redirected": {func(_ *testing.T, s *oauthServer, _ *application) {
			s.fault = func(w http.ResponseWriter, r *http.Request) bool {
				http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
				return true
			}
		}, 302, 1, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := newOAuthServer(t, oauth2.AuthStyleInHeader)
			a := newApplication(t, server.description())
			a.api = calling(server, "connecting")
			testkit.Load(t, a.browser, testkit.NewRequest(t, http.MethodGet, a.site.URL+"/page", nil))
			server.calls = nil
			account, err := a.connector.Account(t.Context(), "ann")
			require.NoError(t, err)
			if test.change != nil {
				test.change(t, server, a)
			}
			resp, err := calling(server, "body")(account)
			require.NoError(t, err)
			defer resp.Body.Close()
			require.Equal(t, test.status, resp.StatusCode)
			require.Len(t, server.tokens, test.tokens)
			require.Equal(t, test.calls, server.calls)
			require.Equal(t, test.stays, a.tokens.Len() == 1)
			require.NotContains(t, a.log.String(), "access-token")
		})
	}
	t.Run("expired by the server's own rule", func(t *testing.T) {
		server := newOAuthServer(t, oauth2.AuthStyleInHeader)
		description := server.description()
		description.Expired = func(resp *http.Response) bool { return resp.StatusCode == http.StatusForbidden }
		a := newApplication(t, description)
		a.api = calling(server, "connecting")
		testkit.Load(t, a.browser, testkit.NewRequest(t, http.MethodGet, a.site.URL+"/page", nil))
		account, err := a.connector.Account(t.Context(), "ann")
		require.NoError(t, err)
		times := 0
		server.fault = func(w http.ResponseWriter, _ *http.Request) bool {
			if times++; times == 1 {
				w.WriteHeader(http.StatusForbidden)
			}
			return times == 1
		}
		resp, err := calling(server, "body")(account)
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, "refresh_token", server.tokens[1].Get("grant_type"))
	})
	t.Run("plain http", func(t *testing.T) {
		server := newOAuthServer(t, oauth2.AuthStyleInHeader)
		a := newApplication(t, server.description())
		a.api = calling(server, "connecting")
		testkit.Load(t, a.browser, testkit.NewRequest(t, http.MethodGet, a.site.URL+"/page", nil))
		account, err := a.connector.Account(t.Context(), "ann")
		require.NoError(t, err)
		_, err = account.HTTPClient().Get("http://api.example/")
		require.ErrorIs(t, err, connect.ErrInvalidRequest)
	})
	t.Run("one hundred at once", func(t *testing.T) {
		server := newOAuthServer(t, oauth2.AuthStyleInHeader)
		a := newApplication(t, server.description())
		a.api = calling(server, "connecting")
		testkit.Load(t, a.browser, testkit.NewRequest(t, http.MethodGet, a.site.URL+"/page", nil))
		a.clock.Advance(2 * time.Hour)
		account, err := a.connector.Account(t.Context(), "ann")
		require.NoError(t, err)
		var group sync.WaitGroup
		statuses := make([]int, 100)
		for i := range statuses {
			group.Go(func() {
				resp, err := calling(server, "body")(account)
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				statuses[i] = resp.StatusCode
			})
		}
		group.Wait()
		for _, status := range statuses {
			require.Equal(t, http.StatusOK, status)
		}
		require.Len(t, server.tokens, 2, "the code, and one refresh")
	})
}

// TestSeveralConnectors checks that two connectors share a process, a mux and a
// session independently.
func TestSeveralConnectors(t *testing.T) {
	one, two := newOAuthServer(t, oauth2.AuthStyleInHeader), newOAuthServer(t, oauth2.AuthStyleInParams)
	a := newApplication(t, one.description())
	b := newApplication(t, two.description(), func(c *connect.Config) { c.Tokens = new(connect.MemoryTokenStore) })
	a.api, b.api = calling(one, "to one"), calling(two, "to two")
	for range 2 {
		for _, app := range []*application{a, b} {
			page := testkit.Load(t, a.browser, testkit.NewRequest(t, http.MethodGet, app.site.URL+"/page", nil))
			require.Equal(t, http.StatusOK, page.Status, page.Body)
		}
	}
	require.Equal(t, []string{"to one", "to one"}, one.calls)
	require.Equal(t, []string{"to two", "to two"}, two.calls)
	require.Len(t, one.tokens, 1)
	require.Len(t, two.tokens, 1)
}

// TestConfigMistakes checks that New names every invalid field.
func TestConfigMistakes(t *testing.T) {
	_, err := connect.New(connect.Config{
		Server: connect.Server{
			Name: "Example", PublicClient: true, Scopes: connect.ScopePolicy{Known: []connect.Scope{"a"}},
		},
		ClientSecret: "s", RedirectURL: "http://app.example/callback", Scopes: []connect.Scope{"b"}, SignIn: true,
		HomePath: "//x",
	})
	for _, field := range []string{
		"Server.Endpoint", "ClientID", "ClientSecret", "RedirectURL", "Scopes", "SignIn", "HomePath",
	} {
		require.ErrorContains(t, err, "example: Config."+field)
	}
}

func TestSaysInvalidToken(t *testing.T) {
	for challenge, want := range map[string]bool{
		`Bearer error="invalid_token"`:                           true,
		`bearer realm="api", Error = "invalid_token"`:            true, // RFC 9110 section 11.2: names in any case
		`BEARER ERROR=invalid_token`:                             true,
		`Bearer error="invalid_token" error_description="later"`: true, // as Blot're sends it
		`Bearer error="insufficient_scope"`:                      false,
		`Bearer realm="api"`:                                     false,
		``:                                                       false,
	} {
		require.Equal(t, want, connect.SaysInvalidToken(http.Header{"Www-Authenticate": {challenge}}), challenge)
	}
}

// TestEndpointsAreChecked checks every URL to which the client secret or a
// token is sent.
func TestEndpointsAreChecked(t *testing.T) {
	for name, change := range map[string]func(*connect.Server, string){
		"Endpoint.AuthURL":       func(s *connect.Server, url string) { s.Endpoint.AuthURL = url },
		"Endpoint.TokenURL":      func(s *connect.Server, url string) { s.Endpoint.TokenURL = url },
		"Endpoint.DeviceAuthURL": func(s *connect.Server, url string) { s.Endpoint.DeviceAuthURL = url },
		"RevokeURL":              func(s *connect.Server, url string) { s.RevokeURL = url },
	} {
		t.Run(name, func(t *testing.T) {
			for _, url := range []string{"http://server.example/x", "/x", "ftp://server.example/x"} {
				server := connect.Server{Name: "Example", Endpoint: oauth2.Endpoint{
					AuthURL: "https://server.example/authorize", TokenURL: "https://server.example/token",
				}}
				change(&server, url)
				_, err := connect.New(connect.Config{
					Server: server, ClientID: "app", ClientSecret: "secret", RedirectURL: "https://shop.example/oauth/callback",
				})
				require.ErrorContains(t, err, "Config.Server."+name, url)
			}
		})
	}
}
