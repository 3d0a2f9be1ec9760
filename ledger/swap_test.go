package ledger_test

import (
	"context"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// deaf is a store whose first CompareAndSwap fails, as on a dead connection. If
// saves is set, it saves nevertheless.
type deaf struct {
	ledger.Store
	saves  bool
	failed *bool
}

func (s deaf) CompareAndSwap(
	ctx context.Context, old, next ledger.Purchase,
) (saved ledger.Purchase, swapped bool, err error) {
	if *s.failed {
		return s.Store.CompareAndSwap(ctx, old, next)
	}
	*s.failed = true
	if s.saves {
		_, _, err = s.Store.CompareAndSwap(ctx, old, next)
	}
	if err == nil {
		err = errDown
	}
	return ledger.Purchase{}, false, err
}

func TestFailedSwapIsRepeatedByChange(t *testing.T) {
	t.Parallel()
	for name, saves := range map[string]bool{"nothing was saved": false, "it was saved": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed := new(bool)
			failing := func(_ *gloebittest.Config, c *ledger.Config) { c.Store = deaf{c.Store, saves, failed} }

			w := newWorld(t, failing)
			w.refusing()
			p, err := w.buy(hat)
			require.ErrorIs(t, err, gloebit.ErrCannotSpend)
			require.Equal(t, ledger.Refused, p.State)
			require.True(t, *failed)

			*failed = true // until consume
			w = newWorld(t, failing)
			p = w.put("consumed", ledger.Reserved)
			*failed = false
			w.wantAnswer(p.ID, "consume", 200, yes)
			require.True(t, *failed)
			require.Len(t, w.wantState(p.ID, ledger.Delivered).History, 3)
			require.Equal(t, []string{"Deliver"}, w.goods.all())
		})
	}
}

func TestRepeatedCallbackIsOneStep(t *testing.T) {
	t.Parallel()
	began, ended := map[string]int{}, map[string]int{}
	w := newWorld(t, func(_ *gloebittest.Config, c *ledger.Config) {
		c.Trace = &ledger.Trace{Step: func(
			ctx context.Context, info ledger.StepInfo,
		) (context.Context, func(ledger.StepResult)) {
			began[info.Name]++
			return ctx, func(ledger.StepResult) { ended[info.Name]++ }
		}}
	})
	p := w.put("purchase", ledger.Reserved)
	for range 3 {
		w.wantAnswer(p.ID, "consume", 200, yes)
	}
	require.Equal(t, map[string]int{"consume": 3, "deliver": 1}, began)
	require.Equal(t, began, ended)
}

// overtaking is a store in which another replica cancels a purchase before the
// first CompareAndSwap.
type overtaking struct {
	ledger.Store
	done *bool
}

func (s overtaking) CompareAndSwap(
	ctx context.Context, old, next ledger.Purchase,
) (saved ledger.Purchase, swapped bool, err error) {
	if !*s.done {
		*s.done = true
		_, err = s.Change(ctx, connect.Key{Realm: old.Realm, ID: old.ID}, func(
			_ context.Context, p ledger.Purchase,
		) (ledger.Purchase, error) {
			p.State = ledger.Canceled
			return p, nil
		})
		if err != nil {
			return saved, false, err
		}
	}
	return s.Store.CompareAndSwap(ctx, old, next)
}

func TestMissedSwapEndsEachStepOnce(t *testing.T) {
	t.Parallel()
	var steps []ledger.State // before and after each step
	w := newWorld(t, func(_ *gloebittest.Config, c *ledger.Config) {
		c.Store = overtaking{c.Store, new(bool)}
		c.Trace = &ledger.Trace{Step: func(
			ctx context.Context, info ledger.StepInfo,
		) (context.Context, func(ledger.StepResult)) {
			before := info.State
			return ctx, func(result ledger.StepResult) { steps = append(steps, before, result.State) }
		}}
	})
	p := w.put("purchase", ledger.Reserved)
	w.wantAnswer(p.ID, "consume", 200, yes)
	require.Equal(t, []ledger.State{ledger.Reserved, ledger.Reserved, ledger.Canceled, ledger.Settled}, steps)
	require.True(t, w.wantState(p.ID, ledger.Settled).Stuck(), "a payment after a cancel is for an operator")
}
