package oauth1_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/oauth1"
	"github.com/stretchr/testify/require"
)

// TestRequestBodies checks that a request with a body arrives whole, and that
// its signature covers a form (RFC 5849 section 3.4.1.3.1).
func TestRequestBodies(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	for name, test := range map[string]struct {
		kind, body string
		signed     bool // the signature covers the body
	}{
		"form":                {form, "status=a+b%26c&x=%C3%A9", true},
		"form with a charset": {"Application/X-WWW-Form-Urlencoded; charset=UTF-8", "status=a+b%26c", true},
		"empty form":          {form, "", true},
		"JSON":                {"application/json", `{"a":1}`, false},
		"no type":             {"", "a=b", false},
	} {
		t.Run(name, func(t *testing.T) {
			var body, kind, authorization string
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				body, kind, authorization = string(b), r.Header.Get("Content-Type"), r.Header.Get("Authorization")
			}))
			defer server.Close()
			req, err := http.NewRequestWithContext(
				t.Context(), http.MethodPost, server.URL+"/update?q=1", strings.NewReader(test.body),
			)
			require.NoError(t, err)
			req.Header.Set("Content-Type", test.kind)
			app := connect.Application{ClientID: "key", ClientSecret: "secret", Server: serverAt(server.URL)}
			require.NoError(t, oauth1.Protocol{}.Authorize(
				app, req, connect.Credential{AccessToken: "at", TokenSecret: "as"},
			))
			resp, err := http.DefaultTransport.RoundTrip(req)
			require.NoError(t, err)
			resp.Body.Close()
			require.Equal(t, test.body, body)
			require.Equal(t, test.kind, kind)
			parameters := "q=1"
			if test.signed {
				parameters += "&" + test.body
			}
			require.Contains(t, authorization, url.QueryEscape(signatureOf(t, server.URL+"/update", parameters, authorization)))
		})
	}
}

// signatureOf returns the HMAC-SHA1 signature of a POST with the parameters
// (RFC 5849 section 3.4).
func signatureOf(t *testing.T, address, parameters, authorization string) string {
	t.Helper()
	values, err := url.ParseQuery(parameters)
	require.NoError(t, err)
	for part := range strings.SplitSeq(strings.TrimPrefix(authorization, "OAuth "), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		value, err := url.QueryUnescape(strings.Trim(value, `"`))
		require.NoError(t, err)
		if name != "oauth_signature" {
			values.Add(name, value)
		}
	}
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	var pairs []string
	for name, list := range values {
		for _, value := range list {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	slices.Sort(pairs)
	mac := hmac.New(sha1.New, []byte("secret&as"))
	_, _ = io.WriteString(mac, "POST&"+escape(address)+"&"+escape(strings.Join(pairs, "&")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
