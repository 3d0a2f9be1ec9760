package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// keep buffers the consume callbacks of reserved purchases, purchase-0 and so
// on, in memory.
func (q *quiet) keep(many int) {
	q.t.Helper()
	repair := q.failingChanges("")
	for i := range many {
		id := fmt.Sprint("purchase-", i)
		q.put(id, ledger.Reserved, false)
		require.Equal(q.t, http.StatusServiceUnavailable, q.call(id, "consume").Code)
	}
	repair()
}

func TestHangingDeliverDoesNotDelaySaves(t *testing.T) {
	t.Parallel()
	for name, pass := range map[string]func(*ledger.Ledger, context.Context) error{
		"in Run": (*ledger.Ledger).Run, "in Reconcile": (*ledger.Ledger).Reconcile,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := newQuiet(t, nil)
				let := q.hanging("purchase-0")
				q.keep(10)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				require.ErrorIs(t, pass(q.ledger, ctx), context.DeadlineExceeded)
				q.wantState("purchase-0", ledger.Settled)
				for i := range 9 {
					q.wantState(fmt.Sprint("purchase-", i+1), ledger.Delivered)
				}
				let()
			})
		})
	}
}

func TestBufferedCallbacksAreSavedWhileWorkersHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, func(c *ledger.Config) { c.Workers = 2 })
		let := q.hanging("hung")
		q.put("hung-1", ledger.Settled, true)
		q.put("hung-2", ledger.Settled, true)
		stop := q.run()
		time.Sleep(time.Minute)
		q.keep(1)
		time.Sleep(6 * time.Second) // PollInterval, and a little
		q.wantState("purchase-0", ledger.Settled)
		let()
		time.Sleep(6 * time.Second)
		q.wantState("purchase-0", ledger.Delivered)
		require.ErrorIs(t, stop(), context.Canceled)
	})
}

func TestFailingPurchasesDoNotBlockOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, nil)
		q.keep(8)
		bad := map[string]bool{"purchase-0": true, "purchase-1": true, "purchase-2": true}
		q.store.change = func(id string) error {
			if bad[id] {
				return errDown
			}
			return nil
		}
		require.ErrorIs(
			t, q.ledger.Reconcile(t.Context()), gloebit.ErrStore, "three in a row are taken for a store that is down",
		)
		require.ErrorIs(t, q.ledger.Reconcile(t.Context()), gloebit.ErrStore)
		for i := 3; i < 8; i++ {
			q.wantState(fmt.Sprint("purchase-", i), ledger.Delivered)
		}
		q.store.change = nil
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		for i := range 3 {
			q.wantState(fmt.Sprint("purchase-", i), ledger.Delivered)
		}
	})
}

func TestNextCallbackSavesBufferedCallbacks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, nil)
		other, err := ledger.New(q.config)
		require.NoError(t, err)
		q.keep(3)
		time.Sleep(time.Hour)
		require.NoError(t, other.Reconcile(t.Context()))
		q.wantState("purchase-0", ledger.Reserved) // another process knows nothing of it
		q.put("another", ledger.Accepted, false)
		answer := q.call("another", "enact")
		require.Equal(t, yes, answer.Body.String())
		require.True(t, answer.Flushed, "Gloebit has its answer before the others are saved")
		require.Equal(t, fmt.Sprint(len(yes)), answer.Header().Get("Content-Length"))
		for i := range 3 {
			q.wantState(fmt.Sprint("purchase-", i), ledger.Settled)
		}
		require.NoError(t, other.Reconcile(t.Context()), "a saved callback is due at once, for any process")
		q.wantState("purchase-0", ledger.Delivered)
		require.False(t, q.call("another", "enact").Flushed, "nothing is kept any more")
	})
}

func TestStoppingIsBoundedByWorkTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, nil)
		let := q.hanging("hung")
		q.put("hung", ledger.Settled, true)
		stop := q.run()
		synctest.Wait()
		repair := q.failingChanges("")
		q.put("late", ledger.Reserved, false)
		q.call("late", "consume")
		asked := time.Now()
		require.ErrorIs(t, stop(), context.Canceled)
		require.Equal(t, 37500*time.Millisecond, time.Since(asked))
		require.Contains(t, q.log.String(), "a callback is lost with this process, unless Gloebit repeats it\" purchase=late")
		repair()
		let()
	})
}

func TestStoppingWaitsOnceForLockedPurchase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, nil)
		let := make(chan struct{})
		q.goods.reserve = func(context.Context, ledger.Purchase) error { <-let; return nil }
		q.put("asked", ledger.Accepted, false)
		go q.call("asked", "enact")
		synctest.Wait()
		require.Equal(t, http.StatusServiceUnavailable, q.call("asked", "cancel").Code)
		stop := q.run()
		time.Sleep(time.Second) // it is being saved, and waits for Reserve
		asked := time.Now()
		require.ErrorIs(t, stop(), context.Canceled)
		require.Equal(t, 30*time.Second, time.Since(asked))
		close(let)
	})
}

func TestStoppingNamesRunningCallbacks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, nil)
		let := q.hanging("hung")
		q.put("hung", ledger.Reserved, false)
		q.put("fine", ledger.Reserved, false)
		go q.call("hung", "consume")
		q.call("fine", "consume")
		stop := q.run()
		time.Sleep(31 * time.Second)
		require.ErrorIs(t, stop(), context.Canceled)
		require.Equal(t, 1, strings.Count(q.log.String(), `left a purchase whose step does not end" purchase=hung`))
		require.NotContains(t, q.log.String(), `does not end" purchase=fine`)
		let()
		synctest.Wait()
		require.ErrorIs(t, q.run()(), context.Canceled)
		require.Equal(t, 1, strings.Count(q.log.String(), "does not end"), "it has ended")
	})
}

func TestBufferedCancelOfPaidPurchaseIsDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, nil)
		repair := q.failingChanges("")
		q.put("purchase-0", ledger.Reserved, false)
		require.Equal(t, http.StatusServiceUnavailable, q.call("purchase-0", "cancel").Code)
		repair()
		_, err := q.store.Store.Change(t.Context(), q.key("purchase-0"), func(
			_ context.Context, p ledger.Purchase,
		) (ledger.Purchase, error) {
			p.State = ledger.Delivered
			return p, nil
		})
		require.NoError(t, err)
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		require.Contains(
			t, q.log.String(),
			`level=ERROR msg="gloebit ledger: a cancel of what Gloebit has called paid" purchase=purchase-0`,
		)
		require.NotContains(t, q.log.String(), "saved a callback")
		before := q.store.calls
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		require.Equal(t, before+emptyPass, q.store.calls, "the workers claim nothing")
	})
}

// emptyPass is how often four workers of each kind query the store when nothing
// is due: once for each of their states.
const emptyPass = 4*2 + 4*3

// newer is a store whose purchases are in a state that this version lacks.
type newer struct{ ledger.Store }

func (s newer) CompareAndSwap(
	context.Context, ledger.Purchase, ledger.Purchase,
) (saved ledger.Purchase, swapped bool, err error) {
	return ledger.Purchase{}, false, nil
}

func (s newer) Change(
	ctx context.Context, key connect.Key, fn func(context.Context, ledger.Purchase) (ledger.Purchase, error),
) (ledger.Purchase, error) {
	return s.Store.Change(ctx, key, func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
		p.State = "shipped"
		return fn(ctx, p)
	})
}

func (s newer) ClaimUnreported(
	ctx context.Context, realm string, now, until time.Time,
) (ledger.Purchase, error) {
	p, err := s.Store.ClaimUnreported(ctx, realm, now, until)
	p.State = "shipped"
	return p, err
}

func (s newer) List(ctx context.Context, q ledger.Query) ([]ledger.Purchase, error) {
	if len(q.States) > 0 { // which are known ones
		return nil, nil
	}
	list, err := s.Store.List(ctx, q)
	for i := range list {
		list[i].State = "shipped"
	}
	return list, err
}

func TestBufferedConsumeForMissingPurchaseIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, nil)
		q.keep(1)
		q.store.Store = &ledger.MemoryStore{} // restored from before
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		p := q.wantState("purchase-0", ledger.Settled)
		require.True(t, p.Stuck())
		require.Contains(t, q.log.String(), "a callback for a purchase that the store does not have")
	})
}

func TestUnknownStateIsNotChanged(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"enact", "consume", "cancel"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			q := newQuiet(t, nil)
			q.put("purchase", ledger.Reserved, true)
			before := q.wantState("purchase", ledger.Reserved)
			q.store.Store = newer{q.store.Store}
			answer := q.call("purchase", step)
			require.Equal(t, http.StatusServiceUnavailable, answer.Code)
			require.Equal(t, pending, answer.Body.String())
			require.Contains(
				t, q.log.String(),
				`level=ERROR msg="gloebit ledger: a callback for a purchase in a state that this version does not know"`,
			)
			require.NoError(t, q.ledger.Reconcile(t.Context()))
			require.Empty(t, q.goods.all())
			after := q.wantState("purchase", ledger.Reserved)
			after.NextAt = before.NextAt // it was claimed
			require.Equal(t, before, after)
		})
	}
}

func TestUnknownStateIsNotCanceled(t *testing.T) {
	t.Parallel()
	q := newQuiet(t, nil)
	q.put("purchase", ledger.Accepted, true)
	q.store.Store = newer{q.store.Store}
	p, err := q.ledger.Cancel(t.Context(), "purchase", ledger.Act{})
	require.ErrorIs(t, err, ledger.ErrTooLate)
	require.Equal(t, ledger.State("shipped"), p.State)
}

func TestUnknownStateIsNotRetried(t *testing.T) {
	t.Parallel()
	q := newQuiet(t, nil)
	q.put("purchase", ledger.Accepted, true)
	before := q.wantState("purchase", ledger.Accepted)
	q.store.Store = newer{q.store.Store}
	p, err := q.ledger.Retry(t.Context(), "purchase", ledger.Act{By: "zoe"})
	require.NoError(t, err)
	require.Equal(t, ledger.State("shipped"), p.State)
	after := q.wantState("purchase", ledger.Accepted)
	require.Equal(t, before, after)
	require.NotContains(t, q.log.String(), "taken up again")
}

// TestUnknownStateIsNotReported checks that a process of an older version calls
// OnChange for no purchase that it can't save, which would repeat the call every
// minute.
func TestUnknownStateIsNotReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		q := newQuiet(t, func(c *ledger.Config) { c.OnChange = r.onChange })
		q.put("purchase", ledger.Accepted, false)
		q.call("purchase", "enact")
		older := q.store.Store
		q.store.Store = newer{older}
		stop := q.run()
		time.Sleep(10 * time.Minute)
		require.ErrorIs(t, stop(), context.Canceled)
		require.Empty(t, r.of("purchase"))
		q.store.Store = older
		stop = q.run()
		time.Sleep(10 * time.Minute)
		require.ErrorIs(t, stop(), context.Canceled)
		wantAllReported(t, q, r, "purchase")
	})
}

func TestLongDowntimeMarksNothingStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, nil)
		q.put("paid", ledger.Settled, true)
		time.Sleep(25 * time.Hour) // the shop is down, and so is the warehouse when it is back
		q.goods.deliver = saying(errors.New("the warehouse is still starting"))
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		p := q.wantState("paid", ledger.Settled)
		require.False(t, p.Stuck())
		require.Equal(t, time.Now().UTC(), p.FailingSince)
		time.Sleep(23 * time.Hour)
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		require.False(t, q.wantState("paid", ledger.Settled).Stuck())
		q.goods.deliver = nil
		time.Sleep(time.Hour)
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		require.Zero(t, q.wantState("paid", ledger.Delivered).FailingSince)
	})
}
