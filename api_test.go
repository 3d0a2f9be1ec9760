package gloebit_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// connectedAt connects ann as alice through a server's authorization page, with
// a default Config and the changes. She grants the default scopes and those of
// more.
func connectedAt(
	t *testing.T, server gloebittest.Config, more string, changes ...func(*world, *gloebit.Config),
) (*world, *gloebit.Client) {
	t.Helper()
	defaults := func(_ *world, c *gloebit.Config) {
		c.User, c.Scopes, c.Provider.PKCE = headerUser, nil, false
	}
	w := newWorldAt(t, server, append([]func(*world, *gloebit.Config){defaults}, changes...)...)
	var client *gloebit.Client
	w.mux.Handle("/mine", w.merchant.RequireGloebit(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		client = gloebit.MustFromContext(r.Context())
	})))
	ann := w.browser("ann")
	require.Equal(t, http.StatusOK, ann.get("/mine").status)
	if more != "" {
		require.Equal(t, http.StatusOK, ann.get("/gloebit/connect?return_to=/mine&scope="+url.QueryEscape(more)).status)
	}
	require.NotNil(t, client)
	return w, client
}

// everyScope returns the scopes that the calls of a server need beside the
// default ones.
func everyScope(server gloebittest.Config) string {
	if server.APIVersion == gloebittest.VersionA {
		return "balance inventory"
	}
	return "balance inventory character"
}

// TestDefaults connects users in every mode with a default Config. The servers
// are one that speaks the document, one that accepts nothing else, and one of
// both versions. A Config with the later version set is tested with a server of
// that version.
func TestDefaults(t *testing.T) {
	for name, test := range map[string]struct {
		server  gloebittest.Config
		version gloebit.APIVersion
	}{
		"document":          {gloebittest.Config{APIVersion: gloebittest.VersionA}, gloebit.BothVersions},
		"document, strict":  {gloebittest.Config{APIVersion: gloebittest.VersionA, Strict: true}, gloebit.BothVersions},
		"both versions":     {gloebittest.Config{}, gloebit.BothVersions},
		"document set":      {gloebittest.Config{APIVersion: gloebittest.VersionA, Strict: true}, gloebit.VersionA},
		"later version set": {gloebittest.Config{APIVersion: gloebittest.VersionB}, gloebit.VersionB},
	} {
		for _, mode := range modes() {
			t.Run(name+"/"+mode.name, func(t *testing.T) {
				w, client := connectedAt(t, test.server, "", func(w *world, c *gloebit.Config) {
					c.User, c.Provider.APIVersion = nil, test.version
					mode.change(w, c)
				})
				require.Len(t, client.Scopes(), 2)
				receipt, err := client.PurchaseProduct(t.Context(), gloebit.ProductOrder{
					ID: uuid.NewString(), Product: "green-hat", Price: 40, Quantity: 1,
				})
				require.NoError(t, err)
				require.Equal(t, gloebit.OutcomeQueued, receipt.Outcome)
				require.Equal(t, "960", w.gloebit.Balance("alice"))
				require.Equal(t, "alice", w.gloebit.Transactions()[0].Username)
			})
		}
	}
}

// TestEveryCall makes every call over a connection made at the authorization
// page. The servers speak both versions, the document alone, or the older forms
// of responses.
func TestEveryCall(t *testing.T) {
	for name, test := range map[string]struct {
		server  gloebittest.Config
		version gloebit.APIVersion
	}{
		"nothing set, both versions": {gloebittest.Config{}, gloebit.BothVersions},
		"nothing set, document":      {gloebittest.Config{APIVersion: gloebittest.VersionA}, gloebit.BothVersions},
		"nothing set, document, strict": {
			gloebittest.Config{APIVersion: gloebittest.VersionA, Strict: true}, gloebit.BothVersions,
		},
		"nothing set, older answers": {gloebittest.Config{OldForms: true}, gloebit.BothVersions},
		"document set, document, strict": {
			gloebittest.Config{APIVersion: gloebittest.VersionA, Strict: true}, gloebit.VersionA,
		},
		"later set, later": {gloebittest.Config{APIVersion: gloebittest.VersionB}, gloebit.VersionB},
	} {
		t.Run(name, func(t *testing.T) {
			w, client := connectedAt(t, test.server, everyScope(test.server), func(_ *world, c *gloebit.Config) {
				c.Provider.APIVersion = test.version
			})
			ctx := t.Context()
			if !test.server.Strict { // the document has no such call
				require.NoError(t, client.VerifyToken(ctx))
			}
			identity, err := client.Identity(ctx)
			require.NoError(t, err)
			require.Equal(t, "alice", identity.Name)

			receipt, err := client.PurchaseProduct(ctx, gloebit.ProductOrder{
				IdempotencyKey: uuid.NewString(), Product: "green-hat", Quantity: 2,
			})
			require.NoError(t, err)
			require.Equal(t, gloebit.OutcomeQueued, receipt.Outcome)
			balance, err := client.Balance(ctx)
			require.NoError(t, err)
			require.Equal(t, "920", balance.String())
			left, err := client.ConsumeProduct(ctx, "green-hat", 1)
			require.NoError(t, err)
			require.EqualValues(t, 1, left)

			id, err := client.CreateInventoryItem(ctx, gloebit.Item{
				Type: "sword", Folder: "f-1", Params: map[string]any{"gold": uint64(18446744073709551615)},
			})
			require.NoError(t, err)
			ids, err := client.InventoryItemIDs(ctx, "f-1")
			require.NoError(t, err)
			require.Equal(t, []gloebit.ItemID{{Type: "sword", ID: id, Folder: "f-1"}}, ids)
			item, err := client.InventoryItem(ctx, id)
			require.NoError(t, err)
			require.JSONEq(t, `{"gold":18446744073709551615}`, item.String())
			require.Contains(t, item.String(), "18446744073709551615")
			if test.server.APIVersion != gloebittest.VersionB {
				require.NoError(
					t,
					client.ReplaceInventoryItem(ctx, id, gloebit.Item{
						Type: "sword", Folder: "f-2", Params: map[string]any{"a": 1, "b": 2},
					}),
				)
			}
			if test.server.APIVersion != gloebittest.VersionA {
				require.NoError(t, client.MergeInventoryItem(ctx, id, "f-2", map[string]any{"b": 3}))
				require.NoError(t, client.MergeInventoryItem(ctx, id, "", map[string]any{"c": 4}))
				ids, err := client.InventoryItemIDs(ctx, "f-2")
				require.NoError(t, err)
				require.Len(t, ids, 1, "the item stays in its folder")
			}
			require.NoError(t, client.DeleteInventoryItem(ctx, id))
			ids, err = client.InventoryItemIDs(ctx, "")
			require.NoError(t, err)
			require.Empty(t, ids)

			if test.server.APIVersion == gloebittest.VersionA || test.version == gloebit.VersionA {
				return
			}
			testVersionB(t, w, client)
		})
	}
}

// testVersionB tests what only the later version has.
func testVersionB(t *testing.T, w *world, client *gloebit.Client) {
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
	_, err = client.PurchaseProduct(ctx, gloebit.ProductOrder{
		IdempotencyKey: uuid.NewString(), Product: "green-hat", CharacterID: zoe.ID, Quantity: 1,
	})
	require.NoError(t, err)
	require.NoError(t, client.DeleteCharacter(ctx, zoe.ID))

	bob, _ := w.gloebit.User("bob")
	_, err = client.TransactU2U(
		ctx, gloebit.Transaction{IdempotencyKey: uuid.NewString(), Asset: "painting", AssetQuantity: 1, Total: 10},
		gloebit.Seller{GloebitID: bob.ID, Name: "Bob"},
	)
	require.NoError(t, err)
	require.Equal(t, "1010", w.gloebit.Balance("bob"))
	_, err = client.TransactV2(ctx, gloebit.Transaction{
		IdempotencyKey: uuid.NewString(), Asset: "rent", AssetQuantity: 1, Total: 1,
		Details: &gloebit.Details{Location: []gloebit.Descriptor{{Name: "region", Value: "east"}}},
	})
	require.NoError(t, err)

	testSubscription(t, w, client)
}

func testSubscription(t *testing.T, w *world, client *gloebit.Client) {
	ctx := t.Context()
	created, err := w.merchant.CreateSubscription(ctx, gloebit.Subscription{
		LocalID: "l-1", Name: "Rent", Description: "weekly",
	})
	require.NoError(t, err)
	require.True(t, created.Enabled)
	again, err := w.merchant.CreateSubscription(ctx, gloebit.Subscription{
		LocalID: "l-1", Name: "Rent", Description: "weekly",
	})
	require.NoError(t, err)
	require.Equal(t, created.ID, again.ID)
	require.Equal(t, "duplicate", again.Status)
	other, err := w.merchant.CreateSubscription(ctx, gloebit.Subscription{LocalID: "l-1", Name: "Another"})
	require.ErrorIs(t, err, gloebit.ErrSubscriptionExists)
	require.Equal(t, created.ID, other.Existing.ID)

	charge := gloebit.Transaction{
		IdempotencyKey: uuid.NewString(), Asset: "rent", AssetQuantity: 1, Total: 5, SubscriptionID: created.ID,
	}
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
	automated := slices.ContainsFunc(
		w.gloebit.Transactions(), func(tx gloebittest.Transaction) bool { return tx.Automated },
	)
	require.True(t, automated)
}

func TestEveryCallReportsMissingScope(t *testing.T) {
	w := newWorld(t)
	token, err := w.gloebit.IssueToken(w.app.Key, "alice", "balance")
	require.NoError(t, err)
	for _, row := range rows() {
		if row.name == "no-op" || row.name == "balance" || row.name == "create-subscription" {
			continue
		}
		require.NoError(
			t,
			w.tokens.Update(t.Context(), keyOf(w.merchant, "u"), save(connect.Credential{AccessToken: gloebit.Secret(token)})),
		)
		client, err := w.merchant.Client(t.Context(), "u")
		require.NoError(t, err)
		_, err = row.call(t.Context(), client, w.merchant)
		require.ErrorIs(t, err, gloebit.ErrScopeMissing, row.name)
	}
}
