package ledgertest

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/suite"
	"github.com/go-gloebit/gloebit/ledger"
)

func changeSaves(t *testing.T, store ledger.Store) {
	create(t, store, smallPurchase(1))
	create(t, store, smallPurchase(2))
	calls := 0
	got := change(t, store, purchaseID(1), func(p *ledger.Purchase) {
		calls++
		wantPurchase(t, *p, smallPurchase(1))
		p.State, p.Attempts = ledger.Accepted, 3
	})
	want := smallPurchase(1)
	want.State, want.Attempts = ledger.Accepted, 3
	wantPurchase(t, got, want)
	wantPurchase(t, get(t, store, purchaseID(1)), want)
	wantPurchase(t, get(t, store, purchaseID(2)), smallPurchase(2))
	if calls != 1 {
		t.Errorf("fn was called %d times, want 1", calls)
	}
}

// wantUnchanged fails unless the purchase is as it was created and unlocked.
func wantUnchanged(t *testing.T, store ledger.Store, want ledger.Purchase) {
	t.Helper()
	wantPurchase(t, get(t, store, want.ID), want)
	want.Attempts = 5
	wantPurchase(t, change(t, store, want.ID, func(p *ledger.Purchase) { p.Attempts = 5 }), want)
}

func changeFails(t *testing.T, store ledger.Store) {
	create(t, store, smallPurchase(1))
	failure := errors.New("fn failed")
	p, err := store.Change(suite.InTime(t), key(1), func(_ context.Context, p ledger.Purchase) (ledger.Purchase, error) {
		p.State = ledger.Accepted
		return p, failure
	})
	suite.WantError(t, "Change", err, failure)
	if p.ID != "" {
		t.Error("Change returned a purchase along with its error")
	}
	wantUnchanged(t, store, smallPurchase(1))
}

func changePanics(t *testing.T, store ledger.Store) {
	create(t, store, smallPurchase(1))
	func() {
		defer func() {
			if got := recover(); got != "fn panics" {
				t.Errorf("Change let the panic %v through, want fn's", got)
			}
		}()
		_, err := store.Change(
			suite.InTime(t), key(1), func(context.Context, ledger.Purchase) (ledger.Purchase, error) { panic("fn panics") },
		)
		t.Errorf("Change returned the error %v, want fn's panic", err)
	}()
	wantUnchanged(t, store, smallPurchase(1))
}

func changeExits(t *testing.T, store ledger.Store) {
	create(t, store, smallPurchase(1))
	ctx, gone := suite.InTime(t), make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = store.Change(ctx, key(1), func(context.Context, ledger.Purchase) (ledger.Purchase, error) {
			runtime.Goexit() // as t.FailNow does
			return ledger.Purchase{}, nil
		})
	}()
	<-gone
	wantUnchanged(t, store, smallPurchase(1))
}

func changeRefused(t *testing.T, store ledger.Store) {
	create(t, store, smallPurchase(1))
	_, err := store.Change(suite.InTime(t), key(1), editing(func(p *ledger.Purchase) { p.State = "lost" }))
	suite.WantError(t, "Change", err, gloebit.ErrInvalidRequest)
	wantUnchanged(t, store, smallPurchase(1))
}

func changeRace(t *testing.T, store ledger.Store) {
	const many = 100
	create(t, store, smallPurchase(1))
	ctx := suite.InTime(t)
	var group sync.WaitGroup
	var running atomic.Int32
	for range many {
		group.Go(func() {
			_, err := store.Change(ctx, key(1), editing(func(p *ledger.Purchase) {
				if running.Add(1) != 1 {
					t.Error("two Changes of one purchase run at once")
				}
				for range 10 {
					runtime.Gosched() // without a lock, a second call would run here
				}
				p.Attempts++
				running.Add(-1)
			}))
			if err != nil {
				t.Errorf("Change: %v", err)
			}
		})
	}
	group.Wait()
	if got := get(t, store, purchaseID(1)).Attempts; got != many {
		t.Errorf("of %d changes %d were kept", many, got)
	}
}

func changeMany(t *testing.T, store ledger.Store) {
	const many = 100
	createMany(t, store, many, nil)
	ctx := suite.InTime(t)
	var group sync.WaitGroup
	for i := range many {
		group.Go(func() {
			_, err := store.Change(ctx, key(i+1), editing(func(p *ledger.Purchase) { p.Attempts = i + 1 }))
			if err != nil {
				t.Errorf("Change: %v", err)
			}
		})
	}
	group.Wait()
	for i := range many {
		if got := get(t, store, purchaseID(i+1)).Attempts; got != i+1 {
			t.Errorf("purchase %d has the change of %d", i+1, got)
		}
	}
}

func changeWaits(t *testing.T, store ledger.Store) {
	create(t, store, smallPurchase(1))
	release, finished := changing(t, store, purchaseID(1), func(p *ledger.Purchase) { p.Cause = "first" })
	ctx, second := suite.InTime(t), make(chan error, 1)
	go func() {
		_, err := store.Change(ctx, key(1), editing(func(p *ledger.Purchase) { p.Cause += " second" }))
		second <- err
	}()
	select {
	case err := <-second:
		t.Errorf("the second Change returned %v while the first one ran", err)
		second <- err
	case <-time.After(suite.AMoment):
	}
	release()
	suite.WantDone(t, "the first Change", finished)
	suite.WantDone(t, "the second Change", second)
	if got := get(t, store, purchaseID(1)).Cause; got != "first second" {
		t.Errorf("after two Changes, the second waiting for the first, the purchase says %q", got)
	}
}

func changeWaitEnds(t *testing.T, store ledger.Store) {
	create(t, store, smallPurchase(1))
	release, finished := changing(t, store, purchaseID(1), func(p *ledger.Purchase) { p.Cause = "first" })
	ctx, cancel := context.WithTimeout(t.Context(), suite.AMoment)
	defer cancel()
	_, err := store.Change(
		ctx, key(1), editing(func(*ledger.Purchase) { t.Error("Change called fn while another one ran") }),
	)
	if err == nil {
		t.Error("Change did not wait for another one")
	}
	release()
	suite.WantDone(t, "Change", finished)
	if got := get(t, store, purchaseID(1)).Cause; got != "first" {
		t.Errorf("the purchase says %q", got)
	}
}

func changeContext(t *testing.T, store ledger.Store) {
	type contextKey struct{}
	create(t, store, smallPurchase(1))
	ctx, cancel := context.WithCancel(context.WithValue(suite.InTime(t), contextKey{}, "value"))
	defer cancel()
	_, err := store.Change(ctx, key(1), func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
		if ctx.Value(contextKey{}) != "value" {
			t.Error("the context of fn lacks the caller's values")
		}
		cancel()
		select {
		case <-ctx.Done():
		case <-time.After(suite.Patience):
			t.Error("the context of fn does not end with the caller's")
		}
		return p, ctx.Err()
	})
	suite.WantError(t, "Change", err, context.Canceled)
	wantUnchanged(t, store, smallPurchase(1))
}

func getDoesNotWait(t *testing.T, store ledger.Store) {
	create(t, store, smallPurchase(1))
	release, finished := changing(t, store, purchaseID(1), func(p *ledger.Purchase) { p.State = ledger.Accepted })
	for range 10 {
		wantPurchase(t, get(t, store, purchaseID(1)), smallPurchase(1))
		wantListed(t, store, ledger.Query{Realm: realm, States: []ledger.State{ledger.Created}}, 1)
	}
	release()
	suite.WantDone(t, "Change", finished)
	wantListed(t, store, ledger.Query{Realm: realm, States: []ledger.State{ledger.Accepted}}, 1)
}

func changesApart(t *testing.T, store ledger.Store) {
	createMany(t, store, 3, nil)
	release, finished := changing(t, store, purchaseID(2), func(p *ledger.Purchase) { p.Attempts = 2 })
	for _, i := range []int{1, 3} { // the neighbors of purchase 2 in either order
		change(t, store, purchaseID(i), func(p *ledger.Purchase) { p.Attempts = i })
	}
	release()
	suite.WantDone(t, "Change", finished)
}

func createApart(t *testing.T, store ledger.Store) {
	create(t, store, keyed(2, "u", "k2"))
	release, finished := changing(t, store, purchaseID(2), func(p *ledger.Purchase) { p.Attempts = 2 })
	create(t, store, keyed(1, "u", "k1"))
	create(t, store, keyed(3, "u", "k3"))
	release()
	suite.WantDone(t, "Change", finished)
}

func claimApart(t *testing.T, store ledger.Store) {
	createMany(t, store, 3, func(i int, p *ledger.Purchase) { p.NextAt = after(i) })
	release, finished := changing(t, store, purchaseID(1), func(p *ledger.Purchase) { p.Attempts = 1 })
	wantClaim(t, store, after(100), after(200), 2)
	wantClaim(t, store, after(100), after(200), 3)
	wantNoClaim(t, store, after(100))
	release()
	suite.WantDone(t, "Change", finished)
	wantClaim(t, store, after(100), after(200), 1)
}
