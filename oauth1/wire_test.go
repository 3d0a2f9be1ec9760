package oauth1_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/oauth1"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// application is one at a server that answers with handler.
func application(t *testing.T, handler http.HandlerFunc) connect.Application {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return connect.Application{
		ClientID: "key", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
		Server: serverAt(server.URL), HTTPClient: &http.Client{Timeout: 5 * time.Second}, Clock: time.Now,
	}
}

func TestRequestTokenAndAccessTokenRequests(t *testing.T) {
	var sent []string
	app := application(t, func(w http.ResponseWriter, r *http.Request) {
		header := regexp.MustCompile(`oauth_(nonce|signature|timestamp)="[^"]+"`).ReplaceAllString(
			r.Header.Get("Authorization"), `oauth_$1="…"`,
		)
		sent = append(sent, r.Method+" "+r.RequestURI+" "+header)
		if strings.HasSuffix(r.URL.Path, "request-token") {
			_, _ = io.WriteString(w, "oauth_token=rt&oauth_token_secret=rs&oauth_callback_confirmed=true")
			return
		}
		_, _ = io.WriteString(w, "oauth_token=at&oauth_token_secret=as&app_user_id=g-1&scope=id+balance")
	})
	base := strings.TrimSuffix(app.Server.Endpoint.TokenURL, "oauth2/access-token")
	asked := []connect.Scope{gloebit.ScopeID, gloebit.ScopeBalance, gloebit.ScopeTransact}
	page, kept, err := oauth1.Protocol{}.Begin(
		t.Context(), app, connect.AuthorizationRequest{State: "st", Scopes: asked, User: "al"},
	)
	require.NoError(t, err)
	require.Equal(t, base+"oauth/authorize?domain=id+balance+transact&oauth_token=rt&scope=id+balance+transact", page)

	credential, err := oauth1.Protocol{}.Finish(
		t.Context(), app, url.Values{"oauth_token": {"rt"}, "oauth_verifier": {"v"}, "state": {"st"}}, kept, asked,
	)
	require.NoError(t, err)
	require.Equal(
		t,
		connect.Credential{AccessToken: "at", TokenSecret: "as", Subject: "g-1", Scopes: []connect.Scope{"id", "balance"}},
		credential,
	)

	req, err := http.NewRequest(http.MethodPost, base+"transact", strings.NewReader(`{"a":1}`))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	require.NoError(t, oauth1.Protocol{}.Authorize(app, req, credential))
	body, err := io.ReadAll(req.Body)
	require.NoError(t, err)
	require.Equal(t, `{"a":1}`, string(body), "the body is still there to be sent")
	resp, err := app.HTTPClient.Do(req)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, []string{
		`POST /oauth/request-token?domain=id+balance+transact&scope=id+balance+transact&user=al OAuth ` +
			`oauth_callback="https%3A%2F%2Fshop.example%2Fgloebit%2Fcallback%3Fstate%3Dst", ` +
			`oauth_consumer_key="key", oauth_nonce="…", oauth_signature="…", ` +
			`oauth_signature_method="HMAC-SHA1", oauth_timestamp="…", oauth_version="1.0"`,
		`POST /oauth/access-token OAuth oauth_consumer_key="key", oauth_nonce="…", ` +
			`oauth_signature="…", oauth_signature_method="HMAC-SHA1", ` +
			`oauth_timestamp="…", oauth_token="rt", oauth_verifier="v", oauth_version="1.0"`,
		`POST /transact OAuth oauth_consumer_key="key", oauth_nonce="…", oauth_signature="…", ` +
			`oauth_signature_method="HMAC-SHA1", oauth_timestamp="…", oauth_token="at", oauth_version="1.0"`,
	}, sent)
}

// TestTokenAnswerWithLineBreak checks that a line break at the end of a
// response, which PHP and proxies add, is not part of a secret.
func TestTokenAnswerWithLineBreak(t *testing.T) {
	app := application(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "request-token") {
			_, _ = io.WriteString(w, "oauth_callback_confirmed=true&oauth_token=rt&oauth_token_secret=rs\r\n")
			return
		}
		_, _ = io.WriteString(w, "\noauth_token=at&oauth_token_secret=as\n")
	})
	_, kept, err := oauth1.Protocol{}.Begin(t.Context(), app, connect.AuthorizationRequest{State: "st"})
	require.NoError(t, err)
	require.JSONEq(t, `{"token":"rt","secret":"rs"}`, kept.Reveal())
	credential, err := oauth1.Protocol{}.Finish(
		t.Context(), app, url.Values{"oauth_token": {"rt"}, "oauth_verifier": {"v"}}, kept, nil,
	)
	require.NoError(t, err)
	require.Equal(t, connect.Credential{AccessToken: "at", TokenSecret: "as"}, credential)
}

func TestOnlyServerErrorsAreUnavailable(t *testing.T) {
	for status, unavailable := range map[int]bool{500: true, 503: true, 401: false, 404: false} {
		app := application(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		_, _, err := oauth1.Protocol{}.Begin(t.Context(), app, connect.AuthorizationRequest{State: "st"})
		require.ErrorIs(t, err, connect.ErrTokenExchange)
		if unavailable {
			require.ErrorIs(t, err, connect.ErrUnavailable)
		} else {
			require.NotErrorIs(t, err, connect.ErrUnavailable)
		}
	}
}

// FuzzTokenAnswer gives the flow an arbitrary response. It must not panic, and
// must not return a credential without a token and its secret.
func FuzzTokenAnswer(f *testing.F) {
	f.Add("oauth_token=at&oauth_token_secret=as&scope=id")
	f.Add("oauth_token=&oauth_token_secret=")
	f.Add("%zz")
	var answer string
	app := connect.Application{
		ClientID: "key", ClientSecret: "secret", Server: serverAt("http://127.0.0.1:1"), Clock: time.Now,
		HTTPClient: &http.Client{Transport: canned{&answer}},
	}
	f.Fuzz(func(t *testing.T, body string) {
		answer = body
		credential, err := oauth1.Protocol{}.Finish(
			t.Context(), app, url.Values{"oauth_token": {"rt"}, "oauth_verifier": {"v"}}, `{"token":"rt","secret":"rs"}`, nil,
		)
		if err == nil && (credential.AccessToken == "" || credential.TokenSecret == "") {
			t.Fatalf("%+v from %q", credential, body)
		}
	})
}

type canned struct{ body *string }

func (c canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(*c.body)), Header: http.Header{}}, nil
}

// serverAt is a Gloebit at an address.
func serverAt(address string) connect.Server {
	return connect.Server{Endpoint: oauth2.Endpoint{TokenURL: address + "/oauth2/access-token"}}
}
