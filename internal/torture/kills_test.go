//go:build torture

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKillsAndFaultsLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"sqlite", "postgres", "mysql"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			const orders, kills = 300, 5
			v := tortured(t, options{purchases: orders, kills: kills, faults: everything, place: newTestPlace(t, store)})
			require.False(t, v.bad(), v)
			require.Equal(t, kills, v.kills)
			require.Greater(t, v.faults, orders*2/5)
			require.Equal(t, orders, v.purchases)
			require.Equal(t, v.charged, v.delivered)
			require.Equal(t, orders, v.delivered+v.canceled+v.refused, "every purchase is accounted for")
			require.Greater(t, v.delivered, orders/4)
			require.Positive(t, v.canceled)
			require.Positive(t, v.refused)
		})
	}
}

func TestMerchantsShareOneDatabaseIndependently(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"sqlite", "postgres", "mysql"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			const orders = 100
			v := tortured(t, options{
				purchases: orders, kills: 2, merchants: 3, faults: everything, place: newTestPlace(t, store),
			})
			require.False(t, v.bad(), v)
			require.Equal(t, 6, v.kills)
			require.Equal(t, 3*orders, v.delivered+v.canceled+v.refused, "every purchase is accounted for")
			require.Equal(t, v.charged, v.delivered)
		})
	}
}
