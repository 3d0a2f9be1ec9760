package gloebittest_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

// authorizeSubscription asks for alice's authorization of a subscription.
func (w *world) authorizeSubscription(subscriptionID string) answer {
	w.t.Helper()
	return w.post("create-subscription-authorization", w.token("transact"), object(w.t, map[string]any{
		"application-key": w.app.Key, "subscription-id": subscriptionID, "request-created": 1, "app-user-id": w.alice.ID,
		"username-on-application": "al", "user-id-on-application": 17,
	}))
}

func TestASubscriptionIsCreatedOnce(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	first := w.subscribe("sub-1")
	id := first.json["id"]
	require.Equal(
		t, map[string]any{"success": true, "reason": "success", "status": "success", "id": id, "enabled": true}, first.json,
	)
	again := w.subscribe("sub-1")
	require.Equal(
		t, map[string]any{"success": true, "reason": "success", "status": "duplicate", "id": id, "enabled": true},
		again.json,
	)

	w.clock.Advance(1e9)
	other := w.post("create-subscription", "", object(t, map[string]any{
		"client_id": w.app.Key, "client_secret": w.app.Secret, "application-key": w.app.Key, "local-id": "sub-1",
		"name": "Another",
	}))
	require.Equal(t, map[string]any{
		"success": false, "status": "failed", "reason": "different subscription exists with this app-subscription-id",
		"existing-subscription-id": id, "existing-subscription-name": "Hat of the month",
		"existing-subscription-description": "A hat each month", "existing-subscription-additional_details": "",
		"existing-subscription-enabled": true, "existing-subscription-ctime": json.Number("1767323045"),
	}, other.json)
	require.Len(t, w.server.Subscriptions(w.app.Key), 1)
	require.Empty(t, w.server.Subscriptions("x"))

	require.NoError(t, w.server.DisableSubscription(id.(string), true))
	require.Equal(t, false, w.subscribe("sub-1").json["enabled"])
	require.Error(t, w.server.DisableSubscription("x", true))
}

func TestCreateSubscriptionRefuses(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	for name, test := range map[string]struct {
		field  string
		value  any
		status any
		reason string
	}{
		"a wrong secret":         {"client_secret", "x", nil, "unknown consumer"},
		"no secret":              {"client_secret", nil, nil, "unknown consumer"},
		"an unknown application": {"client_id", "x", nil, "unknown consumer"},
		"another application-key": {
			"application-key", "x", "mismatched-application-key", "application-key is not client_id",
		},
		"no local-id":              {"local-id", nil, nil, "invalid local-id"},
		"no name":                  {"name", "", nil, "invalid name"},
		"a name of no text":        {"name", 1, nil, "invalid name"},
		"a description of no text": {"description", []int{1}, nil, "invalid description"},
	} {
		t.Run(name, func(t *testing.T) {
			body := map[string]any{
				"client_id": w.app.Key, "client_secret": w.app.Secret, "application-key": w.app.Key, "local-id": "l", "name": "n",
			}
			body[test.field] = test.value
			got := w.post("create-subscription", "", object(t, body))
			require.Equal(t, http.StatusOK, got.status)
			require.Equal(t, false, got.json["success"])
			require.Equal(t, test.reason, got.json["reason"])
			require.Equal(t, test.status, got.json["status"])
			require.Empty(t, w.server.Subscriptions(w.app.Key))
		})
	}
	require.Equal(t, "malformed request", w.post("create-subscription", "", "client_id=x").json["reason"])
}

func TestASubscriptionAuthorizationAndItsStates(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	subscription := w.subscribe("sub-1").json["id"].(string)
	state := func(got answer, success bool, status string, pending, enabled bool) string {
		t.Helper()
		require.Equal(t, []any{success, status, pending, enabled},
			[]any{got.json["success"], got.json["status"], got.json["pending"], got.json["enabled"]}, got.text)
		return got.json["id"].(string)
	}
	id := state(w.authorizeSubscription(subscription), true, "created", true, false)
	require.Equal(t, id, state(w.authorizeSubscription(subscription), true, "duplicate", true, false))
	require.NoError(t, w.server.ApproveSubscription(id))
	require.Equal(
		t, id, state(w.authorizeSubscription(subscription), true, "duplicate-and-already-approved-by-user", false, true),
	)
	require.NoError(t, w.server.DeclineSubscription(id))
	require.Equal(
		t, id,
		state(w.authorizeSubscription(subscription), true, "duplicate-and-previously-declined-by-user", false, false),
	)

	now := w.clock.Now()
	require.Equal(t, []gloebittest.SubscriptionAuthorization{{
		ID: id, Subscription: subscription, Application: w.app.Key, User: w.alice.ID, UserLabel: "al", UserIDThere: "17",
		State: gloebittest.SubscriptionDeclined, Created: now, Updated: now,
	}}, w.server.SubscriptionAuthorizations("alice"))
	require.Empty(t, w.server.SubscriptionAuthorizations("bob"))
	require.Empty(t, w.server.SubscriptionAuthorizations("unknown"))

	require.Error(t, w.server.ApproveSubscription("x"))
	require.Error(t, w.server.DeclineSubscription("x"))
	require.NoError(t, w.server.DisableSubscription(subscription, true))
	require.Error(t, w.server.ApproveSubscription(id))
}

func TestCreateSubscriptionAuthorizationRefuses(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	other, err := w.server.AddApplication(gloebittest.Application{Name: "Other"})
	require.NoError(t, err)
	mine := w.subscribe("sub-1").json["id"].(string)
	off := w.subscribe("sub-2").json["id"].(string)
	require.NoError(t, w.server.DisableSubscription(off, true))
	theirs := w.post("create-subscription", "", object(t, map[string]any{
		"client_id": other.Key, "client_secret": other.Secret, "application-key": other.Key, "local-id": "l", "name": "n",
	})).json["id"].(string)
	refuse := func(name, body string, status any, reason string) {
		t.Run(name, func(t *testing.T) {
			got := w.post("create-subscription-authorization", w.token("transact"), body)
			require.Equal(t, false, got.json["success"], got.text)
			require.Equal(t, status, got.json["status"])
			if reason != "" {
				require.Equal(t, reason, got.json["reason"])
			}
			require.Empty(t, w.server.SubscriptionAuthorizations("alice"))
		})
	}
	with := func(key, id any) string {
		return object(t, map[string]any{"application-key": key, "subscription-id": id})
	}
	refuse("another application-key", with(other.Key, mine), "mismatched-application-key", "")
	refuse("no application-key", with(nil, mine), "mismatched-application-key", "")
	refuse("an application-key of no text", with(1, mine), nil, "invalid application-key")
	refuse("another application's subscription", with(w.app.Key, theirs), "mismatched-application-key", "")
	refuse("an unknown subscription", with(w.app.Key, "x"), "subscription-not-found", "")
	refuse("no subscription", with(w.app.Key, nil), nil, "invalid subscription-id")
	refuse("the null UUID", with(w.app.Key, root), nil, "invalid subscription-id")
	refuse("a disabled subscription", with(w.app.Key, off), "subscription-disabled", "")
	refuse("rubbish", "{", nil, "malformed request")
	require.NoError(t, w.server.Lock("alice", true))
	refuse("a user who can't pay", with(w.app.Key, mine), "cannot-transact", "")
}

func TestAnAutomatedTransaction(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	subscription := w.subscribe("sub-1").json["id"].(string)
	charge := func(id string) map[string]any {
		return w.post("transact", w.token("transact"), w.order(map[string]any{
			"id": id, "gloebit-balance-change": 5, "automated-transaction": true, "subscription-id": subscription,
		})).json
	}
	refused := func(status string) {
		t.Helper()
		got := charge("1")
		require.Equal(t, false, got["success"])
		require.Equal(t, status, got["status"])
		require.NotEmpty(t, got["reason"])
		require.Equal(t, "1000.5", w.server.Balance("alice"))
	}
	refused("unknown-subscription-authorization")
	id := w.authorizeSubscription(subscription).json["id"].(string)
	refused("subscription-authorization-pending")
	require.NoError(t, w.server.DeclineSubscription(id))
	refused("subscription-authorization-declined")
	require.NoError(t, w.server.ApproveSubscription(id))
	require.NoError(t, w.server.DisableSubscription(subscription, true))
	refused("subscription-disabled")
	require.NoError(t, w.server.DisableSubscription(subscription, false))
	require.Equal(t, true, charge("1")["success"])
	require.Equal(t, "995.5", w.server.Balance("alice"))
	charged, _ := w.server.Transaction(w.app.Key, "1")
	require.Equal(t, subscription, charged.Subscription)
	require.True(t, charged.Automated)
	require.NoError(t, w.server.DeclineSubscription(id))
	require.Equal(t, "resubmitted", charge("1")["reason"], "the charge is not repeated")
	require.Equal(t, "subscription-authorization-declined", charge("2")["status"])
}
