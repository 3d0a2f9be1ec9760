package gloebit_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestInvalidCallsAreNotSent(t *testing.T) {
	client, merchant, _ := clientOf(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was sent", r.URL) })
	ctx := t.Context()
	long := strings.Repeat("f", 37)
	for name, call := range map[string]func() error{
		"a product without a name": func() error { _, err := client.GrantProduct(ctx, "", 1); return err },
		"a product of dots":        func() error { _, err := client.SetProductCount(ctx, "..", 1); return err },
		"granting none":            func() error { _, err := client.GrantProduct(ctx, "hat", 0); return err },
		"a count below zero":       func() error { _, err := client.SetProductCount(ctx, "hat", -1); return err },
		"no character":             func() error { _, err := client.CharacterProducts(ctx, ""); return err },
		"a character of dots": func() error {
			_, err := client.GrantCharacterProduct(ctx, "..", "hat", 1)
			return err
		},
		"a character without a name": func() error { _, err := client.CreateCharacter(ctx, "", nil); return err },
		"an id among the extra keys": func() error {
			_, err := client.CreateCharacter(ctx, "Zoe", map[string]any{"id": 1})
			return err
		},
		"extra that is no object": func() error { _, err := client.CreateCharacter(ctx, "Zoe", []int{1}); return err },
		"extra that can't marshal": func() error {
			_, err := client.CreateCharacter(ctx, "Zoe", map[string]any{"f": func() {}})
			return err
		},
		"updating without an id": func() error { _, err := client.UpdateCharacter(ctx, "", "Zoe", nil); return err },
		"deleting without an id": func() error { return client.DeleteCharacter(ctx, "") },
		"a folder that is too long": func() error {
			_, err := client.CreateInventoryItem(ctx, gloebit.Item{Folder: long})
			return err
		},
		"params that are no object": func() error {
			_, err := client.CreateInventoryItem(ctx, gloebit.Item{Params: 7})
			return err
		},
		"an item without an id": func() error { _, err := client.InventoryItem(ctx, ""); return err },
		"an item of dots":       func() error { return client.DeleteInventoryItem(ctx, "..") },
		"a folder of dots":      func() error { _, err := client.InventoryItemIDs(ctx, ".."); return err },
		"replacing nothing":     func() error { return client.ReplaceInventoryItem(ctx, "", gloebit.Item{}) },
		"merging into nothing":  func() error { return client.MergeInventoryItem(ctx, "", "", nil) },
		"a seller with only a name": func() error {
			_, err := client.TransactU2U(
				ctx, gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1}, gloebit.Seller{Name: "Bob"},
			)
			return err
		},
		"a character without a product": func() error {
			_, err := client.Transact(ctx, gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1, CharacterID: "c"})
			return err
		},
		"a subscription without a name": func() error {
			_, err := merchant.CreateSubscription(ctx, gloebit.Subscription{LocalID: "l"})
			return err
		},
		"authorizing no subscription": func() error {
			_, err := client.CreateSubscriptionAuthorization(ctx, "")
			return err
		},
		"a subscription without local id": func() error {
			_, err := merchant.CreateSubscription(ctx, gloebit.Subscription{Name: "n"})
			return err
		},
	} {
		require.ErrorIs(t, call(), gloebit.ErrInvalidRequest, name)
	}
}

func TestTransactRefusesBeforeSending(t *testing.T) {
	client, _, _ := clientOf(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	for name, transaction := range map[string]gloebit.Transaction{
		"nothing":               {},
		"a negative total":      {IdempotencyKey: "k", Asset: "a", AssetQuantity: 1, Total: -1},
		"a total too high":      {IdempotencyKey: "k", Asset: "a", AssetQuantity: 1, Total: 1 << 53},
		"an id too long":        {ID: strings.Repeat("x", 37), Asset: "a", AssetQuantity: 1, Total: 1},
		"an id with a space":    {ID: "a b", Asset: "a", AssetQuantity: 1, Total: 1},
		"an id beyond ASCII":    {ID: "ü", Asset: "a", AssetQuantity: 1, Total: 1},
		"product and asset":     {IdempotencyKey: "k", Product: "p", ProductQuantity: 1, Asset: "a", AssetQuantity: 1},
		"a negative quantity":   {IdempotencyKey: "k", Product: "p", ProductQuantity: -1},
		"a quantity of nothing": {IdempotencyKey: "k", Total: 1, AssetQuantity: 2},
		"a relative hold URL": {
			IdempotencyKey: "k", Asset: "a", AssetQuantity: 1, Total: 1, Hold: gloebit.HoldURLs{Enact: "/enact"},
		},
		"a hold URL on http": {
			IdempotencyKey: "k", Asset: "a", AssetQuantity: 1, Total: 1,
			Hold: gloebit.HoldURLs{Consume: "http://shop.example/c"},
		},
		"a hold URL of a script": {
			IdempotencyKey: "k", Asset: "a", AssetQuantity: 1, Total: 1, Hold: gloebit.HoldURLs{Cancel: "javascript:alert(1)"},
		},
		"neither key nor id": {Total: 1},
		"key and id":         {IdempotencyKey: "k", ID: "i", Total: 1},
		"a long key":         {IdempotencyKey: strings.Repeat("k", 256), Total: 1},
		"no products":        {IdempotencyKey: "k", Product: "p"},
		"no assets":          {IdempotencyKey: "k", Asset: "a", Total: 1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.Transact(t.Context(), transaction)
			require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
		})
	}
	for name, order := range map[string]gloebit.ItemOrder{
		"no name":             {Price: 1},
		"a negative price":    {IdempotencyKey: "k", Item: "a", Price: -1, Quantity: 1},
		"a negative quantity": {IdempotencyKey: "k", Item: "a", Price: 1, Quantity: -1},
		"an overflow":         {IdempotencyKey: "k", Item: "a", Price: 1 << 40, Quantity: 1 << 40},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.PurchaseItem(t.Context(), order)
			require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
		})
	}
	_, err := client.PurchaseProduct(t.Context(), gloebit.ProductOrder{IdempotencyKey: "k", Quantity: 1})
	require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
	for _, product := range []string{"", ".", ".."} {
		_, err = client.ConsumeProduct(t.Context(), product, 1)
		require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
	}
	_, err = client.ConsumeProduct(t.Context(), "hat", 0)
	require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
}
