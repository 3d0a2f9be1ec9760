package ledger_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// almostStepTimeout is how long each call of OnChange may take so that two
// calls fit into one claim.
const almostStepTimeout = 29900 * time.Millisecond

// savesSlowly delays the first save of a report by ten seconds.
func (q *quiet) savesSlowly() {
	var once sync.Once
	q.store.before = func(_ int, call string) error {
		if call == "Change" {
			once.Do(func() { time.Sleep(10 * time.Second) })
		}
		return nil
	}
}

func TestReportThatIsSavedLateIsNotRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		r.failing(func(context.Context, ledger.Purchase, ledger.Change) error {
			time.Sleep(almostStepTimeout)
			return nil
		})
		q := newQuiet(t, func(c *ledger.Config) { c.OnChange = r.onChange })
		q.put("purchase", ledger.Accepted, false)
		q.call("purchase", "enact")
		q.call("purchase", "consume")
		q.savesSlowly()
		stop := q.run()
		time.Sleep(10 * time.Minute)
		require.ErrorIs(t, stop(), context.Canceled)
		wantAllReported(t, q, r, "purchase")
		require.Len(t, r.of("purchase"), 3, "once each")
		require.Equal(t, 1, strings.Count(q.log.String(), "what OnChange has accepted is still not saved"))
	})
}

func TestHangingSaveOfAReportHoldsOneWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		q := newQuiet(t, func(c *ledger.Config) { c.OnChange = r.onChange })
		q.put("purchase", ledger.Reserved, false)
		q.put("other", ledger.Reserved, false)
		q.call("purchase", "consume")
		end := make(chan struct{})
		q.store.change = func(id string) error {
			if id == "purchase" {
				<-end // regardless of the context
			}
			return nil
		}
		stop := q.run()
		time.Sleep(10 * time.Minute)
		q.call("other", "consume")
		time.Sleep(time.Minute)
		require.ErrorIs(t, stop(), context.Canceled)
		require.Len(t, r.of("purchase"), 2, "once each")
		wantAllReported(t, q, r, "other")
		log := q.log.String()
		require.Contains(t, log, "what OnChange has accepted is still not saved")
		require.Equal(t, 1, strings.Count(log, "whose step does not end\" purchase=purchase"))
		close(end)
		time.Sleep(time.Hour)
	})
}

// TestLateSaveOfAReportKeepsTheNewClaim has two processes. One saves its report
// while the other, which has claimed the purchase since, calls OnChange.
func TestLateSaveOfAReportKeepsTheNewClaim(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := 0, 0
		r := &reports{}
		r.failing(func(context.Context, ledger.Purchase, ledger.Change) error {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(almostStepTimeout)
			mu.Lock()
			running--
			mu.Unlock()
			return nil
		})
		q := newQuiet(t, func(c *ledger.Config) { c.OnChange, c.Workers = r.onChange, 1 })
		config := q.config
		config.Store = q.store.Store
		other, err := ledger.New(config)
		require.NoError(t, err)
		q.put("purchase", ledger.Accepted, false)
		q.call("purchase", "enact")
		q.call("purchase", "consume")
		q.savesSlowly()
		stop := q.run()
		time.Sleep(50 * time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- other.Run(ctx) }()
		time.Sleep(10 * time.Minute)
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		require.ErrorIs(t, stop(), context.Canceled)
		require.Equal(t, 1, most)
		p := q.wantState("purchase", ledger.Delivered)
		require.Zero(t, p.ReportAt)
		require.Subset(t, r.of("purchase"), p.History[1:])
	})
}

// TestReportThatRunsIsNotBegunAgain has an operator who sets report_at to now.
func TestReportThatRunsIsNotBegunAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		r.failing(func(context.Context, ledger.Purchase, ledger.Change) error {
			time.Sleep(20 * time.Second)
			return nil
		})
		q := newQuiet(t, func(c *ledger.Config) { c.OnChange = r.onChange })
		q.put("purchase", ledger.Accepted, false)
		q.call("purchase", "enact")
		stop := q.run()
		time.Sleep(time.Second)
		_, err := q.store.Store.Change(t.Context(), q.key("purchase"), func(
			_ context.Context, p ledger.Purchase,
		) (ledger.Purchase, error) {
			p.ReportAt = time.Now().UTC()
			return p, nil
		})
		require.NoError(t, err)
		time.Sleep(10 * time.Minute)
		require.ErrorIs(t, stop(), context.Canceled)
		wantAllReported(t, q, r, "purchase")
		require.Len(t, r.of("purchase"), 1)
	})
}
