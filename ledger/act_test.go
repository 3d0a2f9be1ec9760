package ledger_test

import (
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// last is the last entry of a purchase's history.
func last(p ledger.Purchase) ledger.Change { return p.History[len(p.History)-1] }

func TestActsNameTheOperator(t *testing.T) {
	t.Parallel()
	act := ledger.Act{By: "zoe", Reason: "asked by mail"}
	t.Run("retry of a stuck purchase", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.stick(ledger.Settled)
		got, err := w.ledger.Retry(t.Context(), p.ID, act)
		require.NoError(t, err)
		require.Equal(t, "zoe", last(got).By)
		require.Equal(t, "taken up again: asked by mail", last(got).Cause)
		require.Contains(t, w.log.String(), "by=zoe")
	})
	t.Run("retry of a waiting purchase", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		got, err := w.ledger.Retry(t.Context(), w.put("waits", ledger.Settled).ID, act)
		require.NoError(t, err)
		require.Equal(t, "zoe", last(got).By)
	})
	t.Run("retry gives an unanswered order no more time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.put("new", ledger.Created)
		w.clock.Advance(time.Minute)
		got, err := w.ledger.Retry(t.Context(), p.ID, act)
		require.NoError(t, err)
		require.Equal(t, p.UpdatedAt, got.UpdatedAt)
	})
	t.Run("cancel", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		got, err := w.ledger.Cancel(t.Context(), w.put("waits", ledger.Accepted).ID, act)
		require.NoError(t, err)
		require.Equal(t, ledger.Released, got.State)
		require.Equal(t, "zoe", got.History[1].By)
		require.Equal(t, "canceled by the application: asked by mail", got.Cause)
		require.Empty(t, last(got).By, "the ledger released it")
	})
}

func TestActFailsAfterConcurrentChange(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(l *ledger.Ledger, id string, act ledger.Act) (ledger.Purchase, error){
		"retry": func(l *ledger.Ledger, id string, act ledger.Act) (ledger.Purchase, error) {
			return l.Retry(t.Context(), id, act)
		},
		"cancel": func(l *ledger.Ledger, id string, act ledger.Act) (ledger.Purchase, error) {
			return l.Cancel(t.Context(), id, act)
		},
		"mark paid": func(l *ledger.Ledger, id string, act ledger.Act) (ledger.Purchase, error) {
			return l.MarkPaid(t.Context(), id, act)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.stick(ledger.Accepted)
			act := ledger.Act{By: "ann", Reason: "why", Seen: p.UpdatedAt.Add(-time.Microsecond)}
			_, err := do(w.ledger, p.ID, act)
			require.ErrorIs(t, err, ledger.ErrChanged)
			require.NotErrorIs(t, err, gloebit.ErrStore)
			require.Equal(t, p, w.get(p.ID))
			act.Seen = p.UpdatedAt
			got, err := do(w.ledger, p.ID, act)
			require.NoError(t, err)
			require.False(t, got.Stuck() && name != "mark paid")
		})
	}
}

func TestMarkPaid(t *testing.T) {
	t.Parallel()
	act := ledger.Act{By: "zoe", Reason: "seen on the merchant page"}
	for _, state := range []ledger.State{ledger.Accepted, ledger.Reserved} {
		t.Run("a stuck one is delivered from "+string(state), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.stick(state)
			w.goods.deliver = nil
			w.clock.Advance(time.Hour)
			got, err := w.ledger.MarkPaid(t.Context(), p.ID, act)
			require.NoError(t, err)
			require.Equal(t, ledger.Delivered, got.State)
			require.Equal(t, w.clock.Now(), got.PaidAt)
			settled := got.History[len(got.History)-2]
			require.Equal(t, "zoe", settled.By)
			require.Equal(t, "marked as paid: seen on the merchant page", settled.Cause)
			_, err = w.ledger.MarkPaid(t.Context(), p.ID, act)
			require.ErrorIs(t, err, ledger.ErrNotStuck)
			require.Equal(t, got, w.get(p.ID))
		})
	}
	t.Run("a failed delivery is retried", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		got, err := w.ledger.MarkPaid(t.Context(), w.stick(ledger.Reserved).ID, act)
		require.NoError(t, err)
		require.Equal(t, ledger.Settled, got.State)
		require.NotZero(t, got.NextAt)
	})
	t.Run("after a declined reservation it is paid and stuck", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.stick(ledger.Accepted)
		w.goods.reserve = saying(errDown)
		got, err := w.ledger.MarkPaid(t.Context(), p.ID, act)
		require.NoError(t, err)
		require.Equal(t, ledger.Settled, got.State)
		require.True(t, got.Stuck())
		require.Contains(t, got.Cause, errDown.Error())
		require.Equal(t, "zoe", got.History[len(got.History)-2].By)
	})
	t.Run("after ErrTryAgain it does not change", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.stick(ledger.Accepted)
		w.goods.reserve = saying(ledger.ErrTryAgain)
		_, err := w.ledger.MarkPaid(t.Context(), p.ID, act)
		require.ErrorIs(t, err, ledger.ErrTryAgain)
		require.Equal(t, p, w.get(p.ID))
	})
	t.Run("a reason is needed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, err := w.ledger.MarkPaid(t.Context(), w.stick(ledger.Reserved).ID, ledger.Act{By: "zoe", Reason: " "})
		require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
	})
	t.Run("a purchase that is not stuck, settled or canceled stays", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		waits := w.put("waits", ledger.Reserved)
		for _, p := range []ledger.Purchase{waits, w.stick(ledger.Settled), w.stick(ledger.Canceled)} {
			_, err := w.ledger.MarkPaid(t.Context(), p.ID, act)
			require.ErrorIs(t, err, ledger.ErrNotStuck, p.State)
			require.Equal(t, p.History, w.get(p.ID).History)
		}
		_, err := w.ledger.MarkPaid(t.Context(), "unknown", act)
		require.ErrorIs(t, err, gloebit.ErrNotFound)
	})
}
