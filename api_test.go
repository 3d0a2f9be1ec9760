package gloebit_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

// clientAt connects alice, with all scopes, to a Gloebit that understands one
// vintage, and speaks that or both to it.
func clientAt(t *testing.T, server gloebittest.Config, vintage gloebit.Vintage) (*world, *gloebit.Client) {
	t.Helper()
	w := newWorldAt(t, server, func(_ *world, c *gloebit.Config) { c.Provider.Vintage = vintage })
	scopes := []string{"user", "id", "balance", "transact", "inventory", "character"}
	if server.Vintage == gloebittest.VintageA {
		scopes = []string{"id", "balance", "transact", "inventory"}
	}
	token, err := w.gloebit.IssueToken(w.app.Key, "alice", scopes...)
	require.NoError(t, err)
	credential := gloebit.Credential{AccessToken: gloebit.Secret(token)}
	for _, scope := range scopes {
		credential.Scopes = append(credential.Scopes, gloebit.Scope(scope))
	}
	require.NoError(t, w.tokens.Update(t.Context(), "alice", save(credential)))
	client, err := w.merchant.Client(t.Context(), "alice")
	require.NoError(t, err)
	return w, client
}

// TestTheWholeAPIAgainstAServer is the round trip of every call, at servers of
// both vintages and at one that answers in the older forms.
func TestTheWholeAPIAgainstAServer(t *testing.T) {
	for name, test := range map[string]struct {
		server  gloebittest.Config
		vintage gloebit.Vintage
	}{
		"both names at a server of both":       {gloebittest.Config{}, gloebit.BothVintages},
		"both names at a server of A":          {gloebittest.Config{Vintage: gloebittest.VintageA}, gloebit.BothVintages},
		"both names at a server of B":          {gloebittest.Config{Vintage: gloebittest.VintageB}, gloebit.BothVintages},
		"A at A":                               {gloebittest.Config{Vintage: gloebittest.VintageA}, gloebit.VintageA},
		"B at B":                               {gloebittest.Config{Vintage: gloebittest.VintageB}, gloebit.VintageB},
		"both names at one with older answers": {gloebittest.Config{OldForms: true}, gloebit.BothVintages},
	} {
		t.Run(name, func(t *testing.T) {
			w, client := clientAt(t, test.server, test.vintage)
			ctx := t.Context()
			require.NoError(t, client.VerifyToken(ctx))
			if test.server.Vintage != gloebittest.VintageB || test.vintage == gloebit.VintageB {
				identity, err := client.Identity(ctx)
				require.NoError(t, err)
				require.Equal(t, "alice", identity.Name)
			}

			receipt, err := client.PurchaseProduct(ctx, gloebit.ProductOrder{Product: "green-hat", Quantity: 2})
			require.NoError(t, err)
			require.Equal(t, gloebit.OutcomeQueued, receipt.Outcome)
			balance, err := client.Balance(ctx)
			require.NoError(t, err)
			require.Equal(t, "920", balance.String())
			left, err := client.ConsumeProduct(ctx, "green-hat", 1)
			require.NoError(t, err)
			require.EqualValues(t, 1, left)

			id, err := client.NewInventoryItem(ctx, gloebit.Item{Type: "sword", Folder: "f-1", Params: map[string]any{"gold": uint64(18446744073709551615)}})
			require.NoError(t, err)
			ids, err := client.InventoryItemIDs(ctx, "f-1")
			require.NoError(t, err)
			require.Equal(t, []gloebit.ItemID{{Type: "sword", ID: id, Folder: "f-1"}}, ids)
			item, err := client.InventoryItem(ctx, id)
			require.NoError(t, err)
			require.JSONEq(t, `{"gold":18446744073709551615}`, item.String())
			require.Contains(t, item.String(), "18446744073709551615")
			if test.server.Vintage != gloebittest.VintageB {
				require.NoError(t, client.ReplaceInventoryItem(ctx, id, gloebit.Item{Type: "sword", Folder: "f-2", Params: map[string]any{"a": 1, "b": 2}}))
			}
			if test.server.Vintage != gloebittest.VintageA {
				require.NoError(t, client.MergeInventoryItem(ctx, id, "f-2", map[string]any{"b": 3}))
			}
			require.NoError(t, client.DeleteInventoryItem(ctx, id))
			ids, err = client.InventoryItemIDs(ctx, "")
			require.NoError(t, err)
			require.Empty(t, ids)

			if test.server.Vintage == gloebittest.VintageA || test.vintage == gloebit.VintageA {
				return
			}
			testVintageB(t, w, client)
		})
	}
}

// testVintageB is what only the later vintage has.
func testVintageB(t *testing.T, w *world, client *gloebit.Client) {
	ctx := t.Context()
	zoe, err := client.CreateCharacter(ctx, "Zoe", map[string]any{"class": "mage"})
	require.NoError(t, err)
	zoe, err = client.UpdateCharacter(ctx, zoe.ID, "Zoë", map[string]any{"class": "bard"})
	require.NoError(t, err)
	characters, err := client.Characters(ctx)
	require.NoError(t, err)
	require.Len(t, characters, 1)
	require.Equal(t, zoe.ID, characters[0].ID)
	require.Equal(t, "Zoë", characters[0].Name)

	owned, err := client.GrantProduct(ctx, "green-hat", 3)
	require.NoError(t, err)
	require.EqualValues(t, 4, owned)
	owned, err = client.SetProductCount(ctx, "green-hat", 2)
	require.NoError(t, err)
	require.EqualValues(t, 2, owned)
	owned, err = client.GrantCharacterProduct(ctx, zoe.ID, "green-hat", 2)
	require.NoError(t, err)
	require.EqualValues(t, 2, owned)
	owned, err = client.ConsumeCharacterProduct(ctx, zoe.ID, "green-hat", 1)
	require.NoError(t, err)
	require.EqualValues(t, 1, owned)
	_, err = client.SetCharacterProductCount(ctx, zoe.ID, "green-hat", 5)
	require.NoError(t, err)
	products, err := client.CharacterProducts(ctx, zoe.ID)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"green-hat": 5}, products)
	_, err = client.PurchaseProduct(ctx, gloebit.ProductOrder{Product: "green-hat", CharacterID: zoe.ID})
	require.NoError(t, err)
	require.NoError(t, client.DeleteCharacter(ctx, zoe.ID))

	bob, _ := w.gloebit.User("bob")
	_, err = client.TransactU2U(ctx, gloebit.Transaction{Asset: "painting", Total: 10}, gloebit.Seller{GloebitID: bob.ID, Name: "Bob"})
	require.NoError(t, err)
	require.Equal(t, "1010", w.gloebit.Balance("bob"))
	_, err = client.TransactV2(ctx, gloebit.Transaction{Asset: "rent", Total: 1, Details: &gloebit.Details{Location: []gloebit.Descriptor{{Name: "region", Value: "east"}}}})
	require.NoError(t, err)

	testSubscription(t, w, client)
}

func testSubscription(t *testing.T, w *world, client *gloebit.Client) {
	ctx := t.Context()
	created, err := w.merchant.CreateSubscription(ctx, gloebit.Subscription{LocalID: "l-1", Name: "Rent", Description: "weekly"})
	require.NoError(t, err)
	require.True(t, created.Enabled)
	again, err := w.merchant.CreateSubscription(ctx, gloebit.Subscription{LocalID: "l-1", Name: "Rent", Description: "weekly"})
	require.NoError(t, err)
	require.Equal(t, created.ID, again.ID)
	require.Equal(t, "duplicate", again.Status)
	other, err := w.merchant.CreateSubscription(ctx, gloebit.Subscription{LocalID: "l-1", Name: "Another"})
	require.ErrorIs(t, err, gloebit.ErrSubscriptionExists)
	require.Equal(t, created.ID, other.Existing.ID)

	charge := gloebit.Transaction{Asset: "rent", Total: 5, SubscriptionID: created.ID}
	receipt, err := client.Transact(ctx, charge)
	require.ErrorIs(t, err, gloebit.ErrUnknownSubscriptionAuthorization)
	require.Equal(t, gloebit.OutcomeUnknownSubscriptionAuthorization, receipt.Outcome)
	authorization, err := client.CreateSubscriptionAuthorization(ctx, created.ID)
	require.NoError(t, err)
	require.True(t, authorization.Pending)
	_, err = client.Transact(ctx, charge)
	require.ErrorIs(t, err, gloebit.ErrSubscriptionAuthorizationPending)

	resp, err := http.Get(w.merchant.SubscriptionAuthorizationURL(authorization.ID))
	require.NoError(t, err)
	resp.Body.Close()
	require.Less(t, resp.StatusCode, 400)
	require.NoError(t, w.gloebit.ApproveSubscription(authorization.ID))
	_, err = client.Transact(ctx, charge)
	require.NoError(t, err)
	_, err = client.CreateSubscriptionAuthorization(ctx, "no such")
	require.ErrorIs(t, err, gloebit.ErrUnknownSubscription)
	automated := slices.ContainsFunc(w.gloebit.Transactions(), func(tx gloebittest.Transaction) bool { return tx.Automated })
	require.True(t, automated)
}

func TestAScopeThatWasNotGrantedIsSaidByEveryCall(t *testing.T) {
	w := newWorld(t)
	token, err := w.gloebit.IssueToken(w.app.Key, "alice", "balance")
	require.NoError(t, err)
	for _, row := range rows() {
		if row.name == "no-op" || row.name == "balance" || row.name == "create-subscription" {
			continue
		}
		require.NoError(t, w.tokens.Update(t.Context(), "u", save(gloebit.Credential{AccessToken: gloebit.Secret(token)})))
		client, err := w.merchant.Client(t.Context(), "u")
		require.NoError(t, err)
		_, err = row.call(t.Context(), client, w.merchant)
		require.ErrorIs(t, err, gloebit.ErrScopeMissing, row.name)
	}
}
