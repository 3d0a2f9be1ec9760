package ledger_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

func TestDoubleClickCreatesOnePurchase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	order := hat
	order.IdempotencyKey = "key"
	ids := make(chan string, 20)
	var group sync.WaitGroup
	client := w.client("alice")
	for range 20 {
		group.Go(func() {
			p, err := w.ledger.Purchase(t.Context(), client, order)
			if err != nil || p.State != ledger.Accepted {
				t.Errorf("Purchase returned %q and the error %v", p.State, err)
			}
			ids <- p.ID
		})
	}
	group.Wait()
	close(ids)
	first := <-ids
	for id := range ids {
		require.Equal(t, first, id)
	}
	w.settle()
	require.EqualValues(t, 100, w.charged())
	require.Equal(t, []string{"Reserve", "Deliver"}, w.goods.all())
	require.Equal(t, ledger.Delivered, w.bought(order).State)
}

func TestKeysArePerUserAndDoNotExpire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	order := hat
	order.IdempotencyKey = "key"
	first := w.bought(order)
	bobs, err := w.ledger.Purchase(t.Context(), w.client("bob"), order)
	require.NoError(t, err)
	require.NotEqual(t, first.ID, bobs.ID)
	w.settle()
	w.clock.Advance(400 * 24 * time.Hour)
	again := w.bought(order)
	require.Equal(t, first.ID, again.ID)
	require.Equal(t, ledger.Delivered, again.State)
	require.EqualValues(t, 200, w.charged())
}

func TestAKeyIsForOneOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	order := ledger.Order{IdempotencyKey: "key", Item: "hat", Price: 100, Quantity: 1, Data: json.RawMessage(`{"a":1}`)}
	first := w.bought(order)
	for name, change := range map[string]func(*ledger.Order){
		"item":     func(o *ledger.Order) { o.Item = "coat" },
		"product":  func(o *ledger.Order) { o.Item, o.Product = "", "green-hat" },
		"price":    func(o *ledger.Order) { o.Price = 10 },
		"quantity": func(o *ledger.Order) { o.Quantity = 2 },
		"data":     func(o *ledger.Order) { o.Data = json.RawMessage(`{"a":2}`) },
	} {
		other := order
		change(&other)
		p, err := w.buy(other)
		require.ErrorIs(t, err, ledger.ErrKeyReused, name)
		require.Equal(t, first.ID, p.ID)
	}
	same := order
	same.Username, same.Data = "Alice Cooper", json.RawMessage(` { "a" : 1 } `)
	require.Equal(t, first.ID, w.bought(same).ID, "an equivalent order is the same order")
	require.Len(t, w.gloebit.Transactions(), 1)
}

func TestSecondOrderWaitsForFirstResponse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	order := hat
	order.IdempotencyKey = "key"
	w.gloebit.Inject(gloebittest.Fault{Path: "transact", Times: 1, Latency: 300 * time.Millisecond})
	first := make(chan ledger.Purchase, 1)
	client := w.client("alice")
	go func() {
		p, err := w.ledger.Purchase(t.Context(), client, order)
		if err != nil {
			t.Errorf("Purchase: %v", err)
		}
		first <- p
	}()
	require.Eventually(t, func() bool {
		list, err := w.ledger.List(t.Context(), ledger.Query{})
		return err == nil && len(list) == 1
	}, 10*time.Second, time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.ledger.Purchase(ctx, client, order)
	require.ErrorIs(t, err, gloebit.ErrStore, "a context that has ended writes nothing")
	require.Equal(t, ledger.Accepted, w.bought(order).State)
	require.Equal(t, ledger.Accepted, (<-first).State)
	require.Len(t, w.gloebit.Transactions(), 1)
}

func TestSecondOrderDoesNotWaitForStoppedOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	order := hat
	order.IdempotencyKey = "key"
	w.store.after = func(int, string) error { return errDown }
	_, err := w.buy(order)
	require.ErrorIs(t, err, gloebit.ErrStore)
	w.store.after = nil
	w.clock.Advance(30 * time.Second)
	p := w.bought(order)
	require.Equal(t, ledger.Created, p.State, "it was written, and not sent")
	w.clock.Advance(30 * time.Second)
	w.reconcile()
	w.settle()
	w.wantState(p.ID, ledger.Delivered)
}

func TestSecondOrderWaitIsBoundedByStepTimeout(t *testing.T) {
	t.Parallel()
	order := hat
	order.IdempotencyKey = "key"
	for name, wait := range map[string]func(*world){
		"the store fails": func(w *world) {
			w.store.before = func(_ int, call string) error {
				if call == "Get" {
					return errDown
				}
				return nil
			}
		},
		"the first one never answers": func(*world) {},
	} {
		w := newWorld(t, func(_ *gloebittest.Config, c *ledger.Config) { c.StepTimeout = 100 * time.Millisecond })
		w.store.after = func(int, string) error { return errDown }
		_, err := w.buy(order)
		require.ErrorIs(t, err, gloebit.ErrStore)
		w.store.after = nil
		wait(w)
		p, err := w.buy(order)
		require.NoError(t, err, name)
		require.Equal(t, ledger.Created, p.State, "the purchase is pending")
	}
}

func TestSecondOrderDoesNotWaitForRetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.gloebit.Inject(noAnswer(false, 1))
	order := hat
	order.IdempotencyKey = "key"
	first := w.bought(order)
	w.store.before = func(_ int, call string) error {
		require.NotEqual(t, "Get", call)
		return nil
	}
	require.Equal(t, first, w.bought(order))
}

// firstRefused refuses a first click while a second one waits for its response,
// and returns the result of the second.
func firstRefused(t *testing.T, w *world, fault gloebittest.Fault, revoked bool) (ledger.Purchase, error) {
	t.Helper()
	order := hat
	order.IdempotencyKey = "key"
	asked, answer := make(chan struct{}), make(chan struct{})
	fault.Path, fault.Times = "transact", 1
	fault.Match = func(gloebittest.Request) bool { close(asked); <-answer; return true }
	w.gloebit.Inject(fault)
	if revoked {
		w.gloebit.Inject(gloebittest.Fault{Path: "transact", Reason: "unknown OAuth2 token"}) // for all that come after
	}
	first, second := w.client("alice"), w.client("alice")
	done := make(chan error, 1)
	go func() {
		_, err := w.ledger.Purchase(t.Context(), first, order)
		done <- err
	}()
	<-asked
	waiting := make(chan struct{})
	var once sync.Once
	w.store.mu.Lock()
	w.store.before = func(_ int, call string) error {
		if call == "Get" {
			once.Do(func() { close(waiting) })
		}
		return nil
	}
	w.store.mu.Unlock()
	type result struct {
		p   ledger.Purchase
		err error
	}
	got := make(chan result, 1)
	go func() {
		p, err := w.ledger.Purchase(t.Context(), second, order)
		got <- result{p, err}
	}()
	<-waiting
	close(answer)
	require.Error(t, <-done)
	h := <-got
	return h.p, h.err
}

func TestSecondClickReportsRevokedToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := firstRefused(t, w, gloebittest.Fault{Reason: "unknown OAuth2 token"}, true)
	require.ErrorIs(t, err, gloebit.ErrNotConnected, "so that HandleError sends the user to connect")
	require.Empty(t, w.gloebit.Transactions())
}

func TestSecondClickIsSentAfterUnrelatedRefusal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, err := firstRefused(t, w, gloebittest.Fault{Reason: "the moon is full"}, false)
	require.NoError(t, err)
	w.settle()
	w.wantState(p.ID, ledger.Delivered)
	require.EqualValues(t, 100, w.charged())
}

func TestSecondClickReportsInsufficientBalance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := firstRefused(
		t, w, gloebittest.Fault{Body: `{"success":false,"status":"queued","reason":"insufficient balance"}`}, false,
	)
	require.ErrorIs(t, err, gloebit.ErrInsufficientBalance)
	list, err := w.ledger.List(t.Context(), ledger.Query{})
	require.NoError(t, err)
	require.Len(t, list, 1)
}
