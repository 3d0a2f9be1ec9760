package drivertest_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

// hangingChange is a Change whose fn ignores its context.
type hangingChange struct {
	let  func()     // ends it, with what a statement gives it then
	late chan error // what that is
	err  chan error // the Change's own
}

var errOfFn = errors.New("of fn itself")

// hang starts a Change that writes and then hangs. It returns when the context
// of fn has ended.
func hang(
	t *testing.T, store *shopStore, p ledger.Purchase, then func(ctx context.Context, tx sqlledger.Querier),
) hangingChange {
	t.Helper()
	let, written := make(chan struct{}), make(chan struct{})
	c := hangingChange{let: sync.OnceFunc(func() { close(let) }), late: make(chan error, 1), err: make(chan error, 1)}
	t.Cleanup(c.let)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := store.Change(ctx, p.StoreKey(), delivering(func(ctx context.Context, tx sqlledger.Querier) error {
			close(written)
			then(ctx, tx)
			<-let
			_, err := tx.ExecContext(context.Background(), insertNote(p.ID, "late"))
			c.late <- err
			return errOfFn
		}))
		c.err <- err
	}()
	defer cancel()
	select {
	case <-written:
	case <-time.After(20 * time.Second):
		require.Fail(t, "it waits for a connection that another one keeps")
	}
	return c
}

// TestHangingFnReleasesConnection checks that a Fulfiller that never returns
// holds neither a connection of the pool nor the one writer of SQLite.
func TestHangingFnReleasesConnection(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		const pool = 4
		db := d.connect(t)
		db.SetMaxOpenConns(pool)
		store, direct := newStore(db, d.dialect), d.store(t)
		store.Lease = time.Second
		some := purchase(9, ledger.Settled)
		created(t, store, some, purchase(0, ledger.Settled), purchase(1, ledger.Settled), purchase(2, ledger.Settled))
		ways := []func(ctx context.Context, tx sqlledger.Querier){
			func(context.Context, sqlledger.Querier) {},
			func(_ context.Context, tx sqlledger.Querier) { // rows that stay open
				rows, err := tx.QueryContext(context.Background(), "SELECT id FROM gloebit_purchases")
				require.NoError(t, err)
				require.True(t, rows.Next())
			},
			func(_ context.Context, tx sqlledger.Querier) { // a statement that continues
				sleep := map[sqlstore.Dialect]string{
					sqlstore.Postgres: "SELECT pg_sleep(25)", sqlstore.MySQL: "DO SLEEP(25)",
					sqlstore.SQLite: "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20000000) SELECT " +
						"COUNT(*) FROM n",
				}[d.dialect]
				_, err := tx.ExecContext(context.Background(), sleep)
				require.Error(t, err)
			},
		}
		var hanging []hangingChange
		for i, way := range ways { // more than the pool has slots
			hanging = append(hanging, hang(t, store, purchase(i, ledger.Settled), way))
		}

		got, err := store.Change(within(t, 20*time.Second), some.StoreKey(), moving)
		require.NoError(t, err, "another purchase can be saved")
		require.Equal(t, 1, got.Attempts)
		for i := range ways {
			wantNothingKept(t, d, direct, purchase(i, "")) // and is free for another process
			_, err := store.Change(t.Context(), purchase(i, "").StoreKey(), moving)
			require.ErrorContains(t, err, "still goes on", "in this process no two fns run")
			_, err = swapped(t.Context(), store, direct, purchase(i, "").StoreKey())
			require.ErrorContains(t, err, "still goes on", "nor is the purchase swapped meanwhile")
		}
		require.Eventually(
			t, func() bool { return db.Stats().InUse == 0 }, 10*time.Second, 10*time.Millisecond,
			"every connection was given back",
		)

		for i, c := range hanging {
			c.let()
			require.ErrorIs(t, <-c.late, sql.ErrTxDone)
			err := <-c.err
			require.ErrorContains(t, err, "fn went on for too long")
			require.NotErrorIs(t, err, errOfFn)
			_, err = store.Change(t.Context(), purchase(i, "").StoreKey(), moving)
			require.NoError(t, err, "it is free in this process, too")
		}
		require.Empty(t, noted(t, d, "late"))
	})
}

func TestHangingFnIsAbandonedAfterQuarterLease(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store, direct, p := d.store(t), d.store(t), purchase(1, ledger.Settled)
		store.Lease = 8 * time.Second
		created(t, store, p)
		c := hang(t, store, p, func(context.Context, sqlledger.Querier) {})
		_, err := direct.Change(within(t, 6*time.Second), p.StoreKey(), moving)
		require.NoError(t, err, "another process has it soon")
		c.let()
		require.ErrorIs(t, <-c.late, sql.ErrTxDone)
		require.ErrorContains(t, <-c.err, "fn went on for too long")
	})
}

// TestUpdateIsNeverAbandoned checks that a refresh continues after its caller
// has canceled, and that the new token is saved.
func TestUpdateIsNeverAbandoned(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store := d.store(t)
		store.Lease = time.Second
		ctx, cancel := context.WithCancel(t.Context())
		err := store.Update(ctx, at("u"), func(context.Context, *connect.Credential) (*connect.Credential, error) {
			cancel()
			<-time.After(3 * store.Lease / 2)
			return &connect.Credential{AccessToken: "rotated"}, nil
		})
		require.NoError(t, err)
		credential, err := store.Load(t.Context(), at("u"))
		require.NoError(t, err)
		require.Equal(t, "rotated", credential.AccessToken.Reveal())
	})
}
