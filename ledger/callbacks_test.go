package ledger_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// unrepeated are the callbacks that Gloebit may not repeat, and the state to which
// each leads.
var unrepeated = []struct {
	step string
	want ledger.State
}{{"consume", ledger.Delivered}, {"cancel", ledger.Released}}

func TestConsumeAndCancelWaitForStore(t *testing.T) {
	t.Parallel()
	for _, c := range unrepeated {
		t.Run(c.step, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := newQuiet(t, nil)
				q.put("purchase", ledger.Reserved, false)
				repair := q.failingChanges("")
				time.AfterFunc(20*time.Second, repair)
				start := time.Now()
				answer := q.call("purchase", c.step)
				require.Equal(t, http.StatusOK, answer.Code)
				require.Equal(t, yes, answer.Body.String())
				require.WithinDuration(t, start.Add(20*time.Second), time.Now(), 2*time.Second)
				q.wantState("purchase", c.want)
			})
		})
	}
}

func TestUnsavedCallbackIsSavedByNextPass(t *testing.T) {
	t.Parallel()
	for _, c := range unrepeated {
		t.Run(c.step, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := newQuiet(t, nil)
				q.put("purchase", ledger.Reserved, false)
				repair := q.failingChanges("")
				start := time.Now()
				answer := q.call("purchase", c.step)
				require.Equal(t, http.StatusServiceUnavailable, answer.Code)
				require.Equal(t, pending, answer.Body.String())
				require.Equal(t, 30*time.Second, time.Since(start), "the store is asked for the whole of StepTimeout")
				require.Contains(t, q.log.String(), "kept in memory")
				require.ErrorIs(t, q.ledger.Reconcile(t.Context()), gloebit.ErrStore, "it is kept on while the store fails")
				repair()
				require.NoError(t, q.ledger.Reconcile(t.Context()))
				q.wantState("purchase", c.want)
				before := q.store.calls
				require.NoError(t, q.ledger.Reconcile(t.Context()))
				require.Equal(t, before+emptyPass, q.store.calls, "it is forgotten then: the workers claim nothing")
			})
		})
	}
}

func TestEnactDoesNotWaitForStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, nil)
		q.put("purchase", ledger.Accepted, false)
		repair := q.failingChanges("")
		start := time.Now()
		answer := q.call("purchase", "enact")
		require.Equal(t, http.StatusServiceUnavailable, answer.Code)
		require.Equal(t, pending, answer.Body.String())
		require.Equal(t, start, time.Now(), "Gloebit asks again")
		require.Contains(t, q.log.String(), errDown.Error())
		repair()
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		q.wantState("purchase", ledger.Accepted)
		require.Empty(t, q.goods.all())
	})
}

func TestRunSavesBufferedCallbacksBeforeReturning(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, func(c *ledger.Config) { c.PollInterval = time.Hour })
		for _, id := range []string{"first", "second"} {
			q.put(id, ledger.Reserved, false)
		}
		stop := q.run()
		synctest.Wait()
		repair := q.failingChanges("")
		q.call("first", "consume")
		time.AfterFunc(20*time.Second, repair) // while Run is stopping
		require.ErrorIs(t, stop(), context.Canceled)
		q.wantState("first", ledger.Settled)

		q.failingChanges("")
		q.call("second", "consume")
		require.ErrorIs(t, q.run()(), context.Canceled)
		q.wantState("second", ledger.Reserved)
		require.Contains(
			t, q.log.String(),
			`level=ERROR msg="gloebit ledger: a callback is lost with this process, unless Gloebit repeats it" purchase=second`,
		)
	})
}

func TestBufferedCallbacksAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, func(c *ledger.Config) { c.Logger, c.StepTimeout = nil, time.Millisecond })
		const many = 10_003
		repair := q.failingChanges("")
		for i := range many {
			q.put(fmt.Sprint("purchase-", i), ledger.Reserved, false)
			q.call(fmt.Sprint("purchase-", i), "consume")
			q.call(fmt.Sprint("purchase-", i), "consume") // takes no more room
		}
		require.Error(t, q.ledger.Reconcile(t.Context()))
		repair()
		q.store.before = func(_ int, call string) error {
			if call == "Claim" {
				return gloebit.ErrNotFound // a MemoryStore looks at all for each claim
			}
			return nil
		}
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		left, err := q.ledger.List(t.Context(), ledger.Query{States: []ledger.State{ledger.Reserved}})
		require.NoError(t, err)
		require.Len(t, left, 3)
		require.Equal(t, "purchase-10002", left[0].ID, "the newest had no room")
	})
}

func TestUnavailableStoreIsNotRetriedForEveryCallback(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, func(c *ledger.Config) { c.Workers, c.StepTimeout = 1, time.Millisecond })
		repair := q.failingChanges("")
		for i := range 50 {
			q.put(fmt.Sprint("purchase-", i), ledger.Reserved, false)
			q.call(fmt.Sprint("purchase-", i), "consume")
		}
		before := q.store.calls
		require.ErrorIs(t, q.ledger.Reconcile(t.Context()), gloebit.ErrStore)
		require.Equal(t, before+3+5, q.store.calls, "three are tried, and nothing is there to claim")
		repair()
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		done, err := q.ledger.List(t.Context(), ledger.Query{States: []ledger.State{ledger.Delivered}})
		require.NoError(t, err)
		require.Len(t, done, 50, "none was dropped")
	})
}

func TestRepeatedConsumeDuringDeliveryIsAcknowledged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, nil)
		q.put("purchase", ledger.Reserved, false)
		let := make(chan struct{})
		q.goods.deliver = func(context.Context, ledger.Purchase) error { <-let; return nil }
		done := make(chan struct{})
		go func() {
			defer close(done)
			q.call("purchase", "consume")
		}()
		synctest.Wait() // it is saved, and Deliver hangs
		answer := q.call("purchase", "consume")
		require.Equal(t, http.StatusOK, answer.Code)
		require.Equal(t, yes, answer.Body.String())
		require.NotContains(t, q.log.String(), "kept in memory")
		close(let)
		<-done
	})
}
