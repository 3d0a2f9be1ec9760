package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// hungUp is a Gloebit that accepts every call and responds to none.
type hungUp struct{ calls atomic.Int32 }

func (h *hungUp) RoundTrip(r *http.Request) (*http.Response, error) {
	h.calls.Add(1)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// newHungUp is a quiet ledger whose Gloebit hangs, with a connected user.
func newHungUp(t *testing.T) (*quiet, *hungUp) {
	t.Helper()
	hung, tokens := &hungUp{}, &gloebit.MemoryTokenStore{}
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: "key", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
		Provider: gloebit.Sandbox(),
		Tokens:   tokens, HTTPClient: &http.Client{Transport: hung},
	})
	require.NoError(t, err)
	credential := connect.Credential{AccessToken: "token", Scopes: []gloebit.Scope{gloebit.ScopeTransact}}
	require.NoError(t, tokens.Update(t.Context(), connect.Key{
		Realm: merchant.Realm(), ID: "alice",
	}, func(context.Context, *connect.Credential) (*connect.Credential, error) {
		return &credential, nil
	}))
	return newQuiet(t, func(c *ledger.Config) { c.Merchant = merchant }), hung
}

func TestPaidPurchasesDoNotWaitForSending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, hung := newHungUp(t)
		for i := range 2000 {
			q.put(fmt.Sprint("unsent-", i), ledger.Created, true)
		}
		q.goods.deliver = func(_ context.Context, p ledger.Purchase) error {
			if p.Attempts == 0 {
				return errDown
			}
			return nil
		}
		stop := q.run()
		defer func() { _ = stop() }()
		time.Sleep(time.Second) // the workers that send hang
		for i := range 100 {
			q.put(fmt.Sprint("paid-", i), ledger.Settled, true)
		}
		time.Sleep(10*time.Second + time.Millisecond) // a PollInterval, and the wait after the failure
		for i := range 100 {
			q.wantState(fmt.Sprint("paid-", i), ledger.Delivered)
		}
		require.LessOrEqual(t, hung.calls.Load(), int32(8))
	})
}

func TestSendingPausesWhileGloebitIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, hung := newHungUp(t)
		q.config.SendWithin = 24 * time.Hour
		q.config.Workers = 1
		var err error
		q.ledger, err = ledger.New(q.config)
		require.NoError(t, err)
		for i := range 100 {
			q.put(fmt.Sprint("unsent-", i), ledger.Created, true)
		}
		stop := q.run()
		time.Sleep(time.Hour)
		// Without a pause it would hang for 30 seconds 120 times, with one for 5 1/3 minutes in between.
		require.Less(t, hung.calls.Load(), int32(60))
		require.Greater(t, hung.calls.Load(), int32(5))
		require.ErrorIs(t, stop(), context.Canceled)
	})
}

func TestStoreOutageIsLoggedOncePerInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, func(c *ledger.Config) { c.PollInterval, c.Workers = time.Minute, 8 })
		q.store.failing(errDown)
		stop := q.run()
		time.Sleep(10*time.Minute - time.Second) // ten intervals
		require.ErrorIs(t, stop(), context.Canceled)
		var failures []string
		for line := range strings.Lines(q.log.String()) {
			if strings.Contains(line, "level=ERROR") {
				failures = append(failures, line)
			}
		}
		require.Len(t, failures, 10)
		for _, line := range failures {
			require.Equal(t, 1, strings.Count(line, errDown.Error()), line)
		}
		err := q.ledger.Reconcile(t.Context())
		require.ErrorIs(t, err, gloebit.ErrStore)
		require.Equal(t, 1, strings.Count(err.Error(), errDown.Error()), err)
	})
}

func TestRetryAfterIsRespected(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]time.Duration{
		"2": 5 * time.Second, "60": time.Minute, "86400": 320 * time.Second,
	} {
		w := newWorld(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // so that the client does not wait itself
		w.gloebit.Inject(gloebittest.Fault{
			Path: "transact", Times: 1, Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {asked}},
		})
		p, err := w.ledger.Purchase(ctx, w.client("alice"), keyed(hat))
		cancel()
		require.NoError(t, err)
		require.Equal(t, w.clock.Now().Add(want), p.NextAt, "Retry-After: %s", asked)
	}
}

func TestNoRun(t *testing.T) {
	t.Parallel()
	const warning = `level=WARN msg="gloebit ledger: Run does not run in this process`
	t.Run("an order warns once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.bought(hat)
		w.bought(hat)
		require.Equal(t, 1, strings.Count(w.log.String(), warning))
	})
	t.Run("a callback warns once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.put("purchase", ledger.Accepted)
		w.wantAnswer(p.ID, "enact", http.StatusOK, yes)
		w.wantAnswer(p.ID, "consume", http.StatusOK, yes)
		require.Equal(t, 1, strings.Count(w.log.String(), warning))
	})
	t.Run("a Run is enough", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			q := newQuiet(t, nil)
			q.put("purchase", ledger.Accepted, false)
			stop := q.run()
			synctest.Wait()
			q.call("purchase", "enact")
			require.NotContains(t, q.log.String(), warning)
			require.ErrorIs(t, stop(), context.Canceled)
			require.Contains(
				t, q.log.String(),
				`level=INFO msg="gloebit ledger: Run has ended: this process picks nothing up any more" cause="context canceled"`,
			)
		})
	})
	t.Run("a Run that times out warns", func(t *testing.T) {
		t.Parallel()
		q := newQuiet(t, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		require.ErrorIs(t, q.ledger.Run(ctx), context.DeadlineExceeded)
		require.Contains(t, q.log.String(), `level=WARN msg="gloebit ledger: Run has ended`)
	})
	t.Run("a Run whose context has ended says so", func(t *testing.T) {
		t.Parallel()
		q := newQuiet(t, nil)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("the wrong context"))
		require.ErrorIs(t, q.ledger.Run(ctx), context.Canceled)
		require.Contains(t, q.log.String(), `cause="the wrong context"`)
	})
}

func TestStuckNeedsAttempts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.goods.deliver = saying(errDown)
	id := w.put("paid", ledger.Settled).ID
	w.makeDue(id)
	w.reconcile()
	w.clock.Advance(365 * 24 * time.Hour) // the clock is wrong for a moment
	w.reconcile()
	require.False(t, w.get(id).Stuck())
	for range 8 {
		w.makeDue(id)
		w.reconcile()
	}
	require.True(t, w.get(id).Stuck())
}

// unreadable is a store that can't read purchases with that ID prefix.
type unreadable struct {
	ledger.Store
	claimed atomic.Int32
}

func (s *unreadable) Claim(
	ctx context.Context, realm string, state ledger.State, now, until time.Time,
) (ledger.Purchase, error) {
	p, err := s.Store.Claim(ctx, realm, state, now, until)
	if strings.HasPrefix(p.ID, "unreadable") {
		s.claimed.Add(1)
		return ledger.Purchase{}, fmt.Errorf("%w: purchase %s", ledger.ErrUnreadable, p.ID)
	}
	return p, err
}

func TestUnreadablePurchasesDoNotDelayOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQuiet(t, func(c *ledger.Config) { c.Workers = 1 })
		store := &unreadable{Store: q.store.Store}
		q.store.Store = store
		for i := range 300 {
			q.put(fmt.Sprint("unreadable-", i), ledger.Settled, true)
		}
		time.Sleep(time.Millisecond)
		q.put("paid", ledger.Settled, true)
		require.NoError(t, q.ledger.Reconcile(t.Context()))
		q.wantState("paid", ledger.Delivered)
		require.EqualValues(t, 300, store.claimed.Load(), "each once")
		require.Contains(t, q.log.String(), "a purchase that can't be read")
	})
}

func TestRepeatsShareOnePoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, _ := newHungUp(t)
		order := ledger.Order{IdempotencyKey: "key", Item: "hat", Price: 100, Quantity: 1, Username: "Alice"}
		client, err := q.config.Merchant.Client(t.Context(), "alice")
		require.NoError(t, err)
		var gets atomic.Int32
		q.store.before = func(_ int, call string) error {
			if call == "Get" {
				gets.Add(1)
			}
			return nil
		}
		var group sync.WaitGroup
		for range 1000 {
			group.Go(func() {
				p, err := q.ledger.Purchase(t.Context(), client, order)
				if err != nil || p.State != ledger.Created {
					t.Errorf("Purchase returned %q and the error %v", p.State, err)
				}
			})
		}
		group.Wait()
		require.Less(t, gets.Load(), int32(100), "a read each half second, whatever the number of requests")
	})
}

// TestReplicaWithAClockAhead checks a replica whose clock is far ahead. It
// cancels orders too early, but charges no user and delivers nothing.
func TestReplicaWithAClockAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := w.config
	config.Clock = func() time.Time { return w.clock.Now().Add(20 * time.Minute) }
	ahead, err := ledger.New(config)
	require.NoError(t, err)
	w.gloebit.Inject(noAnswer(true, 1)) // on hold there, and its answer lost
	unsent, sent := w.bought(hat), w.bought(hat)
	require.NoError(t, ahead.Reconcile(t.Context()))
	w.wantState(unsent.ID, ledger.Released)
	w.settle()
	w.wantState(unsent.ID, ledger.Released)
	w.wantState(sent.ID, ledger.Delivered)
	require.EqualValues(t, 100, w.charged())
}

// TestAClockThatWasAheadPausesNothing checks that sending, which pauses while
// Gloebit is down, is not paused until the time that a wrong clock had shown.
func TestAClockThatWasAheadPausesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.clock.Advance(6 * time.Hour)
	w.gloebit.Inject(noAnswer(false, 3))
	for range 3 {
		w.bought(hat)
	}
	w.clock.Advance(-6 * time.Hour)
	w.put("00000000-0000-7000-8000-000000000001", ledger.Created)
	w.makeDue("00000000-0000-7000-8000-000000000001")
	w.reconcile()
	w.wantState("00000000-0000-7000-8000-000000000001", ledger.Accepted)
}
