package ledgertest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/suite"
	"github.com/go-gloebit/gloebit/ledger"
)

// anotherRealm sorts before [realm], and differs from it in the case of a
// letter.
const anotherRealm = "www.example.com/Shop"

const maxOthers = 30 // purchases that are created in another realm too

// twoRealms is a store that first creates each of the first purchases in another
// realm too.
type twoRealms struct {
	ledger.Store
	tried  atomic.Int32
	mu     sync.Mutex
	others map[connect.Key]ledger.Purchase
}

// Create implements ledger.Store.
func (s *twoRealms) Create(ctx context.Context, p ledger.Purchase) (kept ledger.Purchase, created bool, err error) {
	other := p.Clone()
	other.Realm = anotherRealm
	if p.Realm == realm && s.tried.Add(1) <= maxOthers {
		if _, created, err := s.Store.Create(ctx, other); err == nil && created {
			s.mu.Lock()
			if s.others == nil {
				s.others = map[connect.Key]ledger.Purchase{}
			}
			s.others[other.StoreKey()] = other
			s.mu.Unlock()
		}
	}
	return s.Store.Create(ctx, p)
}

// wantUntouched fails unless the purchases of the other realm are unchanged.
func (s *twoRealms) wantUntouched(t *testing.T) {
	t.Helper()
	for key, want := range s.others {
		got, err := s.Store.Get(suite.InTime(t), key)
		if err != nil {
			t.Fatalf("Get of a purchase of another realm: %v", err)
		}
		wantPurchase(t, got, want)
	}
	listed, err := s.Store.List(suite.InTime(t), ledger.Query{Realm: anotherRealm, Limit: 1000})
	if err != nil {
		t.Fatalf("List of another realm: %v", err)
	}
	if len(listed) != len(s.others) {
		t.Errorf("List of another realm returned %d purchases, want %d", len(listed), len(s.others))
	}
	for _, p := range listed {
		if p.Realm != anotherRealm {
			t.Errorf("List of another realm returned a purchase of %q", p.Realm)
		}
	}
}

func counts(t *testing.T, store ledger.Store) {
	states := ledger.States()
	createMany(t, store, 16, func(i int, p *ledger.Purchase) {
		p.State = states[i%len(states)]
		switch {
		case i <= 4:
			p.NextAt = after(10 - i)
		case i <= 8:
			p.NextAt = after(20)
		default:
			p.StuckAt = after(5)
		}
	})
	got, err := store.Counts(suite.InTime(t), after(20))
	if err != nil {
		t.Fatalf("Counts: %v", err)
	}
	var want []ledger.Count
	for _, realm := range []string{anotherRealm, realm} {
		want = append(want,
			ledger.Count{Realm: realm, State: ledger.Created, Purchases: 2, Stuck: 1, Oldest: after(8)},
			ledger.Count{
				Realm: realm, State: ledger.Accepted, Purchases: 2, Stuck: 1, Overdue: 1, Oldest: after(1),
				OverdueSince: after(9),
			},
			ledger.Count{
				Realm: realm, State: ledger.Reserved, Purchases: 2, Stuck: 1, Overdue: 1, Oldest: after(2),
				OverdueSince: after(8),
			},
			ledger.Count{
				Realm: realm, State: ledger.Settled, Purchases: 2, Stuck: 1, Overdue: 1, Oldest: after(3), OverdueSince: after(7),
			},
			ledger.Count{Realm: realm, State: ledger.Canceled, Purchases: 2, Stuck: 1, Oldest: after(6)},
		)
	}
	if len(got) != len(want) {
		t.Fatalf("Counts returned %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("Counts returned %v, want %v", got[i], want[i])
		}
	}
}
