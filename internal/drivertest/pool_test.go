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
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

// TestUpdatesLeaveConnectionsToLoads updates two hundred users at once, with
// fns that wait for Loads. A store that gave every connection of the pool to an
// Update would deadlock.
func TestUpdatesLeaveConnectionsToLoads(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store := d.store(t)
		require.NoError(t, store.Update(t.Context(), at("known"), saving("known")))
		ctx := within(t, 60*time.Second)
		var group sync.WaitGroup
		for i := range 200 {
			userID := fmt.Sprint("user ", i)
			if i%2 == 0 {
				userID = "one for all"
			}
			group.Go(func() {
				err := store.Update(ctx, at(userID), func(ctx context.Context, _ *connect.Credential) (*connect.Credential, error) {
					if _, err := store.Load(ctx, at("known")); err != nil {
						return nil, err
					}
					return &connect.Credential{AccessToken: "saved"}, nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	})
}

// held makes Updates of many users hold all the connections they get, and
// returns a function that ends them.
func held(t *testing.T, store *shopStore, many, running int) (free func()) {
	t.Helper()
	begun, release := make(chan struct{}, many), make(chan struct{})
	var group sync.WaitGroup
	for i := range many {
		group.Go(func() {
			err := store.Update(t.Context(), at(fmt.Sprint("user ", i)), func(
				context.Context, *connect.Credential,
			) (*connect.Credential, error) {
				begun <- struct{}{}
				<-release
				return nil, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	for range running {
		<-begun
	}
	return func() { close(release); group.Wait() }
}

func TestUpdatesTakeHalfOfThePool(t *testing.T) {
	eachNew(t, servers, func(t *testing.T, d database) {
		for _, pool := range []int{2, 3, poolSize} {
			db := d.connect(t)
			db.SetMaxOpenConns(pool)
			store := newStore(db, d.dialect)
			require.NoError(t, store.Migrate(t.Context()))
			free := held(t, store, 20, pool/2)
			_, err := store.Load(within(t, 10*time.Second), at("user 0"))
			require.ErrorIs(t, err, connect.ErrNotFound, "a Load finds a connection")
			require.ErrorIs(
				t, store.Update(within(t, 100*time.Millisecond), at("late"), saving("never")), context.DeadlineExceeded,
			)
			free()
			require.Zero(t, db.Stats().InUse, "every connection was given back")
			require.NoError(
				t, store.Update(within(t, 20*time.Second), at("late"), saving("then")),
				"a caller that stopped waiting keeps no other waiting",
			)
		}
	})
}

func TestUnlimitedPoolUsesConnectionPerUser(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		db := d.connect(t)
		db.SetMaxOpenConns(0)
		store := newStore(db, d.dialect)
		held(t, store, 12, 12)()
	})
}

// TestAPoolOfOneWorks checks that with one connection a Load waits, but nothing
// deadlocks.
func TestAPoolOfOneWorks(t *testing.T) {
	eachNew(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		db.SetMaxOpenConns(1)
		store := newStore(db, d.dialect)
		require.NoError(t, store.Migrate(t.Context()))
		ctx := within(t, 60*time.Second)
		var group sync.WaitGroup
		for i := range 50 {
			group.Go(func() {
				if err := store.Update(ctx, at(fmt.Sprint("user ", i%5)), saving("saved")); err != nil {
					t.Error(err)
				}
				if _, err := store.Load(ctx, at(fmt.Sprint("user ", i%5))); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	})
}

func TestFailedChangesReleasePoolSlots(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		p, _, store, direct := throughProxy(t, d)
		created(t, direct, purchase(1, ledger.Settled))
		ctx := within(t, 20*time.Second)
		p.cut()
		for range poolSize {
			_, err := store.Change(ctx, purchase(1, "").StoreKey(), moving)
			require.Error(t, err)
		}
		p.restore()
		_, err := store.Change(ctx, purchase(1, "").StoreKey(), moving)
		require.NoError(t, err)
	})
}

// TestConnectionSettingsAreRestored checks that the settings of an Update do
// not affect the application's later use of the connection.
func TestConnectionSettingsAreRestored(t *testing.T) {
	eachNew(t, servers, func(t *testing.T, d database) {
		db := d.connect(t)
		db.SetMaxOpenConns(1)
		store := newStore(db, d.dialect)
		settings := func() (all string) {
			t.Helper()
			query := map[sqlstore.Dialect]string{
				sqlstore.Postgres: "SELECT current_setting('idle_in_transaction_session_timeout')",
				sqlstore.MySQL:    "SELECT CONCAT(CONNECTION_ID(), ' ', @@SESSION.wait_timeout)",
			}[d.dialect]
			require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&all))
			return all
		}
		before, no := settings(), errors.New("no")
		require.NoError(t, store.Migrate(t.Context()))
		require.Equal(t, before, settings(), "after Migrate")
		for _, c := range []struct {
			name string
			call func() error
			want error
		}{
			{"Update", func() error { return store.Update(t.Context(), at("u"), saving("saved")) }, nil},
			{"a refused Update", func() error {
				return store.Update(
					t.Context(), at("u"), func(context.Context, *connect.Credential) (*connect.Credential, error) { return nil, no },
				)
			}, no},
			{"Create", func() error { _, _, err := store.Create(t.Context(), keyed(1)); return err }, nil},
			{"Change", func() error { _, err := store.Change(t.Context(), keyed(1).StoreKey(), moving); return err }, nil},
			{
				"CompareAndSwap",
				func() error { _, err := swapped(t.Context(), store, store, keyed(1).StoreKey()); return err }, nil,
			},
			{
				"Claim", func() error { _, err := store.Claim(t.Context(), realm, ledger.Created, ordered, ordered); return err },
				nil,
			},
		} {
			require.ErrorIs(t, c.call(), c.want, c.name)
			require.Equal(t, before, settings(), "after %s", c.name)
		}
	})
}
