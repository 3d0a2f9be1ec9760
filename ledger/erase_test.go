package ledger_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// named is an order with much personal data.
func named() ledger.Order {
	order := hat
	order.IdempotencyKey, order.Username, order.Data = "alice's hat", "Alice A.", json.RawMessage(`{"for":"alice"}`)
	return order
}

func TestErase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connectAs("alice", "alice")
	bought := w.bought(named())
	w.settle()
	refused := w.put("refused", ledger.Refused)
	w.change(refused.ID, func(p *ledger.Purchase) {
		p.Cause, p.History[0].Cause = "no room for alice", "no room for alice"
	})
	bobs, err := w.ledger.Purchase(t.Context(), w.client("bob"), keyed(hat))
	require.NoError(t, err)
	before := w.wantState(bought.ID, ledger.Delivered)

	erased, err := w.ledger.Erase(t.Context(), "alice", ledger.Act{By: "zoe"})
	require.NoError(t, err)
	require.Equal(t, 2, erased)
	for _, id := range []string{bought.ID, refused.ID} {
		text, err := json.Marshal(w.get(id))
		require.NoError(t, err)
		require.NotRegexp(t, "(?i)alice", string(text))
	}
	got := w.get(bought.ID)
	require.Equal(t, ledger.Order{Item: "hat", Price: 100, Quantity: 1}, got.Order)
	require.Equal(t, before.PaidAt, got.PaidAt)
	require.Len(t, got.History, len(before.History)+1)
	require.Equal(
		t, ledger.Change{From: ledger.Delivered, To: ledger.Delivered, At: w.clock.Now(), Cause: "erased", By: "zoe"},
		last(got),
	)
	_, err = w.config.Merchant.Client(t.Context(), "alice")
	require.ErrorIs(t, err, gloebit.ErrNotConnected)
	require.Equal(t, "bob", w.get(bobs.ID).UserID)
	erased, err = w.ledger.Erase(t.Context(), "alice", ledger.Act{})
	require.NoError(t, err)
	require.Zero(t, erased)
}

func TestEraseRefusesWhilePurchasesAreUnfinished(t *testing.T) {
	t.Parallel()
	for _, state := range ledger.States() {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.put("purchase", state)
			_, err := w.ledger.Erase(t.Context(), "alice", ledger.Act{})
			if p.Finished() {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ledger.ErrUnfinished)
			require.ErrorContains(t, err, p.ID)
			require.Equal(t, p, w.get(p.ID))
			w.client("alice") // is still connected
		})
	}
	w := newWorld(t)
	_, err := w.ledger.Erase(t.Context(), "", ledger.Act{})
	require.ErrorIs(t, err, gloebit.ErrInvalidRequest, "which would be every user")
	w.put("done", ledger.Delivered)
	w.store.before = func(_ int, call string) error {
		if call == "Change" { // another request is faster
			w.store.before = nil
			w.change("done", func(p *ledger.Purchase) { p.State = ledger.Settled })
		}
		return nil
	}
	_, err = w.ledger.Erase(t.Context(), "alice", ledger.Act{})
	require.ErrorIs(t, err, ledger.ErrUnfinished)
	require.Equal(t, "alice", w.get("done").UserID)
}

func TestUnknownStateIsNotErased(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("purchase", ledger.Settled)
	w.store.Store = newer{w.store.Store}
	_, err := w.ledger.Erase(t.Context(), "alice", ledger.Act{})
	require.ErrorIs(t, err, ledger.ErrUnfinished)
	w.client("alice") // is still connected
}

func TestOrdersAfterErasing(t *testing.T) {
	t.Parallel()
	t.Run("a delivered order is not charged again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.connectAs("alice", "alice")
		first := w.bought(named())
		w.settle()
		paid := w.gloebit.Balance("alice")
		_, err := w.ledger.Erase(t.Context(), "alice", ledger.Act{})
		require.NoError(t, err)
		w.connectAs("alice", "alice")
		again, err := w.buy(named())
		require.NoError(t, err)
		require.Equal(t, first.ID, again.ID)
		require.Empty(t, again.UserID, "the purchase stays erased")
		w.settle()
		require.Equal(t, paid, w.gloebit.Balance("alice"))
	})
	t.Run("a refused order is sent again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.connectAs("alice", "alice")
		order := named()
		order.Price = 1 << 40
		_, err := w.buy(order)
		require.ErrorIs(t, err, gloebit.ErrInsufficientBalance)
		_, err = w.ledger.Erase(t.Context(), "alice", ledger.Act{})
		require.NoError(t, err)
		w.connectAs("alice", "alice")
		require.NoError(t, w.gloebit.AddBalance("alice", "2000000000000"))
		p, err := w.buy(order)
		require.NoError(t, err)
		require.Equal(
			t, []string{"alice", "g-alice", order.IdempotencyKey}, []string{p.UserID, p.GloebitID, p.IdempotencyKey},
		)
		w.settle()
		w.wantState(p.ID, ledger.Delivered)
	})
}

func TestPruneIsForTheRealm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.another()
	w.put("done", ledger.Delivered)
	other.put("theirs", ledger.Delivered)
	w.put("stuck", ledger.Settled)
	w.clock.Advance(time.Hour)
	removed, err := w.ledger.Prune(t.Context(), w.clock.Now())
	require.NoError(t, err)
	require.Equal(t, int64(1), removed)
	_, err = w.ledger.Get(t.Context(), "done")
	require.ErrorIs(t, err, gloebit.ErrNotFound)
	w.wantState("stuck", ledger.Settled)
	other.wantState("theirs", ledger.Delivered)
}

func TestAPrunedOrderIsNotChargedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connectAs("alice", "alice")
	first := w.bought(named())
	w.settle()
	paid := w.gloebit.Balance("alice")
	w.clock.Advance(time.Hour)
	_, err := w.ledger.Prune(t.Context(), w.clock.Now())
	require.NoError(t, err)
	again := w.bought(named())
	require.Equal(t, first.ID, again.ID)
	w.settle()
	require.Equal(t, paid, w.gloebit.Balance("alice"))
	w.wantState(again.ID, ledger.Accepted)
}

func TestTallyIsOfTheRealm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.another()
	other.put("theirs", ledger.Delivered)
	w.bought(hat)
	w.settle()
	got, err := w.ledger.Tally(t.Context(), ledger.ByState, time.Time{}, time.Time{})
	require.NoError(t, err)
	require.Equal(t, []ledger.Tally{{State: ledger.Delivered, Purchases: 1, Gloebits: 100}}, got)
	w.store.failing(errDown)
	_, err = w.ledger.Tally(t.Context(), ledger.ByState, time.Time{}, time.Time{})
	require.ErrorIs(t, err, gloebit.ErrStore)
}
