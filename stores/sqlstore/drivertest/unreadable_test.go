package drivertest_test

import (
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

// A row that somebody has spoiled by hand must not be what is due first for
// ever, with everything else behind it.
func TestAnUnreadablePurchaseKeepsNoOtherWaiting(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		store := sqlstore.New(db, d.dialect)
		require.NoError(t, store.Migrate(t.Context()))
		spoils := []string{"purchase = '{'"}
		if d.dialect == sqlstore.SQLite { // which keeps anything in any column
			spoils = append(spoils, "created_at = 'yesterday'")
		}
		for i, spoil := range spoils {
			bad, good := purchase(2*i, ledger.Settled), purchase(2*i+1, ledger.Settled)
			good.NextAt = ordered.Add(time.Second)
			created(t, store, bad, good)
			_, err := db.ExecContext(t.Context(), "UPDATE gloebit_purchases SET "+spoil+" WHERE next_at = (SELECT MIN(next_at) FROM (SELECT * FROM gloebit_purchases) a)")
			require.NoError(t, err)
			now, until := ordered.Add(time.Minute), ordered.Add(time.Hour)

			// Who reads meanwhile keeps SQLite from committing, for a moment.
			reading, err := d.connect(t).QueryContext(t.Context(), "SELECT id FROM gloebit_purchases")
			require.NoError(t, err)
			require.True(t, reading.Next())
			time.AfterFunc(100*time.Millisecond, func() { _ = reading.Close() })
			_, err = store.Claim(t.Context(), now, until)
			require.ErrorContains(t, err, "read purchase "+bad.ID)
			require.NotErrorIs(t, err, gloebit.ErrNotFound)
			p, err := store.Claim(t.Context(), now, until)
			require.NoError(t, err, "the other is next")
			require.Equal(t, good.ID, p.ID)
			_, err = store.Claim(t.Context(), now, until)
			require.ErrorIs(t, err, gloebit.ErrNotFound, "the spoiled one has its time too")
			_, err = store.Claim(t.Context(), until, until.Add(time.Hour))
			require.ErrorContains(t, err, "read purchase "+bad.ID, "and comes again")

			_, err = db.ExecContext(t.Context(), "DELETE FROM gloebit_purchases")
			require.NoError(t, err)
		}
	})
}
