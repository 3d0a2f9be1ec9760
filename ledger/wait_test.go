package ledger_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// bubble is a shop in a synctest bubble, on a Gloebit that no test calls.
func bubble(t *testing.T, store ledger.Store) *ledger.Ledger {
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: "shop", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
		Tokens: &gloebit.MemoryTokenStore{}, Provider: gloebit.Sandbox(),
	})
	require.NoError(t, err)
	shop, err := ledger.New(ledger.Config{
		Merchant: merchant, Store: store, Fulfiller: &goods{}, CallbackURL: "https://shop.example/hold",
		Keys: []gloebit.Secret{key},
	})
	require.NoError(t, err)
	_, _, err = store.Create(t.Context(), ledger.Purchase{
		Realm: merchant.Realm(), ID: "p", UserID: "alice", Order: hat, State: ledger.Accepted, CreatedAt: time.Now(),
		UpdatedAt: time.Now(),
	})
	require.NoError(t, err)
	return shop
}

func TestWait(t *testing.T) {
	t.Parallel()
	move := func(t *testing.T, store ledger.Store, shop *ledger.Ledger, edit func(*ledger.Purchase)) {
		p, err := shop.Get(t.Context(), "p")
		require.NoError(t, err)
		_, err = store.Change(t.Context(), p.StoreKey(), func(_ context.Context, p ledger.Purchase) (ledger.Purchase, error) {
			edit(&p)
			return p, nil
		})
		require.NoError(t, err)
	}
	for name, c := range map[string]struct {
		do     func(t *testing.T, store ledger.Store, shop *ledger.Ledger)
		within time.Duration
	}{
		"this process finishes it": {func(t *testing.T, _ ledger.Store, shop *ledger.Ledger) {
			_, err := shop.Cancel(t.Context(), "p", ledger.Act{})
			require.NoError(t, err)
		}, 0},
		"another process finishes it": {func(t *testing.T, store ledger.Store, shop *ledger.Ledger) {
			move(t, store, shop, func(p *ledger.Purchase) { p.State = ledger.Delivered })
		}, time.Second},
		"another process marks it stuck": {func(t *testing.T, store ledger.Store, shop *ledger.Ledger) {
			move(t, store, shop, func(p *ledger.Purchase) { p.StuckAt = time.Now() })
		}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &ledger.MemoryStore{}
				shop := bubble(t, store)
				var all sync.WaitGroup
				var did time.Time
				for range 3 {
					all.Go(func() {
						p, err := shop.Wait(t.Context(), "p")
						require.NoError(t, err)
						require.True(t, p.Finished() || p.Stuck())
						require.LessOrEqual(t, time.Since(did), c.within)
					})
				}
				time.Sleep(time.Minute + 17*time.Millisecond) // until a poll is far away
				synctest.Wait()
				did = time.Now()
				c.do(t, store, shop)
				all.Wait()
			})
		})
	}
}

// countingGets counts the reads of a purchase.
type countingGets struct {
	ledger.MemoryStore
	gets int
}

func (s *countingGets) Get(ctx context.Context, key connect.Key) (ledger.Purchase, error) {
	s.gets++
	return s.MemoryStore.Get(ctx, key)
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &countingGets{}
		shop := bubble(t, store)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
		defer cancel()
		p, err := shop.Wait(ctx, "p")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, ledger.Accepted, p.State, "the purchase as it was last")
		require.InDelta(t, 105, store.gets, 5, "about one read a second")
		_, err = shop.Wait(t.Context(), "unknown")
		require.ErrorIs(t, err, gloebit.ErrNotFound)
	})
	w := newWorld(t)
	w.store.failing(errors.New("down"))
	_, err := w.ledger.Wait(t.Context(), "p")
	require.ErrorIs(t, err, gloebit.ErrStore)
}
