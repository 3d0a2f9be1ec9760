package ledgertest

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/suite"
	"github.com/go-gloebit/gloebit/ledger"
)

// trySwap calls CompareAndSwap with an edit of old.
func trySwap(
	t *testing.T, store ledger.Store, old ledger.Purchase, edit func(p *ledger.Purchase),
) (saved ledger.Purchase, swapped bool) {
	t.Helper()
	next := old.Clone()
	edit(&next)
	saved, swapped, err := store.CompareAndSwap(suite.InTime(t), old, next)
	if err != nil {
		t.Fatalf("CompareAndSwap of %s: %v", old.ID, err)
	}
	if !swapped && saved.ID != "" {
		t.Error("CompareAndSwap returned a purchase that it did not save")
	}
	return saved, swapped
}

// wantSwap fails unless CompareAndSwap saves an edit of old. It returns what was
// saved.
func wantSwap(
	t *testing.T, store ledger.Store, old ledger.Purchase, edit func(p *ledger.Purchase),
) ledger.Purchase {
	t.Helper()
	saved, swapped := trySwap(t, store, old, edit)
	if !swapped {
		t.Fatalf("CompareAndSwap of %s found a difference", old.ID)
	}
	want := old.Clone()
	edit(&want)
	wantPurchase(t, saved, want)
	wantPurchase(t, get(t, store, old.ID), want)
	return saved
}

func attempt(p *ledger.Purchase) { p.Attempts++ }

func swapSaves(t *testing.T, store ledger.Store) {
	p := fullPurchase(1)
	p.State, p.StuckAt = ledger.Created, time.Time{} // so that it can be claimed
	kept := create(t, store, p)
	create(t, store, smallPurchase(2))
	kept = wantSwap(t, store, kept, attempt)
	kept = wantSwap(t, store, kept, func(p *ledger.Purchase) {
		p.State, p.StuckAt, p.NextAt, p.ReportAt = ledger.Settled, after(9), time.Time{}, time.Time{}
		p.UserID, p.IdempotencyKey, p.GloebitID, p.Data = "", "", "", nil
	})
	wantSwap(t, store, kept, func(p *ledger.Purchase) {
		p.State, p.StuckAt, p.NextAt, p.ReportAt = ledger.Created, time.Time{}, after(1), after(1)
	})
	wantSwap(t, store, get(t, store, purchaseID(1)), attempt)
	wantSwap(t, store, change(t, store, purchaseID(1), attempt), attempt)
	claimed, err := store.Claim(suite.InTime(t), realm, ledger.Created, after(5), after(10))
	if err != nil {
		t.Fatalf("Claim: %v", err)
	}
	wantSwap(t, store, claimed, attempt)
	if claimed, err = store.ClaimUnreported(suite.InTime(t), realm, after(5), after(10)); err != nil {
		t.Fatalf("ClaimUnreported: %v", err)
	}
	wantSwap(t, store, claimed, attempt)
	wantSwap(t, store, list(t, store, ledger.Query{Realm: realm, Limit: 2})[1], attempt)
	wantPurchase(t, get(t, store, purchaseID(2)), smallPurchase(2))
}

// swapCompares changes each field that a Change may change and then swaps the
// purchase as it was before.
func swapCompares(t *testing.T, store ledger.Store) {
	edits := []func(p *ledger.Purchase){
		func(p *ledger.Purchase) { p.State = ledger.Reserved },
		func(p *ledger.Purchase) { p.Outcome = gloebit.OutcomeResubmitted },
		func(p *ledger.Purchase) { p.Cause = "another" },
		attempt,
		func(p *ledger.Purchase) { p.NextAt = p.NextAt.Add(time.Microsecond) },
		func(p *ledger.Purchase) { p.NextAt = time.Time{} },
		func(p *ledger.Purchase) { p.StuckAt = time.Time{} },
		func(p *ledger.Purchase) { p.PaidAt = p.PaidAt.Add(time.Microsecond) },
		func(p *ledger.Purchase) { p.UpdatedAt = p.UpdatedAt.Add(time.Microsecond) },
		func(p *ledger.Purchase) { p.FailingSince = time.Time{} },
		func(p *ledger.Purchase) { p.ReportAt = time.Time{} },
		func(p *ledger.Purchase) { p.Changes++ },
		func(p *ledger.Purchase) { p.Reported++ },
		func(p *ledger.Purchase) { p.History[1].By = "" },
		func(p *ledger.Purchase) { p.Username = "another" },
		func(p *ledger.Purchase) { p.UserID, p.IdempotencyKey, p.GloebitID = "", "", "" },
	}
	for i, edit := range edits {
		old := create(t, store, onlyKey(fullPurchase(i+1)))
		now := change(t, store, old.ID, edit)
		if _, swapped := trySwap(t, store, old, func(p *ledger.Purchase) { p.Cause = "swapped" }); swapped {
			t.Errorf("CompareAndSwap missed difference %d", i)
		}
		wantPurchase(t, get(t, store, old.ID), now)
	}
	claimed := onlyKey(fullPurchase(100))
	claimed.State, claimed.StuckAt, claimed.NextAt = ledger.Created, time.Time{}, after(1)
	claimed = create(t, store, claimed)
	wantClaim(t, store, after(2), after(1000), 100)
	if _, swapped := trySwap(t, store, claimed, attempt); swapped {
		t.Error("CompareAndSwap missed a claim")
	}
	if _, swapped := trySwap(t, store, smallPurchase(101), attempt); swapped {
		t.Error("CompareAndSwap swapped a purchase that does not exist")
	}
}

// onlyKey gives a purchase a key of its own.
func onlyKey(p ledger.Purchase) ledger.Purchase {
	p.IdempotencyKey = p.ID
	return p
}

func swapRefused(t *testing.T, store ledger.Store) {
	first, second := smallPurchase(1), smallPurchase(2)
	first.IdempotencyKey, second.IdempotencyKey, first.State = "key", "key", ledger.Refused
	first = create(t, store, first)
	create(t, store, second)
	for _, edit := range []func(p *ledger.Purchase){
		func(p *ledger.Purchase) { p.State = "lost" },
		func(p *ledger.Purchase) { p.State = ledger.Created }, // the second one holds the key
	} {
		next := first.Clone()
		edit(&next)
		saved, swapped, err := store.CompareAndSwap(suite.InTime(t), first, next)
		if err == nil || swapped || saved.ID != "" {
			t.Errorf("CompareAndSwap returned %v, %v, want an error", swapped, err)
		}
	}
	next := first.Clone()
	next.State = "lost"
	_, _, err := store.CompareAndSwap(suite.InTime(t), first, next)
	suite.WantError(t, "CompareAndSwap", err, gloebit.ErrInvalidRequest)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	next = first.Clone()
	attempt(&next)
	_, _, err = store.CompareAndSwap(ctx, first, next)
	suite.WantError(t, "CompareAndSwap", err, context.Canceled)
	wantPurchase(t, get(t, store, first.ID), first)
}

func swapRace(t *testing.T, store ledger.Store) {
	const many = 20
	create(t, store, smallPurchase(1))
	ctx := suite.InTime(t)
	var group sync.WaitGroup
	for range many {
		group.Go(func() {
			for swapped := false; !swapped; {
				old, err := store.Get(ctx, key(1))
				if err == nil {
					next := old.Clone()
					next.Attempts++
					runtime.Gosched() // others read the same
					_, swapped, err = store.CompareAndSwap(ctx, old, next)
				}
				if err != nil {
					t.Errorf("CompareAndSwap: %v", err)
					return
				}
			}
		})
	}
	group.Wait()
	if got := get(t, store, purchaseID(1)).Attempts; got != many {
		t.Errorf("of %d swaps %d were kept", many, got)
	}
}

func swapWaits(t *testing.T, store ledger.Store) {
	old := create(t, store, smallPurchase(1))
	next := old.Clone()
	next.Cause = "swapped"
	release, finished := changing(t, store, purchaseID(1), func(p *ledger.Purchase) { p.Cause = "changed" })
	ctx, swap := suite.InTime(t), make(chan error, 1)
	go func() {
		_, swapped, err := store.CompareAndSwap(ctx, old, next)
		if swapped {
			t.Error("CompareAndSwap missed what the Change saved")
		}
		swap <- err
	}()
	select {
	case err := <-swap:
		t.Errorf("CompareAndSwap returned %v while a Change ran", err)
		swap <- err
	case <-time.After(suite.AMoment):
	}
	release()
	suite.WantDone(t, "Change", finished)
	suite.WantDone(t, "CompareAndSwap", swap)
	if got := get(t, store, purchaseID(1)).Cause; got != "changed" {
		t.Errorf("the purchase says %q", got)
	}
}
