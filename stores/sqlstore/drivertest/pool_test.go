package drivertest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

// Two hundred users are updated at once, by fns that don't return until Loads
// have: a store that gave every connection of the pool to an Update would stand
// still.
func TestUpdatesLeaveConnectionsToLoads(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store := d.store(t)
		require.NoError(t, store.Update(t.Context(), "known", saving("known")))
		ctx := within(t, 60*time.Second)
		var group sync.WaitGroup
		for i := range 200 {
			userID := fmt.Sprint("user ", i)
			if i%2 == 0 {
				userID = "one for all"
			}
			group.Go(func() {
				err := store.Update(ctx, userID, func(ctx context.Context, _ *gloebit.Credential) (*gloebit.Credential, error) {
					if _, err := store.Load(ctx, "known"); err != nil {
						return nil, err
					}
					return &gloebit.Credential{AccessToken: "saved"}, nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	})
}

// held lets Updates of many users hold all the connections they get, and
// returns what lets them go.
func held(t *testing.T, store *sqlstore.Store, many, running int) (free func()) {
	t.Helper()
	begun, release := make(chan struct{}, many), make(chan struct{})
	var group sync.WaitGroup
	for i := range many {
		group.Go(func() {
			err := store.Update(t.Context(), fmt.Sprint("user ", i), func(context.Context, *gloebit.Credential) (*gloebit.Credential, error) {
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
	each(t, servers, func(t *testing.T, d database) {
		for _, pool := range []int{2, 3, poolSize} {
			db := d.connect(t)
			db.SetMaxOpenConns(pool)
			store := sqlstore.New(db, d.dialect)
			require.NoError(t, store.Migrate(t.Context()))
			free := held(t, store, 20, pool/2)
			_, err := store.Load(within(t, 10*time.Second), "user 0")
			require.ErrorIs(t, err, gloebit.ErrNotFound, "a Load finds a connection")
			require.ErrorIs(t, store.Update(within(t, 100*time.Millisecond), "late", saving("never")), context.DeadlineExceeded)
			free()
			require.Zero(t, db.Stats().InUse, "every connection was given back")
		}
	})
}

func TestAPoolWithoutALimitHasAConnectionForEveryUser(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		db := d.connect(t)
		db.SetMaxOpenConns(0)
		store := sqlstore.New(db, d.dialect)
		require.NoError(t, store.Migrate(t.Context()))
		held(t, store, 12, 12)()
	})
}

// With one connection a Load has to wait, but nothing stands still for good.
func TestAPoolOfOneWorks(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		db.SetMaxOpenConns(1)
		store := sqlstore.New(db, d.dialect)
		require.NoError(t, store.Migrate(t.Context()))
		ctx := within(t, 60*time.Second)
		var group sync.WaitGroup
		for i := range 50 {
			group.Go(func() {
				if err := store.Update(ctx, fmt.Sprint("user ", i%5), saving("saved")); err != nil {
					t.Error(err)
				}
				if _, err := store.Load(ctx, fmt.Sprint("user ", i%5)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	})
}
