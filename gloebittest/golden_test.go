package gloebittest_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/golden"
	"github.com/stretchr/testify/require"
)

// goldenServers are the configurations under which a call of a source must work.
func goldenServers(name string, call golden.Call) map[string]gloebittest.Config {
	expiring := gloebittest.Config{RefreshTokens: true, TokenLifetime: time.Hour}
	switch {
	case name == "document":
		return map[string]gloebittest.Config{"strict": {Strict: true}}
	case name == "site":
		return map[string]gloebittest.Config{
			"both": {}, "expiring": expiring, "version B": {APIVersion: gloebittest.VersionB},
		}
	case call.Old:
		return map[string]gloebittest.Config{"old": {OldForms: true}}
	}
	return map[string]gloebittest.Config{"both": {}, "expiring": expiring}
}

func TestGoldenCalls(t *testing.T) {
	names, err := golden.Names()
	require.NoError(t, err)
	for _, name := range names {
		file, err := golden.Load(name)
		require.NoError(t, err)
		for _, call := range file.Calls {
			for server, cfg := range goldenServers(name, call) {
				t.Run(name+"/"+server+"/"+call.Name, func(t *testing.T) {
					w := newGoldenWorld(t, name, cfg)
					w.stage()
					got := w.call(call)
					require.Equal(t, http.StatusOK, got.status, got.text)
					if strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
						require.Nil(t, call.Reads, "a page has no keys")
						return
					}
					require.Equal(t, true, got.json["success"], got.text)
					require.NoError(t, call.Reads.Check([]byte(got.text)))
					if w.file.Key != "test-consumer" {
						require.Len(t, got.json, len(call.Reads), "the document has no other keys: %s", got.text)
					}
				})
			}
		}
	}
}

// TestDocumentOnLenientServers makes the document's calls at lenient servers,
// of the document's version and of both versions.
func TestDocumentOnLenientServers(t *testing.T) {
	for server, cfg := range map[string]gloebittest.Config{"both": {}, "version A": {APIVersion: gloebittest.VersionA}} {
		file, err := golden.Load("document")
		require.NoError(t, err)
		for _, call := range file.Calls {
			t.Run(server+"/"+call.Name, func(t *testing.T) {
				w := newGoldenWorld(t, "document", cfg)
				w.stage()
				call.Headers = slices.Clone(call.Headers)
				call.Headers[0] = "Authorization: Bearer {token}"
				got := w.call(call)
				require.Equal(t, true, got.json["success"], got.text)
				require.NoError(t, call.Reads.Check([]byte(got.text)))
			})
		}
	}
}

func TestGoldenInvalidTokens(t *testing.T) {
	names, err := golden.Names()
	require.NoError(t, err)
	for _, name := range names {
		file, err := golden.Load(name)
		require.NoError(t, err)
		for _, call := range file.Calls {
			words := call.Dead
			if words == nil {
				words = file.Dead
			}
			if call.Login == "" || len(words) == 0 {
				continue
			}
			for server, cfg := range goldenServers(name, call) {
				t.Run(name+"/"+server+"/"+call.Name, func(t *testing.T) {
					w := newGoldenWorld(t, name, cfg)
					w.stage()
					token := w.connect(call.Login)
					require.NotZero(t, w.server.RevokeTokens("alice"))
					for kind, dead := range map[string]string{"revoked": token, "unknown": "x"} {
						got := w.send(call.Request, w.file.Headers, "{token}", dead)
						require.Equal(t, http.StatusOK, got.status, kind)
						require.Equal(t, false, got.json["success"], kind)
						require.Contains(t, words, got.json["reason"], kind)
					}
				})
			}
		}
	}
}

// TestGoldenFailures produces each unsuccessful response that a client
// distinguishes.
func TestGoldenFailures(t *testing.T) {
	type change struct {
		key   string
		value string // empty means that the key is left out
	}
	lock := func(user string) func(*goldenWorld) {
		return func(w *goldenWorld) { require.NoError(w.t, w.server.Lock(user, true)) }
	}
	own := func(w *goldenWorld) {
		app, _ := w.server.Application(w.app.Key)
		app.Owner = w.bob.ID
		require.NoError(w.t, w.server.SetApplication(app))
		lock("bob")(w)
	}
	ask := func(answer func(*goldenWorld, string) error) func(*goldenWorld) {
		return func(w *goldenWorld) {
			id := w.authorizeSubscription(w.standing("{subscription}")).json["id"].(string)
			require.NoError(w.t, answer(w, id))
		}
	}
	pending := ask(func(*goldenWorld, string) error { return nil })
	approved := ask(func(w *goldenWorld, id string) error { return w.server.ApproveSubscription(id) })
	declined := ask(func(w *goldenWorld, id string) error { return w.server.DeclineSubscription(id) })
	unknown := `"0a1b2c3d-0000-4000-8000-00000000dead"`
	for _, test := range []struct {
		call, answer string
		before       func(*goldenWorld)
		changes      []change
	}{
		{"Transact", "queued", nil, nil},
		{"Transact", "resubmitted", func(w *goldenWorld) { w.call(w.named("Transact")) }, nil},
		{"Transact", "insufficient balance", nil, []change{{"gloebit-balance-change", "5000"}}},
		{"Transact", "cannot spend", lock("alice"), nil},
		{"Transact", "cannot receive", own, nil},
		{"Transact for a subscription", "automated without a subscription", nil, []change{{"subscription-id", ""}}},
		{"Transact for a subscription", "unknown subscription", nil, []change{{"subscription-id", unknown}}},
		{"Transact for a subscription", "never asked", nil, []change{{"subscription-id", `"{subscription}"`}}},
		{"Transact for a subscription", "subscription pending", pending, []change{{"subscription-id", `"{subscription}"`}}},
		{"Transact for a subscription", "subscription declined", declined, []change{{"subscription-id", `"{subscription}"`}}},
		{"TransactU2U", "missing seller", nil, []change{{"seller-id-from-gloebit", ""}, {"seller-email-address", ""}}},
		{"TransactU2U", "unknown merchant", nil, []change{{"seller-id-from-gloebit", unknown}}},
		{"CreateSubscription", "different subscription", func(w *goldenWorld) {
			w.subscribe("0a1b2c3d-0000-4000-8000-000000005ab5")
		}, []change{{"name", `"Another"`}}},
		{"CreateSubscriptionAuthorization", "created", nil, nil},
		{"CreateSubscriptionAuthorization", "duplicate", pending, nil},
		{"CreateSubscriptionAuthorization", "approved before", approved, nil},
		{"CreateSubscriptionAuthorization", "declined before", declined, nil},
		{"CreateSubscriptionAuthorization", "cannot transact", lock("alice"), nil},
		{"CreateSubscriptionAuthorization", "subscription not found", nil, []change{{"subscription-id", unknown}}},
		{"CreateSubscriptionAuthorization", "mismatched key", nil, []change{{"application-key", unknown}}},
		{"CreateSubscriptionAuthorization", "subscription disabled", func(w *goldenWorld) {
			require.NoError(w.t, w.server.DisableSubscription(w.standing("{subscription}"), true))
		}, nil},
	} {
		t.Run(test.call+"/"+test.answer, func(t *testing.T) {
			w := newGoldenWorld(t, "opensim", gloebittest.Config{})
			w.stage()
			if test.before != nil {
				test.before(w)
			}
			call := w.named(test.call)
			for _, change := range test.changes {
				var value json.RawMessage
				if change.value != "" {
					value = json.RawMessage(change.value)
				}
				call.JSON = changed(t, call.JSON, change.key, value)
			}
			got := w.call(call)
			require.Equal(t, http.StatusOK, got.status, got.text)
			i := slices.IndexFunc(call.Answers, func(a golden.Answer) bool { return a.Name == test.answer })
			require.GreaterOrEqual(t, i, 0)
			w.sameAnswer(call.Answers[i], got)
		})
	}
}

// sameAnswer compares the texts by which a client distinguishes responses, and
// the types of everything else.
func (w *goldenWorld) sameAnswer(want golden.Answer, got answer) {
	w.t.Helper()
	var fields map[string]any
	require.NoError(w.t, json.Unmarshal(want.JSON, &fields))
	for key, value := range fields {
		if strings.HasSuffix(key, "id") || strings.HasPrefix(key, "existing-") {
			require.IsType(w.t, value, got.json[key], "%s in %s", key, got.text)
			continue
		}
		require.Equal(w.t, value, got.json[key], "%s in %s", key, got.text)
	}
}

// standing returns the value of a placeholder in braces.
func (w *goldenWorld) standing(name string) string {
	w.t.Helper()
	i := slices.Index(w.stands, name)
	require.GreaterOrEqual(w.t, i, 0, name)
	return w.stands[i+1]
}
