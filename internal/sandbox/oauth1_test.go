package sandbox_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/internal/sandbox"
	"github.com/stretchr/testify/require"
)

// signed posts to one of OAuth 1.0a's endpoints and returns the answer.
func (s *site) signed(path, tokenSecret string, parameters url.Values) url.Values {
	s.t.Helper()
	parameters.Set("oauth_consumer_key", s.app.Key)
	parameters.Set("oauth_signature_method", "HMAC-SHA1")
	parameters.Set("oauth_timestamp", fmt.Sprint(time.Now().Unix()))
	parameters.Set("oauth_nonce", fmt.Sprint(time.Now().UnixNano()))
	escape := func(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
	normal := strings.ReplaceAll(parameters.Encode(), "+", "%20")
	mac := hmac.New(sha1.New, []byte(escape(s.app.Secret)+"&"+escape(tokenSecret)))
	_, _ = io.WriteString(mac, "POST&"+escape(s.url+path)+"&"+escape(normal))
	parameters.Set("oauth_signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	resp, err := http.PostForm(s.url+path, parameters)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, resp.StatusCode, string(body))
	answer, err := url.ParseQuery(string(body))
	require.NoError(s.t, err)
	return answer
}

func TestOAuth1UsesTheSameConsentPage(t *testing.T) {
	s := start(t, sandbox.Config{})
	request := s.signed("/oauth/request-token", "", url.Values{
		"oauth_callback": {s.shop + "/gloebit/callback"}, "scope": {"id balance"}, "user": {"visitor-7"},
	})
	path := "/oauth/authorize?oauth_token=" + request.Get("oauth_token")
	b := s.browser()
	p := b.get(path)
	require.Contains(t, p.body, "You go on to <strong>Hat Shop</strong> afterwards")
	p = b.post("/sign-in", "name", "alice", "next", b.must(p, `name="next"`, "value"))
	for _, words := range []string{
		"Connect to Hat Shop?", "Know who you are", "See your balance", "visitor-7", "<strong>" + s.shop + "</strong>",
	} {
		require.Contains(t, p.body, words)
	}
	require.NotContains(t, p.header.Get("Content-Security-Policy"), "form-action")
	fields := func(decision string) []string {
		return []string{"user", b.must(p, `name="user"`, "value"), "decision", decision}
	}
	refused := b.post(path, fields("refuse")...)
	require.Contains(t, refused.body, "Not connected")
	require.Equal(t, s.shop+"/", b.must(refused, `id="back"`, "href"))
	require.Contains(t, refused.body, "Back to Hat Shop")
	require.Empty(t, s.called())

	r := b.request(http.MethodPost, path, fields("approve"))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, b.do(r).status)
	b.post(path, fields("approve")...)
	require.Len(t, s.called(), 1)
	require.Equal(t, request.Get("oauth_token"), s.called()[0].Get("oauth_token"))
	access := s.signed("/oauth/access-token", request.Get("oauth_token_secret"), url.Values{
		"oauth_token": {request.Get("oauth_token")}, "oauth_verifier": {s.called()[0].Get("oauth_verifier")},
	})
	require.NotEmpty(t, access.Get("oauth_token_secret"))
	require.Contains(t, b.get("/account").body, "May: know who you are, see your balance")
	p = b.get(path)
	require.Equal(t, http.StatusBadRequest, p.status)
	require.Contains(t, p.body, "This link does not work")
}
