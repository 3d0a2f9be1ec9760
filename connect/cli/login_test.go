package cli_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/connect/cli"
	"github.com/go-gloebit/gloebit/servers/blotre"
	"github.com/go-gloebit/gloebit/servers/blotre/blotretest"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// server is an OAuth server for programs. It requires PKCE, accepts any port of
// a loopback redirect, and approves every request at once.
type server struct {
	*httptest.Server

	mu         sync.Mutex
	deny       bool
	challenge  string
	redirect   string
	n          int
	refused    bool // refreshes are
	authorized []url.Values
	revoked    []string
	pending    int // polls to answer with authorization_pending
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := new(server)
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = r.ParseForm()
	fail := func(code string) {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": code})
	}
	switch r.URL.Path {
	case "/authorize":
		s.authorized = append(s.authorized, r.Form)
		s.challenge, s.redirect = r.Form.Get("code_challenge"), r.Form.Get("redirect_uri")
		back := url.Values{"state": {r.Form.Get("state")}, "code": {"code"}}
		if s.deny {
			back = url.Values{"state": {r.Form.Get("state")}, "error": {"access_denied"}}
		}
		http.Redirect(w, r, s.redirect+"?"+back.Encode(), http.StatusFound)
	case "/device":
		_, _ = io.WriteString(w, `{"device_code":"d","user_code":"ABCD","verification_uri":"https://server.example/device",`+
			`"verification_uri_complete":"https://server.example/device?c=ABCD","expires_in":600}`)
	case "/revoke":
		s.revoked = append(s.revoked, r.PostForm.Get("token"))
	case "/token":
		sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
		grant := r.PostForm.Get("grant_type")
		switch {
		case grant == "authorization_code" && (base64.RawURLEncoding.EncodeToString(sum[:]) != s.challenge ||
			r.PostForm.Get("redirect_uri") != s.redirect):
			fail("invalid_grant")
		case grant == "refresh_token" && s.refused:
			fail("invalid_grant")
		case strings.HasSuffix(grant, "device_code") && s.pending > 0:
			s.pending--
			fail("authorization_pending")
		default:
			s.n++
			_, _ = fmt.Fprintf(
				w, `{"access_token":"access-%d","refresh_token":"refresh-%d","token_type":"bearer","expires_in":3600}`, s.n, s.n,
			)
		}
	case "/api":
		_, _ = io.WriteString(w, r.Header.Get("Authorization"))
	}
}

func description(at string) connect.Server {
	return connect.Server{
		Name: "Example", PublicClient: true, RevokeURL: at + "/revoke",
		Endpoint: oauth2.Endpoint{AuthURL: at + "/authorize", TokenURL: at + "/token", DeviceAuthURL: at + "/device"},
	}
}

// visit loads a page as a browser does, and returns the status and the body.
func visit(t *testing.T, to string) (int, string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Jar: jar, Transport: transport, Timeout: 10 * time.Second}).Get(to)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(body)
}

// program is a login at the server, whose user opens every URL at once.
type program struct {
	cli.Login
	mu     sync.Mutex
	opened []string
	pages  chan string
}

func newProgram(t *testing.T, description connect.Server) *program {
	t.Helper()
	p := &program{pages: make(chan string, 10)}
	p.Login = cli.Login{
		Server: description, ClientID: "app", Scopes: []connect.Scope{"read"},
		Store: &cli.FileStore{Dir: filepath.Join(t.TempDir(), "logins")},
		Open: func(_ context.Context, to string) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.opened = append(p.opened, to)
			go func() { _, page := visit(t, to); p.pages <- page }()
			return nil
		},
	}
	return p
}

// token returns what the server's API got as Authorization.
func token(t *testing.T, s *server, account *connect.Account) string {
	t.Helper()
	resp, err := account.HTTPClient().Get(s.URL + "/api")
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	return string(body)
}

func TestBrowser(t *testing.T) {
	t.Run("logs in, and finds it again", func(t *testing.T) {
		s := newServer(t)
		p := newProgram(t, description(s.URL))
		_, err := p.Account(t.Context())
		require.ErrorIs(t, err, connect.ErrNotConnected)
		account, err := p.Browser(t.Context())
		require.NoError(t, err)
		require.Contains(t, <-p.pages, "You can close this window")
		require.Equal(t, "Bearer access-1", token(t, s, account))
		require.Equal(t, "S256", s.authorized[0].Get("code_challenge_method"))
		require.Equal(t, "read", s.authorized[0].Get("scope"))

		account, err = p.Browser(t.Context())
		require.NoError(t, err)
		require.Equal(t, "Bearer access-1", token(t, s, account))
		account, err = p.Account(t.Context())
		require.NoError(t, err)
		require.Equal(t, "Bearer access-1", token(t, s, account))
		require.Len(t, p.opened, 1)
	})
	t.Run("any free port", func(t *testing.T) {
		s := newServer(t)
		for range 2 {
			_, err := newProgram(t, description(s.URL)).Browser(t.Context())
			require.NoError(t, err)
		}
		require.Regexp(t, `^http://127\.0\.0\.1:\d+/callback$`, s.authorized[0].Get("redirect_uri"))
		require.NotEqual(t, s.authorized[0].Get("redirect_uri"), s.authorized[1].Get("redirect_uri"))
	})
	t.Run("given port", func(t *testing.T) {
		s := newServer(t)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		p := newProgram(t, description(s.URL))
		p.RedirectURL = "http://" + listener.Addr().String() + "/back"
		_, err = p.Browser(t.Context())
		require.NoError(t, err)
		require.Equal(t, p.RedirectURL, s.authorized[0].Get("redirect_uri"))
	})
	t.Run("denied", func(t *testing.T) {
		s := newServer(t)
		s.deny = true
		p := newProgram(t, description(s.URL))
		_, err := p.Browser(t.Context())
		require.ErrorIs(t, err, connect.ErrAccessDenied)
		require.Contains(t, <-p.pages, "You did not approve the connection")
		_, err = p.Account(t.Context())
		require.ErrorIs(t, err, connect.ErrNotConnected)
	})
	t.Run("others can't begin or end it", func(t *testing.T) {
		s := newServer(t)
		p := newProgram(t, description(s.URL))
		open := p.Open
		p.Open = func(ctx context.Context, to string) error {
			u, err := url.Parse(to)
			require.NoError(t, err)
			for path, want := range map[string]int{
				"/": 404, "/connect": 404, "/disconnect": 404, "/callback": 400, "/callback?error=access_denied&state=": 400,
				"/callback?code=code&state=" + strings.Repeat("a", 43): 400,
			} {
				status, _ := visit(t, "http://"+u.Host+path)
				require.Equal(t, want, status, path)
			}
			return open(ctx, to)
		}
		_, err := p.Browser(t.Context())
		require.NoError(t, err)
	})
	t.Run("two at once ask once", func(t *testing.T) {
		s := newServer(t)
		p := newProgram(t, description(s.URL))
		another := p.Login
		another.Store = &cli.FileStore{Dir: p.Store.Dir} // as another process
		done := make(chan error, 2)
		for _, login := range []cli.Login{p.Login, another} {
			go func() { _, err := login.Browser(t.Context()); done <- err }()
		}
		require.NoError(t, errors.Join(<-done, <-done))
		require.Len(t, p.opened, 1)
	})
	t.Run("refused login is asked for again", func(t *testing.T) {
		s := newServer(t)
		p := newProgram(t, description(s.URL))
		_, err := p.Browser(t.Context())
		require.NoError(t, err)
		key := connect.Key{Realm: strings.TrimPrefix(s.URL, "http://") + "/app", ID: "owner"}
		require.NoError(t, p.Store.Update(t.Context(), key, func(
			_ context.Context, c *connect.Credential,
		) (*connect.Credential, error) {
			c.TokenExpiry = time.Now()
			return c, nil
		}))
		s.refused = true
		account, err := p.Browser(t.Context())
		require.NoError(t, err)
		require.Equal(t, "Bearer access-2", token(t, s, account))
		require.Len(t, p.opened, 2)
	})
	t.Run("given up", func(t *testing.T) {
		s := newServer(t)
		p := newProgram(t, description(s.URL))
		ctx, cancel := context.WithCancel(t.Context())
		p.Open = func(context.Context, string) error { cancel(); return nil }
		_, err := p.Browser(ctx)
		require.ErrorIs(t, err, context.Canceled)
		failure := errors.New("no browser")
		p.Open = func(context.Context, string) error { return failure }
		_, err = p.Browser(t.Context())
		require.ErrorIs(t, err, failure)
	})
	t.Run("file of another server", func(t *testing.T) {
		s := newServer(t)
		p := newProgram(t, description(s.URL))
		_, err := p.Browser(t.Context())
		require.NoError(t, err)
		files, err := filepath.Glob(filepath.Join(p.Store.Dir, "*.json"))
		require.NoError(t, err)
		require.NoError(t, writeFile(files[0], `{"realm":"other.example/app","id":"owner","credential":{}}`))
		_, err = p.Browser(t.Context())
		require.ErrorIs(t, err, cli.ErrFile)
		require.Len(t, p.opened, 1, "no login is started that can't be saved")
	})
	t.Run("mistakes", func(t *testing.T) {
		s := newServer(t)
		for _, redirect := range []string{
			"https://127.0.0.1/callback", "http://app.example/callback", "http://127.0.0.1", ":",
		} {
			p := newProgram(t, description(s.URL))
			p.RedirectURL = redirect
			_, err := p.Browser(t.Context())
			require.Error(t, err, redirect)
			require.Empty(t, p.opened)
		}
		_, err := cli.Login{Server: description(s.URL), ClientID: "app"}.Browser(t.Context())
		require.ErrorIs(t, err, connect.ErrInvalidRequest)
	})
	t.Run("Blot're, which returns no state", func(t *testing.T) {
		b := blotretest.New(nil)
		ann := b.AddUser("Ann")
		b.Approve(ann)
		at := httptest.NewServer(b)
		t.Cleanup(at.Close)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		p := newProgram(t, blotre.Server(at.URL))
		p.RedirectURL = "http://" + listener.Addr().String() + "/callback"
		client := b.AddClient("Toaster", p.RedirectURL)
		p.ClientID, p.ClientSecret, p.Scopes = client.ID, connect.Secret(client.Secret), nil
		account, err := p.Browser(t.Context())
		require.NoError(t, err)
		_, err = blotre.NewClient(account).SetStatus(t.Context(), ann.RootStream, "#112233")
		require.NoError(t, err)
		require.NoError(t, p.Logout(t.Context()))
		require.Len(t, b.Requests("/v0/oauth2/revoke"), 1)
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
}

func TestLogout(t *testing.T) {
	s := newServer(t)
	p := newProgram(t, description(s.URL))
	require.NoError(t, p.Logout(t.Context()), "there is none")
	_, err := p.Browser(t.Context())
	require.NoError(t, err)
	require.NoError(t, p.Logout(t.Context()))
	require.Equal(t, []string{"refresh-1"}, s.revoked)
	_, err = p.Account(t.Context())
	require.ErrorIs(t, err, connect.ErrNotConnected)
}

// memory is a network in memory.
type memory struct{ http.Handler }

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	m.ServeHTTP(recorder, r)
	resp := recorder.Result()
	resp.Request = r
	return resp, nil
}

func TestDevice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logins") // outside of the bubble
	synctest.Test(t, func(t *testing.T) {
		s := &server{pending: 2}
		var shown []connect.DeviceCode
		login := cli.Login{
			Server: description("https://server.example"), ClientID: "app", Store: &cli.FileStore{Dir: dir},
			HTTPClient: &http.Client{Transport: memory{s}},
			Show:       func(_ context.Context, code connect.DeviceCode) error { shown = append(shown, code); return nil },
		}
		start := time.Now()
		account, err := login.Device(t.Context())
		require.NoError(t, err)
		require.Equal(t, 15*time.Second, time.Since(start))
		require.Equal(t, []connect.DeviceCode{{
			UserCode: "ABCD", URL: "https://server.example/device", CompleteURL: "https://server.example/device?c=ABCD",
			Expiry: start.Add(10 * time.Minute).UTC(),
		}}, shown)
		require.Equal(t, connect.Secret("access-1"), account.Credential().AccessToken)
		_, err = login.Device(t.Context())
		require.NoError(t, err)
		require.Len(t, shown, 1)
	})
}
