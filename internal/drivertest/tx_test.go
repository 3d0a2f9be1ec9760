package drivertest_test

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

type changeFunc = func(context.Context, ledger.Purchase) (ledger.Purchase, error)

// moving is an fn that writes nothing and counts its calls.
func moving(_ context.Context, p ledger.Purchase) (ledger.Purchase, error) {
	p.Attempts++
	return p, nil
}

// swapped calls CompareAndSwap with one attempt more than the purchase has in
// direct.
func swapped(ctx context.Context, store, direct ledger.Store, key connect.Key) (bool, error) {
	old, err := direct.Get(ctx, key)
	if err != nil {
		return false, err
	}
	next, _ := moving(ctx, old.Clone())
	_, swapped, err := store.CompareAndSwap(ctx, old, next)
	return swapped, err
}

// delivering is an fn that writes in the transaction, then does something.
func delivering(then func(ctx context.Context, tx sqlledger.Querier) error) changeFunc {
	return func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
		if err := note(ctx, p.ID, "delivered"); err != nil {
			return p, err
		}
		tx, _ := sqlledger.Tx(ctx)
		p.State = ledger.Delivered
		return p, then(ctx, tx)
	}
}

func nothing(context.Context, sqlledger.Querier) error { return nil }

// wantNothingKept fails unless the purchase is settled and unlocked, and
// nothing was written for it.
func wantNothingKept(t *testing.T, d database, store *shopStore, p ledger.Purchase) {
	t.Helper()
	got, err := store.Change(
		within(t, 20*time.Second), p.StoreKey(),
		func(_ context.Context, p ledger.Purchase) (ledger.Purchase, error) { return p, nil },
	)
	require.NoError(t, err, "the purchase is free")
	require.Equal(t, ledger.Settled, got.State)
	require.Empty(t, noted(t, d, "delivered"))
}

func TestNoTransactionOutsideChange(t *testing.T) {
	_, ok := sqlledger.Tx(t.Context())
	require.False(t, ok)
}

func TestFnWritesCommitWithPurchase(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store, p, no := d.store(t), purchase(1, ledger.Settled), errors.New("no")
		created(t, store, p)
		returns := func(change func(*ledger.Purchase)) changeFunc {
			return func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
				change(&p)
				return p, note(ctx, p.ID, "delivered")
			}
		}
		for name, spoiled := range map[string]changeFunc{
			"fn fails": delivering(func(context.Context, sqlledger.Querier) error { return no }),
			"it returns what is refused": func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
				p.State = "lost"
				return p, note(ctx, p.ID, "delivered")
			},
			"it returns another purchase": func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
				defer func() { p.ID += "x" }()
				return purchase(2, ledger.Delivered), note(ctx, p.ID, "delivered")
			},
			"it returns another user":    returns(func(p *ledger.Purchase) { p.UserID = "another" }),
			"it returns another account": returns(func(p *ledger.Purchase) { p.GloebitID = "another" }),
			"it returns another key":     returns(func(p *ledger.Purchase) { p.IdempotencyKey = "another" }),
			"it returns another time":    returns(func(p *ledger.Purchase) { p.CreatedAt = p.CreatedAt.Add(time.Second) }),
		} {
			_, err := store.Change(t.Context(), p.StoreKey(), spoiled)
			require.Error(t, err, name)
			wantNothingKept(t, d, store, p)
		}
		require.PanicsWithValue(t, no, func() {
			_, _ = store.Change(
				t.Context(), p.StoreKey(), delivering(func(context.Context, sqlledger.Querier) error { panic(no) }),
			)
		})
		wantNothingKept(t, d, store, p)

		got, err := store.Change(t.Context(), p.StoreKey(), delivering(nothing))
		require.NoError(t, err)
		require.Equal(t, ledger.Delivered, got.State)
		wantEachOnce(t, d, "delivered", 1)
	})
}

// TestFailedStatementDoesNotLoseDelivery checks a change after a failed
// statement. PostgreSQL then keeps nothing of the transaction, and the other
// databases keep the earlier writes.
func TestFailedStatementDoesNotLoseDelivery(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store, p := d.store(t), purchase(1, ledger.Settled)
		created(t, store, p)
		_, err := store.Change(t.Context(), p.StoreKey(), delivering(func(ctx context.Context, tx sqlledger.Querier) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO nowhere VALUES (1)")
			require.Error(t, err)
			return nil // as if nothing had happened
		}))
		if d.dialect == sqlstore.Postgres {
			require.Error(t, err)
			wantNothingKept(t, d, store, p)
			return
		}
		require.NoError(t, err)
		wantEachOnce(t, d, "delivered", 1)
	})
}

// TestATransactionThatHasEndedSavesNothing checks the errors at which MySQL and
// SQLite end a whole transaction. Later writes must not be kept without the
// ones that were rolled back.
func TestATransactionThatHasEndedSavesNothing(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store, p := d.store(t), purchase(1, ledger.Settled)
		created(t, store, p)
		for _, again := range []string{"", "BEGIN"} {
			_, err := store.Change(t.Context(), p.StoreKey(), delivering(func(ctx context.Context, tx sqlledger.Querier) error {
				_, err := tx.ExecContext(ctx, "ROLLBACK")
				require.NoError(t, err)
				if again != "" {
					_, err = tx.ExecContext(ctx, again)
				}
				return err
			}))
			require.ErrorContains(t, err, "the transaction that was lent has been ended")
			wantNothingKept(t, d, store, p)
		}
	})
}

// TestNoWriteAfterAFailureEndedTheTransaction checks an fn that tries again
// after a statement whose failure has rolled back the whole transaction. The
// second try must not be kept without the purchase.
func TestNoWriteAfterAFailureEndedTheTransaction(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store, p, other := d.store(t), purchase(1, ledger.Settled), purchase(2, ledger.Settled)
		created(t, store, p, other)
		fail := func(ctx context.Context, tx sqlledger.Querier) error {
			_, err := tx.ExecContext(ctx, "INSERT OR ROLLBACK INTO goods (purchase, what) VALUES (NULL, 'nothing')")
			return err
		}
		switch d.dialect {
		case sqlstore.Postgres:
			fail = func(ctx context.Context, tx sqlledger.Querier) error {
				_, err := tx.ExecContext(ctx, "INSERT INTO nowhere VALUES (1)")
				return err
			}
		case sqlstore.MySQL:
			fail = func(ctx context.Context, tx sqlledger.Querier) error { return deadlock(ctx, d.look(t), tx, p, other) }
		}
		for name, again := range map[string]func(ctx context.Context, tx sqlledger.Querier) error{
			"Exec": func(ctx context.Context, _ sqlledger.Querier) error { return note(ctx, p.ID, "delivered") },
			"Prepare": func(ctx context.Context, tx sqlledger.Querier) error {
				statement, err := tx.PrepareContext(ctx, insertNote(p.ID, "delivered"))
				if err == nil {
					_, err = statement.ExecContext(ctx)
				}
				return err
			},
		} {
			for _, ignores := range []bool{true, false} {
				_, err := store.Change(t.Context(), p.StoreKey(), delivering(func(
					ctx context.Context, tx sqlledger.Querier,
				) error {
					require.Error(t, fail(ctx, tx))
					err := again(ctx, tx)
					require.Error(t, err, name)
					if ignores {
						return nil
					}
					return err
				}))
				require.Error(t, err, name)
				wantNothingKept(t, d, store, p)
			}
		}
	})
}

// deadlock makes the transaction the victim of a deadlock of MySQL, which
// prefers the one that has written less.
func deadlock(ctx context.Context, db *sql.DB, tx sqlledger.Querier, locked, other ledger.Purchase) error {
	const lock = "UPDATE gloebit_purchases SET quantity = quantity + 1 WHERE realm = ? AND id = ?"
	heavy, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for range 10 {
		if _, err := heavy.ExecContext(ctx, insertNote(other.ID, "heavy")); err != nil {
			return err
		}
	}
	if _, err := heavy.ExecContext(ctx, lock, realm, other.ID); err != nil {
		return err
	}
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		_, _ = heavy.ExecContext(ctx, lock, realm, locked.ID)
	}()
	_, failed := tx.ExecContext(ctx, lock, realm, other.ID)
	<-waited
	_ = heavy.Rollback() // fails if the database chose this transaction
	return failed
}

func TestATransactionReadsWhatItWrote(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store, p := d.store(t), purchase(1, ledger.Settled)
		created(t, store, p)
		_, err := store.Change(t.Context(), p.StoreKey(), delivering(func(ctx context.Context, tx sqlledger.Querier) error {
			var n int
			require.NoError(t, tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM goods").Scan(&n))
			require.Equal(t, 1, n)
			rows, err := tx.QueryContext(ctx, "SELECT purchase FROM goods")
			require.NoError(t, err)
			require.True(t, rows.Next())
			require.NoError(t, rows.Close())
			statement, err := tx.PrepareContext(ctx, insertNote(p.ID, "prepared"))
			require.NoError(t, err)
			_, err = statement.ExecContext(ctx)
			require.NoError(t, err)
			return statement.Close()
		}))
		require.NoError(t, err)
		wantEachOnce(t, d, "delivered", 1)
		wantEachOnce(t, d, "prepared", 1)
	})
}

func TestATransactionEndsWithFn(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store, p := d.store(t), purchase(1, ledger.Settled)
		created(t, store, p)
		var kept sqlledger.Querier
		_, err := store.Change(
			t.Context(), p.StoreKey(),
			delivering(func(_ context.Context, tx sqlledger.Querier) error { kept = tx; return nil }),
		)
		require.NoError(t, err)
		_, err = kept.ExecContext(t.Context(), insertNote(p.ID, "late"))
		require.ErrorIs(t, err, sql.ErrTxDone)
		_, err = kept.QueryContext(t.Context(), "SELECT 1")
		require.ErrorIs(t, err, sql.ErrTxDone)
		_, err = kept.PrepareContext(t.Context(), "SELECT 1")
		require.ErrorIs(t, err, sql.ErrTxDone)
		require.ErrorIs(t, kept.QueryRowContext(t.Context(), "SELECT 1").Scan(new(int)), context.Canceled)
		require.Empty(t, noted(t, d, "late"))
	})
}

// TestUnclosedRowsBlockNothing checks rows that fn does not close, which hold
// their connection. Other calls must not wait for it, and no partial change may
// be kept.
func TestUnclosedRowsBlockNothing(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store, p := d.store(t), purchase(1, ledger.Settled)
		created(t, store, p, purchase(2, ledger.Settled), purchase(3, ledger.Settled))
		for name, forget := range map[string]func(ctx context.Context, tx sqlledger.Querier) error{
			"of a query": func(_ context.Context, tx sqlledger.Querier) error {
				rows, err := tx.QueryContext(context.Background(), "SELECT id FROM gloebit_purchases")
				require.True(t, rows.Next())
				return err
			},
			"of a prepared query": func(ctx context.Context, tx sqlledger.Querier) error {
				statement, err := tx.PrepareContext(ctx, "SELECT id FROM gloebit_purchases")
				require.NoError(t, err)
				rows, err := statement.QueryContext(ctx)
				require.True(t, rows.Next())
				return err
			},
		} {
			ctx := within(t, 30*time.Second)
			_, err := store.Change(ctx, p.StoreKey(), delivering(forget))
			require.NoError(t, ctx.Err(), name)
			got, getErr := store.Get(t.Context(), p.StoreKey())
			require.NoError(t, getErr)
			require.Equal(t, err == nil, got.State == ledger.Delivered, "%s: %v", name, err)
			require.Equal(t, err == nil, len(noted(t, d, "delivered")) == 1, "%s: %v", name, err)
			_, err = store.Change(within(t, 20*time.Second), p.StoreKey(), func(
				_ context.Context, p ledger.Purchase,
			) (ledger.Purchase, error) {
				p.State = ledger.Settled
				return p, nil
			})
			require.NoError(t, err, "%s: the purchase is free", name)
			require.NoError(t, clearTables(within(t, 20*time.Second), d.look(t), "goods"), name)
		}
	})
}

// TestChangeIsSavedAfterContextEnds checks that a delivery is saved although
// the context ends just after it, so that it is not repeated.
func TestChangeIsSavedAfterContextEnds(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store, p := d.store(t), purchase(1, ledger.Settled)
		created(t, store, p)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := store.Change(
			ctx, p.StoreKey(), delivering(func(context.Context, sqlledger.Querier) error { cancel(); return nil }),
		)
		require.NoError(t, err)
		wantEachOnce(t, d, "delivered", 1)
		got, err := store.Get(t.Context(), p.StoreKey())
		require.NoError(t, err)
		require.Equal(t, ledger.Delivered, got.State)
	})
}

// TestChangeCanUpdateCredentials checks a Fulfiller that loads and refreshes
// the user's credential. SQLite refuses it at once, because the Update would
// wait for its own transaction.
func TestChangeCanUpdateCredentials(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		db.SetMaxOpenConns(2) // one for the Change, one for the rest
		store, p := newStore(db, d.dialect), purchase(1, ledger.Settled)
		created(t, store, p)
		require.NoError(t, store.Update(t.Context(), at("u"), saving("before")))
		ctx := within(t, 20*time.Second)
		_, err := store.Change(ctx, p.StoreKey(), delivering(func(ctx context.Context, _ sqlledger.Querier) error {
			_, err := store.Load(ctx, at("u"))
			require.NoError(t, err)
			if err := store.Update(ctx, at("u"), saving("after")); err != nil {
				return err
			}
			return store.Put(ctx, at("key"), pending())
		}))
		if d.dialect == sqlstore.SQLite {
			require.ErrorContains(t, err, "SQLite has one writer")
			require.NoError(t, ctx.Err(), "it says so at once")
			wantNothingKept(t, d, store, p)
		} else {
			require.NoError(t, err)
			wantEachOnce(t, d, "delivered", 1)
		}
		require.NoError(t, store.Update(t.Context(), at("u"), saving("then")), "the store is free")
	})
}

// TestChangeCanUseAnotherDatabase checks that a Change in one SQLite file may
// write to another file.
func TestChangeCanUseAnotherDatabase(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store, another, p := d.store(t), sqliteWithWAL.lend(t).store(t), purchase(1, ledger.Settled)
		created(t, store, p)
		_, err := store.Change(t.Context(), p.StoreKey(), delivering(func(ctx context.Context, _ sqlledger.Querier) error {
			return another.Update(ctx, at("u"), saving("another's"))
		}))
		require.NoError(t, err)
		wantEachOnce(t, d, "delivered", 1)
	})
}

func TestContextOfEndedChangeCanWrite(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store, p := d.store(t), purchase(1, ledger.Settled)
		created(t, store, p)
		var started context.Context
		_, err := store.Change(t.Context(), p.StoreKey(), func(
			ctx context.Context, p ledger.Purchase,
		) (ledger.Purchase, error) {
			started = context.WithoutCancel(ctx)
			return p, nil
		})
		require.NoError(t, err)
		require.NoError(t, store.Update(started, at("u"), saving("later")))
		_, err = store.Change(started, p.StoreKey(), moving)
		require.NoError(t, err)
	})
}

// entering is a context that signals its second Done. An Update calls it when
// it has its user's turn and waits for a connection.
type entering struct {
	context.Context
	asked  atomic.Int32
	inLine chan struct{}
}

func (c *entering) Done() <-chan struct{} {
	if c.asked.Add(1) == 2 {
		close(c.inLine)
	}
	return c.Context.Done()
}

// TestUpdateWithinChangeDoesNotDeadlock has one connection for Changes and
// Updates. One Update has its user's turn and waits for the connection, while
// the Change that holds the connection updates the same user.
func TestUpdateWithinChangeDoesNotDeadlock(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		db := d.connect(t)
		db.SetMaxOpenConns(2)
		store, p := newStore(db, d.dialect), purchase(1, ledger.Settled)
		created(t, store, p)
		outside := &entering{Context: within(t, 20*time.Second), inLine: make(chan struct{})}
		updated := make(chan error, 1)
		_, err := store.Change(within(t, 10*time.Second), p.StoreKey(), delivering(func(
			ctx context.Context, _ sqlledger.Querier,
		) error {
			go func() { updated <- store.Update(outside, at("u"), saving("outside")) }()
			<-outside.inLine
			return store.Update(ctx, at("u"), saving("within"))
		}))
		require.NoError(t, err)
		require.NoError(t, <-updated)
		wantEachOnce(t, d, "delivered", 1)
		credential, err := store.Load(t.Context(), at("u"))
		require.NoError(t, err)
		require.Equal(t, "outside", credential.AccessToken.Reveal(), "it came after the Change")
	})
}

func TestAConnectionLostDuringAChangeKeepsNothing(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		p1 := purchase(1, ledger.Settled)
		p, _, store, direct := throughProxy(t, d)
		created(t, store, p1)
		_, err := store.Change(within(t, 30*time.Second), p1.StoreKey(), delivering(func(
			ctx context.Context, _ sqlledger.Querier,
		) error {
			p.cut()
			<-ctx.Done()
			return nil
		}))
		require.ErrorContains(t, err, "the connection that locked the purchase is lost")
		require.NotErrorIs(t, err, context.DeadlineExceeded, "long before the caller's context ended")
		wantNothingKept(t, d, direct, p1)
		p.restore()

		_, err = store.Change(
			t.Context(), p1.StoreKey(), delivering(func(context.Context, sqlledger.Querier) error { p.cut(); return nil }),
		)
		require.Error(t, err)
		wantNothingKept(t, d, direct, p1)
		p.restore()
		for name, call := range map[string]func() error{
			"Get":  func() error { _, err := store.Get(t.Context(), p1.StoreKey()); return err },
			"List": func() error { _, err := store.List(t.Context(), ledger.Query{Realm: realm}); return err },
			"Claim": func() error {
				_, err := store.Claim(t.Context(), realm, ledger.Settled, ordered, ordered)
				return err
			},
			"Change":         func() error { _, err := store.Change(t.Context(), p1.StoreKey(), moving); return err },
			"Create":         func() error { _, _, err := store.Create(t.Context(), keyed(2)); return err },
			"CompareAndSwap": func() error { _, err := swapped(t.Context(), store, direct, p1.StoreKey()); return err },
		} {
			require.NoError(t, call(), "%s works again at once", name)
		}
		p.cut()
		_, err = store.Get(t.Context(), p1.StoreKey())
		require.Error(t, err)
		require.NotErrorIs(t, err, connect.ErrNotFound, "a failed query is not absence")
		_, err = store.Claim(t.Context(), realm, ledger.Settled, ordered, ordered)
		require.Error(t, err)
		require.NotErrorIs(t, err, connect.ErrNotFound)
	})
}

func keyed(i int) ledger.Purchase {
	p := purchase(i, ledger.Created)
	p.IdempotencyKey = "key"
	return p
}

// TestLongReadIsNotInterrupted checks that the ping every second neither
// disturbs open rows nor takes a long statement for a lost connection.
func TestLongReadIsNotInterrupted(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		store, p := d.store(t), purchase(1, ledger.Settled)
		created(t, store, p, purchase(2, ledger.Settled))
		sleep := map[sqlstore.Dialect]string{
			sqlstore.Postgres: "SELECT pg_sleep(4.5)", sqlstore.MySQL: "DO SLEEP(4.5)",
		}[d.dialect]
		_, err := store.Change(t.Context(), p.StoreKey(), delivering(func(ctx context.Context, tx sqlledger.Querier) error {
			_, err := tx.ExecContext(ctx, sleep)
			require.NoError(t, err)
			rows, err := tx.QueryContext(ctx, "SELECT id FROM gloebit_purchases")
			require.NoError(t, err)
			require.True(t, rows.Next())
			<-time.After(2500 * time.Millisecond)
			require.True(t, rows.Next())
			require.NoError(t, rows.Close())

			statement, err := tx.PrepareContext(ctx, "SELECT id FROM gloebit_purchases")
			require.NoError(t, err)
			require.NoError(t, note(ctx, p.ID, "read"))
			rows, err = statement.QueryContext(ctx)
			require.NoError(t, err)
			require.True(t, rows.Next())
			<-time.After(1500 * time.Millisecond)
			require.True(t, rows.Next())
			return errors.Join(rows.Close(), statement.Close())
		}))
		require.NoError(t, err)
		wantEachOnce(t, d, "delivered", 1)
	})
}
