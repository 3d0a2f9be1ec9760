package sandbox_test

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/sandbox"
	"github.com/stretchr/testify/require"
)

// asked creates a subscription and asks alice for it; it returns the page's path.
func (s *site) asked(name, description string) (path, id string) {
	s.t.Helper()
	token, err := s.box.Gloebit().IssueToken(s.app.Key, "alice", "transact")
	require.NoError(s.t, err)
	made := s.api("", http.MethodPost, "/create-subscription", `{"client_id":"`+s.app.Key+`","client_secret":"`+
		s.app.Secret+
		`","application-key":"`+s.app.Key+`","local-id":"`+name+`","name":"`+name+`","description":"`+description+`"}`)
	require.Equal(s.t, true, made["success"], made)
	got := s.api(token, http.MethodPost, "/create-subscription-authorization", `{"application-key":"`+s.app.Key+
		`","subscription-id":"`+made["id"].(string)+`","username-on-application":"visitor-7"}`)
	require.Equal(s.t, true, got["success"], got)
	id = got["id"].(string)
	return "/authorize-subscription/" + id + "/", id
}

func (s *site) subscriptionState() gloebittest.SubscriptionState {
	return s.box.Gloebit().SubscriptionAuthorizations("alice")[0].State
}

// answer presses a button of the subscription page.
func (b *browser) answer(p page, decision string) page {
	b.s.t.Helper()
	action := b.must(p, `action="/authorize-subscription/`, "action")
	return b.post(action, "user", b.must(p, `name="user"`, "value"), "decision", decision)
}

func TestAUserSubscribesAndRevokes(t *testing.T) {
	s := start(t, sandbox.Config{StateFile: filepath.Join(t.TempDir(), "state.json")})
	path, id := s.asked("Hat of the month", "A new hat each month")
	b := s.browser()
	p := b.get(path + "?return-to=" + s.shop + "/gloebit/thanks")
	require.Equal(t, "/sign-in", p.url.Path)
	require.Contains(t, p.body, "You go on to <strong>Hat Shop</strong> afterwards")
	p = b.post("/sign-in", "name", "alice", "next", b.must(p, `name="next"`, "value"))
	require.Equal(t, path, p.url.Path)
	for _, words := range []string{
		"Subscribe to Hat of the month?", "A new hat each month", "As <strong>alice</strong>", "1,000 G$", "visitor-7",
		"Sandbox: play money",
	} {
		require.Contains(t, p.body, words)
	}
	require.Equal(t, s.shop+"/gloebit/thanks", b.must(p, `id="back"`, "href"))
	require.Contains(t, p.header.Get("Content-Security-Policy"), "form-action 'self'")
	require.NotContains(t, b.get("/account").body, "Subscriptions</h2>")

	p = b.answer(p, "approve")
	require.Equal(t, http.StatusOK, p.status)
	require.Contains(t, p.body, "Hat Shop may charge your Gloebit account for Hat of the month.")
	require.Contains(t, p.body, "Back to Hat Shop")
	require.Equal(t, s.shop+"/gloebit/thanks", b.must(p, `id="back"`, "href"))
	require.Equal(t, gloebittest.SubscriptionApproved, s.subscriptionState())
	require.Contains(t, b.get(path).body, "You have approved this before.")

	p = b.get("/account")
	require.Contains(t, p.body, "Subscriptions</h2>")
	require.Equal(t, id, b.must(p, `name="subscription"`, "value"))
	p = b.post("/account/unsubscribe", "subscription", id)
	require.Contains(t, p.body, "Hat Shop can&#39;t charge you for the subscription any more.")
	require.NotContains(t, p.body, "Subscriptions</h2>")
	require.Equal(t, gloebittest.SubscriptionDeclined, s.subscriptionState())
	require.Equal(t, http.StatusNotFound, b.post("/account/unsubscribe", "subscription", id).status)

	b.answer(b.get(path), "approve")
	require.NotContains(t, b.get("/account?unsubscribed="+id).body, "any more", "an old link says nothing that isn't so")
	require.Empty(t, s.called(), "no page redirects there")
}

func TestADeclinedSubscription(t *testing.T) {
	s := start(t, sandbox.Config{})
	path, _ := s.asked("Hats", "")
	b := s.signedInAs("alice")
	p := b.answer(b.get(path), "decline")
	require.Equal(t, http.StatusOK, p.status)
	require.Contains(t, p.body, "Not subscribed")
	require.Equal(t, gloebittest.SubscriptionDeclined, s.subscriptionState())
	require.NotContains(t, b.get("/account").body, "Subscriptions</h2>")
}

func TestOnlyAskedUserCanSubscribe(t *testing.T) {
	s := start(t, sandbox.Config{})
	path, id := s.asked("Hats", "")
	b := s.signedInAs("bob")
	p := b.get(path)
	require.Equal(t, http.StatusForbidden, p.status)
	require.Contains(t, p.body, "You are signed in as bob, and another user was asked.")
	require.NotContains(t, p.body, `name="decision"`)
	bob, _ := s.box.Gloebit().User("bob")
	alice, _ := s.box.Gloebit().User("alice")
	for _, user := range []string{bob.ID, alice.ID, ""} {
		require.Equal(t, http.StatusForbidden, b.post(path, "user", user, "decision", "approve").status)
	}
	require.Equal(t, http.StatusNotFound, b.post("/account/unsubscribe", "subscription", id).status)
	require.Equal(t, gloebittest.SubscriptionPending, s.subscriptionState())

	p = b.get(b.must(p, `/sign-in?next=`, "href"))
	p = b.post("/sign-in", "name", "alice", "next", b.must(p, `name="next"`, "value"))
	require.Contains(t, p.body, "As <strong>alice</strong>", "the account can be switched on the way")
}

func TestTheSubscriptionPageAsksAgain(t *testing.T) {
	s := start(t, sandbox.Config{})
	path, _ := s.asked("Hats", "")
	b := s.signedInAs("alice")
	alice, _ := s.box.Gloebit().User("alice")
	p := b.post(path, "decision", "approve")
	require.Equal(t, http.StatusConflict, p.status)
	require.Contains(t, p.body, "You are now signed in as alice")
	p = b.post(path, "user", alice.ID)
	require.Equal(t, http.StatusBadRequest, p.status)
	require.Contains(t, p.body, "choose one of the two buttons")

	r := b.request(http.MethodPost, path, []string{"user", alice.ID, "decision", "approve"})
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, b.do(r).status, "another site's form")
	b.post("/sign-out")
	require.Equal(t, "/sign-in", b.post(path, "user", alice.ID, "decision", "approve").url.Path)
	require.Equal(t, gloebittest.SubscriptionPending, s.subscriptionState())

	p = b.get("/authorize-subscription/x/")
	require.Equal(t, http.StatusBadRequest, p.status)
	require.Contains(t, p.body, "This link does not work")
	require.Contains(t, p.body, "Sandbox: play money")
}

func TestSubscriptionNamesAreEscaped(t *testing.T) {
	s := start(t, sandbox.Config{})
	path, _ := s.asked("<script>alert(1)</script>", "<b onclick=x>")
	b := s.signedInAs("alice")
	p := b.get(path + "?return-to=javascript:alert(1)")
	require.NotContains(t, p.body, `href="javascript:`)
	b.answer(p, "approve")
	for _, path := range []string{path, "/account", "/sign-in?next=" + path} {
		body := b.get(path).body
		require.NotContains(t, body, "<script", path)
		require.NotContains(t, body, "<b onclick", path)
	}
}
