package gloebittest_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestTheSubscriptionPage(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	subscription := w.subscribe("sub-1").json["id"].(string)
	id := w.authorizeSubscription(subscription).json["id"].(string)
	path := "authorize-subscription/" + id + "/"
	state := func() gloebittest.SubscriptionState { return w.server.SubscriptionAuthorizations("alice")[0].State }

	page := w.get(path, "")
	require.Equal(t, http.StatusOK, page.status)
	for _, words := range []string{
		"Hat shop", "Hat of the month", "A hat each month", "alice", "its user al", `value="approve"`,
		`href="http://shop.example/"`,
	} {
		require.Contains(t, page.text, words)
	}
	require.Contains(
		t, w.get("authorize-subscription/"+id+"?return-to=http://shop.example/x", "").text, `href="http://shop.example/x"`,
	)
	for _, evil := range []string{"http://evil.example/", "javascript:alert(1)", "http://shop.example.evil.com/"} {
		require.NotContains(t, w.get(path+"?return-to="+url.QueryEscape(evil), "").text, "evil", evil)
	}
	require.Equal(t, http.StatusOK, w.postForm(path, url.Values{"decision": {"maybe"}}).status)
	require.Equal(t, gloebittest.SubscriptionPending, state())

	require.Contains(t, w.postForm(path, url.Values{"decision": {"approve"}}).text, "Subscribed")
	require.Equal(t, gloebittest.SubscriptionApproved, state())
	require.Contains(t, w.postForm(path, url.Values{"decision": {"decline"}}).text, "Not subscribed")
	require.Equal(t, gloebittest.SubscriptionDeclined, state())

	require.NoError(t, w.server.DisableSubscription(subscription, true))
	got := w.postForm(path, url.Values{"decision": {"approve"}})
	require.Equal(t, http.StatusBadRequest, got.status)
	require.Contains(t, got.text, "not offered any more")
	require.Equal(t, gloebittest.SubscriptionDeclined, state())
	require.Equal(t, http.StatusBadRequest, w.get("authorize-subscription/x/", "").status)
	require.Equal(t, http.StatusNotFound, w.get("authorize-subscription/", "").status)
}

func TestOnlyAskedUserCanAnswer(t *testing.T) {
	var asked *gloebittest.SubscriptionRequest
	var answer func(http.ResponseWriter, *http.Request, string)
	user := "bob"
	w := newWorld(t, gloebittest.Config{
		SubscriptionConsent: func(w http.ResponseWriter, r *http.Request, s *gloebittest.SubscriptionRequest) {
			asked, answer = s, s.Approve
			if r.Method == http.MethodPost {
				answer = s.Decline
			}
			answer(w, r, user)
		},
	})
	subscription := w.subscribe("sub-1").json["id"].(string)
	path := "authorize-subscription/" + w.authorizeSubscription(subscription).json["id"].(string)
	for _, user = range []string{"bob", "unknown", ""} {
		require.Equal(t, http.StatusForbidden, w.get(path, "").status)
		require.Equal(t, http.StatusForbidden, w.postForm(path, nil).status)
	}
	require.Empty(t, asked.Application.Secret)
	require.Empty(t, asked.Application.Products)
	require.Equal(t, "alice", asked.User.Name)
	require.Equal(t, gloebittest.SubscriptionPending, w.server.SubscriptionAuthorizations("alice")[0].State)
	user = "alice"
	require.Equal(t, http.StatusOK, w.get(path, "").status)
	require.Equal(t, gloebittest.SubscriptionApproved, w.server.SubscriptionAuthorizations("alice")[0].State)
}

func TestASubscriptionDisabledWhileItsPageIsOpen(t *testing.T) {
	var w *world
	w = newWorld(t, gloebittest.Config{
		SubscriptionConsent: func(rw http.ResponseWriter, r *http.Request, s *gloebittest.SubscriptionRequest) {
			_ = w.server.DisableSubscription(s.Subscription.ID, true)
			s.Approve(rw, r, "alice")
		},
	})
	id := w.authorizeSubscription(w.subscribe("sub-1").json["id"].(string)).json["id"].(string)
	require.Equal(t, http.StatusConflict, w.get("authorize-subscription/"+id+"/", "").status)
	require.Equal(t, gloebittest.SubscriptionPending, w.server.SubscriptionAuthorizations("alice")[0].State)
}

func TestAskingFindsApplicationOfURL(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	id := w.authorizeSubscription(w.subscribe("sub-1").json["id"].(string)).json["id"].(string)
	for address, known := range map[string]bool{
		"/oauth2/authorize?client_id=" + w.app.Key: true,
		"/oauth2/authorize/?r=" + w.app.Key:        true,
		"/oauth2/authorize?client_id=x":            false,
		"/oauth/authorize?oauth_token=x":           false,
		"/authorize-subscription/" + id + "/":      true,
		"/authorize-subscription/x":                false,
		"/authorize-subscription":                  false,
		"/balance?client_id=" + w.app.Key:          false,
	} {
		u, err := url.Parse(address)
		require.NoError(t, err)
		app, ok := w.server.Asking(u)
		require.Equal(t, known, ok, address)
		require.Equal(t, known, app.Name == "Hat shop", address)
		require.Empty(t, app.Secret)
	}
}
