package gloebittest_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestRequestTokensAreRefused(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	good := []string{"oauth_callback", callbackURL}
	for name, test := range map[string]struct {
		query   string
		more    []string
		change  func(*signer)
		problem string
	}{
		"no callback":          {"", nil, nil, "parameter_absent"},
		"an empty callback":    {"", []string{"oauth_callback", ""}, nil, "parameter_absent"},
		"a callback elsewhere": {"", []string{"oauth_callback", "http://evil.example/"}, nil, "parameter_rejected"},
		"a callback beside the way": {
			"", []string{"oauth_callback", "http://shop.example/gloebit2"}, nil, "parameter_rejected",
		},
		"a token":                   {"", append([]string{"oauth_token", "x"}, good...), nil, "parameter_rejected"},
		"an unknown scope":          {"?scope=x", good, nil, "parameter_rejected"},
		"an empty scope":            {"?scope=", good, nil, "parameter_rejected"},
		"two scopes":                {"?scope=id&scope=id", good, nil, "parameter_rejected"},
		"a scope, another domain":   {"?scope=id&domain=balance", good, nil, "parameter_rejected"},
		"two users":                 {"?user=a&user=b", good, nil, "parameter_rejected"},
		"an unknown application":    {"", good, func(s *signer) { s.key = "x" }, "consumer_key_unknown"},
		"a wrong secret":            {"", good, func(s *signer) { s.secret = "x" }, "signature_invalid"},
		"an old timestamp":          {"", good, func(s *signer) { s.time = s.time.Add(-time.Hour) }, "timestamp_refused"},
		"a query that is malformed": {"?a=%zz", good, nil, "parameter_rejected"},
	} {
		t.Run(name, func(t *testing.T) {
			s := w.signer("", "", test.more...)
			if test.change != nil {
				test.change(&s)
			}
			got := w.form(w.signed(s, "POST", "oauth/request-token"+test.query, ""), http.StatusUnauthorized)
			require.Equal(t, url.Values{"oauth_problem": {test.problem}}, got)
		})
	}
	for name, header := range map[string]string{
		"no credentials": "OAuth", "half a parameter": `OAuth oauth_nonce="`, "no quotes": `OAuth oauth_nonce=1`,
		"no comma": `OAuth a="1" b="2"`, "a bad escape": `OAuth a="%zz"`,
		"a parameter twice":   `OAuth oauth_nonce="1",oauth_nonce="2"`,
		"a name with a space": `OAuth a b="1"`,
	} {
		t.Run("a header with "+name, func(t *testing.T) {
			r := w.request("POST", "oauth/request-token", "", "")
			r.Header.Set("Authorization", header)
			got := w.do(r)
			require.Equal(t, http.StatusUnauthorized, got.status)
			require.Regexp(t, "^oauth_problem=parameter_(rejected|absent)$", got.text)
		})
	}
	t.Run("nothing at all", func(t *testing.T) {
		require.Equal(t, "oauth_problem=parameter_absent", w.get("oauth/request-token", "").text)
	})
	t.Run("a form that is malformed", func(t *testing.T) {
		r := w.request("POST", "oauth/request-token", "", "a=%zz")
		r.Header.Set("Content-Type", formType)
		require.Equal(t, "oauth_problem=parameter_rejected", w.do(r).text)
	})
}

func TestAccessTokensAreRefused(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	other, err := w.server.AddApplication(gloebittest.Application{Name: "Other"})
	require.NoError(t, err)
	token, secret := w.requestToken("?domain=balance")
	refuse := func(problem string, s signer) {
		t.Helper()
		got := w.form(w.signed(s, "POST", "oauth/access-token", ""), http.StatusUnauthorized)
		require.Equal(t, url.Values{"oauth_problem": {problem}}, got)
	}
	refuse("permission_unknown", w.signer(token, secret, "oauth_verifier", "x"))
	verifier := w.verifier(token)
	refuse("verifier_invalid", w.signer(token, secret, "oauth_verifier", "x"))
	refuse("parameter_absent", w.signer(token, secret))
	refuse("parameter_absent", w.signer("", "", "oauth_verifier", verifier))
	refuse("token_rejected", w.signer("x", secret, "oauth_verifier", verifier))
	refuse("signature_invalid", w.signer(token, "x", "oauth_verifier", verifier))
	foreign := w.signer(token, secret, "oauth_verifier", verifier)
	foreign.key, foreign.secret = other.Key, other.Secret
	refuse("token_rejected", foreign)
	foreign.key = "x"
	refuse("consumer_key_unknown", foreign)
	w.clock.Advance(10 * time.Minute)
	refuse("token_rejected", w.signer(token, secret, "oauth_verifier", verifier))

	token, secret = w.requestToken("?domain=balance")
	verifier = w.verifier(token)
	require.True(t, w.server.RevokeApproval("alice", w.app.Key))
	refuse("token_rejected", w.signer(token, secret, "oauth_verifier", verifier))
}

func TestAuthorizingARequestToken(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token, secret := w.requestToken("?user=al")
	page := func(path string) answer {
		t.Helper()
		got := w.get(path, "")
		require.Empty(t, got.header.Get("Location"))
		return got
	}
	for name, query := range map[string]string{
		"no token": "", "an unknown token": "?oauth_token=x", "two tokens": "?oauth_token=x&oauth_token=y",
		"a malformed address": "?oauth_token=%zz", "no scope": "?oauth_token=" + token,
		"an unknown scope": "?scope=x&oauth_token=" + token,
	} {
		t.Run(name, func(t *testing.T) {
			got := page("oauth/authorize" + query)
			require.Equal(t, http.StatusBadRequest, got.status)
			require.Contains(t, got.text, "This link does not work")
		})
	}
	address := "oauth/authorize/?domain=balance+character&oauth_token=" + token
	asked := page(address)
	require.Equal(t, http.StatusOK, asked.status)
	for _, words := range []string{"Hat shop", "for its user al", "<li>balance</li>", "<li>character</li>"} {
		require.Contains(t, asked.text, words)
	}
	u, err := url.Parse("/" + address)
	require.NoError(t, err)
	app, ok := w.server.Asking(u)
	require.True(t, ok)
	require.Equal(t, "Hat shop", app.Name)

	refused := w.postForm(address, url.Values{"decision": {"refuse"}})
	require.Empty(t, refused.header.Get("Location"))
	require.Contains(t, refused.text, `href="http://shop.example/"`)
	require.Contains(t, w.postForm(address, url.Values{"decision": {"approve"}, "user": {"none"}}).text, "no such user")
	approved := w.postForm(address, url.Values{"decision": {"approve"}, "user": {"alice"}})
	require.Equal(t, http.StatusFound, approved.status)
	require.Equal(
		t, http.StatusBadRequest, w.postForm(address, url.Values{"decision": {"approve"}, "user": {"bob"}}).status,
		"answered once",
	)
	require.Empty(t, w.server.Approvals("bob"))

	back, err := url.Parse(approved.header.Get("Location"))
	require.NoError(t, err)
	s := w.signer(token, secret, "oauth_verifier", back.Query().Get("oauth_verifier"))
	got := w.form(w.signed(s, "POST", "oauth/access-token", ""), http.StatusOK)
	s = w.signer(got.Get("oauth_token"), got.Get("oauth_token_secret"))
	require.Equal(t, true, w.signed(s, "GET", "get-characters", "").json["success"], "the scope may be said here")
}

func TestRequestTokenWithoutCallbackURL(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	s := w.signer("", "", "oauth_callback", "oob")
	got := w.form(w.signed(s, "POST", "oauth/request-token?scope=id", ""), http.StatusOK)
	require.NoError(t, w.server.Approve("alice", "balance"))
	nothing := w.get("oauth/authorize?oauth_token="+got.Get("oauth_token"), "")
	require.Equal(t, http.StatusBadRequest, nothing.status, "nothing of it was allowed")
	require.NoError(t, w.server.Approve("alice"))
	page := w.get("oauth/authorize?oauth_token="+got.Get("oauth_token"), "")
	require.Equal(t, http.StatusOK, page.status)
	code := regexp.MustCompile(`this code: (\w+)`).FindStringSubmatch(page.text)
	require.Len(t, code, 2, page.text)
	s = w.signer(got.Get("oauth_token"), got.Get("oauth_token_secret"), "oauth_verifier", code[1])
	w.form(w.signed(s, "POST", "oauth/access-token", ""), http.StatusOK)
}

func TestRequestTokenIsApprovedOnce(t *testing.T) {
	var pages []*gloebittest.Authorization
	w := newWorld(t, gloebittest.Config{Consent: func(
		w http.ResponseWriter, r *http.Request, a *gloebittest.Authorization,
	) {
		pages = append(pages, a)
		if len(pages) == 2 {
			pages[0].Approve(w, r, "alice")
			pages[1].Approve(w, r, "bob")
		}
	}})
	token, _ := w.requestToken("?scope=id")
	w.get("oauth/authorize?oauth_token="+token, "")
	got := w.get("oauth/authorize?oauth_token="+token, "")
	require.True(t, strings.HasPrefix(got.header.Get("Location"), callbackURL))
	require.Len(t, w.server.Approvals("alice"), 1)
	require.Empty(t, w.server.Approvals("bob"))
}
