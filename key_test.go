package gloebit_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

func TestTransactionKey(t *testing.T) {
	w := newWorld(t)
	client := func(t *testing.T, user string) *gloebit.Client { // as another process makes one
		client, err := w.merchant.Client(t.Context(), user)
		require.NoError(t, err)
		return client
	}
	for _, user := range []string{"alice", "bob"} {
		token, err := w.gloebit.IssueToken(w.app.Key, user, "transact")
		require.NoError(t, err)
		require.NoError(
			t,
			w.tokens.Update(t.Context(), keyOf(w.merchant, user), save(connect.Credential{AccessToken: gloebit.Secret(token)})),
		)
	}
	rent := gloebit.Transaction{IdempotencyKey: "2026-05", Asset: "rent", AssetQuantity: 1, Total: 5}
	t.Run("the same charge twice is one", func(t *testing.T) {
		first, err := client(t, "alice").Transact(t.Context(), rent)
		require.NoError(t, err)
		require.Equal(t, gloebit.OutcomeQueued, first.Outcome)
		again := rent
		again.Username, again.Details = "Al", &gloebit.Details{Platform: []gloebit.Descriptor{{Name: "host", Value: "b"}}}
		again.Hold.Enact = "https://shop.example/enact"
		second, err := client(t, "alice").Transact(t.Context(), again)
		require.NoError(t, err)
		require.Equal(t, gloebit.OutcomeResubmitted, second.Outcome)
		require.Equal(t, first.TransactionID, second.TransactionID)
		require.Len(t, w.gloebit.Transactions(), 1)
		require.Equal(t, first.TransactionID, w.gloebit.Transactions()[0].ID)
	})
	t.Run("a product's price changes no charge", func(t *testing.T) {
		hat := gloebit.Transaction{IdempotencyKey: "k", Product: "green-hat", ProductQuantity: 1, Total: 39}
		first, _ := client(t, "alice").Transact(t.Context(), hat)
		hat.Total = 40
		second, _ := client(t, "alice").Transact(t.Context(), hat)
		require.NotEmpty(t, first.TransactionID)
		require.Equal(t, first.TransactionID, second.TransactionID)
	})
}

func TestTransactionKeyOfAnotherCharge(t *testing.T) {
	type transaction = gloebit.Transaction
	client, _, _ := clientOf(t, answering(http.StatusOK, `{"success":true,"status":"queued","reason":"success"}`))
	ids := map[string]string{}
	see := func(t *testing.T, name string, receipt gloebit.Receipt, err error) {
		require.NoError(t, err)
		require.Len(t, receipt.TransactionID, 36)
		require.Empty(t, ids[receipt.TransactionID])
		ids[receipt.TransactionID] = name
	}
	for name, t2 := range map[string]transaction{
		"a charge":               {IdempotencyKey: "k", Total: 5},
		"another key":            {IdempotencyKey: "k2", Total: 5},
		"another total":          {IdempotencyKey: "k", Total: 6},
		"an asset":               {IdempotencyKey: "k", Total: 5, Asset: "a", AssetQuantity: 1},
		"more of an asset":       {IdempotencyKey: "k", Total: 5, Asset: "a", AssetQuantity: 2},
		"a product":              {IdempotencyKey: "k", Product: "a", ProductQuantity: 1},
		"more of a product":      {IdempotencyKey: "k", Product: "a", ProductQuantity: 2},
		"a character's product":  {IdempotencyKey: "k", Product: "a", ProductQuantity: 1, CharacterID: "c"},
		"another character's":    {IdempotencyKey: "k", Product: "a", ProductQuantity: 1, CharacterID: "d"},
		"under a subscription":   {IdempotencyKey: "k", Total: 5, SubscriptionID: "s"},
		"under another":          {IdempotencyKey: "k", Total: 5, SubscriptionID: "s2"},
		"asset and subscription": {IdempotencyKey: "k", Total: 5, Asset: "s", AssetQuantity: 1, SubscriptionID: "s"},
	} {
		t.Run(name, func(t *testing.T) {
			receipt, err := client.Transact(t.Context(), t2)
			see(t, name, receipt, err)
		})
	}
	t.Run("v2/transact", func(t *testing.T) {
		receipt, err := client.TransactV2(t.Context(), transaction{IdempotencyKey: "k", Total: 5})
		see(t, "v2", receipt, err)
	})
	for name, seller := range map[string]gloebit.Seller{
		"a seller":            {GloebitID: "s"},
		"one by email":        {Email: "s"},
		"another of the shop": {GloebitID: "s", ID: "s"},
	} {
		t.Run(name, func(t *testing.T) {
			receipt, err := client.TransactU2U(t.Context(), transaction{IdempotencyKey: "k", Total: 5}, seller)
			see(t, name, receipt, err)
			seller.Name = "Sam"
			again, err := client.TransactU2U(t.Context(), transaction{IdempotencyKey: "k", Total: 5}, seller)
			require.NoError(t, err)
			require.Equal(t, receipt.TransactionID, again.TransactionID)
		})
	}
}

func TestKeyAndQuantityAreRequired(t *testing.T) {
	const key = "set IdempotencyKey to a value that the form carries, or to a new uuid.NewString() " +
		"to make every call a purchase of its own"
	const quantity = "the quantity is 0: set it to at least 1"
	item := func(order gloebit.ItemOrder) func(context.Context, *gloebit.Client) error {
		return func(ctx context.Context, c *gloebit.Client) error { _, err := c.PurchaseItem(ctx, order); return err }
	}
	product := func(order gloebit.ProductOrder) func(context.Context, *gloebit.Client) error {
		return func(ctx context.Context, c *gloebit.Client) error {
			_, err := c.PurchaseProduct(ctx, order)
			return err
		}
	}
	transact := func(order gloebit.Transaction) func(context.Context, *gloebit.Client) error {
		return func(ctx context.Context, c *gloebit.Client) error { _, err := c.Transact(ctx, order); return err }
	}
	for name, test := range map[string]struct {
		call func(context.Context, *gloebit.Client) error
		want string
	}{
		"an item without a key":    {item(gloebit.ItemOrder{Item: "a", Price: 1, Quantity: 1}), key},
		"a product without a key":  {product(gloebit.ProductOrder{Product: "a", Quantity: 1}), key},
		"a charge without a key":   {transact(gloebit.Transaction{Total: 1}), key},
		"no items":                 {item(gloebit.ItemOrder{IdempotencyKey: "k", Item: "a", Price: 1}), quantity},
		"no products":              {product(gloebit.ProductOrder{IdempotencyKey: "k", Product: "a"}), quantity},
		"a transaction of none":    {transact(gloebit.Transaction{IdempotencyKey: "k", Product: "a"}), quantity},
		"a transaction of nothing": {transact(gloebit.Transaction{IdempotencyKey: "k", Asset: "a", Total: 1}), quantity},
		"another user's payment without a key": {func(ctx context.Context, c *gloebit.Client) error {
			_, err := c.TransactU2U(ctx, gloebit.Transaction{Total: 1}, gloebit.Seller{GloebitID: "s"})
			return err
		}, key},
	} {
		t.Run(name, func(t *testing.T) {
			client, _, _ := clientOf(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
			err := test.call(t.Context(), client)
			require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestTransactionIDOfAnOrder(t *testing.T) {
	item := gloebit.ItemOrder{IdempotencyKey: "k", Item: "hat", Price: 5, Quantity: 2}
	product := gloebit.ProductOrder{IdempotencyKey: "k", Product: "hat", Price: 5, Quantity: 2, CharacterID: "c"}
	server := httptest.NewServer(answering(http.StatusOK, `{"success":true,"status":"queued","reason":"success"}`))
	t.Cleanup(server.Close)
	client := func(t *testing.T, user, account, realm string) *gloebit.Client { // as another process makes one
		config := validConfig()
		config.Provider, config.Realm, config.Tokens = gloebit.ProviderAt(server.URL), realm, &gloebit.MemoryTokenStore{}
		merchant, err := gloebit.New(config)
		require.NoError(t, err)
		credential := connect.Credential{
			AccessToken: canaryToken, Scopes: []gloebit.Scope{gloebit.ScopeTransact}, Subject: account, Name: user,
		}
		require.NoError(t, config.Tokens.Update(t.Context(), keyOf(merchant, user), save(credential)))
		c, err := merchant.Client(t.Context(), user)
		require.NoError(t, err)
		return c
	}
	ids := func(t *testing.T, c *gloebit.Client) [2]string {
		first, err := item.TransactionID(c)
		require.NoError(t, err)
		second, err := product.TransactionID(c)
		require.NoError(t, err)
		require.NotEqual(t, first, second)
		return [2]string{first, second}
	}
	base := client(t, "u", "account", "shop")
	want := ids(t, base)
	t.Run("it is the one that is sent", func(t *testing.T) {
		first, err := base.PurchaseItem(t.Context(), item)
		require.NoError(t, err)
		second, err := base.PurchaseProduct(t.Context(), product)
		require.NoError(t, err)
		require.Equal(t, want, [2]string{first.TransactionID, second.TransactionID})
	})
	t.Run("an ID of the application's own stays", func(t *testing.T) {
		id, err := gloebit.ItemOrder{ID: "mine"}.TransactionID(base)
		require.NoError(t, err)
		require.Equal(t, "mine", id)
	})
	t.Run("another user ID of the account has the same", func(t *testing.T) {
		require.Equal(t, want, ids(t, client(t, "the next session", "account", "shop")))
	})
	t.Run("another account has another", func(t *testing.T) {
		require.NotEqual(t, want, ids(t, client(t, "u", "another", "shop")))
	})
	t.Run("a user is no account", func(t *testing.T) {
		require.NotEqual(t, ids(t, client(t, "u", "u", "shop")), ids(t, client(t, "u", "", "shop")))
		require.NotEqual(t, ids(t, client(t, "u", "", "shop")), ids(t, client(t, "v", "", "shop")))
	})
	t.Run("another realm has another", func(t *testing.T) {
		require.NotEqual(t, want, ids(t, client(t, "u", "account", "another")))
	})
	t.Run("transactions know the account", func(t *testing.T) {
		charge := gloebit.Transaction{IdempotencyKey: "2026-05", Total: 5, SubscriptionID: "s"}
		seen := map[string]int{}
		for _, c := range []*gloebit.Client{
			base, client(t, "the next session", "account", "shop"), client(t, "u", "another", "shop"),
			client(t, "u", "account", "another"),
		} {
			receipt, err := c.Transact(t.Context(), charge)
			require.NoError(t, err)
			seen[receipt.TransactionID]++
			receipt, err = c.TransactU2U(t.Context(), charge, gloebit.Seller{GloebitID: "s"})
			require.NoError(t, err)
			seen[receipt.TransactionID]++
		}
		require.Len(t, seen, 6, "one of the account and path, whatever the session, and one each of others")
	})
}
