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

// refusing makes Gloebit refuse the next transaction.
func (w *world) refusing() {
	w.gloebit.Inject(gloebittest.Fault{
		Path: "transact", Times: 1, Body: `{"success":false,"status":"cannot-spend","reason":"locked"}`,
	})
}

func TestCallbackForRefusedOrderWithReusedKey(t *testing.T) {
	t.Parallel()
	for step, want := range map[string]ledger.State{"cancel": ledger.Released, "consume": ledger.Settled} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(_ *gloebittest.Config, c *ledger.Config) { c.StepTimeout = time.Second })
			w.refusing()
			order := keyed(hat)
			p, err := w.buy(order)
			require.ErrorIs(t, err, gloebit.ErrCannotSpend)
			coat := ledger.Order{IdempotencyKey: order.IdempotencyKey, Item: "coat", Price: 1, Quantity: 1}
			taken := w.bought(coat)
			require.NotEqual(t, p.ID, taken.ID)

			w.wantAnswer(p.ID, step, http.StatusOK, yes)
			got := w.wantState(p.ID, want)
			require.Equal(t, want == ledger.Settled, got.Stuck())
			require.False(t, got.HoldsKey())
			require.Equal(t, taken.ID, w.bought(coat).ID, "the key is still that of the other purchase")
			_, err = w.ledger.Retry(t.Context(), p.ID, ledger.Act{})
			require.NoError(t, err)
			w.settle()
			w.reconcile()
			w.wantState(taken.ID, ledger.Delivered)
			require.True(t, w.get(p.ID).Finished())
		})
	}
}

// TestRefusedOrderOfAnotherSession repeats a refused order in another session
// of the same account. The second session's user becomes the buyer.
func TestRefusedOrderOfAnotherSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connectAs("first", "alice")
	w.connectAs("second", "alice")
	w.refusing()
	order := keyed(hat)
	p, err := w.ledger.Purchase(t.Context(), w.client("first"), order)
	require.ErrorIs(t, err, gloebit.ErrCannotSpend)
	again, err := w.ledger.Purchase(t.Context(), w.client("second"), order)
	require.NoError(t, err)
	require.Equal(t, p.ID, again.ID)
	require.Equal(t, w.client("second").User().ID, again.UserID, "it is bought by who has ordered it")
	w.settle()
	require.Equal(t, again.UserID, w.wantState(p.ID, ledger.Delivered).UserID)
}

func TestRefusedOrderOfAnotherAccountStaysRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connectAs("alice", "alice")
	order := keyed(hat)
	now := w.clock.Now()
	_, created, err := w.store.Store.Create(t.Context(), ledger.Purchase{
		Realm: w.realm(), ID: "sent", UserID: "alice", GloebitID: "g-bob", Order: order, State: ledger.Created,
		CreatedAt: now, UpdatedAt: now,
	})
	require.NoError(t, err)
	require.True(t, created)
	w.store.before = func(_ int, call string) error {
		if call == "Get" { // while the second click waits for it
			w.change("sent", func(p *ledger.Purchase) { p.State = ledger.Refused })
		}
		return nil
	}
	p := w.bought(order)
	require.Equal(t, "g-alice", p.GloebitID, "the account that is charged")
	require.NotEqual(t, "sent", p.ID)
	w.settle()
	w.wantState(p.ID, ledger.Delivered)
}

// TestEnactAfterTheTimeToSend checks an enact of an order that Gloebit queued,
// whose response was lost and which was not canceled.
func TestEnactAfterTheTimeToSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.gloebit.Inject(noAnswer(true, 1))
	order := keyed(hat)
	p := w.bought(order)
	w.clock.Advance(10 * time.Minute)
	w.settle()
	got := w.wantState(p.ID, ledger.Released)
	require.Contains(t, got.Cause, "not answered within 10m")
	require.Zero(t, w.charged())
	require.Equal(t, []string{"Release"}, w.goods.all())
	_, err := w.buy(order)
	require.ErrorIs(t, err, ledger.ErrCanceled)
}
