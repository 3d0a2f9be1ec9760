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

// conform tests a store with a suite on every kind of database. The suite gets
// what returns the store without what the last case left in it.
func conform(t *testing.T, suite func(t *testing.T, d database, empty func(t *testing.T) *shopStore)) {
	t.Helper()
	each(t, append(kinds, kind{"PostgreSQL with the simple protocol", func(t *testing.T) database {
		return newPostgres(t, pgx.QueryExecModeSimpleProtocol)
	}}), func(t *testing.T, d database) {
		db, store := d.connect(t), d.store(t)
		suite(t, d, func(t *testing.T) *shopStore { return emptied(t, db, store) })
	})
}

func TestTokenConformance(t *testing.T) {
	conform(t, func(t *testing.T, d database, empty func(t *testing.T) *shopStore) {
		newStore := func(t *testing.T) connect.TokenStore { return empty(t) }
		storetest.RunTokenStore(t, newStore)
		if d.dialect != sqlstore.SQLite { // which has one lock for all users
			storetest.RunUsersApart(t, newStore)
		}
	})
}

func TestSealedTokenConformance(t *testing.T) {
	conform(t, func(t *testing.T, _ database, empty func(t *testing.T) *shopStore) {
		storetest.RunTokenStore(t, func(t *testing.T) connect.TokenStore {
			return must(sealed.New(empty(t), sealed.Key{ID: "k1", Secret: "0123456789abcdef0123456789abcdef"}))
		})
	})
}

func TestListingConformance(t *testing.T) {
	conform(t, func(t *testing.T, _ database, empty func(t *testing.T) *shopStore) {
		storetest.RunUserIDs(t, func(t *testing.T) storetest.ListingStore { return empty(t) })
	})
}

func TestStateConformance(t *testing.T) {
	conform(t, func(t *testing.T, _ database, empty func(t *testing.T) *shopStore) {
		storetest.RunStateStore(t, func(t *testing.T) connect.StateStore { return empty(t) })
	})
}

func TestPurchaseConformance(t *testing.T) {
	conform(t, func(t *testing.T, d database, empty func(t *testing.T) *shopStore) {
		newStore := func(t *testing.T) ledger.Store { return empty(t) }
		ledgertest.RunStore(t, newStore)
		if d.dialect != sqlstore.SQLite {
			ledgertest.RunPurchasesApart(t, newStore)
		}
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
