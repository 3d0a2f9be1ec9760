package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// reports are the calls of OnChange by purchase.
type reports struct {
	mu    sync.Mutex
	calls map[string][]ledger.Change
	fail  func(ctx context.Context, p ledger.Purchase, change ledger.Change) error
}

func (r *reports) onChange(ctx context.Context, p ledger.Purchase, change ledger.Change) error {
	r.mu.Lock()
	if r.calls == nil {
		r.calls = map[string][]ledger.Change{}
	}
	r.calls[p.ID] = append(r.calls[p.ID], change)
	fail := r.fail
	r.mu.Unlock()
	if fail != nil {
		return fail(ctx, p, change)
	}
	return nil
}

func (r *reports) of(id string) []ledger.Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls[id])
}

func (r *reports) failing(fail func(context.Context, ledger.Purchase, ledger.Change) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = fail
}

func reporting(r *reports) option {
	return func(_ *gloebittest.Config, c *ledger.Config) { c.OnChange = r.onChange }
}

// wantReported fails unless every change was reported, and none before an
// earlier one.
func wantReported(t *testing.T, p ledger.Purchase, got []ledger.Change, plan string) {
	t.Helper()
	var first []ledger.Change
	for _, change := range got {
		if !slices.Contains(first, change) {
			first = append(first, change)
		}
	}
	require.Equal(t, p.History, first, plan)
	require.Equal(t, len(p.History), p.Changes, plan)
	require.Equal(t, p.Changes, p.Reported, plan)
	require.Zero(t, p.ReportAt, plan)
}

func TestEachChangeIsReportedOnceInOrder(t *testing.T) {
	t.Parallel()
	r := &reports{}
	w := newWorld(t, reporting(r))
	r.failing(func(_ context.Context, p ledger.Purchase, _ ledger.Change) error {
		now, err := w.ledger.Get(t.Context(), p.ID) // which may be called
		require.NoError(t, err)
		require.Equal(t, now.State, p.State, "the purchase is as it is now")
		return nil
	})
	id := w.bought(hat).ID
	w.settle()
	w.reconcile()
	p := w.wantState(id, ledger.Delivered)
	require.Equal(t, p.History, r.of(id))
	wantReported(t, p, r.of(id), "")
	w.reconcile()
	require.Len(t, r.of(id), len(p.History), "once")
}

func TestRefusalsAndReordersAreReported(t *testing.T) {
	t.Parallel()
	r := &reports{}
	w := newWorld(t, reporting(r))
	order := keyed(hat)
	require.NoError(t, w.gloebit.AddBalance("alice", "-950"))
	p, err := w.buy(order)
	require.Error(t, err)
	w.reconcile()
	require.NoError(t, w.gloebit.AddBalance("alice", "950"))
	w.bought(order)
	w.settle()
	w.reconcile()
	wantReported(t, w.wantState(p.ID, ledger.Delivered), r.of(p.ID), "")
}

func TestChangesOfThisProcessAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	for _, many := range []int{1, 20} {
		synctest.Test(t, func(t *testing.T) {
			r, release := &reports{}, make(chan struct{})
			r.failing(func(context.Context, ledger.Purchase, ledger.Change) error {
				<-release
				time.Sleep(time.Millisecond)
				return nil
			})
			q := newQuiet(t, func(c *ledger.Config) { c.OnChange = r.onChange })
			for i := range many {
				q.put(fmt.Sprint(i), ledger.Accepted, false)
			}
			stop := q.run()
			synctest.Wait()
			for i := range many {
				require.Equal(t, 200, q.call(fmt.Sprint(i), "enact").Code)
				synctest.Wait() // its report has begun, if a worker is free
				require.Equal(t, 200, q.call(fmt.Sprint(i), "consume").Code)
			}
			close(release)
			time.Sleep(time.Second) // less than PollInterval
			for i := range many {
				p := q.wantState(fmt.Sprint(i), ledger.Delivered)
				require.Equal(t, p.History[1:], r.of(p.ID), "since OnChange is set")
				require.Zero(t, p.ReportAt)
			}
			require.ErrorIs(t, stop(), context.Canceled)
		})
	}
}

func TestReplicasReportEachChangeOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reports{fail: func(context.Context, ledger.Purchase, ledger.Change) error {
			time.Sleep(time.Millisecond)
			return nil
		}}
		q := newQuiet(t, func(c *ledger.Config) { c.OnChange = r.onChange })
		var stops []func() error
		for range 3 {
			replica := *q
			var err error
			replica.ledger, err = ledger.New(q.config)
			require.NoError(t, err)
			stops = append(stops, replica.run())
		}
		for i := range 50 {
			q.put(fmt.Sprint(i), ledger.Accepted, false)
			q.call(fmt.Sprint(i), "enact")
			time.Sleep(time.Millisecond / 3)
			q.call(fmt.Sprint(i), "consume")
		}
		time.Sleep(6 * time.Second) // a PollInterval: this process has no Run
		for i := range 50 {
			p := q.wantState(fmt.Sprint(i), ledger.Delivered)
			require.Equal(t, p.History[1:], r.of(p.ID))
		}
		for _, stop := range stops {
			require.ErrorIs(t, stop(), context.Canceled)
		}
	})
}

func TestAFailedReportIsRepeatedWithGrowingWaits(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"error":             func() error { return errDown },
		"panic":             func() error { panic("no mail today") },
		"error that panics": func() error { return (*brokenError)(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &reports{}
				var calls []time.Duration
				began := time.Now()
				r.failing(func(_ context.Context, p ledger.Purchase, _ ledger.Change) error {
					if p.ID == "other" {
						return nil
					}
					calls = append(calls, time.Since(began))
					return fail()
				})
				q := newQuiet(t, func(c *ledger.Config) { c.OnChange, c.PollInterval = r.onChange, time.Second })
				q.put("purchase", ledger.Reserved, false)
				q.put("other", ledger.Reserved, false)
				stop := q.run()
				q.call("purchase", "consume")
				q.call("other", "consume")
				time.Sleep(20 * time.Minute)
				p := q.wantState("purchase", ledger.Delivered)
				require.False(t, p.Stuck())
				require.Equal(t, 0, p.Reported)
				var waits []time.Duration
				for i := range 9 {
					waits = append(waits, (calls[i+1] - calls[i]).Round(time.Second))
				}
				require.Equal(t, []time.Duration{5e9, 5e9, 10e9, 20e9, 40e9, 80e9, 160e9, 320e9, 320e9}, waits)
				require.Len(t, r.of("other"), 2, "one purchase does not delay another")
				require.Equal(t, ledger.Settled, r.of("purchase")[len(calls)-1].To, "the first change blocks the next")
				require.Contains(t, q.log.String(), "OnChange has failed, to be called again")
				r.failing(nil)
				time.Sleep(6 * time.Minute)
				wantAllReported(t, q, r, "purchase")
				require.ErrorIs(t, stop(), context.Canceled)
			})
		})
	}
}

// wantAllReported fails unless the last calls were the changes since put.
func wantAllReported(t *testing.T, q *quiet, r *reports, id string) {
	t.Helper()
	p, err := q.store.Store.Get(t.Context(), q.key(id))
	require.NoError(t, err)
	require.Zero(t, p.ReportAt)
	got := r.of(id)
	require.Equal(t, p.History[1:], got[len(got)-len(p.History)+1:])
}

func TestAReportThatHangsDelaysNoDelivery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, release := &reports{}, make(chan struct{})
		r.failing(func(ctx context.Context, p ledger.Purchase, _ ledger.Change) error {
			switch p.ID {
			case "hangs":
				<-release
				return errors.New("too late")
			case "slow":
				<-ctx.Done() // it returns in time
			}
			return nil
		})
		q := newQuiet(t, func(c *ledger.Config) { c.OnChange, c.Workers = r.onChange, 2 })
		for _, id := range []string{"hangs", "slow"} {
			q.put(id, ledger.Reserved, false)
		}
		for i := range 50 {
			q.put(fmt.Sprint("paid-", i), ledger.Settled, true)
		}
		stop := q.run()
		q.call("hangs", "consume")
		q.call("slow", "consume")
		synctest.Wait()
		for i := range 50 {
			q.wantState(fmt.Sprint("paid-", i), ledger.Delivered)
		}
		time.Sleep(20 * time.Minute)
		require.Len(t, r.of("hangs"), 1, "a call that does not return is not repeated in its process")
		wantAllReported(t, q, r, "slow")
		require.ErrorIs(t, stop(), context.Canceled)
		require.Contains(t, q.log.String(), `"gloebit ledger: left a purchase whose step does not end" purchase=hangs`)
		r.failing(nil)
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		require.Len(t, r.of("hangs"), 1)
		close(release)
		synctest.Wait()
		time.Sleep(10 * time.Minute)
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		wantAllReported(t, q, r, "hangs")
	})
}

func TestSlowReportsOfOnePurchaseAreNotConcurrent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		var running atomic.Int32
		r.failing(func(context.Context, ledger.Purchase, ledger.Change) error {
			if running.Add(1) > 1 {
				t.Error("two calls at once")
			}
			time.Sleep(29 * time.Second) // less than StepTimeout
			running.Add(-1)
			return nil
		})
		q := newQuiet(t, func(c *ledger.Config) { c.OnChange = r.onChange })
		q.put("purchase", ledger.Accepted, false)
		for _, step := range []string{"enact", "consume"} {
			q.call("purchase", step)
		}
		var stops []func() error
		for range 2 {
			replica := *q
			var err error
			replica.ledger, err = ledger.New(q.config)
			require.NoError(t, err)
			stops = append(stops, replica.run())
		}
		time.Sleep(5 * time.Minute)
		require.Equal(t, q.wantState("purchase", ledger.Delivered).History[1:], r.of("purchase"))
		for _, stop := range stops {
			require.ErrorIs(t, stop(), context.Canceled)
		}
	})
}

func TestAReportThatIsLateUndoesNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, slow := &reports{}, &reports{}
		slow.failing(func(context.Context, ledger.Purchase, ledger.Change) error {
			time.Sleep(5 * time.Minute) // much longer than the claim
			return nil
		})
		q := newQuiet(t, func(c *ledger.Config) { c.OnChange = slow.onChange })
		config := q.config
		config.OnChange = r.onChange
		other, err := ledger.New(config)
		require.NoError(t, err)
		q.put("purchase", ledger.Reserved, false)
		q.call("purchase", "consume")
		var late sync.WaitGroup
		late.Go(func() { _ = q.ledger.Reconcile(t.Context()) })
		time.Sleep(time.Minute)
		require.NoError(t, other.Reconcile(t.Context()))
		wantAllReported(t, q, r, "purchase")
		late.Wait()
		require.Len(t, slow.of("purchase"), 1)
		require.NoError(t, other.Reconcile(t.Context()))
		wantAllReported(t, q, r, "purchase")
		require.Len(t, r.of("purchase"), 2)
	})
}

func TestAStuckPurchaseIsReported(t *testing.T) {
	t.Parallel()
	r := &reports{}
	w := newWorld(t, reporting(r))
	w.put("purchase", ledger.Released)
	w.wantAnswer("purchase", "consume", 200, yes)
	w.reconcile()
	got := r.of("purchase")
	require.Len(t, got, 2)
	require.Contains(t, got[1].Cause, "stuck: ")
	_, err := w.ledger.Retry(t.Context(), "purchase", ledger.Act{By: "zoe"})
	require.NoError(t, err)
	w.reconcile()
	require.Equal(t, "zoe", r.of("purchase")[2].By)
}

func TestWithoutOnChangeNothingIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.before = func(_ int, call string) error {
		require.NotEqual(t, "ClaimUnreported", call)
		return nil
	}
	id := w.bought(hat).ID
	w.settle()
	w.reconcile()
	p := w.wantState(id, ledger.Delivered)
	require.Zero(t, p.Changes)
	require.Zero(t, p.Reported)
	require.Zero(t, p.ReportAt)
}

func TestChangesWithoutOnChangeAreReported(t *testing.T) {
	t.Parallel()
	r := &reports{}
	w := newWorld(t, reporting(r))
	id := w.bought(hat).ID
	w.reconcile()
	config := w.config
	config.OnChange = nil // as in the operator's command
	command, err := ledger.New(config)
	require.NoError(t, err)
	_, err = command.Cancel(t.Context(), id, ledger.Act{By: "zoe"})
	require.NoError(t, err)
	require.NoError(t, command.Reconcile(t.Context()))
	require.Len(t, r.of(id), 2)
	w.reconcile()
	wantReported(t, w.wantState(id, ledger.Released), r.of(id), "")
}

func TestPruneKeepsWhatIsNotReported(t *testing.T) {
	t.Parallel()
	r := &reports{}
	w := newWorld(t, reporting(r))
	r.failing(func(context.Context, ledger.Purchase, ledger.Change) error { return errDown })
	w.bought(hat)
	w.settle()
	w.clock.Advance(time.Hour)
	for _, want := range []int64{0, 1} {
		w.reconcile()
		removed, err := w.ledger.Prune(t.Context(), w.clock.Now())
		require.NoError(t, err)
		require.Equal(t, want, removed)
		r.failing(nil)
		w.clock.Advance(time.Hour)
	}
}

func TestUnreportedPurchasesAreCounted(t *testing.T) {
	t.Parallel()
	r := &reports{}
	w := newWorld(t, reporting(r))
	r.failing(func(context.Context, ledger.Purchase, ledger.Change) error { return errDown })
	w.bought(hat)
	w.settle()
	w.reconcile()
	for _, step := range []struct {
		after      time.Duration
		fail       error
		unreported int64
	}{
		{0, errDown, 0},
		{time.Minute, errDown, 0},
		{time.Second, errDown, 1},
		{time.Hour, errDown, 1},
		{time.Hour, nil, 0},
	} {
		w.clock.Advance(step.after)
		r.failing(func(context.Context, ledger.Purchase, ledger.Change) error { return step.fail })
		w.reconcile()
		counts, err := w.ledger.Counts(t.Context())
		require.NoError(t, err)
		var want []ledger.Count
		if step.unreported > 0 {
			want = []ledger.Count{{Realm: w.realm(), State: ledger.Delivered, Unreported: step.unreported}}
		}
		require.Equal(t, want, counts)
		require.NotErrorIs(t, w.ledger.Health(t.Context()), ledger.ErrOverdue)
	}
}

func TestAnErasedPurchaseIsReportedWithoutItsUser(t *testing.T) {
	t.Parallel()
	r := &reports{}
	w := newWorld(t, reporting(r))
	id := w.bought(hat).ID
	w.settle()
	_, err := w.ledger.Erase(t.Context(), "alice", ledger.Act{By: "zoe"})
	require.NoError(t, err)
	r.failing(func(_ context.Context, p ledger.Purchase, _ ledger.Change) error {
		require.Empty(t, p.UserID)
		require.EqualValues(t, 100, p.Total())
		return nil
	})
	w.reconcile()
	got := r.of(id)
	wantReported(t, w.get(id), got, "")
	require.Empty(t, got[0].Cause)
	require.Equal(t, "erased", got[len(got)-1].Cause)
}

func TestAHistoryThatIsFullIsReported(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]int{"none reported before": 0, "some reported before": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &reports{}
			w := newWorld(t, reporting(r))
			w.put("purchase", ledger.Settled)
			retry := func(times int) {
				for range times {
					w.clock.Advance(time.Second)
					_, err := w.ledger.Retry(t.Context(), "purchase", ledger.Act{By: "zoe"})
					require.NoError(t, err)
				}
			}
			retry(before)
			if before > 0 {
				w.goods.deliver = saying(errDown)
				w.reconcile()
			}
			require.Len(t, r.of("purchase"), before)
			retry(120)
			w.goods.deliver = nil
			w.reconcile()
			w.reconcile()
			p := w.wantState("purchase", ledger.Delivered)
			require.Len(t, p.History, 100)
			require.Equal(t, p.Changes, p.Reported)
			require.Zero(t, p.ReportAt)
			require.Equal(t, p.History[1:], r.of("purchase")[before:], "the newest, without the first")
		})
	}
}
