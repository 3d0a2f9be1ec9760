package adaptertest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/google/uuid"
)

// sell adds a ledger to the application.
func (w *world) sell(app *App, store ledger.Store, base string, others http.Handler) http.Handler {
	w.Helper()
	counted := &countedPurchases{Store: store}
	purchases, err := ledger.New(ledger.Config{
		Merchant: app.Merchant, Store: counted, Fulfiller: goods{app.journal}, CallbackURL: base + "/hold",
		Keys: []gloebit.Secret{"a key for hold URLs, of 32 bytes or so"}, Clock: w.now,
	})
	w.ok(err)
	w.ledgers, w.purchases = append(w.ledgers, purchases), append(w.purchases, counted)
	mux := http.NewServeMux()
	mux.Handle("/hold/", purchases.Handler())
	mux.Handle("/", others)
	return mux
}

// goods is a Fulfiller that records the ledger's calls.
type goods struct{ *journal }

func (g goods) Reserve(_ context.Context, p ledger.Purchase) error {
	g.note("reserve " + p.ID)
	return nil
}
func (g goods) Deliver(_ context.Context, p ledger.Purchase) error {
	g.note("deliver " + p.ID)
	return nil
}
func (g goods) Release(_ context.Context, p ledger.Purchase) error {
	g.note("release " + p.ID)
	return nil
}

// countedPurchases counts the calls of a store.
type countedPurchases struct {
	ledger.Store
	calls atomic.Int32
}

func (c *countedPurchases) Create(
	ctx context.Context, p ledger.Purchase,
) (kept ledger.Purchase, created bool, err error) {
	c.calls.Add(1)
	return c.Store.Create(ctx, p)
}

func (c *countedPurchases) Get(ctx context.Context, key connect.Key) (ledger.Purchase, error) {
	c.calls.Add(1)
	return c.Store.Get(ctx, key)
}

func (c *countedPurchases) Change(
	ctx context.Context, key connect.Key, fn func(context.Context, ledger.Purchase) (ledger.Purchase, error),
) (ledger.Purchase, error) {
	c.calls.Add(1)
	return c.Store.Change(ctx, key, fn)
}

func (c *countedPurchases) CompareAndSwap(
	ctx context.Context, old, next ledger.Purchase,
) (saved ledger.Purchase, swapped bool, err error) {
	c.calls.Add(1)
	return c.Store.CompareAndSwap(ctx, old, next)
}

func (c *countedPurchases) Claim(
	ctx context.Context, realm string, state ledger.State, now, until time.Time,
) (ledger.Purchase, error) {
	c.calls.Add(1)
	return c.Store.Claim(ctx, realm, state, now, until)
}

func (c *countedPurchases) List(ctx context.Context, q ledger.Query) ([]ledger.Purchase, error) {
	c.calls.Add(1)
	return c.Store.List(ctx, q)
}

// buy orders a product for alice, who is connected. It returns the purchase's
// ID and its hold URLs by step.
func (w *world) buy() (id string, holds map[string]string) {
	w.Helper()
	client, err := w.app.Merchant.Client(w.Context(), w.id("alice"))
	w.ok(err)
	purchase, err := w.ledgers[0].Purchase(w.Context(), client, ledger.Order{
		IdempotencyKey: uuid.NewString(), Item: "hat", Price: 40, Quantity: 1,
	})
	w.ok(err)
	var sent map[string]any
	for _, request := range w.gloebit.Requests() {
		if strings.HasSuffix(request.Path, "/transact") {
			w.ok(json.Unmarshal([]byte(request.Body), &sent))
		}
	}
	holds = map[string]string{}
	for _, step := range []string{"enact", "consume", "cancel"} {
		address, _ := sent["asset-"+step+"-hold-url"].(string)
		holds[step] = strings.TrimPrefix(address, w.shop.URL)
	}
	return purchase.ID, holds
}

func holdURLsAreSigned(w *world) {
	b := w.connected("alice")
	id, holds := w.buy()
	_, others := w.buy()
	signature := func(address string) string { return address[strings.LastIndex(address, "/")+1:] }
	before := w.purchases[0].calls.Load() + w.purchases[1].calls.Load()
	w.app.took()
	for what, forged := range map[string]string{
		"no signature":                 strings.TrimSuffix(holds["enact"], signature(holds["enact"])),
		"another step's signature":     "/hold/" + id + "/consume/" + signature(holds["enact"]),
		"another purchase's signature": "/hold/" + id + "/enact/" + signature(others["enact"]),
		"a guess":                      "/hold/" + id + "/consume/" + strings.Repeat("A", len(signature(holds["consume"]))),
		"a signature cut short":        holds["consume"][:len(holds["consume"])-1],
		"an unknown purchase":          "/hold/unknown/consume/" + signature(holds["consume"]),
	} {
		for process := range w.processes {
			got := b.at(process).fetch(http.MethodGet, forged)
			w.equal("the status of "+what, got.status, http.StatusNotFound)
		}
	}
	w.equal("calls of the stores", w.purchases[0].calls.Load()+w.purchases[1].calls.Load(), before)
	w.ran()
	w.wantState(id, ledger.Accepted)
}

func holdURLsAreWorkedOnce(w *world) {
	b := w.connected("alice")
	id, holds := w.buy()
	w.app.took()
	w.ok(w.gloebit.Settle(w.Context()))
	w.wantState(id, ledger.Delivered)
	statuses := w.allAtOnce(8, func(i int) answer { return b.at(i%2).fetch(http.MethodGet, holds["consume"]) })
	w.equal("the repeats that are answered", statuses[http.StatusOK], 8)
	w.equal("the status of a cancel", b.at(1).fetch(http.MethodGet, holds["cancel"]).status, http.StatusConflict)
	w.ran("reserve "+id, "deliver "+id)
	w.wantState(id, ledger.Delivered)

	id, holds = w.buy() // all its callbacks come at once
	w.app.took()
	b.at(0).fetch(http.MethodGet, holds["enact"]).wants(http.StatusOK, "[true]")
	statuses = w.allAtOnce(8, func(i int) answer { return b.at(i%2).fetch(http.MethodGet, holds["consume"]) })
	w.equal("the consumes that are answered", statuses[http.StatusOK], 8)
	w.ran("reserve "+id, "deliver "+id)
	w.wantState(id, ledger.Delivered)
}

// wantState asserts a purchase's state in each process.
func (w *world) wantState(id string, want ledger.State) {
	w.Helper()
	for _, purchases := range w.ledgers {
		purchase, err := purchases.Get(w.Context(), id)
		w.ok(err)
		w.equal("the state", purchase.State, want)
	}
}
