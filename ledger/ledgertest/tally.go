package ledgertest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/suite"
	"github.com/go-gloebit/gloebit/ledger"
)

func wantTallies(t *testing.T, store ledger.Store, by ledger.Grouping, from, until time.Time, want ...ledger.Tally) {
	t.Helper()
	got, err := store.Tally(suite.InTime(t), realm, by, from, until)
	if err != nil {
		t.Fatalf("Tally: %v", err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Tally by %s from %v until %v returned %v, want %v", by, from, until, got, want)
	}
}

func day(d int) time.Time { return time.Date(2026, 3, d, 0, 0, 0, 0, time.UTC) }

// paidAt creates purchases that are paid at those times, for 1, 2, 4, …
// gloebits.
func paidAt(t *testing.T, store ledger.Store, times ...time.Time) {
	t.Helper()
	createMany(t, store, len(times), func(i int, p *ledger.Purchase) {
		p.State, p.PaidAt, p.Price = ledger.Delivered, times[i-1], 1<<(i-1)
	})
}

func tallyDays(t *testing.T, store ledger.Store) {
	wantTallies(t, store, ledger.ByDay, time.Time{}, time.Time{})
	paidAt(t, store, day(2), day(3).Add(-time.Microsecond), day(3), day(9).Add(time.Hour), time.Time{})
	second := ledger.Tally{Day: day(2), Purchases: 2, Gloebits: 3}
	third := ledger.Tally{Day: day(3), Purchases: 1, Gloebits: 4}
	ninth := ledger.Tally{Day: day(9), Purchases: 1, Gloebits: 8}
	wantTallies(t, store, ledger.ByDay, time.Time{}, time.Time{}, second, third, ninth)
	wantTallies(t, store, ledger.ByDay, day(3), time.Time{}, third, ninth)
	wantTallies(t, store, ledger.ByDay, day(2), day(3), second)
	wantTallies(t, store, ledger.ByDay, ancient, never, second, third, ninth)
	wantTallies(t, store, ledger.ByDay, time.Time{}, day(9), second, third)
	wantTallies(t, store, ledger.ByDay, day(4), day(9))
}

func tallyItems(t *testing.T, store ledger.Store) {
	createMany(t, store, 110, func(i int, p *ledger.Purchase) {
		p.Item, p.Price, p.Quantity = fmt.Sprintf("item %03d", i), 10, 2
		if i <= 5 {
			p.Item, p.Product = "", "crown"
		}
		p.PaidAt = day(1)
		if i == 9 {
			p.PaidAt = time.Time{}
		}
	})
	want := []ledger.Tally{{Item: "crown", Purchases: 5, Gloebits: 100}}
	for i := 6; len(want) < 100; i++ {
		if i != 9 {
			want = append(want, ledger.Tally{Item: fmt.Sprintf("item %03d", i), Purchases: 1, Gloebits: 20})
		}
	}
	wantTallies(t, store, ledger.ByItem, time.Time{}, time.Time{}, want...)
	wantTallies(t, store, ledger.ByItem, day(1), day(2), want...)
	wantTallies(t, store, ledger.ByItem, day(2), time.Time{})
}

func tallyStates(t *testing.T, store ledger.Store) {
	states := ledger.States()
	createMany(t, store, 12, func(i int, p *ledger.Purchase) { p.State, p.Price = states[(i-1)%8], 10 })
	var want []ledger.Tally
	for i, state := range states {
		tally := ledger.Tally{State: state, Purchases: 1, Gloebits: 10}
		if i < 4 {
			tally = ledger.Tally{State: state, Purchases: 2, Gloebits: 20}
		}
		want = append(want, tally)
	}
	wantTallies(t, store, ledger.ByState, time.Time{}, time.Time{}, want...)
	wantTallies(t, store, ledger.ByState, after(2), after(4),
		ledger.Tally{
			State: states[1], Purchases: 1, Gloebits: 10,
		}, ledger.Tally{State: states[2], Purchases: 1, Gloebits: 10})
}

func tallyUnknown(t *testing.T, store ledger.Store) {
	_, err := store.Tally(suite.InTime(t), realm, "user_id; DROP TABLE", time.Time{}, time.Time{})
	suite.WantError(t, "Tally of an unknown grouping", err, gloebit.ErrInvalidRequest)
}

func wantPruned(t *testing.T, store ledger.Store, before time.Time, want int64) {
	t.Helper()
	got, err := store.Prune(suite.InTime(t), realm, before)
	if err != nil {
		t.Fatalf("Prune: %v", err)
	}
	if got != want {
		t.Errorf("Prune removed %d purchases, want %d", got, want)
	}
}

func prune(t *testing.T, store ledger.Store) {
	states := ledger.States()
	createMany(t, store, 16, func(i int, p *ledger.Purchase) { // from 9 on, created earlier and changed later
		p.State = states[(i-1)%8]
		if i > 8 {
			p.CreatedAt, p.UpdatedAt = after(i-8), after(i)
		}
	})
	wantPruned(t, store, after(1), 0)
	wantPruned(t, store, after(5), 0)
	wantPruned(t, store, after(6), 1) // delivered
	wantPruned(t, store, after(9), 2)
	wantPruned(t, store, after(9), 0)
	wantListed(
		t, store, ledger.Query{Realm: realm, States: []ledger.State{ledger.Delivered, ledger.Refused, ledger.Released}}, 16,
		14, 13,
	)
	wantPruned(t, store, after(100), 3)
	wantListed(t, store, ledger.Query{Realm: realm}, 15, 7, 12, 4, 11, 3, 10, 2, 9, 1)
}

func pruneMany(t *testing.T, store ledger.Store) {
	const many = 530
	createMany(t, store, many, func(i int, p *ledger.Purchase) {
		p.CreatedAt, p.UpdatedAt = after(i/7), after(i)
		if p.State = ledger.Released; i%400 == 0 {
			p.State = ledger.Settled
		}
	})
	wantPruned(t, store, after(520), 518)
	wantPruned(t, store, after(many+1), 11)
	wantListed(t, store, ledger.Query{Realm: realm}, 400)
}

func pruneKey(t *testing.T, store ledger.Store) {
	p := keyed(1, "u", "k")
	p.State = ledger.Delivered
	create(t, store, p)
	if _, created := createOr(t, store, keyed(2, "u", "k")); created {
		t.Fatal("the key was free before")
	}
	wantPruned(t, store, p.UpdatedAt.Add(time.Second), 1)
	if _, created := createOr(t, store, keyed(2, "u", "k")); !created {
		t.Error("the key of a pruned purchase is held")
	}
}

func erased(t *testing.T, store ledger.Store) {
	p := keyed(1, "u", "k")
	p.GloebitID, p.State = "g", ledger.Delivered
	create(t, store, p)
	p.UserID, p.GloebitID, p.IdempotencyKey = "", "", ""
	erase := func(p *ledger.Purchase) { p.UserID, p.GloebitID, p.IdempotencyKey = "", "", "" }
	wantPurchase(t, change(t, store, p.ID, erase), p)
	wantPurchase(t, get(t, store, p.ID), p)
	wantListed(t, store, ledger.Query{Realm: realm, UserID: "u"})
	wantListed(t, store, ledger.Query{Realm: realm, GloebitID: "g"})
	if _, created := createOr(t, store, keyed(2, "u", "k")); !created {
		t.Error("the key of an erased purchase is held")
	}
}
