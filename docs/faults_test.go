package docs_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestFaults(t *testing.T) {
	order := func() gloebit.ItemOrder {
		return gloebit.ItemOrder{IdempotencyKey: uuid.NewString(), Item: "sticker", Price: 3, Quantity: 1}
	}
	world := func(t *testing.T) (*gloebittest.Server, *gloebit.Client) {
		shop, merchant := connected(t)
		client, err := merchant.Client(t.Context(), "alice")
		require.NoError(t, err)
		return shop.Gloebit, client
	}
	t.Run("response lost", func(t *testing.T) {
		server, client := world(t)
		// The first response is lost after the charge. The client retries the order.
		server.Inject(gloebittest.Fault{Path: "transact", Times: 1, Drop: true, After: true})
		receipt, err := client.PurchaseItem(t.Context(), order())
		require.NoError(t, err)
		require.Equal(t, gloebit.OutcomeResubmitted, receipt.Outcome)
		require.Equal(t, "997", server.Balance("alice"))
	})
	t.Run("every response lost", func(t *testing.T) {
		server, client := world(t)
		server.Inject(gloebittest.Fault{Path: "transact", Drop: true, After: true})
		once := order()
		_, err := client.PurchaseItem(t.Context(), once)
		require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown)
		server.ClearFaults() // Gloebit answers again, and the user sends the same form
		_, err = client.PurchaseItem(t.Context(), once)
		require.NoError(t, err)
		require.Equal(t, "997", server.Balance("alice"))
	})
	t.Run("refused", func(t *testing.T) {
		server, client := world(t)
		require.NoError(t, server.Lock("alice", true)) // the account can't spend
		_, err := client.PurchaseItem(t.Context(), order())
		require.ErrorIs(t, err, gloebit.ErrCannotSpend)
	})
	t.Run("revoked", func(t *testing.T) {
		server, client := world(t)
		server.RevokeTokens("alice")
		_, err := client.PurchaseItem(t.Context(), order())
		require.ErrorIs(t, err, gloebit.ErrNotConnected)
	})
}

// clock is a time that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) Advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

func TestTime(t *testing.T) {
	clock := &clock{now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	gloebitConfig := gloebittest.Config{Clock: clock.Now, TokenLifetime: time.Hour, RefreshTokens: true}
	shop := testkit.NewShop(t, gloebitConfig)
	config := shop.Config()
	config.Clock = clock.Now
	config.Scopes = []gloebit.Scope{gloebit.ScopeBalance}
	config.User = func(*http.Request) (gloebit.User, error) { return gloebit.User{ID: "alice"}, nil }
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	connectTo(t, shop, merchant)
	client, err := merchant.Client(t.Context(), "alice")
	require.NoError(t, err)

	clock.Advance(2 * time.Hour) // the access token has expired
	balance, err := client.Balance(t.Context())
	require.NoError(t, err) // it was refreshed
	require.Equal(t, "1000", balance.String())
}

func TestCallbacks(t *testing.T) {
	shop := testkit.NewShop(t, gloebittest.Config{Queue: gloebittest.Queue{Manual: true}})
	config := shop.Config()
	config.Scopes = []gloebit.Scope{gloebit.ScopeTransact}
	config.User = func(*http.Request) (gloebit.User, error) { return gloebit.User{ID: "alice"}, nil }
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	connectTo(t, shop, merchant)
	client, err := merchant.Client(t.Context(), "alice")
	require.NoError(t, err)
	server, ctx := shop.Gloebit, t.Context()
	purchases, err := ledger.New(ledger.Config{
		Merchant: merchant, Fulfiller: &parcels{}, CallbackURL: shop.Server.URL + "/gloebit/hold",
		Keys: []gloebit.Secret{"32 random bytes, from your secrets"},
	})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/gloebit/hold/", purchases.Handler())
	shop.Serve(mux)

	purchase, err := purchases.Purchase(ctx, client, ledger.Order{
		IdempotencyKey: uuid.NewString(), Item: "green-hat", Price: 40, Quantity: 1,
	})
	require.NoError(t, err)
	require.Equal(t, ledger.Accepted, purchase.State) // Gloebit has the gloebits on hold

	require.NoError(t, server.Settle(ctx)) // enact and consume
	purchase, err = purchases.Get(ctx, purchase.ID)
	require.NoError(t, err)
	require.Equal(t, ledger.Delivered, purchase.State)
}

// parcels delivers by doing nothing.
type parcels struct{}

func (*parcels) Reserve(context.Context, ledger.Purchase) error { return nil }
func (*parcels) Deliver(context.Context, ledger.Purchase) error { return nil }
func (*parcels) Release(context.Context, ledger.Purchase) error { return nil }
