package gloebittest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

const formType = "application/x-www-form-urlencoded"

// signer is one for the application, with a nonce of its own.
func (w *world) signer(token, secret string, more ...string) signer {
	w.nonces++
	return signer{
		key: w.app.Key, secret: w.app.Secret, token: token, tokenSecret: secret,
		time: w.clock.Now(), nonce: fmt.Sprint("n-", w.nonces), more: more,
	}
}

// signed sends a request with the signature in its Authorization header.
func (w *world) signed(s signer, method, path, body string) answer {
	w.t.Helper()
	r := w.request(method, path, "", body)
	if strings.Contains(body, "=") && !strings.HasPrefix(body, "{") {
		r.Header.Set("Content-Type", formType)
	}
	r.Header.Set("Authorization", header(s.sign(r, body)))
	return w.do(r)
}

// form reads an answer that is a form.
func (w *world) form(a answer, status int) url.Values {
	w.t.Helper()
	require.Equal(w.t, status, a.status, a.text)
	require.Equal(w.t, formType, a.header.Get("Content-Type"))
	require.Equal(w.t, "no-store", a.header.Get("Cache-Control"))
	values, err := url.ParseQuery(a.text)
	require.NoError(w.t, err)
	return values
}

// requestToken gets a request token for the scopes in query.
func (w *world) requestToken(query string) (token, secret string) {
	w.t.Helper()
	s := w.signer("", "", "oauth_callback", callbackURL+"?x=1")
	got := w.form(w.signed(s, http.MethodPost, "oauth/request-token"+query, ""), http.StatusOK)
	require.Equal(w.t, "true", got.Get("oauth_callback_confirmed"))
	return got.Get("oauth_token"), got.Get("oauth_token_secret")
}

// verifier has the user approve and returns what the callback got.
func (w *world) verifier(token string) string {
	w.t.Helper()
	require.NoError(w.t, w.server.Approve("alice"))
	got := w.get("oauth/authorize?oauth_token="+token, "")
	require.Equal(w.t, http.StatusFound, got.status, got.text)
	back, err := url.Parse(got.header.Get("Location"))
	require.NoError(w.t, err)
	query := back.Query()
	require.Equal(w.t, []string{token, "1"}, []string{query.Get("oauth_token"), query.Get("x")})
	require.True(w.t, strings.HasPrefix(back.String(), callbackURL+"?x=1&"))
	require.NotEmpty(w.t, query.Get("oauth_verifier"))
	return query.Get("oauth_verifier")
}

func TestOAuth1Flow(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		request, requestSecret := w.requestToken("?user=al+ice%26&scope=balance+id+transact+inventory")
		verifier := w.verifier(request)
		s := w.signer(request, requestSecret, "oauth_verifier", verifier, "oauth_version", "1.0")
		got := w.form(w.signed(s, method, "oauth/access-token", ""), http.StatusOK)
		token, secret := got.Get("oauth_token"), got.Get("oauth_token_secret")
		require.NotEqual(t, request, token)

		require.Equal(t, true, w.signed(w.signer(token, secret), "GET", "balance", "").json["success"])
		require.Equal(t, true, w.signed(w.signer(token, secret), "GET", "id/", "").json["success"])
		order := w.order(map[string]any{"id": method, "gloebit-balance-change": 1})
		require.Equal(t, true, w.signed(w.signer(token, secret), "POST", "transact", order).json["success"])
		require.Equal(t, "missing domain", w.signed(w.signer(token, secret), "GET", "get-characters", "").json["reason"])
		require.Equal(t, "unknown token2", w.get("balance", token).json["reason"], "it is no bearer token")

		again := w.signer(request, requestSecret, "oauth_verifier", verifier)
		refused := w.form(w.signed(again, method, "oauth/access-token", ""), http.StatusUnauthorized)
		require.Equal(t, "oauth_problem=token_rejected", refused.Encode(), "a request token is used once")
	}
	approvals := w.server.Approvals("alice")
	require.Len(t, approvals, 1)
	require.Equal(t, "al ice&", approvals[0].UserLabel)
	require.Equal(t, []string{"balance", "id", "transact", "inventory"}, approvals[0].Scopes)
}

func TestSignatureLocations(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token, secret, err := w.server.IssueSigningToken(w.app.Key, "alice", "balance", "inventory", "character")
	require.NoError(t, err)
	t.Run("in the query", func(t *testing.T) {
		r := w.request("GET", "get-user-products?b=2&a=x+y&a3=%C3%A9&a=1", "", "")
		signed := w.signer(token, secret).sign(r, "")
		r.URL.RawQuery += "&" + signed.Encode()
		require.Equal(t, true, w.do(r).json["success"])
	})
	t.Run("in a form", func(t *testing.T) {
		r := w.request("POST", "create-character", "", "")
		r.Header.Set("Content-Type", formType)
		body := "name=Ogre+%26+Elf&b5=%3D%253D"
		signed := w.signer(token, secret).sign(r, body)
		body += "&" + signed.Encode()
		full := w.request("POST", "create-character", "", body)
		full.Header.Set("Content-Type", formType)
		got := w.do(full)
		require.Equal(t, true, got.json["success"], got.text)
		require.JSONEq(
			t, `{"b5":"=%3D"}`, string(w.server.Characters("alice")[0].Extra), "the signature is not part of the form",
		)
	})
	t.Run("over a form", func(t *testing.T) {
		got := w.signed(w.signer(token, secret), "POST", "grant-user-product", "product_name=a+b%2Fc&count=3")
		require.Equal(t, true, got.json["success"], got.text)
	})
	t.Run("over a path with escapes", func(t *testing.T) {
		got := w.signed(w.signer(token, secret), "POST", "consume-user-product/a%20b%2Fc/1/", "")
		require.Equal(t, true, got.json["success"], got.text)
	})
	t.Run("over another host and its port", func(t *testing.T) {
		r := w.request("GET", "balance", "", "")
		address := *r.URL
		r.URL.Scheme, r.URL.Host = "https", "WWW.gloebit.com"
		r.Header.Set("Authorization", header(w.signer(token, secret).sign(r, "")))
		r.URL, r.Host = &address, "WWW.gloebit.com:443"
		r.Header.Set("X-Forwarded-Proto", "https")
		require.Equal(t, true, w.do(r).json["success"])
	})
	t.Run("but not over another body", func(t *testing.T) {
		r := w.request("POST", "grant-user-product", "", "product_name=sticker&count=9")
		r.Header.Set("Content-Type", formType)
		r.Header.Set("Authorization", header(w.signer(token, secret).sign(r, "product_name=sticker&count=1")))
		require.Equal(t, "oauth_problem=signature_invalid", w.do(r).text)
	})
	t.Run("but not in two places", func(t *testing.T) {
		r := w.request("GET", "balance", "", "")
		signed := w.signer(token, secret).sign(r, "")
		r.URL.RawQuery = signed.Encode()
		r.Header.Set("Authorization", header(signed))
		require.Equal(t, "oauth_problem=parameter_rejected", w.do(r).text)
	})
}

func TestSignedCallsAreRefused(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token, secret, err := w.server.IssueSigningToken(w.app.Key, "alice", "balance")
	require.NoError(t, err)
	bearer := w.token("balance")
	other, err := w.server.AddApplication(gloebittest.Application{Name: "Other"})
	require.NoError(t, err)
	sign := func(change func(*signer), more ...string) signer {
		s := w.signer(token, secret, more...)
		if change != nil {
			change(&s)
		}
		return s
	}
	for name, test := range map[string]struct {
		signer  signer
		problem string // or a reason
	}{
		"a wrong token secret":       {sign(func(s *signer) { s.tokenSecret = "x" }), "signature_invalid"},
		"a wrong application secret": {sign(func(s *signer) { s.secret = "x" }), "signature_invalid"},
		"a signature of nothing":     {sign(nil, "oauth_signature", "x"), "signature_invalid"},
		"no signature":               {sign(nil, "oauth_signature", "-"), "parameter_absent"},
		"no nonce":                   {sign(nil, "oauth_nonce", "-"), "parameter_absent"},
		"no timestamp":               {sign(nil, "oauth_timestamp", "-"), "parameter_absent"},
		"no application":             {sign(nil, "oauth_consumer_key", "-"), "parameter_absent"},
		"no method":                  {sign(nil, "oauth_signature_method", "-"), "parameter_absent"},
		"plaintext":                  {sign(nil, "oauth_signature_method", "PLAINTEXT"), "signature_method_rejected"},
		"another version":            {sign(nil, "oauth_version", "2.0"), "version_rejected"},
		"an empty version":           {sign(nil, "oauth_version", ""), "version_rejected"},
		"a timestamp of no number":   {sign(nil, "oauth_timestamp", "now"), "parameter_rejected"},
		"a timestamp too large":      {sign(nil, "oauth_timestamp", "99999999999999999999"), "timestamp_refused"},
		"a timestamp too old": {
			sign(func(s *signer) { s.time = s.time.Add(-301 * time.Second) }), "timestamp_refused",
		},
		"a timestamp to come":    {sign(func(s *signer) { s.time = s.time.Add(301 * time.Second) }), "timestamp_refused"},
		"an unknown application": {sign(func(s *signer) { s.key = "x" }), "unknown consumer"},
		"another application":    {sign(func(s *signer) { s.key, s.secret = other.Key, other.Secret }), "unknown token"},
		"an unknown token":       {sign(func(s *signer) { s.token = "x" }), "unknown token"},
		"no token":               {sign(func(s *signer) { s.token = "" }), "unknown token"},
		"a bearer token":         {sign(func(s *signer) { s.token, s.tokenSecret = bearer, "" }), "unknown token"},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.signed(test.signer, "GET", "balance", "")
			if strings.Contains(test.problem, " ") {
				require.Equal(t, http.StatusOK, got.status)
				require.Equal(t, test.problem, got.json["reason"])
				return
			}
			require.Equal(t, url.Values{"oauth_problem": {test.problem}}, w.form(got, http.StatusUnauthorized))
			require.Equal(t, `OAuth realm="Gloebit"`, got.header.Get("WWW-Authenticate"))
		})
	}
	for _, off := range []time.Duration{-300 * time.Second, 300 * time.Second} {
		s := sign(func(s *signer) { s.time = s.time.Add(off) })
		require.Equal(t, true, w.signed(s, "GET", "balance", "").json["success"], "%v off", off)
	}
}

// TestReasonForAnUnknownToken compares both forms of a call with the paragraphs
// of doc.go about unknown tokens.
func TestReasonForAnUnknownToken(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	words := strings.Join(strings.Fields(strings.ReplaceAll(string(doc), "\n//", " ")), " ")
	require.Contains(t, words, `For an unknown or revoked token it is "unknown token" on every path`)
	require.Contains(t, words, `An unsigned call without a token, or with an unknown or revoked one, `+
		`gets the reason "unknown token2". On v2/transact and transact-u2u the reason is "unknown OAuth2 token", `+
		`on no-op "invalid access token".`)
	w := newWorld(t, gloebittest.Config{})
	for path, bearer := range map[string]string{
		"balance": "unknown token2", "transact": "unknown token2", "no-op": "invalid access token",
		"v2/transact": "unknown OAuth2 token", "transact-u2u": "unknown OAuth2 token",
	} {
		t.Run(path, func(t *testing.T) {
			method := http.MethodPost
			if path == "balance" || path == "no-op" {
				method = http.MethodGet
			}
			require.Equal(t, "unknown token", w.signed(w.signer("x", "x"), method, path, "").json["reason"])
			for _, token := range []string{"", "x"} {
				require.Equal(t, bearer, w.do(w.request(method, path, token, "")).json["reason"], "token %q", token)
			}
		})
	}
}

func TestNonceIsAcceptedOnce(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token, secret, err := w.server.IssueSigningToken(w.app.Key, "alice", "balance")
	require.NoError(t, err)
	second, secondSecret, err := w.server.IssueSigningToken(w.app.Key, "bob", "balance")
	require.NoError(t, err)
	ok := func(s signer, want bool) {
		t.Helper()
		got := w.signed(s, "GET", "balance", "")
		if !want {
			require.Equal(t, "oauth_problem=nonce_used", got.text)
			return
		}
		require.Equal(t, true, got.json["success"], got.text)
	}
	s := w.signer(token, secret)
	wrong := s
	wrong.secret = "x"
	require.Equal(t, "oauth_problem=signature_invalid", w.signed(wrong, "GET", "balance", "").text)
	ok(s, true) // a request that was refused has used nothing up
	ok(s, false)
	others := s
	others.token, others.tokenSecret = second, secondSecret
	ok(others, true)
	later := s
	later.time = s.time.Add(time.Second)
	ok(later, true)
	w.clock.Advance(300 * time.Second)
	ok(s, false)
	w.clock.Advance(time.Second)
	require.Equal(t, "oauth_problem=timestamp_refused", w.signed(s, "GET", "balance", "").text)
}

func TestOAuth1TokensExpireAndAreRevoked(t *testing.T) {
	w := newWorld(t, gloebittest.Config{RefreshTokens: true, Challenge: true})
	token, secret, err := w.server.IssueSigningToken(w.app.Key, "alice", "balance")
	require.NoError(t, err)
	bearer := w.exchange(w.connect("scope", "balance"), "scope", "balance").json["access_token"].(string)
	reason := func(w *world) any {
		t.Helper()
		return w.signed(w.signer(token, secret), "GET", "balance", "").json["reason"]
	}
	require.Equal(t, "success", reason(w), "a token of OAuth 2.0 doesn't take its place")
	require.Equal(t, "success", reason(w.in(gloebittest.Config{})), "saved and loaded")

	w.server.ExpireTokens("alice")
	got := w.signed(w.signer(token, secret), "GET", "balance", "")
	require.Equal(t, "token has expired", got.json["reason"])
	require.Equal(t, http.StatusUnauthorized, got.status)
	require.Equal(t, `OAuth realm="Gloebit"`, got.header.Get("WWW-Authenticate"))

	newer, newerSecret, err := w.server.IssueSigningToken(w.app.Key, "alice", "balance")
	require.NoError(t, err)
	require.Equal(t, "unknown token", reason(w), "a new one took its place")
	token, secret = newer, newerSecret
	require.Equal(t, "success", reason(w))
	require.True(t, w.server.RevokeApproval("alice", w.app.Key))
	require.Equal(t, "unknown token", reason(w))
	require.Equal(t, "unknown token2", w.get("balance", bearer).json["reason"])

	for _, args := range [][]string{{"x", "alice", "balance"}, {w.app.Key, "x", "balance"}, {w.app.Key, "alice", "x"}} {
		_, _, err := w.server.IssueSigningToken(args[0], args[1], args[2])
		require.Error(t, err)
	}
}

func TestVersionBKnowsNoSignatures(t *testing.T) {
	w := newWorld(t, gloebittest.Config{APIVersion: gloebittest.VersionB})
	token, secret, err := w.server.IssueSigningToken(w.app.Key, "alice", "balance")
	require.NoError(t, err)
	require.Equal(t, "unknown token2", w.signed(w.signer(token, secret), "GET", "balance", "").json["reason"])
	for _, path := range []string{"oauth/request-token", "oauth/authorize", "oauth/access-token"} {
		require.Equal(t, http.StatusNotFound, w.get(path, "").status)
	}
}
