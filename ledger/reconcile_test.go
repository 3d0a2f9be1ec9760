package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

func TestStoredUnsentOrderIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.after = func(int, string) error { return errDown } // the process stops right after writing
	_, err := w.buy(hat)
	require.ErrorIs(t, err, gloebit.ErrStore)
	w.store.after = nil
	require.Empty(t, w.gloebit.Transactions())
	w.start()
	w.clock.Advance(time.Minute - time.Microsecond)
	w.reconcile()
	require.Empty(t, w.gloebit.Transactions(), "the writer is given time")
	w.clock.Advance(time.Microsecond)
	w.reconcile()
	w.settle()
	tx := w.gloebit.Transactions()
	require.Len(t, tx, 1)
	w.wantState(tx[0].ID, ledger.Delivered)
}

func TestPurchaseWithoutCallbacksIsResubmitted(t *testing.T) {
	t.Parallel()
	for _, state := range []ledger.State{ledger.Accepted, ledger.Reserved} {
		w := newWorld(t)
		p := w.bought(hat)
		if state == ledger.Reserved {
			w.wantAnswer(p.ID, "enact", 200, yes)
		}
		resubmitted := func() int {
			tx, _ := w.gloebit.Transaction(w.app.Key, p.ID)
			return strings.Count(fmt.Sprint(tx.Steps), "resubmitted")
		}
		for i, wait := range []int{1, 2, 4, 8, 16, 32, 64, 64, 64} { // minutes
			w.clock.Advance(time.Duration(wait)*time.Minute - time.Microsecond)
			w.reconcile()
			require.Equal(t, i, resubmitted(), "not before %d minutes have passed", wait)
			w.clock.Advance(time.Microsecond)
			w.reconcile()
			require.Equal(t, i+1, resubmitted())
			got := w.wantState(p.ID, state)
			require.Equal(t, i+1, got.Attempts)
			require.Contains(t, got.Cause, "has not called back: is Handler mounted at Config.CallbackURL")
		}
		w.settle()
		w.wantState(p.ID, ledger.Delivered)
		require.EqualValues(t, 100, w.charged())
	}
}

func TestRefusalAfterAcceptance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.bought(hat)
	w.gloebit.Inject(gloebittest.Fault{
		Path: "transact", Times: 1, Body: `{"success":false,"reason":"insufficient balance"}`,
	})
	w.clock.Advance(time.Minute)
	w.reconcile()
	require.ErrorIs(t, w.wantState(p.ID, ledger.Refused).Err(), gloebit.ErrInsufficientBalance)
	w.settle() // Gloebit calls enact, which is declined, and refunds the gloebits
	w.wantState(p.ID, ledger.Released)
	require.Equal(t, "1000", w.gloebit.Balance("alice"))
	require.Equal(t, []string{"Release"}, w.goods.all())
}

func TestRefusalAfterReservationIsIgnored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.bought(hat)
	w.wantAnswer(p.ID, "enact", 200, yes)
	w.gloebit.Inject(gloebittest.Fault{
		Path: "transact", Times: 1, Body: `{"success":false,"reason":"insufficient balance"}`,
	})
	w.clock.Advance(time.Minute)
	w.reconcile()
	w.wantState(p.ID, ledger.Reserved)
	require.Contains(t, w.log.String(), "a refusal came too late")
	w.settle()
	w.wantState(p.ID, ledger.Delivered)
}

// TestUnsentOrder checks that an unanswered order is not sent after the user
// has disconnected or connected again. The user no longer expects the charge.
func TestUnsentOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile func(*world)
		cause     string
	}{
		"disconnected": {
			func(w *world) { require.NoError(w.t, w.tokens.Delete(w.t.Context(), w.key("alice"))) }, "not connected",
		},
		"another account":   {func(w *world) { w.connectAs("alice", "bob") }, "another Gloebit account"},
		"connected again":   {func(w *world) { w.connectAt("alice", w.clock.Now()) }, "connected again"},
		"too old to send":   {func(w *world) { w.clock.Advance(9 * time.Minute) }, "has not answered within 10m0s"},
		"late pass by days": {func(w *world) { w.clock.Advance(72 * time.Hour) }, "has not answered within 10m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.connectAs("alice", "alice")
			w.gloebit.Inject(noAnswer(false, 1))
			order := keyed(hat)
			p := w.bought(order)
			require.Equal(t, w.client("alice").GloebitID(), p.GloebitID)
			c.meanwhile(w)
			w.clock.Advance(time.Minute)
			w.reconcile()
			got := w.wantState(p.ID, ledger.Released)
			require.Contains(t, got.Cause, c.cause)
			require.ErrorIs(t, got.Err(), ledger.ErrCanceled)
			require.Equal(t, []string{"Release"}, w.goods.all())
			w.connectAs("alice", "alice")
			w.clock.Advance(time.Hour)
			w.reconcile()
			require.Empty(t, w.gloebit.Transactions())
			require.Equal(t, http.StatusConflict, gloebit.StatusCode(got.Err()))
			_, err := w.buy(order)
			require.ErrorIs(t, err, ledger.ErrCanceled, "a second click returns it")
		})
	}
}

func TestPurchaseIsNotResubmittedByAnotherAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connectAs("alice", "alice")
	p := w.bought(hat)
	w.connectAs("alice", "bob") // the same user of the shop, with another account
	w.clock.Advance(time.Minute)
	w.reconcile()
	got := w.wantState(p.ID, ledger.Accepted)
	require.Equal(t, 1, got.Attempts)
	require.Contains(t, got.Cause, "another Gloebit account")
	w.settle()
	w.wantState(p.ID, ledger.Delivered)
	require.Equal(t, "900", w.gloebit.Balance("alice"))
	require.Equal(t, "1000", w.gloebit.Balance("bob"))
}

func TestUnknownAccountCountsAsSameAccount(t *testing.T) {
	t.Parallel()
	for name, accounts := range map[string][2]string{"then": {"", "alice"}, "now": {"alice", ""}, "ever": {"", ""}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			connect := func(as string) {
				if as == "" {
					w.connect("alice")
				} else {
					w.connectAs("alice", as)
				}
			}
			connect(accounts[0])
			w.gloebit.Inject(noAnswer(false, 1))
			p := w.bought(hat)
			require.Equal(t, accounts[0] == "", p.GloebitID == "")
			connect(accounts[1])
			w.clock.Advance(time.Minute)
			w.reconcile()
			w.wantState(p.ID, ledger.Accepted)
		})
	}
}

func TestRefusedRetryDoesNotRefuseSentOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.gloebit.Inject(noAnswer(true, 1)) // it is on hold there, and the response was lost
	p := w.bought(hat)
	w.gloebit.RevokeTokens("alice")
	w.clock.Advance(time.Minute)
	w.reconcile()
	w.wantState(p.ID, ledger.Created)
	w.settle()
	w.wantState(p.ID, ledger.Delivered)
	require.EqualValues(t, 100, w.charged())
}

func TestDeliverAndReleaseAreRetriedWithBackoff(t *testing.T) {
	t.Parallel()
	for step, states := range map[string][2]ledger.State{
		"consume": {ledger.Settled, ledger.Delivered}, "cancel": {ledger.Canceled, ledger.Released},
	} {
		w := newWorld(t)
		w.goods.deliver, w.goods.release = saying(errDown), saying(errDown)
		id := w.put("purchase-"+step, ledger.Reserved).ID
		w.wantAnswer(id, step, 200, yes)
		for i, wait := range []int{5, 10, 20, 40, 80, 160, 320, 320, 320} { // seconds
			got := w.wantState(id, states[0])
			require.Equal(t, i+1, got.Attempts)
			require.Contains(t, got.Cause, errDown.Error())
			require.Equal(t, w.clock.Now().Add(time.Duration(wait)*time.Second), got.NextAt)
			w.clock.Advance(time.Duration(wait)*time.Second - time.Microsecond)
			w.reconcile()
			require.Len(t, w.goods.all(), i+1)
			w.clock.Advance(time.Microsecond)
			w.reconcile()
			require.Len(t, w.goods.all(), i+2)
		}
		w.goods.deliver, w.goods.release = nil, nil
		w.clock.Advance(time.Hour)
		w.reconcile()
		w.wantState(id, states[1])
		require.Len(t, w.goods.all(), 11)
	}
}

func TestAPassWorksOnEachPurchaseOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.goods.deliver = saying(errDown)
	for i := range 50 {
		w.makeDue(w.put(fmt.Sprint("purchase-", i), ledger.Settled).ID)
	}
	w.reconcile()
	require.Len(t, w.goods.all(), 50, "a failed purchase waits for another pass")
}

func TestTwoReplicasShareTheWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mu sync.Mutex
	delivered := map[string]int{}
	w.goods.deliver = func(_ context.Context, p ledger.Purchase) error {
		mu.Lock()
		defer mu.Unlock()
		delivered[p.ID]++
		return nil
	}
	for i := range 100 {
		w.makeDue(w.put(fmt.Sprint("purchase-", i), ledger.Settled).ID)
	}
	other, err := ledger.New(w.config)
	require.NoError(t, err)
	var group sync.WaitGroup
	for _, l := range []*ledger.Ledger{w.ledger, other} {
		group.Go(func() {
			if err := l.Reconcile(t.Context()); err != nil {
				t.Errorf("Reconcile: %v", err)
			}
		})
	}
	group.Wait()
	require.Len(t, delivered, 100)
	for id, times := range delivered {
		require.Equal(t, 1, times, id)
	}
}

func TestClaimOfStoppedReplicaExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.put("purchase", ledger.Settled).ID
	w.makeDue(id)
	w.store.after = func(int, string) error { return errDown } // it stops with the claim in its hands
	require.ErrorIs(t, w.ledger.Reconcile(t.Context()), gloebit.ErrStore)
	w.store.after = nil
	w.start()
	w.reconcile()
	w.wantState(id, ledger.Settled)
	w.clock.Advance(time.Minute)
	w.reconcile()
	w.wantState(id, ledger.Delivered)
}

func TestStoppingFinishesClaimedWorkOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gloebittest.Config, c *ledger.Config) { c.Workers = 1 })
	ctx, stop := context.WithCancel(t.Context())
	w.goods.deliver = func(ctx context.Context, _ ledger.Purchase) error {
		stop()
		return ctx.Err()
	}
	for i := range 3 {
		w.put(fmt.Sprint("purchase-", i), ledger.Settled)
		w.makeDue(fmt.Sprint("purchase-", i))
	}
	require.ErrorIs(t, w.ledger.Run(ctx), context.Canceled)
	delivered, err := w.ledger.List(t.Context(), ledger.Query{States: []ledger.State{ledger.Delivered}})
	require.NoError(t, err)
	require.Len(t, delivered, 1)
	require.Len(t, w.goods.all(), 1)
}

func TestRunContinuesAfterStoreFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gloebittest.Config, c *ledger.Config) { c.PollInterval = time.Millisecond })
	ctx, stop := context.WithCancel(t.Context())
	var failures atomic.Int32
	w.store.before = func(int, string) error {
		if failures.Add(1) <= 10 {
			return errDown
		}
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- w.ledger.Run(ctx) }()
	require.Eventually(t, func() bool { return failures.Load() > 10 }, 10*time.Second, time.Millisecond)
	for i := range 3 {
		id := w.put(fmt.Sprint("purchase-", i), ledger.Settled).ID
		w.makeDue(id)
		require.Eventually(t, func() bool {
			p, err := w.ledger.Get(t.Context(), id)
			return err == nil && p.State == ledger.Delivered
		}, 10*time.Second, time.Millisecond)
	}
	stop()
	require.ErrorIs(t, <-done, context.Canceled)
	require.Contains(t, w.log.String(), "a pass has failed")
}

func TestFulfillerContextEndsAfterStepTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gloebittest.Config, c *ledger.Config) { c.StepTimeout = 50 * time.Millisecond })
	slow := func(ctx context.Context, _ ledger.Purchase) error {
		<-ctx.Done()
		return errors.New("too slow")
	}
	w.goods.deliver = slow
	id := w.put("purchase", ledger.Settled).ID
	w.makeDue(id)
	w.reconcile()
	got := w.wantState(id, ledger.Settled)
	require.Equal(t, 1, got.Attempts, "the failure is recorded")
	require.Equal(t, "Deliver: too slow", got.Cause)
}

func TestUnrecordedAttemptIsRetried(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.gloebit.Inject(noAnswer(false, 1))
	w.store.before = func(_ int, call string) error {
		if call == "Change" {
			return errDown
		}
		return nil
	}
	p := w.bought(hat)
	require.Contains(t, w.log.String(), "could not be saved")
	w.store.before = nil
	w.clock.Advance(time.Minute)
	w.reconcile()
	w.settle()
	w.wantState(p.ID, ledger.Delivered)
}

func TestStoppingWaitsForGloebitsAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.gloebit.Inject(noAnswer(false, 1))
	p := w.bought(hat)
	w.clock.Advance(time.Minute)
	ctx, stop := context.WithCancel(t.Context())
	w.gloebit.Inject(gloebittest.Fault{
		Path: "transact", Times: 1, Latency: 20 * time.Millisecond,
		Match: func(gloebittest.Request) bool { stop(); return true },
	})
	require.ErrorIs(t, w.ledger.Reconcile(ctx), context.Canceled)
	w.wantState(p.ID, ledger.Accepted)
}

func TestInvalidAttemptsDoNotStopWorkers(t *testing.T) {
	t.Parallel()
	for _, attempts := range []int{-1, math.MinInt, math.MaxInt} {
		w := newWorld(t)
		w.goods.deliver = saying(errors.New("no"))
		p := w.put("purchase", ledger.Settled)
		w.change(p.ID, func(p *ledger.Purchase) { p.Attempts = attempts })
		for range 2 {
			w.makeDue(p.ID)
			w.reconcile()
			require.True(t, w.get(p.ID).NextAt.After(w.clock.Now()))
		}
	}
}
