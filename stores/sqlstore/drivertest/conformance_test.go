package drivertest_test

import (
	"database/sql"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/ledger/ledgertest"
	"github.com/go-gloebit/gloebit/stores/sealed"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/go-gloebit/gloebit/storetest"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestConformance(t *testing.T) {
	each(t, append(kinds, kind{"PostgreSQL with the simple protocol", func(t *testing.T) database {
		return newPostgres(t, pgx.QueryExecModeSimpleProtocol)
	}}), func(t *testing.T, d database) {
		db := d.connect(t)
		store := d.store(t)
		t.Run("tokens", func(t *testing.T) {
			newStore := func(t *testing.T) connect.TokenStore { return emptied(t, db, store) }
			storetest.RunTokenStore(t, newStore)
			if d.dialect != sqlstore.SQLite { // which has one lock for all users
				storetest.RunUsersApart(t, newStore)
			}
		})
		t.Run("sealed tokens", func(t *testing.T) {
			storetest.RunTokenStore(t, func(t *testing.T) connect.TokenStore {
				store, err := sealed.New(emptied(t, db, store), sealed.Key{ID: "k1", Secret: "0123456789abcdef0123456789abcdef"})
				require.NoError(t, err)
				return store
			})
		})
		t.Run("listing", func(t *testing.T) {
			storetest.RunUserIDs(t, func(t *testing.T) storetest.ListingStore { return emptied(t, db, store) })
		})
		t.Run("states", func(t *testing.T) {
			storetest.RunStateStore(t, func(t *testing.T) connect.StateStore { return emptied(t, db, store) })
		})
		t.Run("purchases", func(t *testing.T) {
			newStore := func(t *testing.T) ledger.Store { return emptied(t, db, store) }
			ledgertest.RunStore(t, newStore)
			if d.dialect != sqlstore.SQLite {
				ledgertest.RunPurchasesApart(t, newStore)
			}
		})
	})
}

// emptied is the store without the rows of the last case.
func emptied(t *testing.T, db *sql.DB, store *shopStore) *shopStore {
	t.Helper()
	for _, table := range []string{"oauth_credentials", "oauth_states", "gloebit_purchases"} {
		_, err := db.ExecContext(t.Context(), "DELETE FROM "+table)
		require.NoError(t, err)
	}
	return store
}
