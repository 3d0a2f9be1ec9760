package ledger_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// another is a shop of another merchant, whose ledger has the same store and the
// same keys.
func (w *world) another() *world {
	w.t.Helper()
	other := &world{
		t: w.t, clock: w.clock, gloebit: w.gloebit, tokens: w.tokens, log: w.log, store: w.store, goods: &goods{},
		shop:   w.shop,
		config: w.config,
	}
	config := w.merchant()
	config.Realm = "another"
	var err error
	other.config.Merchant, err = gloebit.New(config)
	require.NoError(w.t, err)
	other.config.Fulfiller = other.goods
	other.app = w.app
	other.connect("alice")
	other.ledger, err = ledger.New(other.config)
	require.NoError(w.t, err)
	return other
}

func TestSecurity31CallbacksOfAnotherRealmAre404(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.another()
	w.put("purchase", ledger.Accepted)
	other.put("purchase", ledger.Accepted)
	status, _ := w.request(http.MethodGet, w.config.CallbackURL+path(key, other.realm(), "purchase", "enact"))
	require.Equal(t, http.StatusNotFound, status)
	w.wantAnswer("purchase", "enact", http.StatusOK, yes)
	w.wantState("purchase", ledger.Reserved)
	other.wantState("purchase", ledger.Accepted)
}

func TestRealm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.another()
	w.gloebit.Inject(noAnswer(false, 1))
	lost := w.bought(hat)
	w.put("paid", ledger.Settled)
	w.makeDue("paid")
	w.clock.Advance(time.Minute)

	t.Run("another ledger picks up nothing", func(t *testing.T) {
		other.reconcile()
		require.Empty(t, other.goods.all())
		require.Empty(t, w.gloebit.Transactions())
	})
	t.Run("another ledger finds nothing", func(t *testing.T) {
		for _, id := range []string{lost.ID, "paid"} {
			_, err := other.ledger.Get(t.Context(), id)
			require.ErrorIs(t, err, gloebit.ErrNotFound)
			_, err = other.ledger.Retry(t.Context(), id, ledger.Act{})
			require.ErrorIs(t, err, gloebit.ErrNotFound)
			_, err = other.ledger.Cancel(t.Context(), id, ledger.Act{})
			require.ErrorIs(t, err, gloebit.ErrNotFound)
		}
		list, err := other.ledger.List(t.Context(), ledger.Query{Realm: w.realm()})
		require.NoError(t, err)
		require.Empty(t, list)
	})
	t.Run("another merchant's client is refused", func(t *testing.T) {
		_, err := w.ledger.Purchase(t.Context(), other.client("alice"), keyed(hat))
		require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
		require.ErrorContains(t, err, other.realm())
	})
	t.Run("the same key is another purchase", func(t *testing.T) {
		order := keyed(hat)
		theirs, err := other.buy(order)
		require.NoError(t, err)
		require.NotEqual(t, w.bought(order).ID, theirs.ID)
	})
	t.Run("the ledger of the realm continues", func(t *testing.T) {
		w.reconcile()
		w.settle()
		w.wantState(lost.ID, ledger.Delivered)
		w.wantState("paid", ledger.Delivered)
	})
}

func TestCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.another()
	now := w.clock.Now()
	w.put("paid", ledger.Settled)
	w.makeDue("paid")
	w.put("stuck", ledger.Accepted)
	w.change("stuck", func(p *ledger.Purchase) { p.StuckAt = w.clock.Now() })
	other.put("left", ledger.Created)
	other.put("done", ledger.Delivered)
	w.clock.Advance(2 * time.Minute)
	counts, err := w.ledger.Counts(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []ledger.Count{
		{Realm: w.realm(), State: ledger.Settled, Purchases: 1, Overdue: 1, Oldest: now, OverdueSince: now},
		{Realm: w.realm(), State: ledger.Accepted, Purchases: 1, Stuck: 1, Oldest: now},
		{Realm: other.realm(), State: ledger.Created, Purchases: 1, Oldest: now},
	}, counts)
	list, err := w.ledger.List(t.Context(), ledger.Query{DueBefore: w.clock.Now()})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "paid", list[0].ID)
}

// TestOneCharge checks that a repeated order has the same ID even if the store
// lost the first one, so that Gloebit charges once.
func TestOneCharge(t *testing.T) {
	t.Parallel()
	order := hat
	order.IdempotencyKey = "rent/2026-05"
	for name, again := range map[string]func(w *world) error{
		"restored database": func(w *world) error {
			w.store.Store = &ledger.MemoryStore{}
			_, err := w.buy(order)
			return err
		},
		"the other layer": func(w *world) error {
			_, err := w.client("alice").PurchaseItem(w.t.Context(), gloebit.ItemOrder{
				IdempotencyKey: order.IdempotencyKey, Item: order.Item, Price: order.Price, Quantity: order.Quantity,
			})
			return err
		},
		"four replicas with stores of their own": func(w *world) error {
			for range 4 {
				config := w.config
				config.Store = &ledger.MemoryStore{}
				l, err := ledger.New(config)
				require.NoError(w.t, err)
				if _, err := l.Purchase(w.t.Context(), w.client("alice"), order); err != nil {
					return err
				}
			}
			return nil
		},
		"another session of the account": func(w *world) error {
			w.save("another session", "alice", "g-alice", time.Time{})
			p, err := w.ledger.Purchase(w.t.Context(), w.client("another session"), order)
			require.Equal(w.t, "alice", p.UserID, "it is the first one's purchase")
			return err
		},
		"a year later": func(w *world) error {
			w.clock.Advance(365 * 24 * time.Hour)
			_, err := w.buy(order)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.connectAs("alice", "alice")
			p := w.bought(order)
			w.settle()
			w.wantState(p.ID, ledger.Delivered)
			require.NoError(t, again(w))
			w.settle()
			require.EqualValues(t, 100, w.charged())
			require.Len(t, w.gloebit.Transactions(), 1)
			require.Equal(t, p.ID, w.gloebit.Transactions()[0].ID)
		})
	}
}

func TestProductsHaveTheIDsOfTheClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.bought(ledger.Order{IdempotencyKey: "k", Product: "green-hat", Quantity: 1, Price: 40})
	receipt, err := w.client("alice").PurchaseProduct(t.Context(), gloebit.ProductOrder{
		IdempotencyKey: "k", Product: "green-hat", Quantity: 1, Price: 50,
	})
	require.NoError(t, err)
	require.Equal(t, p.ID, receipt.TransactionID)
	again := w.bought(ledger.Order{IdempotencyKey: "k", Product: "green-hat", Quantity: 1, Price: 50})
	require.Equal(t, p.ID, again.ID, "another price of a product is the same order")
}
