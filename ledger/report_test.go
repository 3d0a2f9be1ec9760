package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

func TestEachReportHasThePurchaseAsItIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(q *quiet, step string)
		change func(ctx context.Context, l *ledger.Ledger) error
	}{
		"erased": {
			func(q *quiet, step string) { q.call("purchase", step) },
			func(ctx context.Context, l *ledger.Ledger) error {
				_, err := l.Erase(ctx, "alice", ledger.Act{By: "zoe"})
				return err
			},
		},
		"canceled": {
			func(q *quiet, step string) {
				_, err := q.ledger.Retry(q.t.Context(), "purchase", ledger.Act{By: step})
				require.NoError(q.t, err)
			},
			func(ctx context.Context, l *ledger.Ledger) error {
				_, err := l.Cancel(ctx, "purchase", ledger.Act{By: "zoe"})
				return err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &reports{}
				r.failing(func(context.Context, ledger.Purchase, ledger.Change) error { return errDown })
				q := newQuiet(t, func(c *ledger.Config) { c.OnChange = r.onChange })
				q.put("purchase", ledger.Accepted, false)
				for _, step := range []string{"enact", "consume"} {
					time.Sleep(time.Second)
					c.before(q, step)
				}
				require.NoError(t, q.ledger.Reconcile(t.Context()))
				time.Sleep(time.Hour)
				var calls int
				r.failing(func(ctx context.Context, p ledger.Purchase, reported ledger.Change) error {
					now, err := q.ledger.Get(ctx, p.ID)
					require.NoError(t, err)
					require.Equal(t, now.UserID, p.UserID)
					require.Equal(t, now.History, p.History)
					require.Contains(t, now.History, reported)
					if calls++; calls == 1 {
						return c.change(ctx, q.ledger)
					}
					return nil
				})
				time.Sleep(10 * time.Second)
				for range 2 {
					require.NoError(t, q.ledger.Reconcile(t.Context()))
					time.Sleep(time.Second)
				}
				p, err := q.ledger.Get(t.Context(), "purchase")
				require.NoError(t, err)
				require.Zero(t, p.ReportAt)
				require.Equal(t, len(p.History)-1, calls)
			})
		})
	}
}

func TestAClockThatWasAheadDelaysNoReport(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ahead, after []string
		retry        bool
	}{
		"changed again":    {ahead: []string{"enact"}, after: []string{"consume"}},
		"retried":          {ahead: []string{"enact"}, retry: true},
		"delivered before": {ahead: []string{"enact", "consume"}, retry: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &reports{}
				var ahead atomic.Int64
				q := newQuiet(t, func(c *ledger.Config) {
					c.OnChange = r.onChange
					c.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
				})
				q.put("purchase", ledger.Accepted, false)
				ahead.Store(int64(365 * 24 * time.Hour))
				for _, step := range c.ahead {
					q.call("purchase", step)
				}
				ahead.Store(0)
				stop := q.run()
				time.Sleep(time.Hour)
				require.Empty(t, r.of("purchase"))
				for _, step := range c.after {
					q.call("purchase", step)
				}
				if c.retry {
					_, err := q.ledger.Retry(t.Context(), "purchase", ledger.Act{By: "zoe"})
					require.NoError(t, err)
				}
				time.Sleep(time.Second)
				wantAllReported(t, q, r, "purchase")
				require.ErrorIs(t, stop(), context.Canceled)
			})
		})
	}
}

// TestAnotherWorkerReportsAtOnce checks a purchase that changes during its
// report: another worker may claim it before the first has finished saving.
func TestAnotherWorkerReportsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		q := newQuiet(t, func(c *ledger.Config) { c.OnChange = r.onChange })
		r.failing(func(context.Context, ledger.Purchase, ledger.Change) error {
			if len(r.of("purchase")) == 1 {
				require.Equal(t, 200, q.call("purchase", "consume").Code)
			}
			return nil
		})
		q.put("purchase", ledger.Accepted, false)
		var saved atomic.Bool
		q.store.after = func(int, string) error {
			p, err := q.store.Store.Get(t.Context(), q.key("purchase"))
			if err == nil && p.Reported == 1 && saved.CompareAndSwap(false, true) {
				time.Sleep(20 * time.Second) // while the other workers poll
			}
			return err
		}
		stop := q.run()
		require.Equal(t, 200, q.call("purchase", "enact").Code)
		time.Sleep(time.Minute)
		wantAllReported(t, q, r, "purchase")
		require.NotContains(t, q.log.String(), "does not return")
		require.ErrorIs(t, stop(), context.Canceled)
	})
}

func TestALateReportWaitsTheLongestAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		began := time.Now()
		var calls []time.Duration
		r.failing(func(ctx context.Context, _ ledger.Purchase, _ ledger.Change) error {
			calls = append(calls, time.Since(began))
			<-ctx.Done()
			return errors.New("the mail server does not answer")
		})
		q := newQuiet(t, func(c *ledger.Config) { c.OnChange = r.onChange })
		q.put("purchase", ledger.Reserved, false)
		stop := q.run()
		q.call("purchase", "consume")
		time.Sleep(10 * time.Minute)
		require.ErrorIs(t, stop(), context.Canceled)
		require.Len(t, calls, 2)
		require.InDelta(t, (350 * time.Second).Seconds(), (calls[1] - calls[0]).Seconds(), 5, "a PollInterval")
		require.NotContains(t, q.log.String(), "does not return")
	})
}

func TestReportsThatDoNotReturnAreLogged(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{4, 5} { // all hang, or all but one
		synctest.Test(t, func(t *testing.T) {
			r, release := &reports{}, make(chan struct{})
			r.failing(func(context.Context, ledger.Purchase, ledger.Change) error {
				<-release
				return nil
			})
			q := newQuiet(t, func(c *ledger.Config) { c.OnChange, c.Workers = r.onChange, workers })
			for i := range 4 {
				q.put(fmt.Sprint(i), ledger.Settled, true)
			}
			stop := q.run()
			time.Sleep(time.Hour)
			log := q.log.String()
			require.Equal(t, 4, strings.Count(log, "OnChange does not return"), log)
			for i := range 4 {
				require.Contains(t, log, fmt.Sprintf(
					"level=ERROR msg=%q purchase=%d ", "gloebit ledger: OnChange does not return", i,
				))
			}
			require.Equal(t, workers > 4, strings.Contains(log, "OnChange still does not return"))
			close(release)
			time.Sleep(time.Second)
			require.ErrorIs(t, stop(), context.Canceled)
		})
	}
}

func TestRunStartsNoReportAfterItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		r.failing(func(context.Context, ledger.Purchase, ledger.Change) error {
			time.Sleep(29 * time.Second)
			return nil
		})
		q := newQuiet(t, func(c *ledger.Config) { c.OnChange = r.onChange })
		q.put("purchase", ledger.Reserved, false)
		q.call("purchase", "consume")
		stop := q.run()
		time.Sleep(time.Second)
		began := time.Now()
		require.ErrorIs(t, stop(), context.Canceled)
		require.Equal(t, 28*time.Second, time.Since(began))
		require.Len(t, r.of("purchase"), 1)
		require.NotContains(t, q.log.String(), "whose step does not end")
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		wantAllReported(t, q, r, "purchase")
	})
}

func TestManyFailedReportsAreLoggedRarely(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		r.failing(func(context.Context, ledger.Purchase, ledger.Change) error { return errDown })
		q := newQuiet(t, func(c *ledger.Config) { c.OnChange = r.onChange })
		for i := range 100 {
			q.put(fmt.Sprint(i), ledger.Settled, true)
		}
		stop := q.run()
		time.Sleep(time.Minute)
		require.ErrorIs(t, stop(), context.Canceled)
		logged := strings.Count(q.log.String(), "OnChange has failed")
		require.Greater(t, logged, 3)
		require.LessOrEqual(t, logged, 13, "one for each PollInterval")
	})
}

func TestALostCommitLosesNoLaterReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		var q *quiet
		r.failing(func(ctx context.Context, p ledger.Purchase, reported ledger.Change) error {
			if reported.To != ledger.Delivered {
				return nil
			}
			r.failing(nil)
			_, err := q.store.Store.Change(ctx, q.key("purchase"),
				func(_ context.Context, p ledger.Purchase) (ledger.Purchase, error) {
					p.State, p.NextAt = ledger.Settled, time.Now().UTC().Truncate(time.Microsecond)
					p.History, p.Changes = p.History[:len(p.History)-1], p.Changes-1
					return p, nil
				})
			return err
		})
		q = newQuiet(t, func(c *ledger.Config) { c.OnChange = r.onChange })
		q.put("purchase", ledger.Reserved, false)
		q.call("purchase", "consume")
		for range 2 {
			time.Sleep(time.Minute)
			require.NoError(t, q.ledger.Reconcile(t.Context()))
		}
		p := q.wantState("purchase", ledger.Delivered)
		require.Zero(t, p.ReportAt)
		got := r.of("purchase")
		require.Equal(t, p.History[len(p.History)-1], got[len(got)-1])
	})
}
