package oauth1test_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/oauth1"
	"github.com/stretchr/testify/require"
)

const (
	verifier = "the/verifier"
	secret   = "the-client-secret"
	ok       = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
)

// proper is the response of a provider that echoes nothing.
func proper(authorization string) string {
	if strings.Contains(authorization, "oauth_verifier") {
		return ok + "oauth_token=access-token&oauth_token_secret=token-secret"
	}
	return ok + "oauth_token=request-token&oauth_token_secret=request-secret&oauth_callback_confirmed=true"
}

// attempt is a connection through the handlers of a Merchant.
type attempt struct {
	connection gloebit.Connection // the zero value if it failed
	err        error              // that the handlers failed with
	state      string             // that was sent to the provider
	log, pages string
}

// try connects a browser by OAuth 1.0a. The functions make the provider's
// responses from the Authorization headers of the requests for a request token
// and an access token.
func try(t *testing.T, requestToken, accessToken func(authorization string) string) attempt {
	t.Helper()
	var got attempt
	var log testkit.Log
	var pages strings.Builder
	provider := testkit.RawServer(t, func(r *http.Request, _ string) string {
		authorization := r.Header.Get("Authorization")
		answer := accessToken
		if _, after, ok := strings.Cut(authorization, "state%3D"); ok {
			got.state, _, _ = strings.Cut(after, `"`)
			answer = requestToken
		}
		return answer(authorization)
	})
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: "key", ClientSecret: secret, RedirectURL: "http://127.0.0.1/gloebit/callback",
		Provider: gloebit.ProviderAt(provider), Protocol: oauth1.Protocol{},
		Logger: log.Logger(),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			got.err = err
			http.Error(w, err.Error(), http.StatusTeapot)
		},
		OnConnect: func(_ *http.Request, connection gloebit.Connection) error {
			got.connection = connection
			return nil
		},
	})
	require.NoError(t, err)
	var cookies []*http.Cookie
	for _, target := range []string{"/gloebit/connect", "/gloebit/callback?"} {
		if strings.HasSuffix(target, "?") {
			query := url.Values{"state": {got.state}, "oauth_token": {"request-token"}, "oauth_verifier": {verifier}}
			target += query.Encode()
		}
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1"+target, nil)
		for _, cookie := range cookies {
			r.AddCookie(cookie)
		}
		recorder := httptest.NewRecorder()
		merchant.Handler().ServeHTTP(recorder, r)
		pages.WriteString(recorder.Body.String())
		if got.err != nil {
			break
		}
		require.Equal(t, http.StatusSeeOther, recorder.Code)
		cookies = recorder.Result().Cookies()
	}
	got.log, got.pages = log.String(), pages.String()
	return got
}
