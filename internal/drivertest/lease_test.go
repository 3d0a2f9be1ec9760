package drivertest_test

import (
	"context"
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

const shortLease = 1900 * time.Millisecond // no whole seconds, in which MySQL counts

// outlasting makes fn wait for longer than the server's timeout. It returns
// what ended the wait, or nil if it was long enough.
func outlasting(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(2 * shortLease):
		return nil
	}
}

// wantNoOverlap changes the purchase in another process. It fails if that
// process gets the lock while the first one's context is alive, or waits too
// long.
func wantNoOverlap(t *testing.T, other *shopStore, p ledger.Purchase, first context.Context, begun time.Time) {
	_, err := other.Change(within(t, 20*time.Second), p.StoreKey(), func(
		_ context.Context, p ledger.Purchase,
	) (ledger.Purchase, error) {
		if first.Err() == nil {
			t.Error("two fns of one purchase run at once")
		}
		return p, nil
	})
	if err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 2*shortLease {
		t.Errorf("the purchase was free after %v", took)
	}
}

// TestIdleFnEndsBeforePurchaseIsUnlocked checks an fn whose query may have left
// rows open. Its connection can't be pinged, so the server gets nothing from
// it.
func TestIdleFnEndsBeforePurchaseIsUnlocked(t *testing.T) {
	one := "SELECT COUNT(*) FROM goods"
	each(t, servers, func(t *testing.T, d database) {
		store, direct := d.store(t), d.store(t)
		store.Lease = shortLease
		for name, read := range map[string]func(ctx context.Context, tx sqlledger.Querier) error{
			"a row": func(ctx context.Context, tx sqlledger.Querier) error {
				return tx.QueryRowContext(ctx, one).Scan(new(int))
			},
			"rows": func(ctx context.Context, tx sqlledger.Querier) error {
				rows, err := tx.QueryContext(ctx, one)
				return errors.Join(err, rows.Close())
			},
			"a prepared row": func(ctx context.Context, tx sqlledger.Querier) error {
				statement, err := tx.PrepareContext(ctx, one)
				require.NoError(t, err)
				_, err = tx.ExecContext(ctx, "DELETE FROM goods WHERE 1 = 0")
				return errors.Join(err, statement.QueryRowContext(ctx).Scan(new(int)), statement.Close())
			},
		} {
			t.Run(name, func(t *testing.T) {
				p := purchase(len(name), ledger.Settled)
				created(t, direct, p)
				other := make(chan struct{})
				_, err := store.Change(t.Context(), p.StoreKey(), delivering(func(ctx context.Context, tx sqlledger.Querier) error {
					begun := time.Now()
					require.NoError(t, read(ctx, tx))
					go func() { defer close(other); wantNoOverlap(t, direct, p, ctx, begun) }()
					return outlasting(ctx)
				}))
				<-other
				require.ErrorContains(t, err, "the connection that locked the purchase is lost")
				require.NotErrorIs(t, err, context.Canceled, "the caller's context has not ended")
				wantNothingKept(t, d, direct, p)
			})
		}
	})
}

// TestWaitingFnKeepsItsLock checks that the connection of a waiting fn is
// pinged, so that the server keeps its locks.
func TestWaitingFnKeepsItsLock(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		store, direct, p := d.store(t), d.store(t), purchase(1, ledger.Settled)
		store.Lease = shortLease
		created(t, store, p)
		_, err := store.Change(t.Context(), p.StoreKey(), delivering(func(ctx context.Context, tx sqlledger.Querier) error {
			require.NoError(t, tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM goods").Scan(new(int)))
			_, err := tx.ExecContext(ctx, "DELETE FROM goods WHERE 1 = 0") // there are no open rows now
			return errors.Join(err, outlasting(ctx))
		}))
		require.NoError(t, err)
		wantEachOnce(t, d, "delivered", 1)

		err = store.Update(t.Context(), at("u"), func(
			ctx context.Context, _ *connect.Credential,
		) (*connect.Credential, error) {
			other := make(chan error)
			// a user's lease is ten seconds
			go func() { other <- direct.Update(within(t, 12*time.Second), at("u"), saving("overtaking")) }()
			require.ErrorIs(t, <-other, context.DeadlineExceeded)
			return &connect.Credential{AccessToken: "kept"}, ctx.Err()
		})
		require.NoError(t, err)
		credential, err := direct.Load(t.Context(), at("u"))
		require.NoError(t, err)
		require.Equal(t, "kept", credential.AccessToken.Reveal())
	})
}

// TestLongLockWaitDoesNotEndLease checks that a lease counts how long the
// server was silent, not how long the wait for the lock took.
func TestLongLockWaitDoesNotEndLease(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		store, direct, p := d.store(t), d.store(t), purchase(1, ledger.Settled)
		store.Lease = time.Second
		created(t, store, p)
		done := make(chan error)
		_, err := direct.Change(t.Context(), p.StoreKey(), func(
			_ context.Context, p ledger.Purchase,
		) (ledger.Purchase, error) {
			go func() {
				_, err := store.Change(t.Context(), p.StoreKey(), func(
					ctx context.Context, p ledger.Purchase,
				) (ledger.Purchase, error) {
					<-time.After(300 * time.Millisecond)
					return p, ctx.Err()
				})
				done <- err
			}()
			<-time.After(shortLease)
			return p, nil
		})
		require.NoError(t, err)
		require.NoError(t, <-done)
	})
}

// TestLockWaitExceedsServerTimeout checks a wait that is longer than the lock
// timeout of MySQL. A named lock is requested again and again.
func TestLockWaitExceedsServerTimeout(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		db := d.connectTo(t, d.addr)
		if d.dialect == sqlstore.MySQL {
			db.SetMaxOpenConns(1) // which is set
			_, err := db.ExecContext(t.Context(), "SET SESSION innodb_lock_wait_timeout = 1")
			require.NoError(t, err)
		}
		store, direct, p := newStore(db, d.dialect), d.store(t), purchase(1, ledger.Settled)
		created(t, direct, p)
		const long = 6 * time.Second
		var held atomic.Int32
		hold := func() { held.Add(1); <-time.After(long); held.Add(-1) }
		updated, changed := make(chan error, 1), make(chan error, 1)
		require.NoError(t, direct.Update(t.Context(), at("new"), func(
			context.Context, *connect.Credential,
		) (*connect.Credential, error) {
			go func() { updated <- store.Update(within(t, 30*time.Second), at("new"), longer(t, &held)) }()
			hold()
			return &connect.Credential{AccessToken: "x"}, nil
		}))
		require.NoError(t, <-updated)
		credential, err := direct.Load(t.Context(), at("new"))
		require.NoError(t, err)
		require.Equal(t, "xx", credential.AccessToken.Reveal())

		_, err = direct.Change(t.Context(), p.StoreKey(), func(
			_ context.Context, p ledger.Purchase,
		) (ledger.Purchase, error) {
			go func() {
				_, err := store.Change(within(t, 30*time.Second), p.StoreKey(), func(
					_ context.Context, p ledger.Purchase,
				) (ledger.Purchase, error) {
					if held.Load() != 0 {
						t.Error("two Changes of one purchase run at once")
					}
					return p, nil
				})
				changed <- err
			}()
			hold()
			return p, nil
		})
		require.NoError(t, err)
		require.NoError(t, <-changed)
	})
}

func TestShortLeaseIsOneSecond(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store, p := d.store(t), purchase(1, ledger.Settled)
		store.Lease = time.Millisecond
		created(t, store, p)
		_, err := store.Change(t.Context(), p.StoreKey(), delivering(func(ctx context.Context, _ sqlledger.Querier) error {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(20 * time.Millisecond):
				return nil
			}
		}))
		require.NoError(t, err)
		wantEachOnce(t, d, "delivered", 1)
	})
}

// TestVanishedMachineLosesLocksAfterLease checks a machine that loses its power
// or network, and so closes no connection. Its locks are free after the lease,
// and its own fn, if it still runs, ends before that.
func TestVanishedMachineLosesLocksAfterLease(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		p, db, store, direct := throughProxy(t, d)
		store.Lease = shortLease
		vanish := func(ctx context.Context, take func()) {
			other := make(chan struct{})
			go func() { defer close(other); take() }()
			p.freeze()
			<-ctx.Done()
			<-other
		}
		reappear := func() {
			p.cut()
			p.thaw()
			p.restore()
		}

		one := purchase(1, ledger.Settled)
		created(t, direct, one)
		_, err := store.Change(t.Context(), one.StoreKey(), delivering(func(ctx context.Context, _ sqlledger.Querier) error {
			begun := time.Now()
			vanish(ctx, func() { wantNoOverlap(t, direct, one, ctx, begun) })
			return nil
		}))
		require.ErrorContains(t, err, "the connection that locked the purchase is lost")
		reappear()
		wantNothingKept(t, d, direct, one)

		store = newStore(db, d.dialect) // with a lease of a minute
		err = store.Update(t.Context(), at("u"), func(
			ctx context.Context, _ *connect.Credential,
		) (*connect.Credential, error) {
			begun := time.Now()
			vanish(ctx, func() {
				err := direct.Update(within(t, 20*time.Second), at("u"), func(
					context.Context, *connect.Credential,
				) (*connect.Credential, error) {
					if ctx.Err() == nil {
						t.Error("two Updates of one user run at once")
					}
					return &connect.Credential{AccessToken: "another's"}, nil
				})
				if err != nil || time.Since(begun) > 15*time.Second { // a user is free after ten
					t.Errorf("after %v: %v", time.Since(begun), err)
				}
			})
			return &connect.Credential{AccessToken: "too late"}, nil
		})
		require.ErrorContains(t, err, "the connection that locked the user is lost")
		reappear()
		credential, err := direct.Load(t.Context(), at("u"))
		require.NoError(t, err)
		require.Equal(t, "another's", credential.AccessToken.Reveal())
	})
}

// TestErrorAfterLostConnectionIsDiscarded checks an fn whose context ended with
// its connection: its error is not a decision.
func TestErrorAfterLostConnectionIsDiscarded(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		soldOut := errors.New("sold out")
		p, _, store, direct := throughProxy(t, d)
		one := purchase(1, ledger.Settled)
		created(t, direct, one)
		_, err := store.Change(t.Context(), one.StoreKey(), func(
			ctx context.Context, p1 ledger.Purchase,
		) (ledger.Purchase, error) {
			p.cut()
			<-ctx.Done()
			return p1, soldOut
		})
		require.ErrorContains(t, err, "the connection that locked the purchase is lost")
		require.ErrorContains(t, err, "sold out", "its text is included")
		require.NotErrorIs(t, err, soldOut)
		p.restore()
		err = store.Update(t.Context(), at("u"), func(
			ctx context.Context, _ *connect.Credential,
		) (*connect.Credential, error) {
			p.cut()
			<-ctx.Done()
			return nil, soldOut
		})
		require.ErrorContains(t, err, "the connection that locked the user is lost")
		require.NotErrorIs(t, err, soldOut)
	})
}
