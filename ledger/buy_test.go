package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestAPurchaseFromOrderToDelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	order := ledger.Order{
		IdempotencyKey: uuid.NewString(), Item: "hat", Price: 30, Quantity: 3, Username: "Alice",
		Data: json.RawMessage(`{"colour": "<green>"}`),
	}
	var seen ledger.Purchase
	w.goods.deliver = func(_ context.Context, p ledger.Purchase) error { seen = p; return nil }
	p := w.bought(order)
	require.NoError(t, uuid.Validate(p.ID))
	require.Equal(t, ledger.Accepted, p.State)
	require.Equal(t, gloebit.OutcomeQueued, p.Outcome)
	require.Equal(t, "alice", p.UserID)
	require.EqualValues(t, 90, p.Total())
	require.Equal(t, `{"colour":"\u003cgreen\u003e"}`, string(p.Data))
	require.False(t, p.Paid() || p.Finished() || p.Stuck())
	require.NoError(t, p.Err())

	tx, ok := w.gloebit.Transaction(w.app.Key, p.ID)
	require.True(t, ok)
	require.Equal(t, []any{"hat", int64(3), int64(90), "Alice"}, []any{tx.Asset, tx.Quantity, tx.Amount, tx.Username})

	w.settle()
	done := w.wantState(p.ID, ledger.Delivered)
	require.True(t, done.Paid() && done.Finished())
	require.Zero(t, done.NextAt)
	require.Equal(t, []string{"Reserve", "Deliver"}, w.goods.all())
	require.Equal(t, ledger.Settled, seen.State, "the Fulfiller sees the purchase as it is before")
	require.Equal(t, p.Order, seen.Order)
	var causes []string
	for _, change := range done.History {
		causes = append(causes, string(change.From)+" "+string(change.To)+": "+change.Cause)
	}
	require.Equal(t, []string{
		" created: ordered", "created accepted: transact: queued", "accepted reserved: enact called",
		"reserved settled: consume called", "settled delivered: delivered",
	}, causes)
	require.Equal(t, "910", w.gloebit.Balance("alice"))
}

func TestAProductIsHandedOutByGloebit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gloebittest.Config, c *ledger.Config) { c.Fulfiller = nil })
	p := w.bought(ledger.Order{IdempotencyKey: uuid.NewString(), Product: "green-hat", Quantity: 2, Price: 40})
	w.settle()
	w.wantState(p.ID, ledger.Delivered)
	require.EqualValues(t, 2, w.gloebit.Products(w.app.Key, "alice")["green-hat"])
	require.Equal(t, "920", w.gloebit.Balance("alice"))
}

func TestAProductIsCanceledWithoutAFulfiller(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gloebittest.Config, c *ledger.Config) { c.Fulfiller = nil })
	p := w.bought(ledger.Order{IdempotencyKey: uuid.NewString(), Product: "green-hat", Quantity: 1})
	require.NoError(t, w.gloebit.CancelTransaction(w.app.Key, p.ID))
	w.settle()
	w.wantState(p.ID, ledger.Released)
}

func TestCallbacksInAnyOrder(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]gloebittest.Queue{
		"enact before transact is answered": {EnactFirst: true},
		"everything three times":            {Repeat: 3},
		"enact again after consume":         {LateEnact: true},
		"in any order":                      {Repeat: 3, Shuffle: true, LateEnact: true},
		"early, often, late and at once":    {EnactFirst: true, Repeat: 4, Shuffle: true, LateEnact: true, Workers: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, queue(q))
			for range 5 {
				p := w.bought(hat)
				if q.EnactFirst {
					require.Equal(t, ledger.Reserved, p.State)
					require.Equal(t, gloebit.OutcomeQueued, p.Outcome, "the answer is kept also when it comes late")
				}
			}
			w.settle()
			purchases, err := w.ledger.List(t.Context(), ledger.Query{States: []ledger.State{ledger.Delivered}})
			require.NoError(t, err)
			require.Len(t, purchases, 5)
			require.Len(t, w.goods.all(), 10, "five were reserved and five delivered")
			require.EqualValues(t, 500, w.charged())
			require.NotContains(t, w.log.String(), "level=ERROR")
		})
		t.Run(name+", and canceled", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, queue(q))
			w.goods.reserve = saying(errors.New("sold out"))
			p, err := w.buy(hat)
			if q.EnactFirst {
				require.ErrorIs(t, err, ledger.ErrCanceled)
			} else {
				require.NoError(t, err)
			}
			w.settle()
			w.wantState(p.ID, ledger.Released)
			require.Zero(t, w.charged())
			require.NotContains(t, w.goods.all(), "Deliver")
			require.NotContains(t, w.log.String(), "level=ERROR")
		})
	}
}

func TestGloebitCancelsBeforeItAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, queue(gloebittest.Queue{LateEnact: true}))
	p := w.bought(hat)
	require.NoError(t, w.gloebit.CancelTransaction(w.app.Key, p.ID))
	w.settle()
	got := w.wantState(p.ID, ledger.Released)
	require.Equal(t, "cancel called", got.Cause)
	require.Equal(t, []string{"Release"}, w.goods.all(), "also what was never reserved")
	require.ErrorIs(t, got.Err(), ledger.ErrCanceled)
}

func TestMissingResponseIsNotAnError(t *testing.T) {
	t.Parallel()
	busy := http.Header{"Retry-After": {"60"}}
	for name, fault := range map[string]gloebittest.Fault{
		"Gloebit is down":    noAnswer(false, 1),
		"the answer is lost": noAnswer(true, 1),
		"Gloebit is busy":    {Path: "transact", Times: 1, Status: http.StatusTooManyRequests, Header: busy},
		"Gloebit is still trying": {
			Path: "transact", Times: 4, Status: http.StatusBadRequest, Header: busy,
			Body: `{"success":false,"status":"queued","reason":"pending"}`,
		},
		"Gloebit could not queue": {
			Path: "transact", Times: 4, Status: http.StatusBadRequest, Header: busy,
			Body: `{"success":false,"status":"queuing-failed","reason":"?"}`,
		},
		"the answer is unreadable": {Path: "transact", Times: 1, Body: "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.gloebit.Inject(fault)
			p := w.bought(hat)
			require.Equal(t, ledger.Created, p.State)
			require.Equal(t, 1, p.Attempts)
			require.NotEmpty(t, p.Cause)
			w.gloebit.ClearFaults()
			w.reconcile()
			w.wantState(p.ID, ledger.Created)
			w.clock.Advance(time.Minute)
			w.reconcile()
			got := w.get(p.ID)
			require.Equal(t, ledger.Accepted, got.State)
			require.Zero(t, got.Attempts)
			require.Empty(t, got.Cause)
			w.settle()
			w.wantState(p.ID, ledger.Delivered)
			require.EqualValues(t, 100, w.charged())
		})
	}
}

func TestInvalidOrdersAreNotStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := w.client("alice")
	for name, order := range map[string]ledger.Order{
		"of nothing":                  {IdempotencyKey: "k", Price: 1, Quantity: 1},
		"of an item and a product":    {IdempotencyKey: "k", Item: "hat", Price: 1, Product: "green-hat", Quantity: 1},
		"for a character, of an item": {IdempotencyKey: "k", Item: "hat", Price: 1, CharacterID: "c", Quantity: 1},
		"at less than nothing":        {IdempotencyKey: "k", Item: "hat", Price: -1, Quantity: 1},
		"of fewer than one":           {IdempotencyKey: "k", Item: "hat", Price: 1, Quantity: -1},
		"of too many":                 {IdempotencyKey: "k", Item: "hat", Price: 1, Quantity: math.MaxInt32 + 1},
		"at too much":                 {IdempotencyKey: "k", Item: "hat", Price: 1 << 53, Quantity: 1},
		"of many at too much":         {IdempotencyKey: "k", Item: "hat", Price: 1 << 50, Quantity: 9},
		"with an overflowing total":   {IdempotencyKey: "k", Item: "hat", Price: 1<<52 + 1, Quantity: 1 << 12}, // to 4,096
		"with a long key":             {Item: "hat", Price: 1, IdempotencyKey: strings.Repeat("k", 256), Quantity: 1},
		"with a long name":            {IdempotencyKey: "k", Item: strings.Repeat("h", 1001), Price: 1, Quantity: 1},
		"with a name of bytes":        {IdempotencyKey: "k", Item: "\xff", Price: 1, Quantity: 1},
		"with data that is not JSON":  {IdempotencyKey: "k", Item: "hat", Price: 1, Data: json.RawMessage(`{`), Quantity: 1},
		"with empty data":             {IdempotencyKey: "k", Item: "hat", Price: 1, Data: json.RawMessage{}, Quantity: 1},
		"with data of many levels": {
			IdempotencyKey: "k", Item: "hat", Price: 1,
			Data: json.RawMessage(strings.Repeat("[", 9999) + strings.Repeat("]", 9999)), Quantity: 1,
		},
		"with too much data": {
			IdempotencyKey: "k", Item: "hat", Price: 1, Data: json.RawMessage(`"` + strings.Repeat("d", 64<<10) + `"`),
			Quantity: 1,
		},
		"without a key": {Item: "hat", Price: 1, Quantity: 1},
		"of none":       {IdempotencyKey: "k", Item: "hat", Price: 1},
	} {
		_, err := w.ledger.Purchase(t.Context(), client, order)
		require.ErrorIs(t, err, gloebit.ErrInvalidRequest, "an order %s", name)
	}
	_, err := w.ledger.Purchase(t.Context(), nil, keyed(hat))
	require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
	require.Zero(t, w.store.calls)
	require.Empty(t, w.gloebit.Transactions())
}

func TestStoreFailureSendsNoOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.failing(errDown)
	_, err := w.buy(hat)
	require.ErrorIs(t, err, gloebit.ErrStore)
	require.ErrorIs(t, err, errDown)
	require.Empty(t, w.gloebit.Transactions())
	_, err = w.ledger.Get(t.Context(), "x")
	require.ErrorIs(t, err, gloebit.ErrStore)
	_, err = w.ledger.List(t.Context(), ledger.Query{})
	require.ErrorIs(t, err, gloebit.ErrStore)
	_, err = w.ledger.Retry(t.Context(), "x", ledger.Act{})
	require.ErrorIs(t, err, gloebit.ErrStore)
	require.ErrorIs(t, w.ledger.Reconcile(t.Context()), gloebit.ErrStore)
	w.store.failing(nil)
	_, err = w.ledger.Get(t.Context(), "x")
	require.ErrorIs(t, err, gloebit.ErrNotFound)
}

func TestResponseIsSavedAfterBuyerCancels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.store.before = func(_ int, call string) error {
		if call == "Change" {
			cancel() // between Gloebit's answer and its saving
		}
		return nil
	}
	p, err := w.ledger.Purchase(ctx, w.client("alice"), keyed(hat))
	require.NoError(t, err)
	require.Error(t, ctx.Err())
	require.Equal(t, ledger.Accepted, p.State)
	w.wantState(p.ID, ledger.Accepted)
}

func TestBuyerCancelsDuringTransact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.gloebit.Inject(gloebittest.Fault{
		Path: "transact", Times: 1, Latency: 10 * time.Second,
		Match: func(gloebittest.Request) bool { cancel(); return true },
	})
	p, err := w.ledger.Purchase(ctx, w.client("alice"), keyed(hat))
	require.NoError(t, err)
	require.Equal(t, 1, p.Attempts)
	require.Equal(t, 1, w.wantState(p.ID, ledger.Created).Attempts, "that it was tried is kept")
	w.clock.Advance(time.Minute)
	w.reconcile()
	w.settle()
	w.wantState(p.ID, ledger.Delivered)
	require.EqualValues(t, 100, w.charged())
}

// keeping is a token store that can't save.
type keeping struct{ gloebit.TokenStore }

func (keeping) Update(
	context.Context, connect.Key, func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	return errDown
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// TestUnsentOrderIsSentLater checks that an order that did not reach Gloebit
// does not count as refused.
func TestUnsentOrderIsSentLater(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(w *world, c *gloebit.Config, buyer context.CancelFunc){
		"connection refused": func(_ *world, c *gloebit.Config, buyer context.CancelFunc) {
			c.HTTPClient = &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
				buyer() // so that there is no second attempt
				return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
			})}
		},
		"the buyer goes before it is sent": func(w *world, _ *gloebit.Config, buyer context.CancelFunc) {
			w.store.after = func(_ int, call string) error {
				if call == "Create" {
					buyer()
				}
				return nil
			}
		},
		"a token is refused that can't be forgotten": func(w *world, c *gloebit.Config, _ context.CancelFunc) {
			w.gloebit.RevokeTokens("alice")
			c.Tokens = keeping{w.tokens}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			config := w.merchant()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stop(w, &config, cancel)
			merchant, err := gloebit.New(config)
			require.NoError(t, err)
			client, err := merchant.Client(t.Context(), "alice")
			require.NoError(t, err)
			p, err := w.ledger.Purchase(ctx, client, keyed(hat))
			require.NoError(t, err)
			require.Equal(t, ledger.Created, p.State)
			require.Equal(t, 1, p.Attempts)
			w.connect("alice")
			w.clock.Advance(time.Minute)
			w.reconcile()
			w.settle()
			w.wantState(p.ID, ledger.Delivered)
			require.EqualValues(t, 100, w.charged())
		})
	}
}

func TestAttemptOvertakenByCallbackIsNotCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, queue(gloebittest.Queue{EnactFirst: true}))
	w.gloebit.Inject(noAnswer(true, 1)) // the answer is lost, and enact has come
	p := w.bought(hat)
	require.Equal(t, ledger.Reserved, p.State)
	require.Zero(t, p.Attempts)
	require.Empty(t, p.Cause)
	require.Equal(t, w.clock.Now().Add(time.Minute), p.NextAt)
}

func TestRefusalAfterLostAttemptIsNotFinal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// on hold, and the client asks again
	w.gloebit.Inject(gloebittest.Fault{Path: "transact", Times: 1, After: true, Status: http.StatusServiceUnavailable})
	w.gloebit.Inject(gloebittest.Fault{Path: "transact", Times: 1, Reason: "unknown OAuth2 token"})
	p := w.bought(hat)
	require.Equal(t, ledger.Created, p.State)
	w.settle()
	w.wantState(p.ID, ledger.Delivered)
	require.EqualValues(t, 100, w.charged())
}

func TestItemWithoutPriceIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, order := range []ledger.Order{{Item: "hat", Quantity: 1}, {Item: "hat", Price: -1, Quantity: 1}} {
		_, err := w.buy(order)
		require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
	}
}

func TestWithoutAFulfillerNoItemIsSold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gloebittest.Config, c *ledger.Config) { c.Fulfiller = nil })
	_, err := w.buy(hat)
	require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
	require.ErrorContains(t, err, "Config.Fulfiller")
	require.Zero(t, w.store.calls)
	require.Empty(t, w.gloebit.Transactions())
}

func TestReplicaWithoutFulfillerDeliversNoItems(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gloebittest.Config, c *ledger.Config) { c.Fulfiller = nil })
	w.put("asked", ledger.Accepted)
	w.wantAnswer("asked", "enact", http.StatusOK, pending)
	w.wantState("asked", ledger.Accepted)
	for step, want := range map[string]ledger.State{"consume": ledger.Settled, "cancel": ledger.Canceled} {
		w.put(step, ledger.Reserved)
		w.wantAnswer(step, step, http.StatusOK, yes)
		require.Contains(t, w.wantState(step, want).Cause, "no Config.Fulfiller")
	}
	w.config.Fulfiller = w.goods
	w.start()
	w.clock.Advance(time.Minute)
	w.reconcile()
	w.wantState("consume", ledger.Delivered)
	w.wantState("cancel", ledger.Released)
}
