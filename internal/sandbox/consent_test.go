package sandbox_test

import (
	"html"
	"net/http"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/sandbox"
	"github.com/stretchr/testify/require"
)

func TestAUserConnectsBuysAndRevokes(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.browser()

	// The shop sends the browser to authorize; no user is signed in.
	p := b.get(s.authorize())
	require.Equal(t, "/sign-in", p.url.Path)
	require.Contains(t, p.body, "You go on to <strong>Hat Shop</strong> afterwards")
	p = b.post("/sign-in", "name", "alice", "next", b.must(p, `name="next"`, "value"))

	// The way back leads to the consent page that was interrupted.
	require.Equal(t, "/oauth2/authorize", p.url.Path)
	for _, words := range []string{
		"Connect to Hat Shop?", "Know who you are", "See your balance", "Spend your gloebits", "Manage what you own there",
		"As <strong>alice</strong>", "1,000 G$", "visitor-7", "Sandbox: play money",
	} {
		require.Contains(t, p.body, words)
	}
	require.NotContains(t, p.body, "Manage your characters")
	require.NotContains(
		t, p.header.Get("Content-Security-Policy"), "form-action", "Chromium would stop the way to the shop",
	)

	p = b.decide(p, "approve")
	require.Equal(t, s.shop+"/gloebit/callback", p.url.Scheme+"://"+p.url.Host+p.url.Path)
	require.Len(t, s.called(), 1)
	require.Equal(t, "s-1", s.called()[0].Get("state"))
	token := s.exchange(s.called()[0].Get("code"))

	answer := s.api(token, http.MethodPost, "/transact",
		`{"version":1,"transaction-id":"t-1","application-key":"`+s.app.Key+
			`","request-created":1,"username-on-application":"visitor-7","product":"green-hat","product-quantity":2}`)
	require.Equal(t, true, answer["success"], answer)

	p = b.get("/account")
	require.Contains(t, p.body, "920 ")
	require.Contains(t, p.body, "green-hat × 2")
	require.Contains(t, p.body, `<span class="badge good">Paid</span>`)
	require.Contains(t, p.body, "May: know who you are, see your balance, spend your gloebits, manage what you own there")
	require.Contains(t, b.get("/merchant/"+s.app.Key).body, "Paid to this application so far: <strong>80 G$</strong>")

	p = b.post("/account/revoke", "application", s.app.Key)
	require.Contains(t, p.body, "Hat Shop can&#39;t use your account any more.")
	require.NotContains(t, p.body, `action="/account/revoke"`)
	require.Equal(t, false, s.api(token, http.MethodGet, "/balance", "")["success"])

	p = b.post("/account/revoke", "application", s.app.Key)
	require.Equal(t, http.StatusNotFound, p.status)
	require.Contains(t, p.body, "Nothing to revoke")

	b.decide(b.get(s.authorize()), "approve")
	p = b.get("/account?revoked=" + s.app.Key)
	require.NotContains(t, p.body, "any more", "an old link says nothing that isn't so")
}

func TestDenialShowsPageWithoutRedirect(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.signedInAs("bob")
	p := b.decide(b.get(s.authorize()), "refuse")
	require.Equal(t, http.StatusOK, p.status)
	require.Equal(t, s.url, "http://"+p.url.Host)
	require.Contains(t, p.body, "Not connected")
	require.Contains(t, p.body, "Back to Hat Shop")
	require.Equal(t, s.shop+"/", b.must(p, `id="back"`, "href"))
	require.Empty(t, s.called(), "the shop gets no callback for a denial")
	require.Empty(t, s.box.Gloebit().Approvals("bob"))
}

func TestAccountCanBeSwitchedBeforeConsent(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.signedInAs("alice")
	p := b.get(b.must(b.get(s.authorize()), `/sign-in?next=`, "href"))
	p = b.post("/sign-in", "name", "bob", "next", b.must(p, `name="next"`, "value"))
	require.Contains(t, p.body, "As <strong>bob</strong>")
	b.decide(p, "approve")
	require.Empty(t, s.box.Gloebit().Approvals("alice"))
	require.Len(t, s.box.Gloebit().Approvals("bob"), 1)
}

func TestInvalidConsentIsAskedAgain(t *testing.T) {
	s := start(t, sandbox.Config{})
	tests := map[string]struct {
		fields []string
		status int
		words  string
	}{
		"another tab has signed in as another user": {
			[]string{"user", "someone", "decision", "approve"}, http.StatusConflict, "You are now signed in as alice",
		},
		"no user came with the form": {
			[]string{"decision", "approve"}, http.StatusConflict, "You are now signed in as alice",
		},
		"no button was pressed": {[]string{"user", ""}, http.StatusBadRequest, "choose one of the two buttons"},
		"an unknown button was pressed": {
			[]string{"user", "", "decision", "maybe"}, http.StatusBadRequest, "choose one of the two buttons",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := s.signedInAs("alice")
			alice, _ := s.box.Gloebit().User("alice")
			for i, field := range test.fields {
				if field == "" {
					test.fields[i] = alice.ID
				}
			}
			p := b.post(s.authorize(), test.fields...)
			require.Equal(t, test.status, p.status)
			require.Contains(t, p.body, test.words)
			require.Contains(t, p.body, "Connect to Hat Shop?")
			require.Empty(t, s.box.Gloebit().Approvals("alice"))
		})
	}
}

func TestPromptAutoSkipsRepeatedConsent(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.signedInAs("alice")
	b.decide(b.get(s.authorize()), "approve")

	p := b.get(s.authorize("approval_prompt", "auto", "state", "s-2"))
	require.Equal(t, "/gloebit/callback", p.url.Path)
	require.Equal(t, "s-2", s.called()[1].Get("state"))

	p = b.get(s.authorize("state", "s-3"))
	require.Contains(t, p.body, "Connect to Hat Shop?", "without auto, each connection is asked for")
	p = b.get(s.authorize("approval_prompt", "auto", "scope", "user character"))
	require.Contains(t, p.body, "Manage your characters", "more than was approved is asked for")
}

func TestDecisionAfterSignOutRequiresSignIn(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.signedInAs("alice")
	consent := b.get(s.authorize())
	require.Equal(t, "/", b.post("/sign-out").url.Path)
	p := b.decide(consent, "approve")
	require.Equal(t, "/sign-in", p.url.Path)
	p = b.post("/sign-in", "name", "alice", "next", b.must(p, `name="next"`, "value"))
	require.Contains(t, p.body, "Connect to Hat Shop?")
	require.Empty(t, s.called())
}

func TestInvalidAuthorizeLinkShowsPage(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.signedInAs("alice")
	for name, link := range map[string]struct {
		path string
		hint bool
	}{
		"unknown application":     {s.authorize("client_id", "unknown"), true},
		"foreign redirect":        {s.authorize("redirect_uri", "https://evil.example/"), false},
		"host with another end":   {s.authorize("redirect_uri", s.shop+".evil.example/gloebit/callback"), false},
		"nothing but the address": {"/oauth2/authorize", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := b.get(link.path)
			require.Equal(t, http.StatusBadRequest, p.status)
			require.Contains(t, p.body, "This link does not work")
			require.Equal(t, link.hint, strings.Contains(p.body, "With -state FILE"), "what to do about an old key")
			require.Contains(t, p.body, "Sandbox: play money", "in the sandbox's clothes")
			require.NotContains(t, p.body, "evil.example", "no link to where it must not lead")
		})
	}
	require.Empty(t, s.called())
}

func TestConsentFromAnotherSiteIsRefused(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.signedInAs("alice")
	alice, _ := s.box.Gloebit().User("alice")
	for name, header := range map[string][2]string{
		"cross-site by fetch metadata":   {"Sec-Fetch-Site", "cross-site"},
		"another port of this host":      {"Sec-Fetch-Site", "same-site"},
		"another origin, older browsers": {"Origin", s.shop},
		"an opaque origin":               {"Origin", "null"},
	} {
		t.Run(name, func(t *testing.T) {
			r := b.request(http.MethodPost, s.authorize(), []string{"user", alice.ID, "decision", "approve"})
			r.Header.Set(header[0], header[1])
			p := b.do(r)
			require.Equal(t, http.StatusForbidden, p.status)
			require.Contains(t, p.body, "That came from another site")
			require.Empty(t, s.box.Gloebit().Approvals("alice"))
		})
	}
}

func TestApplicationAndUserNamesAreEscaped(t *testing.T) {
	hostile := `<script>alert("1")</script>'"&`
	s := start(t, sandbox.Config{
		Name:     hostile,
		Products: []gloebittest.Product{{Name: hostile, Description: hostile, Price: 1}},
	})
	b := s.browser()
	p := b.post("/create-account", "name", `<b onclick="x">`)
	require.Equal(t, http.StatusOK, p.status)
	consent := b.get(s.authorize("user", hostile, "state", hostile))
	require.Contains(t, consent.body, "Connect to "+html.EscapeString(hostile)[:20])
	b.decide(consent, "approve")
	require.Equal(t, hostile, s.called()[0].Get("state"), "the state comes back as it was sent")
	token := s.exchange(s.called()[0].Get("code"))
	answer := s.api(token, http.MethodPost, "/transact", `{"version":1,"id":"t","consumer-key":"`+s.app.Key+
		`","merchant-user-id":"<script>alert(\"1\")</script>",`+
		`"asset-code":"<script>alert(\"1\")</script>","asset-quantity":1,"gloebit-balance-change":1}`)
	require.Equal(t, true, answer["success"], answer)

	for _, path := range []string{
		s.authorize("user", hostile), "/", "/account", "/purchase", "/merchant", "/merchant/" + s.app.Key,
		"/sign-in?next=" + "/%22%3E%3Cscript%3Ealert(%221%22)%3C/script%3E", "/account?revoked=%3Cscript%3E",
		"/merchant/x?done=%3Cscript%3E",
	} {
		p := b.get(path)
		require.NotContains(t, p.body, "<script", path)
		require.NotContains(t, p.body, "<b onclick", path)
		require.True(t, strings.HasPrefix(p.header.Get("Content-Type"), "text/html"), path)
	}
}

func TestKeyOfAnEarlierStartNamesTheFlag(t *testing.T) {
	s := start(t, sandbox.Config{})
	p := s.browser().get(strings.Replace(s.authorize(), s.app.Key, "the-key-of-yesterday", 1))
	require.Equal(t, http.StatusBadRequest, p.status)
	require.Contains(t, p.body, "With -state FILE the sandbox keeps its key and secret.")
}
