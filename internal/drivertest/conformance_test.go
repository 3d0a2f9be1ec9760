package drivertest_test

import (
	"slices"
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

// allKinds has PostgreSQL twice: with the simple protocol, the driver writes
// every argument into its statement.
var allKinds = append(slices.Clip(kinds), kind{
	"PostgreSQL with the simple protocol", newPostgres(pgx.QueryExecModeSimpleProtocol),
})

// conform tests a store with a suite on kinds of databases. The suite gets what
// returns the store without what the last case left in it.
func conform(
	t *testing.T, kinds []kind, suite func(t *testing.T, d database, empty func(t *testing.T) *shopStore),
) {
	t.Helper()
	each(t, kinds, func(t *testing.T, d database) {
		store := d.store(t)
		suite(t, d, func(t *testing.T) *shopStore {
			t.Helper()
			require.NoError(t, clearTables(t.Context(), d.look(t), "oauth_credentials", "oauth_states", "gloebit_purchases"))
			return store
		})
	})
}

func TestTokenConformance(t *testing.T) {
	conform(t, allKinds, func(t *testing.T, d database, empty func(t *testing.T) *shopStore) {
		newStore := func(t *testing.T) connect.TokenStore { return empty(t) }
		storetest.RunTokenStore(t, newStore)
		if d.dialect != sqlstore.SQLite { // which has one lock for all users
			storetest.RunUsersApart(t, newStore)
		}
	})
}

// TestSealedTokenConformance has each dialect once: what is sealed is text like
// any other to the driver, and is locked as it is without a seal.
func TestSealedTokenConformance(t *testing.T) {
	conform(t, withWAL, func(t *testing.T, _ database, empty func(t *testing.T) *shopStore) {
		storetest.RunTokenStore(t, func(t *testing.T) connect.TokenStore {
			return must(sealed.New(empty(t), sealed.Key{ID: "k1", Secret: "0123456789abcdef0123456789abcdef"}))
		})
	})
}

// TestListingConformance has one driver for PostgreSQL. TestPgBouncer lists with
// the simple protocol.
func TestListingConformance(t *testing.T) {
	conform(t, kinds, func(t *testing.T, _ database, empty func(t *testing.T) *shopStore) {
		storetest.RunUserIDs(t, func(t *testing.T) storetest.ListingStore { return empty(t) })
	})
}

func TestStateConformance(t *testing.T) {
	conform(t, allKinds, func(t *testing.T, _ database, empty func(t *testing.T) *shopStore) {
		storetest.RunStateStore(t, func(t *testing.T) connect.StateStore { return empty(t) })
	})
}

func TestPurchaseConformance(t *testing.T) {
	conform(t, allKinds, func(t *testing.T, d database, empty func(t *testing.T) *shopStore) {
		newStore := func(t *testing.T) ledger.Store { return empty(t) }
		ledgertest.RunStore(t, newStore)
		if d.dialect != sqlstore.SQLite {
			ledgertest.RunPurchasesApart(t, newStore)
		}
	})
}
