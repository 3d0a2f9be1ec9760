package gloebittest_test

import (
	"net/http"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestAUserPaysAnother(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	carol, err := w.server.AddUser(gloebittest.User{Name: "carol", Email: "Carol@shop.example"})
	require.NoError(t, err)
	for id, seller := range map[string]map[string]any{
		"1": {"seller-id-from-gloebit": carol.ID},
		"2": {"seller-email-address": "carol@SHOP.example"},
		"3": {"seller-id-from-gloebit": carol.ID, "seller-email-address": "carol@shop.example"},
	} {
		fields := map[string]any{
			"id": id, "gloebit-balance-change": 7, "seller-id-on-application": "c-1", "seller-name-on-application": "Carol",
		}
		for name, value := range seller {
			fields[name] = value
		}
		got := w.post("transact-u2u", w.token("transact"), w.order(fields))
		require.Equal(t, true, got.json["success"], got.text)
		require.Equal(t, "queued", got.json["status"])
		require.Equal(t, id, got.json["id"])
		paid, _ := w.server.Transaction(w.app.Key, id)
		require.Equal(t, []string{carol.ID, "c-1", "Carol"}, []string{paid.Seller, paid.SellerID, paid.SellerName})
	}
	require.Equal(t, "21", w.server.Balance("carol"))
	require.Equal(t, "979.5", w.server.Balance("alice"))
	require.Equal(t, "10", w.server.Balance("bob"), "the application's owner gets nothing")
	w.post(
		"transact", w.token("transact"),
		w.order(map[string]any{"gloebit-balance-change": 1, "seller-id-from-gloebit": carol.ID}),
	)
	require.Equal(t, "11", w.server.Balance("bob"), "transact knows no seller")
}

func TestSellerIsCreditedOnCommit(t *testing.T) {
	w, h := newWorld(t, manual(gloebittest.Queue{})), newHooks(t)
	fields := h.urls()
	fields["seller-id-from-gloebit"] = w.bob.ID
	w.post("transact-u2u", w.token("transact"), w.order(fields))
	require.Equal(t, "10", w.server.Balance("bob"))
	h.on("enact", 200, `[false,"sold out"]`)
	w.settle()
	require.Equal(t, "1000.5", w.server.Balance("alice"))
	require.Equal(t, "10", w.server.Balance("bob"))
}

func TestTransactU2URefuses(t *testing.T) {
	const missing = "transaction is missing parameters needed to identify Gloebit account of seller - " +
		"supply at least one of seller-email-address or seller-id-from-gloebit."
	w := newWorld(t, gloebittest.Config{})
	for _, u := range []gloebittest.User{
		{Name: "x", Email: "both@shop.example"}, {Name: "y", Email: "both@shop.example"},
		{Name: "locked", ID: "locked-id", Locked: true},
	} {
		_, err := w.server.AddUser(u)
		require.NoError(t, err)
	}
	for name, test := range map[string]struct {
		fields         map[string]any
		status, reason any
	}{
		"no seller": {map[string]any{"seller-name-on-application": "x"}, nil, missing},
		"an empty seller": {
			map[string]any{"seller-email-address": "", "seller-id-from-gloebit": nil}, nil, missing,
		},
		"an unknown id": {
			map[string]any{"seller-id-from-gloebit": "x"}, "unknown-merchant", "the seller can't be identified",
		},
		"an unknown address": {
			map[string]any{"seller-email-address": "x"}, "unknown-merchant", "the seller can't be identified",
		},
		"two users with the address": {
			map[string]any{"seller-email-address": "both@shop.example"}, "unknown-merchant", "the seller can't be identified",
		},
		"an id with another's address": {
			map[string]any{"seller-id-from-gloebit": w.bob.ID, "seller-email-address": "both@shop.example"},
			"unknown-merchant", "the seller can't be identified",
		},
		"a seller who is locked": {
			map[string]any{"seller-id-from-gloebit": "locked-id"}, "cannot-receive", "the payee's account is locked",
		},
		"more than there is": {
			map[string]any{"seller-id-from-gloebit": w.bob.ID, "gloebit-balance-change": 2000}, "queued",
			"insufficient balance",
		},
		"another application's key": {
			map[string]any{"seller-id-from-gloebit": w.bob.ID, "consumer-key": "x"}, nil, "unknown consumer",
		},
		"a negative charge": {
			map[string]any{"seller-id-from-gloebit": w.bob.ID, "gloebit-balance-change": -1}, nil,
			"invalid gloebit-balance-change",
		},
		"an automated one, unsubscribed": {
			map[string]any{"seller-id-from-gloebit": w.bob.ID, "automated-transaction": true}, nil,
			"Transaction with automated-transaction=True is missing subscription-id",
		},
		"an unknown subscription": {
			map[string]any{"seller-id-from-gloebit": w.bob.ID, "subscription-id": "x"}, "unknown-subscription",
			"unknown subscription",
		},
		"descriptors that are no list": {
			map[string]any{"seller-id-from-gloebit": w.bob.ID, "platform-desc-names": "x"}, nil, "invalid platform-desc-names",
		},
		"descriptors that are structures": {
			map[string]any{"seller-id-from-gloebit": w.bob.ID, "location-desc-values": []any{[]int{}}}, nil,
			"invalid location-desc-values",
		},
	} {
		t.Run(name, func(t *testing.T) {
			fields := map[string]any{"gloebit-balance-change": 1}
			for name, value := range test.fields {
				fields[name] = value
			}
			got := w.post("transact-u2u", w.token("transact"), w.order(fields))
			require.Equal(t, http.StatusOK, got.status)
			require.Equal(t, false, got.json["success"], got.text)
			require.Equal(t, test.status, got.json["status"])
			require.Equal(t, test.reason, got.json["reason"])
			require.Equal(t, "1000.5", w.server.Balance("alice"))
			require.Equal(t, "10", w.server.Balance("bob"))
		})
	}
}

func TestTransactionDetails(t *testing.T) {
	fields := map[string]any{
		"gloebit-balance-change": 1, "buyer-id-on-application": "b-1", "app-user-id": "u-1",
		"platform-desc-names": []any{"grid", "version"}, "platform-desc-values": []any{"OSgrid", 9},
		"location-desc-names": []any{"region"}, "transaction-desc-values": []any{"hat"},
	}
	for version, want := range map[gloebittest.APIVersion]gloebittest.Details{
		gloebittest.BothVersions: {
			Platform: []gloebittest.Descriptor{{Name: "grid", Value: "OSgrid"}, {Name: "version", Value: "9"}},
			Location: []gloebittest.Descriptor{{Name: "region"}}, Transaction: []gloebittest.Descriptor{{Value: "hat"}},
		},
		gloebittest.VersionA: {},
	} {
		w := newWorld(t, gloebittest.Config{APIVersion: version})
		got := w.post("transact", w.token("transact"), w.order(fields))
		require.Equal(t, true, got.json["success"], got.text)
		kept := w.transaction()
		require.Equal(t, want, kept.Details)
		require.Equal(t, version == gloebittest.BothVersions, kept.BuyerID == "b-1" && kept.AppUserID == "u-1")
		if len(want.Platform) > 0 {
			kept.Details.Platform[0].Name = "x"
			require.Equal(t, want, w.transaction().Details, "a copy is returned")
		}
	}
}
