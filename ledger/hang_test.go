package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// hanging makes Deliver ignore its context for purchases with that ID prefix,
// until the returned function is called.
func (q *quiet) hanging(prefix string) (let func()) {
	end := make(chan struct{})
	q.goods.deliver = func(_ context.Context, p ledger.Purchase) error {
		if strings.HasPrefix(p.ID, prefix) {
			<-end
		}
		return nil
	}
	return func() { close(end) }
}

func TestHangingDeliverHoldsOneWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, func(c *ledger.Config) { c.Workers = 2 })
		let := q.hanging("hung")
		q.put("hung", ledger.Settled, true)
		stop := q.run()
		synctest.Wait()
		for i := range 5 {
			id := fmt.Sprint("purchase-", i)
			q.put(id, ledger.Settled, true)
			time.Sleep(5 * time.Second)
			synctest.Wait()
			q.wantState(id, ledger.Delivered)
		}
		asked := time.Now()
		require.ErrorIs(t, stop(), context.Canceled)
		require.InDelta(t, 30, time.Since(asked).Seconds(), 10, "Run returns within about StepTimeout")
		require.Contains(
			t, q.log.String(), `level=ERROR msg="gloebit ledger: left a purchase whose step does not end" purchase=hung`,
		)
		require.NotContains(t, q.log.String(), "does not end\" purchase=purchase-")
		q.wantState("hung", ledger.Settled)
		let()
	})
}

func TestStoppingWaitsForSlowDeliver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, nil)
		q.goods.deliver = func(context.Context, ledger.Purchase) error { time.Sleep(29 * time.Second); return nil }
		q.put("slow", ledger.Settled, true)
		stop := q.run()
		synctest.Wait()
		require.ErrorIs(t, stop(), context.Canceled)
		q.wantState("slow", ledger.Delivered)
		require.NotContains(t, q.log.String(), "does not end")
	})
}

func TestRepeatedReconcileNeverExceedsWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, func(c *ledger.Config) { c.Workers = 2 })
		let := q.hanging("hung")
		for i := range 20 {
			q.put(fmt.Sprint("hung-", i), ledger.Settled, true)
		}
		before := runtime.NumGoroutine()
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			require.ErrorIs(t, q.ledger.Reconcile(ctx), context.DeadlineExceeded)
			cancel()
		}
		synctest.Wait()
		require.Len(t, q.goods.all(), 2)
		require.Less(t, runtime.NumGoroutine(), before+20)
		let()
		synctest.Wait()
		q.put("another", ledger.Settled, true)
		require.NoError(t, q.ledger.Reconcile(t.Context()), "the workers are free again")
		q.wantState("another", ledger.Delivered)
	})
}

func TestHangingFulfillerCallsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, func(c *ledger.Config) { c.Workers = 2 })
		let := q.hanging("hung")
		for _, id := range []string{"hung-1", "hung-2", "hung-3"} {
			q.put(id, ledger.Reserved, false)
			go q.call(id, "consume")
		}
		q.put("late", ledger.Reserved, false)
		q.put("asked", ledger.Accepted, false)
		time.Sleep(31 * time.Second) // their time is over
		answer := q.call("late", "consume")
		require.Equal(t, http.StatusOK, answer.Code, "the payment is saved")
		p := q.wantState("late", ledger.Settled)
		require.Contains(t, p.Cause, "do not return")
		require.Equal(t, pending, q.call("asked", "enact").Body.String())
		require.Len(t, q.goods.all(), 3)
		let()
		synctest.Wait()
		time.Sleep(time.Minute)
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		q.wantState("late", ledger.Delivered)
		require.Equal(t, yes, q.call("asked", "enact").Body.String())
	})
}

func TestReserveErrorAfterTimeoutDoesNotCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, nil)
		q.put("purchase", ledger.Accepted, false)
		q.goods.reserve = func(ctx context.Context, _ ledger.Purchase) error {
			<-ctx.Done()
			return errors.New("driver: bad connection") // as a driver says it, without a word of the context
		}
		require.Equal(t, pending, q.call("purchase", "enact").Body.String())
		q.wantState("purchase", ledger.Accepted)
		q.goods.reserve = nil
		require.Equal(t, yes, q.call("purchase", "enact").Body.String())
	})
}

// joining is a store that joins or wraps the error of fn with its own, like a
// store that lost its connection while fn ran.
type joining struct {
	ledger.Store
	join func(error) error
}

func (s joining) Change(
	ctx context.Context, key connect.Key, fn func(context.Context, ledger.Purchase) (ledger.Purchase, error),
) (ledger.Purchase, error) {
	p, err := s.Store.Change(ctx, key, fn)
	if err != nil && s.join != nil {
		err = s.join(err)
	}
	return p, err
}

func TestDeclineDuringStoreFailureDoesNotCancel(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		join   func(error) error
		status int
		answer string
		want   ledger.State
	}{
		"the error as it is": {nil, http.StatusOK, `[false,"canceled"]`, ledger.Released},
		"wrapped": {
			func(err error) error { return fmt.Errorf("change: %w", err) }, http.StatusOK, `[false,"canceled"]`,
			ledger.Released,
		},
		"joined with a lost connection": {
			func(err error) error { return errors.Join(errDown, err) }, http.StatusServiceUnavailable, pending,
			ledger.Accepted,
		},
		"wrapped with a lost connection": {
			func(err error) error { return fmt.Errorf("x: %w: %w", errDown, err) }, http.StatusServiceUnavailable, pending,
			ledger.Accepted,
		},
		"joined, and that wrapped": {
			func(err error) error { return fmt.Errorf("x: %w", errors.Join(errDown, err)) }, http.StatusServiceUnavailable,
			pending, ledger.Accepted,
		},
		"hidden behind a lost connection": {
			func(error) error { return errDown }, http.StatusServiceUnavailable, pending, ledger.Accepted,
		},
		"joined, and it says not found": {
			func(err error) error { return errors.Join(errDown, gloebit.ErrNotFound, err) }, http.StatusServiceUnavailable,
			pending, ledger.Accepted,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := newQuiet(t, func(config *ledger.Config) { config.Store = joining{config.Store, c.join} })
			q.put("purchase", ledger.Accepted, false)
			q.goods.reserve = saying(errors.New("sold out"))
			got := q.call("purchase", "enact")
			require.Equal(t, c.status, got.Code)
			require.Equal(t, c.answer, got.Body.String())
			q.wantState("purchase", c.want)
		})
	}
}

func TestPassContinuesAfterUnsavedPurchases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, func(c *ledger.Config) { c.Workers = 1 })
		const many = 20
		for i := range many {
			q.put(fmt.Sprint("purchase-", i), ledger.Settled, true)
			time.Sleep(time.Millisecond) // they are due one after the other
		}
		bad := func(i int) bool { return i%3 == 1 } // more than a few, and never a few in a row
		q.store.change = func(id string) error {
			var i int
			_, _ = fmt.Sscanf(id, "purchase-%d", &i)
			if bad(i) {
				return errDown
			}
			return nil
		}
		require.ErrorIs(t, q.ledger.Reconcile(t.Context()), gloebit.ErrStore)
		for i := range many {
			if !bad(i) {
				q.wantState(fmt.Sprint("purchase-", i), ledger.Delivered)
			}
		}
		q.store.change = nil
		time.Sleep(time.Minute)
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		for i := range many {
			q.wantState(fmt.Sprint("purchase-", i), ledger.Delivered)
		}
	})
}

func TestAPassEndsWhenTheStoreIsDown(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*quiet){
		"for all":     func(q *quiet) { q.store.failing(errDown) },
		"for changes": func(q *quiet) { q.failingChanges("") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := newQuiet(t, func(c *ledger.Config) { c.Workers = 1 })
			for i := range 100 {
				q.put(fmt.Sprint("purchase-", i), ledger.Settled, true)
			}
			fail(q)
			require.ErrorIs(t, q.ledger.Reconcile(t.Context()), gloebit.ErrStore)
			require.LessOrEqual(
				t, q.store.calls, 18, "a claim, a delivery, and its record in two ways, three times, and claims that find nothing",
			)
		})
	}
}

func TestUnsavedDeliveryIsRetriedAfterRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, nil)
		q.put("purchase", ledger.Settled, true)
		failed := false
		q.store.change = func(string) error {
			if !failed {
				failed = true
				return errDown
			}
			return nil
		}
		require.NoError(t, q.ledger.Reconcile(t.Context()), "the failed try is recorded")
		p := q.wantState("purchase", ledger.Settled)
		require.Equal(t, 1, p.Attempts)
		require.Contains(t, p.Cause, errDown.Error())
		require.Equal(t, 5*time.Second, time.Until(p.NextAt).Round(time.Second), "RetryAfter, and not when the claim expires")
		time.Sleep(6 * time.Second)
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		q.wantState("purchase", ledger.Delivered)
	})
}
