package ledgertest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/suite"
	"github.com/go-gloebit/gloebit/ledger"
)

// swapped exchanges the ReportAt and the NextAt of each purchase, so that the
// cases of Claim test ClaimUnreported.
type swapped struct{ ledger.Store }

// byReportAt turns a case of Claim into one of ClaimUnreported.
func byReportAt(run func(t *testing.T, store ledger.Store)) func(t *testing.T, store ledger.Store) {
	return func(t *testing.T, store ledger.Store) { run(t, swapped{store}) }
}

func swap(p ledger.Purchase, err error) (ledger.Purchase, error) {
	p.NextAt, p.ReportAt = p.ReportAt, p.NextAt
	return p, err
}

func (s swapped) Create(ctx context.Context, p ledger.Purchase) (ledger.Purchase, bool, error) {
	p, _ = swap(p, nil)
	kept, created, err := s.Store.Create(ctx, p)
	kept, err = swap(kept, err)
	return kept, created, err
}

func (s swapped) Get(ctx context.Context, key connect.Key) (ledger.Purchase, error) {
	return swap(s.Store.Get(ctx, key))
}

func (s swapped) Change(ctx context.Context, key connect.Key, fn changeFunc) (ledger.Purchase, error) {
	return swap(s.Store.Change(ctx, key, func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
		p, _ = swap(p, nil)
		return swap(fn(ctx, p))
	}))
}

func (s swapped) Claim(
	ctx context.Context, realm string, _ ledger.State, now, until time.Time,
) (ledger.Purchase, error) {
	return swap(s.Store.ClaimUnreported(ctx, realm, now, until))
}

func claimUnreported(t *testing.T, store ledger.Store) {
	states := ledger.States()
	createMany(t, store, 8, func(i int, p *ledger.Purchase) {
		p.State, p.NextAt, p.ReportAt = states[i-1], after(100), after(i)
	})
	createMany(t, store, 9, func(_ int, p *ledger.Purchase) { p.NextAt = after(1) }) // creates only the ninth
	for i := range states {
		p, err := store.ClaimUnreported(suite.InTime(t), realm, after(50), after(200))
		if err != nil || p.ID != purchaseID(i+1) || !p.NextAt.Equal(after(100)) {
			t.Errorf("ClaimUnreported returned %s with the NextAt %v and the error %v", p.ID, p.NextAt, err)
		}
	}
	p, err := store.ClaimUnreported(suite.InTime(t), realm, after(50), after(200))
	if !errors.Is(err, gloebit.ErrNotFound) {
		t.Errorf("ClaimUnreported of nothing returned %s and the error %v", p.ID, err)
	}
	p, err = store.Claim(suite.InTime(t), realm, states[1], after(100), after(300))
	if err != nil || !p.ReportAt.Equal(after(200)) {
		t.Errorf("Claim returned the ReportAt %v and the error %v, want %v", p.ReportAt, err, after(200))
	}
}

func pruneUnreported(t *testing.T, store ledger.Store) {
	createMany(t, store, 2, func(i int, p *ledger.Purchase) { p.State, p.ReportAt = ledger.Delivered, after(i) })
	change(t, store, purchaseID(1), func(p *ledger.Purchase) { p.ReportAt = time.Time{} })
	wantPruned(t, store, after(100), 1)
	wantListed(t, store, ledger.Query{Realm: realm}, 2)
}

func countUnreported(t *testing.T, store ledger.Store) {
	states := ledger.States()
	createMany(t, store, 24, func(i int, p *ledger.Purchase) {
		p.State, p.ReportAt = states[i%len(states)], after(1000) // not now: OnChange has failed, or it is claimed
		if i > 16 || p.State == ledger.Reserved {
			p.ReportAt = time.Time{}
		}
		if p.State == ledger.Released {
			p.UpdatedAt = after(20)
		}
	})
	got, err := store.Counts(suite.InTime(t), after(20))
	if err != nil {
		t.Fatalf("Counts: %v", err)
	}
	var want []ledger.Count
	for _, realm := range []string{anotherRealm, realm} {
		want = append(want,
			ledger.Count{Realm: realm, State: ledger.Created, Purchases: 3, Unreported: 2, Oldest: after(8)},
			ledger.Count{Realm: realm, State: ledger.Accepted, Purchases: 3, Unreported: 2, Oldest: after(1)},
			ledger.Count{Realm: realm, State: ledger.Reserved, Purchases: 3, Oldest: after(2)},
			ledger.Count{Realm: realm, State: ledger.Settled, Purchases: 3, Unreported: 2, Oldest: after(3)},
			ledger.Count{Realm: realm, State: ledger.Delivered, Unreported: 2},
			ledger.Count{Realm: realm, State: ledger.Refused, Unreported: 2},
			ledger.Count{Realm: realm, State: ledger.Canceled, Purchases: 3, Unreported: 2, Oldest: after(6)},
		)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Counts returned %v, want %v", got, want)
	}
}
