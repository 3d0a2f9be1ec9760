package drivertest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

const replicas = 8

func TestReplicasMigrateAtOnce(t *testing.T) {
	eachNew(t, kinds, func(t *testing.T, d database) {
		var group sync.WaitGroup
		stores := make([]*shopStore, replicas)
		for i := range stores {
			stores[i] = newStore(d.connect(t), d.dialect)
		}
		for _, store := range stores {
			group.Go(func() {
				if err := store.Migrate(t.Context()); err != nil {
					t.Error(err)
					return
				}
				if err := store.Update(t.Context(), at("u"), saving("migrated")); err != nil {
					t.Error("after its own Migrate a replica can work: ", err)
				}
			})
		}
		group.Wait()
		for table, steps := range map[string][]sqlstore.Migration{
			"oauth_schema": stores[0].Store.Schema(), "gloebit_ledger_schema": stores[0].purchases.Schema(),
		} {
			var versions int
			require.NoError(t, d.connect(t).QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&versions))
			require.Equal(t, len(steps), versions, table)
		}
	})
}

func TestMigrateContinuesPartialSchema(t *testing.T) {
	eachNew(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		store := newStore(db, d.dialect)
		_, err := store.Load(t.Context(), at("u"))
		require.Error(t, err, "without tables nothing works")
		require.NotErrorIs(t, err, connect.ErrNotFound)
		require.Error(t, store.Update(t.Context(), at("u"), saving("x")))

		steps := append(store.Store.Schema(), store.purchases.Schema()...)
		for _, statement := range steps[0].Statements[:2] { // one that stopped half way
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		_, err = store.Get(t.Context(), purchase(1, ledger.Created).StoreKey())
		require.Error(t, err)
		require.NotErrorIs(t, err, connect.ErrNotFound, "a failed query is not absence")
		for range 2 {
			require.NoError(t, store.Migrate(t.Context()))
		}
		for _, table := range []string{"oauth_schema", "gloebit_ledger_schema"} {
			var version int
			require.NoError(t, db.QueryRowContext(t.Context(), "SELECT MAX(version) FROM "+table).Scan(&version))
			require.Equal(t, 1, version, table)
		}
		p := purchase(1, ledger.Created)
		p.GloebitID = "g-1"
		created(t, store, p)
		kept, err := store.Get(t.Context(), p.StoreKey())
		require.NoError(t, err)
		require.Equal(t, "g-1", kept.GloebitID)
		require.NoError(t, store.Update(t.Context(), at("u"), saving("kept")))
		for _, step := range steps { // one that another tool runs again
			for _, statement := range step.Statements {
				_, err := db.ExecContext(t.Context(), statement)
				require.NoError(t, err)
			}
		}
		for _, table := range []string{"gloebit_ledger_schema", "oauth_schema"} {
			_, err = db.ExecContext(t.Context(), "INSERT INTO "+table+" (version) VALUES (1000)")
			require.NoError(t, err)
			require.ErrorContains(t, store.Migrate(t.Context()), "version 1000", "a newer schema is left as it is")
		}
		credential, err := store.Load(t.Context(), at("u"))
		require.NoError(t, err)
		require.Equal(t, "kept", credential.AccessToken.Reveal())
	})
}

func TestMigrateRespectsContext(t *testing.T) {
	eachNew(t, kinds, func(t *testing.T, d database) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, newStore(d.connect(t), d.dialect).Migrate(ctx), context.Canceled)
	})
}

// TestReplicasUpdateOneUserOneAtATime gives every replica its own store and
// pool, as processes have.
func TestReplicasUpdateOneUserOneAtATime(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		const rounds = 10
		var group sync.WaitGroup
		var running atomic.Int32
		for range replicas {
			store := d.store(t)
			for range 2 {
				group.Go(func() {
					for range rounds {
						if err := store.Update(t.Context(), at("u"), longer(t, &running)); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
		}
		group.Wait()
		credential, err := d.store(t).Load(t.Context(), at("u"))
		require.NoError(t, err)
		require.Len(t, credential.AccessToken.Reveal(), 2*replicas*rounds, "no update is lost")
	})
}

// longer appends to the user's token, and fails if two updates do so at once.
func longer(t *testing.T, running *atomic.Int32) updateFunc {
	return func(_ context.Context, current *connect.Credential) (*connect.Credential, error) {
		if running.Add(1) != 1 {
			t.Error("two Updates of one user run at once")
		}
		defer running.Add(-1)
		next := connect.Credential{AccessToken: "x"}
		if current != nil {
			next.AccessToken += current.AccessToken
		}
		return &next, nil
	}
}

// TestReplicasMakeAndRemoveUsersWithoutDeadlock adds, changes and removes users
// at once on several replicas, where databases find deadlocks.
func TestReplicasMakeAndRemoveUsersWithoutDeadlock(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		var group sync.WaitGroup
		for r := range replicas {
			store := d.store(t)
			group.Go(func() {
				for i := range 60 {
					userID := fmt.Sprint("user ", (i*7+r)%10)
					err := store.Update(t.Context(), at(userID), saving("here"))
					if err == nil && i%2 == 0 {
						err = store.Delete(t.Context(), at(userID))
					}
					if err == nil && i%20 == 0 {
						_, err = store.Sweep(t.Context())
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
	})
}

func TestReplicasTakeAStateOnce(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		stores := make([]*shopStore, replicas)
		for i := range stores {
			stores[i] = d.store(t)
		}
		for round := range 20 {
			key := fmt.Sprint("key ", round)
			require.NoError(t, stores[0].Put(t.Context(), at(key), pending()))
			var group sync.WaitGroup
			var won atomic.Int32
			for _, store := range stores {
				group.Go(func() {
					if _, err := store.Take(t.Context(), at(key)); err == nil {
						won.Add(1)
					} else if err != connect.ErrNotFound {
						t.Error(err)
					}
				})
			}
			group.Wait()
			require.EqualValues(t, 1, won.Load())
		}
	})
}

// TestAReplicaWaitsNoLongerThanItsContext checks that a replica that waits for
// another's Update stops with its context, and leaves nothing locked.
func TestAReplicaWaitsNoLongerThanItsContext(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		one, two := d.store(t), d.store(t)
		for _, userID := range []string{"new", "u"} {
			if userID == "u" {
				require.NoError(t, one.Update(t.Context(), at(userID), saving("before")))
			}
			held, free, done := make(chan struct{}), make(chan struct{}), make(chan error)
			go func() {
				done <- one.Update(t.Context(), at(userID), func(
					context.Context, *connect.Credential,
				) (*connect.Credential, error) {
					close(held)
					<-free
					return &connect.Credential{AccessToken: "saved"}, nil
				})
			}()
			<-held
			begun := time.Now()
			require.ErrorIs(
				t, two.Update(within(t, 200*time.Millisecond), at(userID), saving("never")), context.DeadlineExceeded,
			)
			require.ErrorIs(t, two.Delete(within(t, 200*time.Millisecond), at(userID)), context.DeadlineExceeded)
			require.Less(t, time.Since(begun), 10*time.Second)
			close(free)
			require.NoError(t, <-done)
			credential, err := two.Load(t.Context(), at(userID))
			require.NoError(t, err)
			require.Equal(t, "saved", credential.AccessToken.Reveal())
			require.NoError(t, two.Update(within(t, 20*time.Second), at(userID), saving("then")))
		}
	})
}

// TestFailedUpdateUnlocksUser checks that a failed Update does not leave the
// user locked on the connection that it returns to the pool.
func TestFailedUpdateUnlocksUser(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		one, two := d.store(t), d.store(t)
		no := errors.New("no")
		for _, userID := range []string{"new", "u"} {
			if userID == "u" {
				require.NoError(t, one.Update(t.Context(), at(userID), saving("before")))
			}
			failing := func(context.Context, *connect.Credential) (*connect.Credential, error) { return nil, no }
			require.ErrorIs(t, one.Update(t.Context(), at(userID), failing), no)
			require.NoError(t, two.Update(within(t, 20*time.Second), at(userID), saving("two's")))

			panicking := func(context.Context, *connect.Credential) (*connect.Credential, error) { panic(no) }
			require.Panics(t, func() { _ = one.Update(t.Context(), at(userID), panicking) })
			require.NoError(t, two.Delete(within(t, 20*time.Second), at(userID)))
			require.NoError(t, two.Update(within(t, 20*time.Second), at(userID), saving("two's again")))
		}
	})
}

// TestReplicasSerializeUnderAnyIsolationLevel checks servers whose default
// isolation level makes concurrent transactions fail. Here they wait.
func TestReplicasSerializeUnderAnyIsolationLevel(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		const rounds = 15
		strict := map[sqlstore.Dialect]string{
			sqlstore.Postgres: "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY",
			sqlstore.MySQL:    "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY",
		}[d.dialect]
		p := purchase(1, ledger.Settled)
		created(t, d.store(t), p)
		var group sync.WaitGroup
		var running atomic.Int32
		for range replicas {
			db := d.connectTo(t, d.addr)
			db.SetMaxOpenConns(1) // which is set
			_, err := db.ExecContext(t.Context(), strict)
			require.NoError(t, err)
			store := newStore(db, d.dialect)
			group.Go(func() {
				for range rounds {
					err := store.Update(t.Context(), at("u"), longer(t, &running))
					if err == nil {
						_, err = store.Change(t.Context(), p.StoreKey(), moving)
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
		credential, err := d.store(t).Load(t.Context(), at("u"))
		require.NoError(t, err)
		require.Len(t, credential.AccessToken.Reveal(), replicas*rounds)
		got, err := d.store(t).Get(t.Context(), p.StoreKey())
		require.NoError(t, err)
		require.Equal(t, replicas*rounds, got.Attempts)
	})
}

// TestNamedLocksAreSeparatePerDatabase checks that two databases of one server
// do not block each other, although named locks belong to the whole server.
func TestNamedLocksAreSeparatePerDatabase(t *testing.T) {
	inParallel(t, servers, func(t *testing.T, kind kind) {
		one, two := kind.lend(t).store(t), kind.lend(t).store(t)
		created(t, one, purchase(1, ledger.Settled))
		created(t, two, purchase(1, ledger.Settled))
		ctx := within(t, 20*time.Second)
		require.NoError(t, one.Update(t.Context(), at("u"), func(
			context.Context, *connect.Credential,
		) (*connect.Credential, error) {
			return nil, two.Update(ctx, at("u"), saving("two's"))
		}))
		_, err := one.Change(t.Context(), purchase(1, "").StoreKey(), func(
			_ context.Context, p ledger.Purchase,
		) (ledger.Purchase, error) {
			_, err := two.Change(ctx, p.StoreKey(), moving)
			return p, err
		})
		require.NoError(t, err)
	})
}
