package modeltest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// shop is the system under test: a ledger on a store that fails, and the model.
type shop struct {
	now     time.Time
	gloebit *model
	store   *store
	clerk   *clerk
	config  ledger.Config
	ledger  *ledger.Ledger
	handler http.Handler
	client  *gloebit.Client
	connect func(at time.Time) error   // makes another connection of alice
	known   map[string]ledger.Purchase // as last seen, by id
	ordered map[string]bool            // ids that a buyer got
}

func newShop(t *rapid.T, kept keeper) *shop {
	s := &shop{
		now:     time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC),
		gloebit: &model{byID: map[string]*held{}, mood: mood{work: "hold"}},
		store:   &store{keeper: kept},
		known:   map[string]ledger.Purchase{}, ordered: map[string]bool{},
	}
	s.clerk = &clerk{store: s.store}
	s.gloebit.call = s.call
	clock := func() time.Time { return s.now }
	tokens := &gloebit.MemoryTokenStore{}
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: "key", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
		Provider: gloebit.ProviderAt("http://127.0.0.1/"),
		Tokens:   tokens, HTTPClient: &http.Client{Transport: s.gloebit}, Clock: clock,
	})
	check(t, err)
	s.connect = func(at time.Time) error {
		credential := connect.Credential{
			AccessToken: "token", ConnectedAt: at, Scopes: []gloebit.Scope{gloebit.ScopeTransact},
		}
		return tokens.Update(context.Background(), connect.Key{
			Realm: merchant.Realm(), ID: "alice",
		}, func(context.Context, *connect.Credential) (*connect.Credential, error) {
			return &credential, nil
		})
	}
	check(t, s.connect(s.now))
	s.client, err = merchant.Client(context.Background(), "alice")
	check(t, err)
	s.config = ledger.Config{
		Merchant: merchant, Store: s.store, Fulfiller: s.clerk, CallbackURL: "https://shop.example/hold",
		Keys: []gloebit.Secret{"a key for the model, of 32 bytes"}, Clock: clock, Workers: 1, StuckAfter: 12 * time.Hour,
	}
	s.start(t)
	return s
}

// start starts the shop, again after a stop.
func (s *shop) start(t *rapid.T) {
	s.store.stopped, s.store.down, s.store.breaks = false, false, ""
	var err error
	s.ledger, err = ledger.New(s.config)
	check(t, err)
	s.handler = s.ledger.Handler()
}

// crash restarts the shop after a kill. Callbacks that only the killed process
// knew of are made again: their loss is documented.
func (s *shop) crash(t *rapid.T) {
	for _, h := range s.gloebit.transactions {
		h.answered = false
	}
	s.start(t)
}

// call makes a callback. A shop that stops meanwhile does not respond.
func (s *shop) call(url string) (int, string) {
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, pathOf(url), nil))
	if s.store.stopped {
		return 0, ""
	}
	return recorder.Code, recorder.Body.String()
}

func check(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

func (s *shop) order(t *rapid.T) {
	key := rapid.SampledFrom([]string{"new", "a", "b"}).Draw(t, "key")
	fresh := key == "new" // a key of its own, as a purchase that no form repeats
	if fresh {
		key = uuid.NewString()
	}
	s.now = s.now.Add(time.Minute) // an earlier order has its answer, or never gets one
	p, err := s.ledger.Purchase(t.Context(), s.client, ledger.Order{
		IdempotencyKey: key, Item: "hat", Price: 10, Quantity: 1,
	})
	switch {
	case s.store.stopped, errors.Is(err, gloebit.ErrStore):
		return
	case err == nil:
		s.ordered[p.ID] = true
	case p.State != ledger.Refused && p.Err() == nil:
		t.Fatalf("the order was answered with %v, and the purchase is %s", err, p.State)
	}
	if before, seen := s.known[p.ID]; seen && (fresh || before.IdempotencyKey != key) {
		t.Fatalf("an order with the key %q was answered with the purchase of %q", key, before.IdempotencyKey)
	}
}

// any draws one of the transactions, or nil when there is none.
func (s *shop) any(t *rapid.T) *held {
	var on []*held
	for _, h := range s.gloebit.transactions {
		if h.held {
			on = append(on, h)
		}
	}
	if len(on) == 0 {
		t.Skip("no transaction")
	}
	return rapid.SampledFrom(on).Draw(t, "transaction")
}

func (s *shop) enact(t *rapid.T) {
	h := s.any(t)
	state := s.known[h.id].State
	off := h.cancelReceived || state == ledger.Refused || state == ledger.Canceled || state == ledger.Released
	_, body := s.gloebit.enact(h)
	if off && body == "[true]" {
		t.Fatalf("enact of %s, which was called off, was answered with %s", h.id, body)
	}
}

func (s *shop) consume(t *rapid.T) {
	h := s.any(t)
	if !h.enacted || h.rolledBack {
		return
	}
	h.committed = true
	status, body := s.call(h.consumeAt)
	h.answered = h.answered || status != 0 && rapid.Bool().Draw(t, "never again")
	switch {
	case status == http.StatusOK && body == "[true]":
		h.consumeReceived = true
	case status != 0 && (status != http.StatusServiceUnavailable || body != `[false,"pending"]`):
		t.Fatalf("consume of %s was answered with %d %s", h.id, status, body)
	}
}

func (s *shop) cancel(t *rapid.T) {
	h := s.any(t)
	if h.committed {
		return
	}
	h.rolledBack = true
	status, body := s.call(h.cancelAt)
	h.answered = h.answered || status != 0 && rapid.Bool().Draw(t, "never again")
	switch {
	case status == http.StatusOK && body == "[true]":
		h.cancelReceived = true
	case status != 0 && (status != http.StatusServiceUnavailable || body != `[false,"pending"]`):
		t.Fatalf("cancel of %s was answered with %d %s", h.id, status, body)
	}
}

// loseCommit restores a purchase to its state before enact, like a database
// that loses commits when it fails.
func (s *shop) loseCommit(t *rapid.T) {
	h := s.any(t)
	if known := s.known[h.id]; known.State != ledger.Reserved || s.store.stopped {
		return
	}
	p, err := s.store.keeper.Change(t.Context(), connect.Key{
		Realm: s.config.Merchant.Realm(), ID: h.id,
	}, func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
		for i, change := range p.History {
			if change.To == ledger.Reserved && change.From != ledger.Reserved {
				p.State, p.History, p.NextAt, p.StuckAt, p.Attempts = change.From, p.History[:i:i], s.now, time.Time{}, 0
				break
			}
		}
		return p, s.store.release(ctx, p.ID)
	})
	check(t, err)
	s.known[p.ID] = p
}

// cancelOrder has the application cancel a purchase.
func (s *shop) cancelOrder(t *rapid.T) {
	p, err := s.ledger.Cancel(t.Context(), s.any(t).id, ledger.Act{})
	switch {
	case s.store.stopped, errors.Is(err, gloebit.ErrStore):
	case errors.Is(err, ledger.ErrTooLate) && (p.State == ledger.Reserved || p.Paid()):
	case err != nil || p.State != ledger.Canceled && p.State != ledger.Released && p.State != ledger.Refused:
		t.Fatalf("Cancel returned %v, and the purchase is %s", err, p.State)
	}
}

// reconnect has the user connect again.
func (s *shop) reconnect(t *rapid.T) {
	check(t, s.connect(s.now))
	var err error
	s.client, err = s.config.Merchant.Client(t.Context(), "alice")
	check(t, err)
}

// liar makes a callback that Gloebit guarantees never to make.
func (s *shop) liar(t *rapid.T) {
	h := s.any(t)
	if !h.consumeReceived {
		return
	}
	if status, body := s.call(h.cancelAt); status == http.StatusOK {
		t.Fatalf("a callback that can't be was answered with %s", body)
	}
}

func (s *shop) reconcile(t *rapid.T) {
	s.now = s.now.Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "seconds")) * time.Second)
	_ = s.ledger.Reconcile(t.Context())
}

func (s *shop) retry(t *rapid.T) { _, _ = s.ledger.Retry(t.Context(), s.any(t).id, ledger.Act{}) }

func (s *shop) breakNext(t *rapid.T) {
	s.store.breaks = rapid.SampledFrom([]string{"", "before", "within", "after"}).Draw(t, "where")
	s.store.stops = rapid.Bool().Draw(t, "stops")
}

func (s *shop) outage(t *rapid.T) { s.store.down = rapid.Bool().Draw(t, "down") }

func (s *shop) changeMood(t *rapid.T) {
	s.gloebit.mood = mood{
		work: rapid.SampledFrom([]string{"hold", "hold", "hold", "insufficient", "pending", "reject"}).Draw(t, "work"),
		lost: rapid.SampledFrom([]string{"", "", "", "before", "after"}).Draw(t, "lost"),
	}
	s.gloebit.enactEarly = rapid.Bool().Draw(t, "early")
}

func (s *shop) changeClerk(t *rapid.T) {
	s.clerk.reserve = rapid.SampledFrom([]error{nil, nil, ledger.ErrTryAgain, errors.New("sold out")}).Draw(t, "reserve")
	s.clerk.deliver = rapid.SampledFrom([]error{nil, errDown}).Draw(t, "deliver")
	s.clerk.release = rapid.SampledFrom([]error{nil, errDown}).Draw(t, "release")
}

func TestTheLedgerAgainstTheModel(t *testing.T) {
	t.Parallel()
	against(t, func(*testing.T) func(*rapid.T) keeper { return newMemory })
}

func TestTheLedgerInSQLiteAgainstTheModel(t *testing.T) {
	t.Parallel()
	against(t, newSQLite)
}

// against tests the ledger, each time on an empty store.
func against(t *testing.T, open func(*testing.T) (empty func(*rapid.T) keeper)) {
	// The time in which the ledger insists on a store that fails is not waited for.
	synctest.Test(t, func(t *testing.T) {
		empty := open(t)
		rapid.Check(endless{t}, func(t *rapid.T) { live(t, empty(t)) })
	})
}

// endless hides the deadline of a test, which a synctest bubble must not use.
type endless struct{ *testing.T }

func (endless) Deadline() (time.Time, bool) { return time.Time{}, false }

// live is one run of a shop.
func live(t *rapid.T, kept keeper) {
	s := newShop(t, kept)
	t.Repeat(map[string]func(*rapid.T){
		"":           s.invariants,
		"order":      s.order,
		"enact":      s.enact,
		"consume":    s.consume,
		"cancel":     s.cancel,
		"lie":        s.liar,
		"loseCommit": s.loseCommit,
		"cancelIt":   s.cancelOrder,
		"reconnect":  s.reconnect,
		"reconcile":  s.reconcile,
		"retry":      s.retry,
		"break":      s.breakNext,
		"mood":       s.changeMood,
		"clerk":      s.changeClerk,
		"outage":     s.outage,
		"restart":    s.crash,
		"enactAgain": s.enact,
	})
	s.inTheEnd(t)
}
