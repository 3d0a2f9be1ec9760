package connect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// github describes GitHub. Tokens of an OAuth app do not expire.
func github() connect.Server {
	return connect.Server{
		Name: "GitHub",
		Endpoint: oauth2.Endpoint{
			AuthURL:       "https://github.com/login/oauth/authorize",
			TokenURL:      "https://github.com/login/oauth/access_token",
			DeviceAuthURL: "https://github.com/login/device/code",
			AuthStyle:     oauth2.AuthStyleInParams,
		},
		PKCE:       true,
		AccountURL: "https://github.com/settings/applications",
		Header:     http.Header{"Accept": {"application/json"}, "X-GitHub-Api-Version": {"2022-11-28"}},
		Identity:   githubUser,
	}
}

// githubUser asks GitHub who the user is.
func githubUser(ctx context.Context, account *connect.Account) (connect.User, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.github.com/user", nil)
	if err != nil {
		return connect.User{}, err
	}
	resp, err := account.HTTPClient().Do(req)
	if err != nil {
		return connect.User{}, err
	}
	defer resp.Body.Close()
	var user struct {
		ID    int64  `json:"id"`
		Login string `json:"login"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&user); err != nil || user.ID == 0 {
		return connect.User{}, fmt.Errorf("%w: GET /user: status %d", connect.ErrInvalidResponse, resp.StatusCode)
	}
	return connect.User{ID: strconv.FormatInt(user.ID, 10), Name: user.Login}, nil
}

// google describes Google. It gives a refresh token only for access_type=offline,
// and answers with other names for two scopes than the ones that were asked for.
func google() connect.Server {
	return connect.Server{
		Name: "Google",
		Endpoint: oauth2.Endpoint{
			AuthURL:       "https://accounts.google.com/o/oauth2/v2/auth",
			TokenURL:      "https://oauth2.googleapis.com/token",
			DeviceAuthURL: "https://oauth2.googleapis.com/device/code",
			AuthStyle:     oauth2.AuthStyleInParams,
		},
		PKCE:       true,
		RevokeURL:  "https://oauth2.googleapis.com/revoke",
		AccountURL: "https://myaccount.google.com/connections",
		Scopes: connect.ScopePolicy{Aliases: map[connect.Scope]connect.Scope{
			"https://www.googleapis.com/auth/userinfo.email":   "email",
			"https://www.googleapis.com/auth/userinfo.profile": "profile",
		}},
		AuthParams: func(connect.AuthorizationRequest) url.Values {
			return url.Values{"access_type": {"offline"}, "prompt": {"consent"}}
		},
	}
}

// Two servers that differ from the RFCs, as data.
func ExampleServer() {
	for _, server := range []connect.Server{github(), google()} {
		connector, err := connect.New(connect.Config{
			Server: server, ClientID: "app", ClientSecret: "secret", RedirectURL: "https://app.example/oauth/callback",
			Scopes: []connect.Scope{"email"},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		recorder := httptest.NewRecorder()
		connector.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "https://app.example/oauth/connect", nil))
		to, _ := url.Parse(recorder.Header().Get("Location"))
		query := to.Query()
		for _, random := range []string{"state", "code_challenge"} {
			query.Del(random)
		}
		fmt.Println(to.Host + to.Path)
		fmt.Println(strings.ReplaceAll(query.Encode(), "&redirect_uri", "\n&redirect_uri"))
	}
	// Output:
	// github.com/login/oauth/authorize
	// client_id=app&code_challenge_method=S256
	// &redirect_uri=https%3A%2F%2Fapp.example%2Foauth%2Fcallback&response_type=code&scope=email
	// accounts.google.com/o/oauth2/v2/auth
	// access_type=offline&client_id=app&code_challenge_method=S256&prompt=consent
	// &redirect_uri=https%3A%2F%2Fapp.example%2Foauth%2Fcallback&response_type=code&scope=email
}

// TestSampleServers connects to servers that respond as GitHub and Google do.
func TestSampleServers(t *testing.T) {
	for name, test := range map[string]struct {
		server connect.Server
		token  string
		want   []connect.Scope
		header string
	}{
		"GitHub": {github(), `{"access_token":"gho_16C7e42F292c6912E7710c838347Ae178B4a",
			"scope":"repo,gist","token_type":"bearer"}`,
			[]connect.Scope{"repo", "gist"}, "2022-11-28"},
		"Google": {google(), `{"access_token":"1/fFAGRNJru1FTz70BzhT3Zg","expires_in":3920,"token_type":"Bearer",
			"scope":"https://www.googleapis.com/auth/userinfo.email",
			"refresh_token":"1//xEoDL4iW3cxlI7yDbSRFYNG01kVKM2C-259HOF2aQbI"}`,
			[]connect.Scope{"https://www.googleapis.com/auth/userinfo.email"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := oauthtest.New(nil)
			for _, path := range []string{"/login/oauth/access_token", "/token"} {
				s.Inject(path, 1, oauthtest.JSON(200, test.token))
			}
			s.Inject("/user", 1, oauthtest.JSON(200, `{"login":"octocat","id":1}`))
			connector, recorder := connectTo(t, s, func(c *connect.Config) {
				c.Server, c.Scopes = test.server, []connect.Scope{"email"}
			})
			require.Equal(t, http.StatusSeeOther, recorder.Code)
			account, err := connector.Account(t.Context(), "ann")
			require.NoError(t, err)
			require.Equal(t, test.want, account.Scopes())
			require.Equal(t, test.header, s.Requests("")[0].Header.Get("X-GitHub-Api-Version"))
			if name == "GitHub" {
				require.Equal(t, "octocat", account.Credential().Name)
			} else {
				require.NoError(t, connector.Covers(account, []connect.Scope{"email"}), "under its other name")
			}
		})
	}
}

// TestServersGuide checks that docs/servers.md shows the samples of this file.
func TestServersGuide(t *testing.T) {
	guide, err := os.ReadFile("../docs/servers.md")
	require.NoError(t, err)
	source, err := os.ReadFile("example_servers_test.go")
	require.NoError(t, err)
	for _, function := range []string{"github", "githubUser", "google"} {
		_, body, found := strings.Cut(string(source), "\nfunc "+function+"(")
		require.True(t, found, function)
		body, _, _ = strings.Cut(body, "\n}\n")
		require.Contains(t, string(guide), "func "+function+"("+body+"\n}\n", function)
	}
}
