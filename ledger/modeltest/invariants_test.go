package modeltest_test

import (
	"slices"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"pgregory.net/rapid"
)

// forward is where each state may lead.
var forward = map[ledger.State][]ledger.State{
	"":              {ledger.Created},
	ledger.Created:  {ledger.Accepted, ledger.Reserved, ledger.Refused, ledger.Canceled, ledger.Settled},
	ledger.Accepted: {ledger.Reserved, ledger.Refused, ledger.Canceled, ledger.Settled},
	ledger.Reserved: {ledger.Settled, ledger.Canceled},
	ledger.Settled:  {ledger.Delivered},
	ledger.Refused:  {ledger.Canceled, ledger.Created, ledger.Settled},
	ledger.Canceled: {ledger.Released, ledger.Settled},
	ledger.Released: {ledger.Settled},
}

// all lists every purchase, bypassing the failures of the store.
func (s *shop) all(t *rapid.T) []ledger.Purchase {
	var all []ledger.Purchase
	q := ledger.Query{Realm: s.config.Merchant.Realm(), Limit: 1000}
	for {
		page, err := s.store.List(t.Context(), q)
		check(t, err)
		all = append(all, page...)
		if len(page) < q.Limit {
			return all
		}
		q.After = page[len(page)-1].Cursor()
	}
}

// invariants checks what must always hold.
func (s *shop) invariants(t *rapid.T) {
	onShelf, onHold := s.store.goods()
	for _, p := range s.all(t) {
		before, seen := s.known[p.ID]
		if seen && len(p.History) < len(before.History) {
			t.Fatalf("%s has lost some of its history", p.ID)
		}
		s.known[p.ID] = p
		s.path(t, p)
		h := s.gloebit.byID[p.ID]
		shelf, reserved := onShelf[p.ID], onHold[p.ID]
		switch {
		case shelf != 0 && p.State != ledger.Delivered, shelf != 1 && p.State == ledger.Delivered:
			t.Fatalf("%s is %s and was delivered %d times", p.ID, p.State, shelf)
		case reserved > 1, reserved != 0 && p.State == ledger.Released:
			t.Fatalf("%s is %s and is reserved %d times", p.ID, p.State, reserved)
		case p.Paid() && (h == nil || !h.committed):
			t.Fatalf("%s is %s and was never paid", p.ID, p.State)
		case h != nil && h.consumeReceived && !p.Paid():
			t.Fatalf("%s is %s after its consume was answered", p.ID, p.State)
		case h != nil && h.cancelReceived && p.State != ledger.Canceled && p.State != ledger.Released:
			t.Fatalf("%s is %s after its cancel was answered", p.ID, p.State)
		case h != nil && h.enacted && p.State == ledger.Refused:
			t.Fatalf("%s was refused after its enact was answered with true", p.ID)
		case p.Finished() != p.NextAt.IsZero() && !p.Stuck():
			t.Fatalf("%s is %s, and next tried at %v", p.ID, p.State, p.NextAt)
		}
	}
	for _, h := range s.gloebit.transactions {
		if _, written := s.known[h.id]; !written {
			t.Fatalf("Gloebit knows of %s, which was never written", h.id)
		}
	}
	for id := range s.ordered {
		if _, written := s.known[id]; !written {
			t.Fatalf("a buyer got %s, which is lost", id)
		}
	}
}

// path checks that the history leads forward to the purchase's state.
func (s *shop) path(t *rapid.T, p ledger.Purchase) {
	at := ledger.State("")
	for _, change := range p.History {
		if change.From != at || change.To != at && !slices.Contains(forward[at], change.To) {
			t.Fatalf("%s went from %q to %q in state %q", p.ID, change.From, change.To, at)
		}
		at = change.To
	}
	if at != p.State {
		t.Fatalf("%s is %s, and its history ends with %s", p.ID, p.State, at)
	}
}

// inTheEnd repairs everything, lets Gloebit finish its transactions, and
// counts.
func (s *shop) inTheEnd(t *rapid.T) {
	*s.clerk = clerk{store: s.store}
	if s.store.stopped {
		s.crash(t)
	} else { // it ends gracefully, as Run does
		s.store.down, s.store.breaks = false, ""
		check(t, s.ledger.Reconcile(t.Context()))
		s.start(t)
	}
	s.gloebit.mood, s.gloebit.enactEarly = mood{work: "hold"}, false
	for range 4 {
		for _, p := range s.all(t) { // what was paid although it was canceled gets stuck here, too
			if p.Stuck() {
				_, err := s.ledger.Retry(t.Context(), p.ID, ledger.Act{})
				check(t, err)
			}
		}
		s.now = s.now.Add(3 * time.Hour)
		check(t, s.ledger.Reconcile(t.Context()))
		for _, h := range s.gloebit.transactions {
			s.settle(t, h)
		}
	}
	s.invariants(t)
	shelf, _ := s.store.goods()
	for id, p := range s.known {
		h := s.gloebit.byID[id]
		switch {
		case !p.Finished():
			t.Fatalf("%s is left %s", id, p.State)
		case h != nil && h.committed && shelf[id] != 1:
			t.Fatalf("%s is paid, and was delivered %d times", id, shelf[id])
		case (h == nil || !h.committed) && shelf[id] != 0:
			t.Fatalf("%s was delivered and never paid", id)
		}
	}
}

// settle lets Gloebit finish a transaction.
func (s *shop) settle(t *rapid.T, h *held) {
	if !h.held {
		return
	}
	if !h.enacted && !h.rolledBack {
		s.gloebit.enact(h)
	}
	if h.enacted && !h.rolledBack && !h.consumeReceived && !h.answered {
		h.committed = true
		status, body := s.call(h.consumeAt)
		if status != 200 {
			t.Fatalf("consume of %s was answered with %d %s", h.id, status, body)
		}
		h.consumeReceived = true
	}
	if h.rolledBack && !h.cancelReceived && !h.answered {
		status, body := s.call(h.cancelAt)
		if status != 200 {
			t.Fatalf("cancel of %s was answered with %d %s", h.id, status, body)
		}
		h.cancelReceived = true
	}
}
