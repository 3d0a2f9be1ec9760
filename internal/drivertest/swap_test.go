package drivertest_test

import (
	"testing"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// TestSwapSeesWhatAnOperatorWrote checks that CompareAndSwap saves nothing over
// a column that was changed in SQL.
func TestSwapSeesWhatAnOperatorWrote(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store, db := d.store(t), d.connect(t)
		for i, set := range []string{
			"user_id = 'another'", "gloebit_id = 'another'", "order_key = 'another'", "state = 'settled'",
			"created_at = '2026-01-02 03:04:05.000006'",
			"next_at = NULL", "stuck_at = '2026-01-02 03:04:05.000006'", "paid_at = '2026-01-02 03:04:05.000006'",
			"report_at = '2026-01-02 03:04:05.000006'", "purchase = '{}'",
		} {
			old, _, err := store.Create(t.Context(), purchase(i, ledger.Created))
			require.NoError(t, err)
			_, err = db.ExecContext(t.Context(), "UPDATE gloebit_purchases SET "+set+" WHERE id = '"+old.ID+"'")
			require.NoError(t, err)
			next, _ := moving(t.Context(), old.Clone())
			_, swapped, err := store.CompareAndSwap(t.Context(), old, next)
			require.NoError(t, err)
			require.False(t, swapped, set)
		}
	})
}
