package gloebittest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

// challenge is the S256 challenge of verifier (RFC 7636, appendix B).
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func TestAuthorizeShowsPageWithoutValidRedirect(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	require.NoError(t, w.server.Approve("alice"))
	tests := map[string]string{
		"the client is unknown":               w.authorizeQuery("client_id", "unknown").Encode(),
		"the client is missing":               w.authorizeQuery("client_id", "-").Encode(),
		"the client is empty":                 w.authorizeQuery("client_id", "").Encode(),
		"the client is there twice":           w.authorizeQuery().Encode() + "&client_id=" + w.app.Key,
		"the redirect URI is missing":         w.authorizeQuery("redirect_uri", "-").Encode(),
		"the redirect URI is there twice":     w.authorizeQuery().Encode() + "&redirect_uri=" + callbackURL,
		"the redirect URI is on another host": w.authorizeQuery("redirect_uri", "http://evil.example/gloebit").Encode(),
		"the host only begins like the prefix's": w.authorizeQuery(
			"redirect_uri", "http://shop.example.evil.com/gloebit",
		).Encode(),
		"the host is in the user information": w.authorizeQuery(
			"redirect_uri", "http://shop.example@evil.com/gloebit",
		).Encode(),
		"the port differs":                       w.authorizeQuery("redirect_uri", "http://shop.example:81/gloebit").Encode(),
		"the scheme differs":                     w.authorizeQuery("redirect_uri", "https://shop.example/gloebit").Encode(),
		"the path is above the prefix":           w.authorizeQuery("redirect_uri", "http://shop.example/").Encode(),
		"the path only begins like the prefix's": w.authorizeQuery("redirect_uri", "http://shop.example/gloebitten").Encode(),
		"the path climbs out": w.authorizeQuery(
			"redirect_uri", "http://shop.example/gloebit/../x",
		).Encode(),
		"the path climbs out in disguise": w.authorizeQuery(
			"redirect_uri", "http://shop.example/gloebit/%2e%2e%2fx",
		).Encode(),
		"the redirect URI has a fragment": w.authorizeQuery("redirect_uri", callbackURL+"#x").Encode(),
		"the redirect URI has a backslash": w.authorizeQuery(
			"redirect_uri", `http://shop.example\@evil.com/gloebit`,
		).Encode(),
		"the redirect URI is relative": w.authorizeQuery("redirect_uri", "/gloebit").Encode(),
		"the query is not well formed": w.authorizeQuery().Encode() + "&x=%zz",
	}
	for name, query := range tests {
		t.Run(name, func(t *testing.T) {
			a := w.get("oauth2/authorize?"+query, "")
			require.Equal(t, http.StatusBadRequest, a.status)
			require.Empty(t, a.header.Get("Location"))
			require.Contains(t, a.header.Get("Content-Type"), "text/html")
		})
	}
}

func TestAuthorizeSaysWhichRedirectURIsAreRegistered(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	a := w.get("oauth2/authorize?"+w.authorizeQuery("redirect_uri", "http://evil.example/gloebit").Encode(), "")
	require.Contains(t, a.text, "begin with http://shop.example/gloebit.")
	require.NotContains(t, a.text, "evil.example", "only Gloebit's words are shown")

	none, err := w.server.AddApplication(gloebittest.Application{Name: "Without"})
	require.NoError(t, err)
	a = w.get("oauth2/authorize?"+w.authorizeQuery("client_id", none.Key).Encode(), "")
	require.Contains(t, a.text, "None is registered.")
}

func TestAuthorizeRedirectsWithOtherErrors(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	require.NoError(t, w.server.Approve("alice"))
	good := func(changes ...string) string { return w.authorizeQuery(changes...).Encode() }
	tests := map[string]struct{ query, code string }{
		"response_type missing":     {good("response_type", "-"), "invalid_request"},
		"response_type empty":       {good("response_type", ""), "invalid_request"},
		"response_type unknown":     {good("response_type", "id_token"), "unsupported_response_type"},
		"response_type twice":       {good() + "&response_type=code", "invalid_request"},
		"scope missing":             {good("scope", "-"), "invalid_scope"},
		"scope empty":               {good("scope", ""), "invalid_scope"},
		"scope unknown":             {good("scope", "id everything"), "invalid_scope"},
		"scope twice":               {good() + "&scope=id", "invalid_request"},
		"approval_prompt unknown":   {good("approval_prompt", "maybe"), "invalid_request"},
		"approval_prompt twice":     {good("approval_prompt", "auto") + "&approval_prompt=auto", "invalid_request"},
		"plain challenge":           {good("code_challenge", challenge, "code_challenge_method", "plain"), "invalid_request"},
		"challenge without method":  {good("code_challenge", challenge), "invalid_request"},
		"method without challenge":  {good("code_challenge_method", "S256"), "invalid_request"},
		"challenge that is no hash": {good("code_challenge", "abc", "code_challenge_method", "S256"), "invalid_request"},
		"challenge twice": {good("code_challenge", challenge, "code_challenge_method", "S256") +
			"&code_challenge=" + challenge, "invalid_request"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := w.get("oauth2/authorize?"+test.query, "")
			require.Equal(t, http.StatusFound, a.status)
			location, err := url.Parse(a.header.Get("Location"))
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(location.String(), callbackURL+"?error="))
			require.Equal(t, test.code, location.Query().Get("error"))
			require.NotEmpty(t, location.Query().Get("error_description"))
			require.Equal(t, []string{"s t&t=é"}, location.Query()["state"])
			require.Empty(t, location.Query().Get("code"))
		})
	}
	t.Run("state twice comes back not at all", func(t *testing.T) {
		a := w.get("oauth2/authorize?"+good()+"&state=other", "")
		location, err := url.Parse(a.header.Get("Location"))
		require.NoError(t, err)
		require.Equal(t, "invalid_request", location.Query().Get("error"))
		require.False(t, location.Query().Has("state"))
	})
}

func TestAuthorizeGivesACode(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	require.NoError(t, w.server.Approve("alice"))
	tests := map[string]struct {
		changes []string
		prefix  string
		state   []string
	}{
		"with the state as sent":             {nil, callbackURL + "?code=", []string{"s t&t=é"}},
		"without a state when none was sent": {[]string{"state", "-"}, callbackURL + "?code=", nil},
		"with an empty state":                {[]string{"state", ""}, callbackURL + "?code=", []string{""}},
		"behind a query that is there already": {
			[]string{"redirect_uri", callbackURL + "?a=1"}, callbackURL + "?a=1&code=", []string{"s t&t=é"},
		},
		"at the prefix itself": {
			[]string{"redirect_uri", "http://shop.example/gloebit"}, "http://shop.example/gloebit?code=", []string{"s t&t=é"},
		},
		"on a host in capitals": {
			[]string{"redirect_uri", "http://SHOP.example/gloebit/x"}, "http://SHOP.example/gloebit/x?code=",
			[]string{"s t&t=é"},
		},
		"for parameters that are only taken note of": {
			[]string{"user", "al", "access_type", "online", "r", "x", "return-to", "http://shop.example/x", "uid", "7"},
			callbackURL + "?code=", []string{"s t&t=é"},
		},
		"for the key under its older name": {
			[]string{"client_id", "-", "r", w.app.Key}, callbackURL + "?code=", []string{"s t&t=é"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := w.get("oauth2/authorize/?"+w.authorizeQuery(test.changes...).Encode(), "")
			require.Equal(t, http.StatusFound, a.status, a.text)
			require.True(t, strings.HasPrefix(a.header.Get("Location"), test.prefix), a.header.Get("Location"))
			location, err := url.Parse(a.header.Get("Location"))
			require.NoError(t, err)
			require.Equal(t, test.state, location.Query()["state"])
			require.Equal(t, "no-store", a.header.Get("Cache-Control"))
			require.Equal(t, "no-referrer", a.header.Get("Referrer-Policy"))
		})
	}
	t.Run("but not to another method", func(t *testing.T) {
		for _, method := range []string{http.MethodHead, http.MethodPut, http.MethodDelete} {
			a := w.do(w.request(method, "oauth2/authorize?"+w.authorizeQuery().Encode(), "", ""))
			require.Equal(t, http.StatusMethodNotAllowed, a.status)
			require.Equal(t, "GET, POST", a.header.Get("Allow"))
		}
	})
}

func TestAuthorizeForATokenAnswersInTheFragment(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	require.NoError(t, w.server.Approve("alice"))
	a := w.get("oauth2/authorize?"+w.authorizeQuery("response_type", "token").Encode(), "")
	base, fragment, found := strings.Cut(a.header.Get("Location"), "#")
	require.True(t, found)
	require.Equal(t, callbackURL, base)
	values, err := url.ParseQuery(fragment)
	require.NoError(t, err)
	require.Equal(t, "s t&t=é", values.Get("state"))
	require.Equal(t, true, w.get("balance", values.Get("token")).json["success"])

	a = w.get("oauth2/authorize?"+w.authorizeQuery("response_type", "token", "scope", "x").Encode(), "")
	require.Contains(t, a.header.Get("Location"), callbackURL+"#error=invalid_scope")
}

func TestVersionAHasFewerScopes(t *testing.T) {
	w := newWorld(t, gloebittest.Config{APIVersion: gloebittest.VersionA})
	require.NoError(t, w.server.Approve("alice"))
	for code, changes := range map[string][]string{
		"unsupported_response_type": {"response_type", "token"},
		"invalid_scope":             {"scope", "user"},
	} {
		a := w.get("oauth2/authorize?"+w.authorizeQuery(changes...).Encode(), "")
		require.Contains(t, a.header.Get("Location"), "error="+code)
	}
	require.Equal(t, http.StatusOK, w.exchange(w.connect()).status)
}

func TestConsentFormAcceptsPost(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	path := "oauth2/authorize?" + w.authorizeQuery("user", "<al>").Encode()

	page := w.get(path, "")
	require.Equal(t, http.StatusOK, page.status)
	require.Contains(t, page.text, "Hat shop")
	require.Contains(t, page.text, "&lt;al&gt;")
	require.Contains(t, page.text, w.alice.ID)
	require.NotContains(t, page.text, w.app.Secret)

	refused := w.postForm(path, url.Values{"decision": {"refuse"}, "user": {"alice"}})
	require.Equal(t, http.StatusOK, refused.status)
	require.Empty(t, refused.header.Get("Location"))
	require.Contains(t, refused.text, `href="http://shop.example/"`)
	require.Empty(t, w.server.Approvals("alice"))

	unclear := w.postForm(path, url.Values{"decision": {"perhaps"}})
	require.Contains(t, unclear.text, "<form")

	unknown := w.postForm(path, url.Values{"decision": {"approve"}, "user": {"mallory"}})
	require.Equal(t, http.StatusBadRequest, unknown.status)

	approved := w.postForm(path, url.Values{"decision": {"approve"}, "user": {w.alice.ID}})
	require.Equal(t, http.StatusFound, approved.status)
	approvals := w.server.Approvals("alice")
	require.Len(t, approvals, 1)
	require.Equal(t, "Hat shop", approvals[0].ApplicationName)
	require.Equal(t, []string{"id", "balance", "transact"}, approvals[0].Scopes)
	require.Equal(t, "<al>", approvals[0].UserLabel)
}

func TestReturnLinkStaysOnApplicationSite(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	w.server.Refuse()
	for asked, want := range map[string]string{
		"http://shop.example/cart":  "http://shop.example/cart",
		"https://evil.example/":     "http://shop.example/",
		"javascript:alert(1)":       "http://shop.example/",
		"http://shop.example@evil/": "http://shop.example/",
	} {
		a := w.get("oauth2/authorize?"+w.authorizeQuery("return-to", asked).Encode(), "")
		require.Contains(t, a.text, `href="`+want+`"`, asked)
	}
	w.app.HomeURL = ""
	require.NoError(t, w.server.SetApplication(w.app))
	a := w.get("oauth2/authorize?"+w.authorizeQuery().Encode(), "")
	require.Contains(t, a.text, `href="http://shop.example/"`, "without a home page, the root of the site")
}

func TestPresetDecisions(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	path := "oauth2/authorize?" + w.authorizeQuery().Encode()
	require.Error(t, w.server.Approve("unknown"))

	require.NoError(t, w.server.Approve("alice"))
	require.Equal(t, http.StatusFound, w.get(path, "").status)
	w.server.Refuse()
	require.Contains(t, w.get(path, "").text, "did not allow")
	w.server.Ask()
	require.Contains(t, w.get(path, "").text, "<form")
}

func TestPartialApprovalIsReported(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	require.NoError(t, w.server.Approve("alice", "balance", "inventory"))
	a := w.get("oauth2/authorize?"+w.authorizeQuery().Encode(), "")
	location, err := url.Parse(a.header.Get("Location"))
	require.NoError(t, err)
	got := w.exchange(location.Query().Get("code"))
	require.Equal(t, "balance", got.json["scope"])

	require.NoError(t, w.server.Approve("alice", "inventory"))
	a = w.get("oauth2/authorize?"+w.authorizeQuery().Encode(), "")
	require.Equal(t, http.StatusBadRequest, a.status, "nothing of what was asked was granted")
}

func TestApprovalPrompt(t *testing.T) {
	w := newWorld(t, gloebittest.Config{TokenLifetime: time.Hour})
	token := func(changes ...string) string {
		t.Helper()
		scope := w.authorizeQuery(changes...).Get("scope")
		got := w.exchange(w.connect(changes...), "scope", scope).json["access_token"]
		require.IsType(t, "", got)
		return got.(string)
	}
	good := func(token string) any { return w.get("no-op", token).json["success"] }

	first := token()
	other := token("scope", "balance")
	require.Equal(t, first, token("approval_prompt", "auto"), "auto hands back the token that is there")
	second := token("approval_prompt", "force")
	require.NotEqual(t, first, second)
	require.Equal(t, false, good(first), "force discards the old token")
	require.Equal(t, true, good(second))
	require.Equal(t, true, good(other), "a token for another scope is left alone")

	third := token()
	require.Equal(t, false, good(second), "force is the default")
	w.clock.Advance(time.Hour)
	fourth := token("approval_prompt", "auto")
	require.NotEqual(t, third, fourth, "auto makes a new token when the old one has expired")
	require.Equal(t, true, good(fourth))
}
