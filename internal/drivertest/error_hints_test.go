package drivertest_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

// calls has one call of each kind of statement.
func calls(ctx context.Context, store *shopStore) map[string]error {
	key := connect.Key{Realm: "shop.example/key", ID: "alice"}
	_, load := store.Load(ctx, key)
	update := store.Update(ctx, key, func(context.Context, *connect.Credential) (*connect.Credential, error) {
		return &connect.Credential{AccessToken: "token"}, nil
	})
	_, take := store.Take(ctx, key)
	_, claim := store.Claim(ctx, key.Realm, ledger.Settled, time.Now(), time.Now().Add(time.Minute))
	return map[string]error{"Load": load, "Update": update, "Take": take, "Claim": claim}
}

func TestMissingTablesNameMigrate(t *testing.T) {
	eachNew(t, kinds, func(t *testing.T, d database) {
		for call, err := range calls(t.Context(), newStore(d.connect(t), d.dialect)) {
			require.ErrorContains(t, err, "Call Migrate first", call)
		}
	})
}

func TestAnotherDatabaseNamesTheDialect(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		for _, dialect := range []sqlstore.Dialect{sqlstore.Postgres, sqlstore.MySQL, sqlstore.SQLite} {
			if dialect != d.dialect {
				err := newStore(d.connect(t), dialect).Migrate(t.Context())
				require.ErrorContains(t, err, "Config.Dialect", dialect)
			}
		}
	})
}
