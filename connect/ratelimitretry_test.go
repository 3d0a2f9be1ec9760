package connect_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// tokenServer answers every token request with a token. Its API returns the
// token of the request.
func tokenServer() *oauthtest.Server {
	s := oauthtest.New(nil)
	s.Handle("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		oauthtest.Write(
			w, http.StatusOK, `{"access_token":"access-token","refresh_token":"refresh-token","token_type":"bearer"}`,
		)
	})
	s.Handle("/api", func(w http.ResponseWriter, r *http.Request) {
		oauthtest.Write(w, http.StatusOK, r.Header.Get("Authorization"))
	})
	s.Handle("POST /revoke", func(http.ResponseWriter, *http.Request) {})
	return s
}

// connectTo connects a new browser to a server, and returns what the callback
// answered. The callback has the additional parameters.
func connectTo(
	t *testing.T, s http.Handler, change func(*connect.Config), params ...string,
) (*connect.Connector, *httptest.ResponseRecorder) {
	t.Helper()
	config := connect.Config{
		Server: connect.Server{
			Name:      "Example",
			Endpoint:  oauth2.Endpoint{AuthURL: "https://server.example/authorize", TokenURL: "https://server.example/token"},
			RevokeURL: "https://server.example/revoke",
		},
		ClientID: "app", ClientSecret: "secret", RedirectURL: "http://127.0.0.1/oauth/callback",
		User:       func(*http.Request) (connect.User, error) { return connect.User{ID: "ann"}, nil },
		HTTPClient: &http.Client{Transport: oauthtest.Transport{Handler: s}},
	}
	if change != nil {
		change(&config)
	}
	connector, err := connect.New(config)
	require.NoError(t, err)
	start := httptest.NewRecorder()
	connector.Handler().ServeHTTP(start, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/oauth/connect", nil))
	to, err := url.Parse(start.Header().Get("Location"))
	require.NoError(t, err)
	back := url.Values{"state": {to.Query().Get("state")}, "code": {"code"}}
	query := strings.Join(append(params, back.Encode()), "&")
	callback := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/oauth/callback?"+query, nil)
	for _, cookie := range start.Result().Cookies() {
		callback.AddCookie(cookie)
	}
	recorder := httptest.NewRecorder()
	connector.Handler().ServeHTTP(recorder, callback)
	return connector, recorder
}

// TestTooManyTokenRequests checks which refused token requests are retried, and
// when.
func TestTooManyTokenRequests(t *testing.T) {
	for name, test := range map[string]struct {
		after  []string // Retry-After of the first answers
		status int      // of the callback
		waited time.Duration
		tokens int
	}{
		"soon":             {[]string{"2"}, 303, 2 * time.Second, 2},
		"at once":          {[]string{"0"}, 303, 0, 2},
		"later":            {[]string{"11"}, 502, 0, 1},
		"a date":           {[]string{"Wed, 21 Oct 2026 07:28:00 GMT"}, 502, 0, 1},
		"never":            {[]string{""}, 502, 0, 1},
		"negative":         {[]string{"-1"}, 502, 0, 1},
		"beyond any clock": {[]string{"9223372036854775807"}, 502, 0, 1},
		"twice":            {[]string{"1", "1"}, 502, time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := tokenServer()
				for _, after := range test.after {
					s.Inject("/token", 1, oauthtest.Answer(http.StatusTooManyRequests, "", "Retry-After", after))
				}
				began := time.Now()
				_, recorder := connectTo(t, s, nil)
				require.Equal(t, test.status, recorder.Code)
				require.Equal(t, test.waited, time.Since(began))
				requests := s.Requests("/token")
				require.Len(t, requests, test.tokens)
				require.Equal(t, "code", requests[len(requests)-1].Form.Get("code"))
			})
		})
	}
}

// TestServerHeader checks that every request to a server has its headers.
func TestServerHeader(t *testing.T) {
	s := tokenServer()
	connector, recorder := connectTo(t, s, func(c *connect.Config) {
		c.Server.Header = http.Header{"X-Api-Version": {"2017-03-01"}, "accept": {"application/json"}}
		c.UserAgent = "shop/1"
	})
	require.Equal(t, http.StatusSeeOther, recorder.Code)
	account, err := connector.Account(t.Context(), "ann")
	require.NoError(t, err)
	require.Equal(t, "https://server.example/token", account.Server().Endpoint.TokenURL)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://server.example/api", nil)
	require.NoError(t, err)
	req.Header.Set("Accept", "text/plain")
	resp, err := account.HTTPClient().Do(req)
	require.NoError(t, err)
	resp.Body.Close()
	require.NotContains(t, req.Header, "X-Api-Version", "the caller's request is left alone")
	require.NoError(t, connector.Disconnect(t.Context(), "ann"))
	for _, path := range []string{"/token", "/api", "/revoke"} {
		require.Len(t, s.Requests(path), 1, path)
		header := s.Requests(path)[0].Header
		require.Equal(t, "2017-03-01", header.Get("X-Api-Version"), path)
		require.Equal(t, "shop/1", header.Get("User-Agent"), path)
		require.Equal(
			t, map[bool]string{true: "text/plain", false: "application/json"}[path == "/api"], header.Get("Accept"), path,
		)
	}
}

// TestTokenError checks the status and text of the errors of a token endpoint.
func TestTokenError(t *testing.T) {
	for name, test := range map[string]struct {
		fault oauthtest.Fault
		want  connect.TokenError
	}{
		"refusal": {oauthtest.JSON(400, `{"error":"invalid_grant","error_description":"of app:secret1-secret1"}`),
			connect.TokenError{Status: 400, Code: "invalid_grant", Text: "of app:[redacted]"}},
		"error inside a 200": {
			oauthtest.JSON(200, `{"error":"invalid_grant"}`), connect.TokenError{Status: 200, Code: "invalid_grant"},
		},
		"page":  {oauthtest.Page(404, "Not Found"), connect.TokenError{Status: 404}},
		"moved": {oauthtest.Moved("https://server.example/token/"), connect.TokenError{Status: 301}},
		"unavailable": {oauthtest.JSON(503, `{"error":"temporarily_unavailable"}`),
			connect.TokenError{Status: 503, Code: "temporarily_unavailable"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := tokenServer()
			s.Inject("/token", 1, test.fault)
			var failed error
			connectTo(t, s, func(c *connect.Config) {
				c.ClientSecret = "secret1-secret1"
				c.ErrorHandler = func(_ http.ResponseWriter, _ *http.Request, err error) { failed = err }
			})
			require.ErrorIs(t, failed, connect.ErrTokenExchange)
			var refused *connect.TokenError
			require.ErrorAs(t, failed, &refused)
			require.Equal(t, test.want, *refused)
		})
	}
}
