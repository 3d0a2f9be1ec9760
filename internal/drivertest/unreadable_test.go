package drivertest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

// TestUnreadablePurchaseDelaysNoOther checks that a row that was damaged by
// hand does not stay first in the queue of due purchases.
func TestUnreadablePurchaseDelaysNoOther(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		store := newStore(db, d.dialect)
		spoils := []string{`purchase = '{"price":"ten"}'`}
		if d.dialect == sqlstore.SQLite { // which keeps anything in any column
			spoils = append(spoils, "created_at = 'yesterday'")
		}
		for i, spoil := range spoils {
			bad, good := purchase(2*i, ledger.Settled), purchase(2*i+1, ledger.Settled)
			good.NextAt = ordered.Add(time.Second)
			created(t, store, bad, good)
			_, err := db.ExecContext(
				t.Context(),
				"UPDATE gloebit_purchases SET "+spoil+
					" WHERE next_at = (SELECT MIN(next_at) FROM (SELECT * FROM gloebit_purchases) a)",
			)
			require.NoError(t, err)
			now, until := ordered.Add(time.Minute), ordered.Add(time.Hour)

			// Who reads meanwhile keeps SQLite from committing, for a moment.
			reading, err := d.connect(t).QueryContext(t.Context(), "SELECT id FROM gloebit_purchases")
			require.NoError(t, err)
			require.True(t, reading.Next())
			time.AfterFunc(100*time.Millisecond, func() { _ = reading.Close() })
			_, err = store.Claim(t.Context(), realm, ledger.Settled, now, until)
			require.ErrorContains(t, err, "read purchase "+bad.ID)
			require.NotErrorIs(t, err, connect.ErrNotFound)
			p, err := store.Claim(t.Context(), realm, ledger.Settled, now, until.Add(time.Second))
			require.NoError(t, err, "the other is next")
			require.Equal(t, good.ID, p.ID)
			_, err = store.Claim(t.Context(), realm, ledger.Settled, now, until)
			require.ErrorIs(t, err, connect.ErrNotFound, "the spoiled one has its time too")
			_, err = store.Claim(t.Context(), realm, ledger.Settled, until, until.Add(time.Hour))
			require.ErrorContains(t, err, "read purchase "+bad.ID, "and comes again")

			_, err = db.ExecContext(t.Context(), "DELETE FROM gloebit_purchases")
			require.NoError(t, err)
		}
	})
}

// TestAnUnreadablePurchaseHidesNoOther checks that a list shows the other
// purchases and the damaged one, wherever a page ends.
func TestAnUnreadablePurchaseHidesNoOther(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		store := newStore(db, d.dialect)
		spoils := map[string]string{
			`purchase = '{"price":"ten"}'`: "can't be read: json: cannot unmarshal string",
		}
		if d.dialect != sqlstore.Postgres { // which rejects invalid JSON
			spoils["purchase = '{'"] = "can't be read: unexpected end of JSON input"
		}
		if d.dialect == sqlstore.SQLite { // which keeps anything in any column
			spoils["created_at = 'yesterday'"] = "can't be read: sql: Scan error"
			spoils["next_at = 'soon'"] = "can't be read: sql: Scan error"
		}
		var purchases []ledger.Purchase
		for i := range 4 {
			p := purchase(i, ledger.Settled)
			p.StuckAt, p.CreatedAt = ordered.Add(time.Hour), ordered.Add(time.Duration(i)*time.Second)
			p.UpdatedAt = ordered.Add(time.Minute)
			purchases = append(purchases, p)
		}
		bad := purchases[1]
		for spoil, why := range spoils {
			created(t, store, purchases...)
			_, err := db.ExecContext(t.Context(), "UPDATE gloebit_purchases SET "+spoil+" WHERE id = '"+bad.ID+"'")
			require.NoError(t, err)
			for _, limit := range []int{1, 2, 100} {
				found := map[string]ledger.Purchase{}
				for _, p := range pages(t, store, ledger.Query{Realm: realm, UserID: bad.UserID, Limit: limit}) {
					require.NotContains(t, found, p.ID)
					found[p.ID] = p
				}
				require.Len(t, found, len(purchases), "%s, %d a page", spoil, limit)
				for _, p := range purchases {
					if p.ID != bad.ID {
						require.Empty(t, found[p.ID].Cause)
					}
				}
				got := found[bad.ID]
				require.Equal(t, ledger.Settled, got.State)
				require.Equal(t, bad.UserID, got.UserID)
				require.Contains(t, got.Cause, why)
				require.Zero(t, got.Price)
				if !strings.Contains(why, "Scan") { // its columns can be read
					require.Equal(t, bad.UpdatedAt, got.UpdatedAt)
				}
			}
			require.Len(t, pages(t, store, ledger.Query{Realm: realm, Stuck: true, Limit: 1}), len(purchases))
			_, err = store.Get(t.Context(), bad.StoreKey())
			require.ErrorContains(t, err, "read purchase "+bad.ID)
			_, err = db.ExecContext(t.Context(), "DELETE FROM gloebit_purchases")
			require.NoError(t, err)
		}
	})
}

// pages are all that a query finds, page after page.
func pages(t *testing.T, store ledger.Store, q ledger.Query) (all []ledger.Purchase) {
	t.Helper()
	for {
		page, err := store.List(t.Context(), q)
		require.NoError(t, err)
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		q.After = page[len(page)-1].Cursor()
	}
}
