package ledgertest

import (
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
)

func listNothing(t *testing.T, store ledger.Store) { wantListed(t, store, ledger.Query{Realm: realm}) }

func listOrder(t *testing.T, store ledger.Store) {
	for _, i := range []int{2, 5, 1, 4, 3} { // the last three have the same time
		p := smallPurchase(i)
		p.CreatedAt = after(min(i, 3))
		create(t, store, p)
	}
	wantListed(t, store, ledger.Query{Realm: realm}, 5, 4, 3, 2, 1)
	change(t, store, purchaseID(1), func(p *ledger.Purchase) { p.State, p.UpdatedAt = ledger.Accepted, after(99) })
	wantListed(t, store, ledger.Query{Realm: realm}, 5, 4, 3, 2, 1)
}

func listLimit(t *testing.T, store ledger.Store) {
	createMany(t, store, 130, nil)
	for limit, want := range map[int]int{0: 100, 1: 1, 7: 7, 130: 130, 1000: 130, 5000: 130} {
		if got := list(t, store, ledger.Query{Realm: realm, Limit: limit}); len(got) != want || got[0].ID != purchaseID(130) {
			t.Errorf("with the limit %d, %d purchases were listed, want %d from the newest on", limit, len(got), want)
		}
	}
}

func listPages(t *testing.T, store ledger.Store) {
	const many = 50
	createMany(t, store, many, func(i int, p *ledger.Purchase) { // many have the same time
		p.CreatedAt = after(i / 7)
		p.UserID = []string{"u", "v"}[i%2]
	})
	for _, size := range []int{1, 3, 7, 49, 50, 51} {
		for userID, want := range map[string]int{"": many, "u": many / 2, "v": many / 2} {
			seen := map[string]bool{}
			q := ledger.Query{Realm: realm, UserID: userID, Limit: size}
			for {
				page := list(t, store, q)
				for _, p := range page {
					if seen[p.ID] {
						t.Fatalf("in pages of %d, %s was listed twice", size, p.ID)
					}
					seen[p.ID] = true
				}
				if len(page) < size {
					break
				}
				q.After = page[size-1].Cursor()
			}
			if len(seen) != want {
				t.Errorf("pages of %d held %d purchases of user %q, want %d", size, len(seen), userID, want)
			}
		}
	}
}

func listOldest(t *testing.T, store ledger.Store) {
	createMany(t, store, 12, func(i int, p *ledger.Purchase) {
		p.CreatedAt = after(i / 5)
		p.State = ledger.States()[i%3]
	})
	wantListed(t, store, ledger.Query{Realm: realm, OldestFirst: true, Limit: 4}, 1, 2, 3, 4)
	for _, states := range [][]ledger.State{nil, ledger.States()[:3]} {
		q, got := ledger.Query{Realm: realm, OldestFirst: true, Limit: 5, States: states}, 0
		for page := list(t, store, q); len(page) > 0; page = list(t, store, q) {
			for _, p := range page {
				if got++; p.ID != purchaseID(got) {
					t.Fatalf("purchase %d of the list is %s", got, p.ID)
				}
			}
			q.After = page[len(page)-1].Cursor()
		}
		if got != 12 {
			t.Errorf("pages from the oldest on held %d purchases, want 12", got)
		}
	}
}

func listPagesStay(t *testing.T, store ledger.Store) {
	createMany(t, store, 6, nil)
	q := ledger.Query{Realm: realm, Limit: 3}
	wantListed(t, store, q, 6, 5, 4)
	create(t, store, smallPurchase(7))
	q.After = get(t, store, purchaseID(4)).Cursor()
	wantListed(t, store, q, 3, 2, 1)
	q.After = ledger.Cursor{CreatedAt: after(3), ID: purchaseID(999)} // no purchase has this place
	wantListed(t, store, q, 3, 2, 1)
	q.After = ledger.Cursor{CreatedAt: after(4).Add(-time.Microsecond), ID: purchaseID(0)}
	wantListed(t, store, q, 3, 2, 1)
}

func listNarrow(t *testing.T, store ledger.Store) {
	states := ledger.States()
	createMany(t, store, 8, func(i int, p *ledger.Purchase) {
		p.State = states[i-1]
		if i < 5 {
			p.NextAt = after(i)
		}
		if i%2 == 0 {
			p.UserID = "v"
		}
		if i > 5 {
			p.StuckAt = after(50)
		}
		if i%4 == 0 {
			p.GloebitID = "g"
		}
		if i%3 == 0 {
			p.Item, p.Product = "", "crown"
		}
	})
	for _, c := range []struct {
		q    ledger.Query
		want []int
	}{
		{ledger.Query{Realm: realm, UserID: "u"}, []int{7, 5, 3, 1}},
		{ledger.Query{Realm: realm, UserID: "U"}, nil},
		{ledger.Query{Realm: realm, UserID: "unknown"}, nil},
		{ledger.Query{Realm: realm, UserID: "u\x00"}, nil},
		{ledger.Query{Realm: realm, UserID: "\xff"}, nil},
		{ledger.Query{Realm: realm, GloebitID: "\xff"}, nil},
		{ledger.Query{Realm: realm, Item: "hat\x00"}, nil},
		{ledger.Query{Realm: realm, States: states[2:3]}, []int{3}},
		{ledger.Query{Realm: realm, States: states[1:4]}, []int{4, 3, 2}},
		{ledger.Query{Realm: realm, States: states}, []int{8, 7, 6, 5, 4, 3, 2, 1}},
		{ledger.Query{Realm: realm, Stuck: true}, []int{8, 7, 6}},
		{ledger.Query{Realm: realm, DueBefore: after(4)}, []int{3, 2, 1}},
		{ledger.Query{Realm: realm, DueBefore: after(4), States: states[:2]}, []int{2, 1}},
		{ledger.Query{Realm: realm, DueBefore: never}, []int{4, 3, 2, 1}},
		{ledger.Query{Realm: realm, Until: never, UserID: "u"}, []int{7, 5, 3, 1}},
		{ledger.Query{Realm: realm, From: never}, nil},
		{ledger.Query{Realm: realm, From: ancient, Stuck: true}, []int{8, 7, 6}},
		{ledger.Query{Realm: realm, Until: ancient}, nil},
		{ledger.Query{Realm: realm, After: ledger.Cursor{CreatedAt: never, ID: "x"}, Limit: 1}, []int{8}},
		{ledger.Query{Realm: realm, From: after(3)}, []int{8, 7, 6, 5, 4, 3}},
		{ledger.Query{Realm: realm, Until: after(3)}, []int{2, 1}},
		{ledger.Query{Realm: realm, From: after(2), Until: after(4)}, []int{3, 2}},
		{ledger.Query{Realm: realm, From: after(4), Until: after(4)}, nil},
		{ledger.Query{Realm: realm, UserID: "v", Stuck: true}, []int{8, 6}},
		{ledger.Query{Realm: realm, GloebitID: "g"}, []int{8, 4}},
		{ledger.Query{Realm: realm, GloebitID: "g", States: states[:5], UserID: "v"}, []int{4}},
		{ledger.Query{Realm: realm, Item: "hat"}, []int{8, 7, 5, 4, 2, 1}},
		{ledger.Query{Realm: realm, Item: "crown"}, []int{6, 3}},
		{ledger.Query{Realm: realm, Item: "hat", Limit: 3}, []int{8, 7, 5}},
		{ledger.Query{Realm: realm, Item: "hat", States: states[2:7], From: after(4)}, []int{7, 5, 4}},
		{ledger.Query{Realm: realm, Item: "Hat"}, nil},
		{
			ledger.Query{
				Realm: realm, Item: "hat", OldestFirst: true, Limit: 2,
				After: ledger.Cursor{CreatedAt: after(1), ID: purchaseID(1)},
			},
			[]int{2, 4},
		},
		{ledger.Query{Realm: realm, UserID: "u", States: states[:6], From: after(2), Limit: 1}, []int{5}},
		{
			ledger.Query{
				Realm: realm, UserID: "u", States: states[:6], From: after(2),
				After: ledger.Cursor{CreatedAt: after(5), ID: purchaseID(5)},
			},
			[]int{3},
		},
		{
			ledger.Query{Realm: realm, UserID: "v", States: states[5:], Stuck: true, From: after(1), Until: after(8), Limit: 9},
			[]int{6},
		},
	} {
		wantListed(t, store, c.q, c.want...)
	}
}

func listWhole(t *testing.T, store ledger.Store) {
	create(t, store, fullPurchase(1))
	create(t, store, smallPurchase(2))
	got := list(t, store, ledger.Query{Realm: realm})
	if len(got) != 2 {
		t.Fatalf("List returned %d purchases, want 2", len(got))
	}
	wantPurchase(t, got[0], smallPurchase(2))
	wantPurchase(t, got[1], fullPurchase(1))
}
