package ledger_test

import (
	"fmt"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

func TestAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []string
	for i := range 7 {
		want = append(want, w.put(fmt.Sprint("form-", i), ledger.Delivered).ID)
	}
	for _, limit := range []int{0, 1, 3, 7, 10} {
		t.Run(fmt.Sprint(limit, " at a time"), func(t *testing.T) {
			var got []string
			for p, err := range w.ledger.All(t.Context(), ledger.Query{Limit: limit, OldestFirst: true}) {
				require.NoError(t, err)
				got = append(got, p.ID)
			}
			require.ElementsMatch(t, want, got)
		})
	}
	for range w.ledger.All(t.Context(), ledger.Query{Limit: 1}) {
		break
	}
	w.store.failing(errDown)
	n := 0
	for _, err := range w.ledger.All(t.Context(), ledger.Query{}) {
		n++
		require.ErrorIs(t, err, gloebit.ErrStore)
	}
	require.Equal(t, 1, n)
}
