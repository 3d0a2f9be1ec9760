package ledgertest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/suite"
	"github.com/go-gloebit/gloebit/ledger"
)

func claimNothing(t *testing.T, store ledger.Store) {
	wantNoClaim(t, store, after(1000))
	create(t, store, smallPurchase(1)) // without a NextAt
	wantNoClaim(t, store, after(1000))
}

func claimState(t *testing.T, store ledger.Store) {
	states := ledger.States()
	createMany(t, store, 8, func(i int, p *ledger.Purchase) { p.State, p.NextAt = states[i-1], after(i) })
	for i, state := range states {
		p, err := store.Claim(suite.InTime(t), realm, state, after(10), after(1000))
		if err != nil || p.ID != purchaseID(i+1) || p.Realm != realm {
			t.Errorf("Claim of a purchase that is %s returned %s and the error %v", state, p.ID, err)
		}
		p, err = store.Claim(suite.InTime(t), realm, state, after(10), after(1000))
		if !errors.Is(err, gloebit.ErrNotFound) {
			t.Errorf("Claim of a second purchase that is %s returned %s and the error %v", state, p.ID, err)
		}
	}
}

func claimDue(t *testing.T, store ledger.Store) {
	createMany(t, store, 1, func(_ int, p *ledger.Purchase) { p.NextAt = after(10) })
	wantNoClaim(t, store, after(10).Add(-time.Microsecond))
	wantClaim(t, store, after(10), after(20), 1)
}

func claimOrder(t *testing.T, store ledger.Store) {
	due := []int{0, 30, 10, 40, 20} // by the number of the purchase
	createMany(t, store, 4, func(i int, p *ledger.Purchase) { p.NextAt = after(due[i]) })
	for _, i := range []int{2, 4, 1} {
		wantClaim(t, store, after(35), after(1000), i)
	}
	wantNoClaim(t, store, after(35))
	wantClaim(t, store, after(40), after(1000), 3)
}

func claimExpires(t *testing.T, store ledger.Store) {
	createMany(t, store, 1, func(_ int, p *ledger.Purchase) { p.NextAt = after(10) })
	wantClaim(t, store, after(10), after(20), 1)
	wantNoClaim(t, store, after(19))
	wantClaim(t, store, after(20), after(30), 1)
	if got := get(t, store, purchaseID(1)).NextAt; !samePurchaseTime(got, after(30)) {
		t.Errorf("a claimed purchase has the NextAt %v, want %v", got, after(30))
	}
}

func claimChanged(t *testing.T, store ledger.Store) {
	createMany(t, store, 1, func(_ int, p *ledger.Purchase) { p.NextAt = after(10) })
	wantClaim(t, store, after(10), after(1000), 1)
	change(t, store, purchaseID(1), func(p *ledger.Purchase) { p.NextAt = after(15) })
	wantClaim(t, store, after(15), after(1000), 1)
	change(t, store, purchaseID(1), func(p *ledger.Purchase) { p.NextAt = time.Time{} })
	wantNoClaim(t, store, after(2000))
}

func claimWhole(t *testing.T, store ledger.Store) {
	want := fullPurchase(1)
	create(t, store, want)
	got, err := store.Claim(suite.InTime(t), realm, want.State, after(10), after(50))
	if err != nil {
		t.Fatalf("Claim: %v", err)
	}
	want.NextAt = after(50)
	wantPurchase(t, got, want)
	wantPurchase(t, get(t, store, want.ID), want)
}

func claimRace(t *testing.T, store ledger.Store) {
	const many = 60
	createMany(t, store, many, func(i int, p *ledger.Purchase) { p.NextAt = after(i) })
	ctx := suite.InTime(t)
	var group sync.WaitGroup
	var mu sync.Mutex
	claimed := map[string]int{}
	for range 10 {
		group.Go(func() {
			for ctx.Err() == nil {
				p, err := store.Claim(ctx, realm, ledger.Created, after(100), after(1000))
				if errors.Is(err, gloebit.ErrNotFound) {
					return
				}
				if err != nil {
					t.Errorf("Claim: %v", err)
					return
				}
				mu.Lock()
				claimed[p.ID]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for { // a store may skip purchases that are being claimed
		p, err := store.Claim(ctx, realm, ledger.Created, after(100), after(1000))
		if err != nil {
			break
		}
		claimed[p.ID]++
	}
	for id, times := range claimed {
		if times != 1 {
			t.Errorf("%s was claimed %d times", id, times)
		}
	}
	if len(claimed) != many {
		t.Errorf("%d of %d purchases were claimed", len(claimed), many)
	}
}

// claimNotChanging tests that a Claim does not run between the read and the
// save of a Change. The store may skip the purchase, or wait for it.
func claimNotChanging(t *testing.T, store ledger.Store) {
	createMany(t, store, 1, func(_ int, p *ledger.Purchase) { p.NextAt = after(10) })
	release, finished := changing(t, store, purchaseID(1), func(p *ledger.Purchase) { p.NextAt = time.Time{} })
	ctx, claimed := suite.InTime(t), make(chan error, 1)
	go func() {
		_, err := store.Claim(ctx, realm, ledger.Created, after(20), after(1000))
		claimed <- err
	}()
	select {
	case err := <-claimed:
		suite.WantError(t, "Claim of a purchase whose Change runs", err, gloebit.ErrNotFound)
		release()
	case <-time.After(suite.AMoment):
		release()
		select {
		case err := <-claimed:
			suite.WantError(t, "Claim that waited for a Change", err, gloebit.ErrNotFound)
		case <-ctx.Done():
			t.Fatal(context.Cause(ctx))
		}
	}
	suite.WantDone(t, "Change", finished)
	wantNoClaim(t, store, after(2000))
}
