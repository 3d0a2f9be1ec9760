package drivertest_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
)

// migrated is a store of tokens and states with its tables.
func migrated(t *testing.T, db *sql.DB, dialect sqlstore.Dialect, prefix string) *sqlstore.Store {
	t.Helper()
	store := must(sqlstore.New(sqlstore.Config{DB: db, Dialect: dialect, Prefix: prefix}))
	for range 2 {
		require.NoError(t, store.Migrate(t.Context()))
	}
	return store
}

// works has the store run each of its statements.
func works(t *testing.T, store *sqlstore.Store, token string) {
	t.Helper()
	wantNobody(t, store)
	for _, next := range []string{"first", token} {
		require.NoError(t, store.Update(t.Context(), at("u"), saving(connect.Secret(next))))
	}
	require.NoError(t, store.Update(t.Context(), at("removed"), saving("x")))
	require.NoError(t, store.Delete(t.Context(), at("removed")))
	require.NoError(t, store.Update(t.Context(), at("gone"), returning(connect.Credential{ExpiresAt: time.Unix(1, 0)})))
	require.NoError(
		t,
		store.Put(t.Context(), at("key"), connect.PendingConnection{
			BrowserHash: token, ExpiresAt: time.Now().Add(time.Hour),
		}),
	)
	removed, err := store.Sweep(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, removed)
	for userID, err := range store.UserIDs(t.Context(), realm) {
		require.NoError(t, err)
		require.Equal(t, "u", userID)
	}
	credential, err := store.Load(t.Context(), at("u"))
	require.NoError(t, err)
	require.Equal(t, token, credential.AccessToken.Reveal())
	pending, err := store.Take(t.Context(), at("key"))
	require.NoError(t, err)
	require.Equal(t, token, pending.BrowserHash)
}

func wantNobody(t *testing.T, store *sqlstore.Store) {
	t.Helper()
	_, err := store.Load(t.Context(), at("u"))
	require.ErrorIs(t, err, connect.ErrNotFound)
}

func TestPrefixesIsolateStores(t *testing.T) {
	eachNew(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		var stores []*sqlstore.Store
		for _, prefix := range []string{"", "shop_", "Other_1", "_"} {
			stores = append(stores, migrated(t, db, d.dialect, prefix))
		}
		for i, store := range stores {
			works(t, store, string(rune('a'+i)))
		}
		if d.dialect == sqlstore.SQLite {
			return
		}
		err := stores[0].Update(t.Context(), at("new"), func(
			ctx context.Context, _ *connect.Credential,
		) (*connect.Credential, error) {
			return nil, stores[1].Update(within(t, 10*time.Second), at("new"), saving("x")) // waits for no lock of the other's
		})
		require.NoError(t, err)
	})
}

func TestPrefixMayNameASchema(t *testing.T) {
	eachNew(t, servers, func(t *testing.T, d database) {
		outside := schemaElsewhere(t, d)
		inside := d.connect(t) // whose own schema is that one
		for _, begin := range []string{"", "shop_"} {
			there := migrated(t, outside, d.dialect, d.name+"."+begin)
			works(t, there, "there "+begin)
			here := must(sqlstore.New(sqlstore.Config{DB: inside, Dialect: d.dialect, Prefix: begin}))
			require.NoError(t, here.Migrate(t.Context()), "it is there already")
			credential, err := here.Load(t.Context(), at("u"))
			require.NoError(t, err)
			require.Equal(t, "there "+begin, credential.AccessToken.Reveal())

			err = there.Update(t.Context(), at("new"), func(context.Context, *connect.Credential) (*connect.Credential, error) {
				return nil, here.Update(within(t, 300*time.Millisecond), at("new"), saving("overtaking"))
			})
			require.ErrorIs(t, err, context.DeadlineExceeded, "the same table has the same locks")
		}
	})
}

// schemaElsewhere returns a pool with another default schema.
func schemaElsewhere(t *testing.T, d database) (outside *sql.DB) {
	t.Helper()
	if d.dialect == sqlstore.MySQL {
		outside = openMySQL(mysqlConfig())
	} else {
		outside = stdlib.OpenDB(*postgresConfig())
	}
	outside.SetMaxOpenConns(poolSize)
	t.Cleanup(func() { _ = outside.Close() })
	return outside
}

// TestTimesAreTheSameInEveryZone checks that the time zones of drivers and
// sessions do not change stored times.
func TestTimesAreTheSameInEveryZone(t *testing.T) {
	berlin := must(time.LoadLocation("Europe/Berlin"))
	each(t, servers, func(t *testing.T, d database) {
		var pools []*sql.DB
		if d.dialect == sqlstore.MySQL {
			for _, parse := range []bool{false, true} {
				config := mysqlConfig()
				config.DBName, config.ParseTime, config.Loc, config.Params = d.name, parse, berlin,
					map[string]string{"time_zone": "'-11:00'"}
				pools = append(pools, openMySQL(config))
			}
		} else {
			for _, mode := range []pgx.QueryExecMode{
				pgx.QueryExecModeCacheStatement, pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeExec,
			} {
				config := postgresConfig()
				config.RuntimeParams["search_path"], config.RuntimeParams["timezone"] = d.name, "America/New_York"
				config.DefaultQueryExecMode = mode
				pools = append(pools, stdlib.OpenDB(*config))
			}
		}
		for _, pool := range pools {
			t.Cleanup(func() { _ = pool.Close() })
		}
		pools = append(pools, d.connect(t))
		summer := time.Date(2026, 3, 29, 1, 30, 0, 123_456_789, time.UTC) // 2:30 in Berlin, which there is not
		for _, when := range []time.Time{
			summer, summer.Add(30 * time.Minute), time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC),
			time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC),
			time.Unix(0, 0), time.Unix(-1, -1), time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC),
			time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
			time.Date(2026, 7, 1, 12, 0, 0, 0, berlin),
		} {
			for _, writer := range pools {
				store := newStore(writer, d.dialect)
				require.NoError(t, store.Update(t.Context(), at("u"), returning(connect.Credential{TokenExpiry: when})))
				require.NoError(t, store.Put(t.Context(), at("k"), connect.PendingConnection{ExpiresAt: when}))
				for _, reader := range pools {
					credential, err := newStore(reader, d.dialect).Load(t.Context(), at("u"))
					require.NoError(t, err)
					require.Equal(t, time.UnixMicro(when.UnixMicro()).UTC(), credential.TokenExpiry)
				}
				pending, err := newStore(pools[0], d.dialect).Take(t.Context(), at("k"))
				require.NoError(t, err)
				require.Equal(t, time.UnixMicro(when.UnixMicro()).UTC(), pending.ExpiresAt)
			}
		}
	})
}
