package ledger_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// refusing has Gloebit refuse the next transaction, as it may refuse one whose
// first sending it has queued.
func (w *world) refusing() {
	w.gloebit.Inject(gloebittest.Fault{Path: "transact", Times: 1, Body: `{"success":false,"status":"cannot-spend","reason":"locked"}`})
}

func TestCallbackOfRefusedWhoseKeyIsTaken(t *testing.T) {
	t.Parallel()
	for step, want := range map[string]ledger.State{"cancel": ledger.Released, "consume": ledger.Settled} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(_ *gloebittest.Config, c *ledger.Config) { c.WorkTimeout = time.Second })
			w.refusing()
			order := keyed(hat)
			p, err := w.buy(order)
			require.ErrorIs(t, err, gloebit.ErrCannotSpend)
			coat := ledger.Order{Key: order.Key, Item: "coat", Price: 1, Quantity: 1}
			taken := w.bought(coat)
			require.NotEqual(t, p.ID, taken.ID)

			w.wantAnswer(p.ID, step, http.StatusOK, yes)
			got := w.wantState(p.ID, want)
			require.Equal(t, want == ledger.Settled, got.Stuck())
			require.False(t, got.HoldsKey())
			require.Equal(t, taken.ID, w.bought(coat).ID, "the key is still that of the other purchase")
			_, err = w.ledger.Retry(t.Context(), p.ID)
			require.NoError(t, err)
			w.settle()
			w.reconcile()
			w.wantState(taken.ID, ledger.Delivered)
			require.True(t, w.get(p.ID).Finished())
		})
	}
}
