package gloebittest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

const transactionID = "3f1d0c0e-2c60-4c6e-9d3e-000000000001"

func TestTransactAcceptsNamesOfBothVersions(t *testing.T) {
	a := map[string]any{"product": "green-hat"}
	b := map[string]any{
		"id": nil, "consumer-key": nil, "merchant-user-id": nil, "product": "green-hat",
		"transaction-id": transactionID, "username-on-application": "al",
	}
	tests := map[string]struct {
		version gloebittest.APIVersion
		fields  map[string]any
		path    string
		refused string // empty means that it is taken
	}{
		"A's to both":    {gloebittest.BothVersions, a, "transact", ""},
		"B's to both":    {gloebittest.BothVersions, b, "transact/", ""},
		"A's to A":       {gloebittest.VersionA, a, "transact", ""},
		"B's to B":       {gloebittest.VersionB, b, "v2/transact", ""},
		"A's to B":       {gloebittest.VersionB, a, "transact", "unknown consumer"},
		"B's to A":       {gloebittest.VersionA, b, "transact", "invalid id"},
		"OpenSim's path": {gloebittest.BothVersions, b, "v2/transact/", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, gloebittest.Config{APIVersion: test.version})
			if test.fields["transaction-id"] != nil {
				test.fields["application-key"] = w.app.Key
			}
			got := w.post(test.path, w.token("transact"), w.order(test.fields))
			if test.refused != "" {
				require.Equal(t, test.refused, got.json["reason"], got.text)
				require.Empty(t, w.server.Transactions())
				return
			}
			require.Equal(t, map[string]any{
				"success": true, "reason": "success", "status": "queued", "id": transactionID,
			}, got.json)
			first := w.server.Transactions()[0]
			require.Equal(t, "al", first.Username)
			require.Equal(t, int64(40), first.Amount)
		})
	}
}

func TestTransactAcceptsPublishedClients(t *testing.T) {
	asset := map[string]any{"asset-code": "hat", "asset-quantity": 2, "gloebit-balance-change": 40}
	tests := map[string]struct {
		contentType string
		body        func(*world) string
	}{
		"no content type": {"", func(w *world) string { return w.order(asset) }},
		"JSON with a form's content type": {"application/x-www-form-urlencoded", func(w *world) string {
			return w.order(asset)
		}},
		"null for unused fields": {"application/json", func(w *world) string {
			body := strings.TrimSuffix(w.order(asset), "}")
			return body + `,"product":null,"product-quantity":null,"asset-enact-hold-url":null,"character-id":null,` +
				`"transaction-id":null,"application-key":null,"subscription-id":null,"automated-transaction":false}`
		}},
		"empty strings for unused fields": {"application/json", func(w *world) string {
			return w.order(map[string]any{
				"asset-code": "hat", "gloebit-balance-change": 40, "product": "", "asset-enact-hold-url": "",
				"subscription-id": "00000000-0000-0000-0000-000000000000",
			})
		}},
		"both names of a field": {"application/json", func(w *world) string {
			return w.order(map[string]any{
				"asset-code": "hat", "gloebit-balance-change": 40,
				"transaction-id": transactionID, "application-key": w.app.Key, "username-on-application": "al",
			})
		}},
		"a price with a point": {"application/json", func(w *world) string {
			return w.order(map[string]any{"asset-code": "hat", "gloebit-balance-change": json.Number("40.0")})
		}},
		"a wrong request-created and unknown fields": {"application/json", func(w *world) string {
			return w.order(map[string]any{
				"asset-code": "hat", "gloebit-balance-change": 40, "request-created": "yesterday",
				"merchant-user-id": 7, "platform-desc-names": []string{"a"}, "buyer-id-on-application": "x",
			})
		}},
		"a form": {"application/x-www-form-urlencoded", func(w *world) string {
			return url.Values{
				"version": {"1"}, "transaction-id": {transactionID}, "application-key": {w.app.Key}, "asset-code": {"hat"},
				"gloebit-balance-change": {"40"}, "username-on-consumer": {"al"}, "product": {""},
			}.Encode()
		}},
		"a form without a content type": {"", func(w *world) string {
			return "version=1&id=" + transactionID + "&consumer-key=" + w.app.Key + "&asset-code=hat&gloebit-balance-change=40"
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, gloebittest.Config{})
			r := w.request(http.MethodPost, "transact", w.token("transact", "balance"), test.body(w))
			if test.contentType != "" {
				r.Header.Set("Content-Type", test.contentType)
			}
			got := w.do(r)
			require.Equal(t, "success", got.json["reason"], got.text)
			require.Equal(t, json.Number("960.5"), got.json["balance"])
			require.Equal(t, "960.5", w.server.Balance("alice"))
			require.Equal(t, "50", w.server.Balance("bob"), "the owner is paid")
		})
	}
}

func TestTransactRefuses(t *testing.T) {
	tests := map[string]struct {
		fields         map[string]any
		body           string
		status, reason string
	}{
		"an id of 37 characters": {fields: map[string]any{"id": strings.Repeat("x", 37)}, reason: "invalid id"},
		"an id that is no text":  {fields: map[string]any{"id": 7}, reason: "invalid id"},
		"two ids": {
			fields: map[string]any{"transaction-id": "other"}, reason: "id and transaction-id differ",
		},
		"two keys": {
			fields: map[string]any{"application-key": "other"}, reason: "consumer-key and application-key differ",
		},
		"another key":               {fields: map[string]any{"consumer-key": "other"}, reason: "unknown consumer"},
		"no key":                    {fields: map[string]any{"consumer-key": nil}, reason: "unknown consumer"},
		"a key that is no text":     {fields: map[string]any{"consumer-key": []int{1}}, reason: "invalid consumer-key"},
		"version 2":                 {fields: map[string]any{"version": 2}, reason: "invalid version"},
		"no version":                {fields: map[string]any{"version": nil}, reason: "invalid version"},
		"an unknown product":        {fields: map[string]any{"product": "x"}, reason: "unknown product"},
		"a product that is no text": {fields: map[string]any{"product": true}, reason: "invalid product"},
		"no pieces of a product": {
			fields: map[string]any{"product": "crown", "product-quantity": 0}, reason: "invalid product-quantity",
		},
		"half a product": {
			fields: map[string]any{"product": "crown", "product-quantity": 0.5}, reason: "invalid product-quantity",
		},
		"less than no product": {
			fields: map[string]any{"product": "crown", "product-quantity": -0.5}, reason: "invalid product-quantity",
		},
		"products with exponent": {
			fields: map[string]any{"product": "crown", "product-quantity": json.Number("1.5e1")},
			reason: "invalid product-quantity",
		},
		"half a piece of an asset": {
			fields: map[string]any{"asset-code": "hat", "asset-quantity": 1.5}, reason: "invalid asset-quantity",
		},
		"too many of a product": {
			fields: map[string]any{"product": "crown", "product-quantity": 3}, reason: "product limit reached",
		},
		"a price beyond 2^53": {
			fields: map[string]any{"product": "moon", "product-quantity": 3}, reason: "invalid product-quantity",
		},
		"an asset that is no text": {fields: map[string]any{"asset-code": 7}, reason: "invalid asset-code"},
		"no pieces of an asset": {
			fields: map[string]any{"asset-code": "hat", "asset-quantity": 0}, reason: "invalid asset-quantity",
		},
		"a negative charge": {
			fields: map[string]any{"gloebit-balance-change": -1}, reason: "invalid gloebit-balance-change",
		},
		"a charge with a fraction": {
			fields: map[string]any{"gloebit-balance-change": 0.5}, reason: "invalid gloebit-balance-change",
		},
		"a charge as text": {
			fields: map[string]any{"gloebit-balance-change": "40"}, reason: "invalid gloebit-balance-change",
		},
		"a charge beyond 2^53": {
			fields: map[string]any{"gloebit-balance-change": json.Number("9007199254740993")},
			reason: "invalid gloebit-balance-change",
		},
		"a charge with exponent": {
			fields: map[string]any{"gloebit-balance-change": json.Number("4e1")}, reason: "invalid gloebit-balance-change",
		},
		"a relative hold URL": {
			fields: map[string]any{"asset-enact-hold-url": "/enact"}, reason: "invalid asset-enact-hold-url",
		},
		"a hold URL to a file": {
			fields: map[string]any{"asset-cancel-hold-url": "file:///etc/x"}, reason: "invalid asset-cancel-hold-url",
		},
		"a hold URL of no text": {
			fields: map[string]any{"asset-consume-hold-url": 1}, reason: "invalid asset-consume-hold-url",
		},
		"an unknown character": {
			fields: map[string]any{"product": "crown", "character-id": "x"}, reason: "unknown character",
		},
		"an unknown subscription": {
			fields: map[string]any{"subscription-id": "x"}, status: "unknown-subscription", reason: "unknown subscription",
		},
		"an automated one without a subscription": {
			fields: map[string]any{"automated-transaction": true},
			reason: "Transaction with automated-transaction=True is missing subscription-id",
		},
		"more than there is": {
			fields: map[string]any{"gloebit-balance-change": 1001}, status: "queued", reason: "insufficient balance",
		},
		"nothing":                   {body: " ", reason: "malformed request"},
		"broken JSON":               {body: `{"id":`, reason: "malformed request"},
		"two JSON values":           {body: `{} {}`, reason: "malformed request"},
		"a list":                    {body: `[1]`, reason: "malformed request"},
		"a form with a field twice": {body: "id=x&id=x", reason: "id is there twice"},
		"a malformed form":          {body: "id=%zz", reason: "malformed request"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, gloebittest.Config{})
			body := test.body
			if body == "" {
				body = w.order(test.fields)
			}
			got := w.post("transact", w.token("transact", "balance", "inventory"), body)
			require.Equal(t, http.StatusOK, got.status)
			require.Equal(t, false, got.json["success"], got.text)
			require.Equal(t, test.reason, got.json["reason"])
			if test.status != "" {
				require.Equal(t, test.status, got.json["status"])
			} else {
				require.NotContains(t, got.json, "status")
			}
			require.Equal(t, "1000.5", w.server.Balance("alice"))
			require.Empty(t, w.server.Products(w.app.Key, "alice"))
		})
	}
}

func TestLockedAccounts(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("transact")
	body := w.order(map[string]any{"product": "green-hat"})
	require.Error(t, w.server.Lock("unknown", true))
	require.NoError(t, w.server.Lock("alice", true))
	require.Equal(t, "cannot-spend", w.post("transact", token, body).json["status"])
	require.NoError(t, w.server.Lock("alice", false))
	require.NoError(t, w.server.Lock("bob", true))
	require.Equal(t, "cannot-receive", w.post("transact", token, body).json["status"])
	require.NoError(t, w.server.Lock("bob", false))
	require.Equal(t, true, w.post("transact", token, body).json["success"])
}

func TestRepeatedTransactionID(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("transact", "balance")
	body := w.order(map[string]any{"product": "green-hat"})
	require.Equal(t, "success", w.post("transact", token, body).json["reason"])
	again := w.post("transact", token, w.order(map[string]any{"product": "crown", "product-quantity": 2}))
	require.Equal(t, true, again.json["success"])
	require.Equal(t, "resubmitted", again.json["reason"])
	require.Equal(t, "in-progress", again.json["status"])
	require.Equal(t, json.Number("960.5"), again.json["balance"], "charged once")
	require.Equal(t, map[string]int64{"green-hat": 1}, w.server.Products(w.app.Key, "alice"), "the first one stands")

	t.Run("of another user is refused", func(t *testing.T) {
		bobs, err := w.server.IssueToken(w.app.Key, "bob", "transact")
		require.NoError(t, err)
		got := w.post("transact", bobs, w.order(map[string]any{"product": "sticker"}))
		require.Equal(t, "the transaction id is another user's", got.json["reason"])
	})
	t.Run("of another application does not collide", func(t *testing.T) {
		other, err := w.server.AddApplication(gloebittest.Application{Name: "Other shop"})
		require.NoError(t, err)
		others, err := w.server.IssueToken(other.Key, "alice", "transact")
		require.NoError(t, err)
		got := w.post("transact", others, w.order(map[string]any{"consumer-key": other.Key, "gloebit-balance-change": 1}))
		require.Equal(t, "success", got.json["reason"], got.text)
	})
	t.Run("after a balance that was too small is a new try", func(t *testing.T) {
		poor := w.order(map[string]any{"id": "poor", "asset-code": "castle", "gloebit-balance-change": 5000})
		require.Equal(t, "insufficient balance", w.post("transact", token, poor).json["reason"])
		tx, _ := w.server.Transaction(w.app.Key, "poor")
		require.Equal(t, gloebittest.StateFailed, tx.State)
		require.NoError(t, w.server.AddBalance("alice", "5000"))
		require.Equal(t, "success", w.post("transact", token, poor).json["reason"])
		tx, _ = w.server.Transaction(w.app.Key, "poor")
		require.Equal(t, gloebittest.StateSettled, tx.State)
		require.Len(t, tx.Steps, 3)
	})
}

func TestConcurrentTransactsWithOneIDChargeOnce(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token, body := w.token("transact"), w.order(map[string]any{"product": "green-hat"})
	var done sync.WaitGroup
	reasons := make([]string, 20)
	for i := range reasons {
		r := w.request(http.MethodPost, "transact", token, body)
		done.Go(func() {
			response, err := w.client.Do(r)
			if err != nil {
				return
			}
			defer func() { _ = response.Body.Close() }()
			var got struct{ Reason string }
			if json.NewDecoder(response.Body).Decode(&got) == nil {
				reasons[i] = got.Reason
			}
		})
	}
	done.Wait()
	count := make(map[string]int)
	for _, reason := range reasons {
		count[reason]++
	}
	require.Equal(t, map[string]int{"success": 1, "resubmitted": 19}, count)
	require.Equal(t, "960.5", w.server.Balance("alice"))
	require.Len(t, w.server.Transactions(), 1)
}
