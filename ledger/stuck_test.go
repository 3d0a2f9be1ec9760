package ledger_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// stick returns a purchase that is stuck in a state.
func (w *world) stick(state ledger.State) ledger.Purchase {
	w.t.Helper()
	p := w.put("stuck-"+string(state), state)
	w.goods.deliver, w.goods.release = saying(errDown), saying(errDown)
	require.NoError(w.t, w.tokens.Delete(w.t.Context(), w.key("alice")))
	for range 9 {
		w.makeDue(p.ID)
		w.reconcile()
		require.False(w.t, w.get(p.ID).Stuck())
	}
	w.clock.Advance(24 * time.Hour)
	w.reconcile()
	return w.get(p.ID)
}

func TestOldPurchaseIsMarkedStuck(t *testing.T) {
	t.Parallel()
	for _, state := range []ledger.State{ledger.Accepted, ledger.Reserved, ledger.Settled, ledger.Canceled} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.stick(state)
			require.True(t, p.Stuck())
			require.Equal(t, state, p.State)
			require.Zero(t, p.NextAt)
			require.NotEmpty(t, p.Cause)
			wantHistory(t, p)
			last := p.History[len(p.History)-1]
			require.Equal(t, "stuck: "+p.Cause, last.Cause)
			require.Equal(t, last.From, last.To)
			list, err := w.ledger.List(t.Context(), ledger.Query{Stuck: true})
			require.NoError(t, err)
			require.Len(t, list, 1)
			require.Contains(t, w.log.String(), `level=ERROR msg="gloebit ledger: stuck" purchase=`+p.ID)
			calls := len(w.goods.all())
			w.clock.Advance(1000 * time.Hour)
			w.reconcile()
			require.Len(t, w.goods.all(), calls, "no step is tried any more")
			require.Equal(t, p, w.get(p.ID))
		})
	}
}

func TestLateCallbackFreesStuckPurchase(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state ledger.State
		step  string
		want  ledger.State
	}{
		{ledger.Accepted, "enact", ledger.Reserved},
		{ledger.Accepted, "cancel", ledger.Released},
		{ledger.Reserved, "consume", ledger.Delivered},
		{ledger.Reserved, "cancel", ledger.Released},
	} {
		t.Run(c.step+" in "+string(c.state), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.stick(c.state)
			w.goods.deliver, w.goods.release = nil, nil
			w.wantAnswer(p.ID, c.step, 200, yes)
			got := w.wantState(p.ID, c.want)
			require.False(t, got.Stuck())
			require.NotContains(t, got.Cause, "stuck")
			require.Zero(t, got.Attempts)
			require.Equal(t, got.Finished(), got.NextAt.IsZero())
		})
	}
}

func TestRetryFreesStuckPurchase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.stick(ledger.Settled)
	got, err := w.ledger.Retry(t.Context(), p.ID, ledger.Act{})
	require.NoError(t, err)
	require.False(t, got.Stuck())
	wantHistory(t, got)
	w.reconcile()
	got = w.wantState(p.ID, ledger.Settled)
	require.False(t, got.Stuck(), "its age begins anew")
	require.Equal(t, 1, got.Attempts)
	for range 3 {
		again, err := w.ledger.Retry(t.Context(), p.ID, ledger.Act{})
		require.NoError(t, err)
		require.Equal(t, w.clock.Now(), again.NextAt)
		require.Equal(
			t, got.History, again.History, "which must not outgrow what a store takes, however often it is asked for",
		)
	}
	w.goods.deliver = nil
	w.reconcile()
	done := w.wantState(p.ID, ledger.Delivered)
	got, err = w.ledger.Retry(t.Context(), p.ID, ledger.Act{})
	require.NoError(t, err)
	require.Equal(t, done, got, "a finished purchase does not change")
	_, err = w.ledger.Retry(t.Context(), "unknown", ledger.Act{})
	require.ErrorIs(t, err, gloebit.ErrNotFound)
}

func TestRetryReleasesErasedPurchase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.put("refused", ledger.Refused).ID
	_, err := w.ledger.Erase(t.Context(), "alice", ledger.Act{})
	require.NoError(t, err)
	w.goods.release = saying(errDown)
	w.wantAnswer(id, "cancel", http.StatusOK, yes)
	w.wantState(id, ledger.Canceled)
	w.change(id, func(p *ledger.Purchase) { p.StuckAt, p.NextAt = w.clock.Now(), time.Time{} })
	w.goods.release = nil
	p, err := w.ledger.Retry(t.Context(), id, ledger.Act{By: "zoe"})
	require.NoError(t, err)
	require.False(t, p.Stuck())
	w.reconcile()
	w.wantState(id, ledger.Released)
}

func TestPurchaseMarkedStuckElsewhereStaysStuck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.put("purchase", ledger.Settled).ID
	w.makeDue(id)
	w.goods.deliver = saying(errDown)
	changes := 0
	w.store.before = func(_ int, call string) error {
		if call == "Change" {
			if changes++; changes == 2 { // between the failed attempt and its recording
				w.change(id, func(p *ledger.Purchase) { p.StuckAt, p.NextAt = w.clock.Now(), time.Time{} })
			}
		}
		return nil
	}
	w.reconcile()
	require.Equal(t, 3, changes, "recording it compares first")
	got := w.wantState(id, ledger.Settled)
	require.True(t, got.Stuck())
	require.Zero(t, got.NextAt)
	require.Zero(t, got.Attempts)
}
