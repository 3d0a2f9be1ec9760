package ledger_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// TestConsumeAfterLostCommit checks a consume after the database lost the
// commit of the enact. Gloebit's callback is right, and the stored state is
// not.
func TestConsumeAfterLostCommit(t *testing.T) {
	t.Parallel()
	for _, state := range []ledger.State{ledger.Created, ledger.Accepted} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.put("purchase", state)
			w.wantAnswer(p.ID, "consume", http.StatusOK, yes)
			got := w.wantState(p.ID, ledger.Delivered)
			require.Equal(t, []string{"Reserve", "Deliver"}, w.goods.all(), "the reservation was lost with the commit")
			require.Equal(t, w.clock.Now(), got.PaidAt)
			wantHistory(t, got)
		})
	}
}

func TestConsumeWithoutReserve(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"sold out": errors.New("sold out"), "pending": ledger.ErrTryAgain} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.goods.reserve = saying(err)
			p := w.put("purchase", ledger.Accepted)
			w.wantAnswer(p.ID, "consume", http.StatusOK, yes)
			got := w.wantState(p.ID, ledger.Settled)
			require.True(t, got.Stuck() && got.Paid())
			require.Contains(t, got.Cause, "paid at Gloebit")
			w.wantAnswer(p.ID, "consume", http.StatusOK, yes)
			require.Equal(t, []string{"Reserve"}, w.goods.all(), "an operator decides")
			_, err := w.ledger.Retry(t.Context(), p.ID, ledger.Act{})
			require.NoError(t, err)
			w.reconcile()
			w.wantState(p.ID, ledger.Delivered)
		})
	}
}

func TestConsumeAfterRefusalOrCancel(t *testing.T) {
	t.Parallel()
	for _, state := range []ledger.State{ledger.Refused, ledger.Canceled, ledger.Released} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.put("purchase", state)
			w.wantAnswer(p.ID, "consume", http.StatusOK, yes)
			got := w.wantState(p.ID, ledger.Settled)
			require.True(t, got.Stuck())
			require.Contains(t, got.Cause, "paid at Gloebit while the purchase was "+string(state))
			require.Empty(t, w.goods.all())
			require.Contains(t, w.log.String(), "level=ERROR")
			w.clock.Advance(time.Hour)
			w.reconcile()
			require.Empty(t, w.goods.all(), "an operator decides")
		})
	}
}

// TestCallbackForLostPurchase checks a callback after the restore of a backup
// that is older than the order.
func TestCallbackForLostPurchase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.wantAnswer("lost", "enact", http.StatusOK, `[false,"unknown"]`)
	w.wantAnswer("lost", "cancel", http.StatusOK, yes)
	list, err := w.ledger.List(t.Context(), ledger.Query{})
	require.NoError(t, err)
	require.Empty(t, list)
	for range 2 {
		w.wantAnswer("lost", "consume", http.StatusOK, yes)
		p := w.wantState("lost", ledger.Settled)
		require.True(t, p.Stuck() && p.Paid())
		require.Empty(t, p.UserID)
		require.Contains(t, p.Cause, "paid at Gloebit")
	}
	w.wantAnswer("lost", "cancel", http.StatusConflict, `[false,"settled"]`)
	p, err := w.ledger.Retry(t.Context(), "lost", ledger.Act{})
	require.NoError(t, err)
	require.True(t, p.Stuck(), "it is not known what to deliver")
	w.reconcile()
	require.Empty(t, w.goods.all())
	require.Contains(t, w.log.String(), "the store does not have")
}

func TestLostPaymentIsDeliveredToItsOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	order := keyed(hat)
	p := w.bought(order)
	w.wantAnswer(p.ID, "enact", http.StatusOK, yes)
	w.store.Store = &ledger.MemoryStore{} // restored from before
	w.wantAnswer(p.ID, "consume", http.StatusOK, yes)
	again := w.bought(order)
	require.Equal(t, p.ID, again.ID)
	require.Equal(t, ledger.Delivered, again.State)
	require.Equal(t, []string{"Reserve", "Deliver"}, w.goods.all())
	require.Equal(t, ledger.Delivered, w.bought(order).State)
	_, err := w.buy(ledger.Order{IdempotencyKey: order.IdempotencyKey, Item: "coat", Price: 1, Quantity: 1})
	require.ErrorIs(t, err, ledger.ErrKeyReused, "it holds its key again")
}

func TestConsumeAfterLostCommitSurvivesStoreOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, nil)
		q.put("purchase", ledger.Accepted, false)
		repair := q.failingChanges("")
		require.Equal(t, http.StatusServiceUnavailable, q.call("purchase", "consume").Code)
		repair()
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		q.wantState("purchase", ledger.Delivered)
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	t.Run("an order that Gloebit has not answered", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.gloebit.Inject(noAnswer(true, 1)) // it is on hold there, and its answer lost
		order := keyed(hat)
		p := w.bought(order)
		got, err := w.ledger.Cancel(t.Context(), p.ID, ledger.Act{})
		require.NoError(t, err)
		require.Equal(t, ledger.Released, got.State)
		require.ErrorIs(t, got.Err(), ledger.ErrCanceled)
		w.settle() // Gloebit calls enact, which is declined
		w.wantState(p.ID, ledger.Released)
		require.Zero(t, w.charged())
		require.Equal(t, []string{"Release"}, w.goods.all())
		_, err = w.buy(order)
		require.ErrorIs(t, err, ledger.ErrCanceled)
		require.Equal(t, http.StatusConflict, gloebit.StatusCode(err))
	})
	for _, c := range []struct {
		state, want ledger.State
		err         error
	}{
		{ledger.Created, ledger.Released, nil},
		{ledger.Accepted, ledger.Released, nil},
		{ledger.Reserved, ledger.Reserved, ledger.ErrTooLate},
		{ledger.Settled, ledger.Settled, ledger.ErrTooLate},
		{ledger.Delivered, ledger.Delivered, ledger.ErrTooLate},
		{ledger.Refused, ledger.Refused, nil},
		{ledger.Canceled, ledger.Canceled, nil},
		{ledger.Released, ledger.Released, nil},
	} {
		t.Run(string(c.state), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.put("purchase", c.state)
			got, err := w.ledger.Cancel(t.Context(), p.ID, ledger.Act{})
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.want, got.State)
			w.wantState(p.ID, c.want)
		})
	}
	t.Run("a purchase that is not there", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, err := w.ledger.Cancel(t.Context(), "unknown", ledger.Act{})
		require.ErrorIs(t, err, gloebit.ErrNotFound)
		w.store.failing(errDown)
		_, err = w.ledger.Cancel(t.Context(), "unknown", ledger.Act{})
		require.ErrorIs(t, err, gloebit.ErrStore)
	})
	t.Run("a second click while the first is declined", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, queue(gloebittest.Queue{EnactFirst: true}))
		w.goods.reserve = saying(errors.New("sold out"))
		order := keyed(hat)
		for range 2 {
			p, err := w.buy(order)
			require.ErrorIs(t, err, ledger.ErrCanceled)
			require.Contains(t, p.Cause, "sold out")
		}
	})
}
