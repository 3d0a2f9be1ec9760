package drivertest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// TestReplicasClaimEachPurchaseOnce gives every replica its own store and pool,
// as processes have.
func TestReplicasClaimEachPurchaseOnce(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		const many = 100
		one := d.store(t)
		createdTogether(t, one, settled(many))
		var group sync.WaitGroup
		var mu sync.Mutex
		claims := map[string]int{}
		for range replicas {
			store := d.store(t)
			for range 2 {
				group.Go(func() {
					for {
						p, err := store.Claim(t.Context(), realm, ledger.Settled, ordered, ordered.Add(time.Hour))
						if errors.Is(err, connect.ErrNotFound) {
							return
						}
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						claims[p.ID]++
						mu.Unlock()
					}
				})
			}
		}
		group.Wait()
		require.Len(t, claims, many)
		for id, n := range claims {
			require.Equal(t, 1, n, "%s was claimed %d times", id, n)
		}
	})
}

// TestReplicasCreateClaimAndChangeWithoutDeadlock creates, claims and changes
// purchases at once on several replicas, where databases find deadlocks.
func TestReplicasCreateClaimAndChangeWithoutDeadlock(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		const rounds = 40
		var group sync.WaitGroup
		var mu sync.Mutex
		ids := map[string]bool{}
		for r := range replicas {
			store := d.store(t)
			group.Go(func() {
				for i := range rounds {
					p := purchase(r*rounds+i, ledger.Settled)
					// as on the other replicas
					p.IdempotencyKey, p.CreatedAt = fmt.Sprint("key ", i/3), ordered.Add(time.Duration(i)*time.Second)
					kept, _, err := store.Create(t.Context(), p)
					if err == nil {
						mu.Lock()
						ids[kept.ID] = true
						mu.Unlock()
						_, err = store.Change(t.Context(), kept.StoreKey(), moving)
					}
					if err == nil {
						_, err = store.Claim(t.Context(), realm, ledger.Settled, ordered, ordered.Add(time.Hour))
					}
					if err != nil && !errors.Is(err, connect.ErrNotFound) {
						t.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
		all, err := d.store(t).List(t.Context(), ledger.Query{Realm: realm, Limit: 1000})
		require.NoError(t, err)
		require.Len(t, all, len(ids), "a caller that did not create got one that was")
		attempts := 0
		for _, p := range all {
			attempts += p.Attempts
		}
		require.Equal(t, replicas*rounds, attempts, "no change is lost")
	})
}

func TestReplicasWithOneKeyCreateOnePurchase(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		stores := make([]*shopStore, replicas)
		for i := range stores {
			stores[i] = d.store(t)
		}
		for round := range 20 {
			got := make([]string, replicas)
			var group sync.WaitGroup
			for i, store := range stores {
				group.Go(func() {
					p := purchase(round*replicas+i, ledger.Created)
					p.IdempotencyKey, p.CreatedAt = fmt.Sprint("key ", round), ordered.Add(time.Duration(round)*time.Second)
					kept, _, err := store.Create(t.Context(), p)
					if err != nil {
						t.Error(err)
					}
					got[i] = kept.ID
				})
			}
			group.Wait()
			for _, id := range got {
				require.Equal(t, got[0], id)
			}
			all, err := stores[0].List(t.Context(), ledger.Query{Realm: realm})
			require.NoError(t, err)
			require.Len(t, all, round+1)
		}
	})
}

// TestReturnedPurchaseEqualsStoredPurchase checks that Create and Change return
// the purchase as it is stored, although they do not read it again.
func TestReturnedPurchaseEqualsStoredPurchase(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store, p := d.store(t), keyed(1)
		at := ordered.Add(123456 * time.Microsecond).In(time.FixedZone("CET", 3600))
		p.Data, p.StuckAt, p.CreatedAt, p.UpdatedAt, p.History[0].At = []byte("{ \"a\": [1.0, \"<\\u00e9>\"] }\n"), at, at,
			at, at
		given := p.Clone()
		returned, _, err := store.Create(t.Context(), p)
		require.NoError(t, err)
		read, err := store.Get(t.Context(), p.StoreKey())
		require.NoError(t, err)
		require.Equal(t, read, returned)
		require.Equal(t, given, p, "the caller's is left alone")

		returned, err = store.Change(t.Context(), p.StoreKey(), func(
			_ context.Context, p ledger.Purchase,
		) (ledger.Purchase, error) {
			p.Data = []byte("[ ]")
			p.NextAt, p.UpdatedAt = at, at.Add(time.Second)
			p.History = append(p.History, ledger.Change{From: p.State, To: p.State, At: at, Cause: "again"})
			return p, nil
		})
		require.NoError(t, err)
		read, err = store.Get(t.Context(), p.StoreKey())
		require.NoError(t, err)
		require.Equal(t, read, returned)
	})
}

// TestAPurchaseIsReadable checks that the table holds the state as a word and
// the rest as JSON.
func TestAPurchaseIsReadable(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		store := newStore(db, d.dialect)
		created(t, store, purchase(1, ledger.Settled))
		var state string
		var rest []byte
		var stuck, next *string
		row := db.QueryRowContext(t.Context(), "SELECT state, next_at, stuck_at, purchase FROM gloebit_purchases")
		require.NoError(t, row.Scan(&state, &next, &stuck, &rest))
		require.Equal(t, "settled", state)
		require.Nil(t, stuck, "never is NULL")
		require.Contains(t, *next, "2026-02-03")
		require.Contains(t, string(rest), `"item":"hat"`)

		// The columns have the last word, so that a state can be mended by hand.
		_, err := db.ExecContext(t.Context(), "UPDATE gloebit_purchases SET state = 'delivered', next_at = NULL")
		require.NoError(t, err)
		p, err := store.Get(t.Context(), purchase(1, "").StoreKey())
		require.NoError(t, err)
		require.Equal(t, ledger.Delivered, p.State)
		require.Zero(t, p.NextAt)
		_, err = db.ExecContext(t.Context(), "UPDATE gloebit_purchases SET purchase = '[]'")
		require.NoError(t, err)
		_, err = store.Get(t.Context(), p.StoreKey())
		require.ErrorContains(t, err, "read purchase "+p.ID)
	})
}
