package ledgertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/suite"
	"github.com/go-gloebit/gloebit/ledger"
)

func noPurchase(t *testing.T, store ledger.Store) {
	for i := range 2 { // in an empty store, and beside another purchase
		p, err := store.Get(suite.InTime(t), key(1))
		suite.WantError(t, "Get", err, gloebit.ErrNotFound)
		if !reflect.ValueOf(p).IsZero() {
			t.Error("Get returned a purchase along with its error")
		}
		p, err = store.Change(suite.InTime(t), key(1), editing(func(*ledger.Purchase) { t.Error("Change called fn") }))
		suite.WantError(t, "Change", err, gloebit.ErrNotFound)
		if !reflect.ValueOf(p).IsZero() {
			t.Error("Change returned a purchase along with its error")
		}
		create(t, store, smallPurchase(2+i))
	}
	for _, id := range []string{"", "\x00", "\xff", purchaseID(2) + "\x00", strings.Repeat("x", 1000)} {
		at := connect.Key{Realm: realm, ID: id}
		_, err := store.Get(suite.InTime(t), at)
		suite.WantError(t, "Get", err, gloebit.ErrNotFound)
		_, err = store.Change(suite.InTime(t), at, editing(func(*ledger.Purchase) { t.Error("Change called fn") }))
		suite.WantError(t, "Change", err, gloebit.ErrNotFound)
	}
}

func purchaseRoundTrip(t *testing.T, store ledger.Store) {
	want := fullPurchase(1)
	want.KeyFreed = true
	wantFullPurchase(t, want)
	wantPurchase(t, create(t, store, want), want)
	create(t, store, smallPurchase(2))
	wantPurchase(t, get(t, store, want.ID), want)
}

func purchaseChangedWhole(t *testing.T, store ledger.Store) {
	create(t, store, smallPurchase(1))
	want := fullPurchase(1)
	want.KeyFreed = true
	// A Change can't change these fields.
	want.UserID, want.GloebitID, want.IdempotencyKey = smallPurchase(1).UserID, "", ""
	got := change(t, store, want.ID, func(p *ledger.Purchase) { *p = want })
	wantPurchase(t, got, want)
	wantPurchase(t, get(t, store, want.ID), want)
	empty := smallPurchase(1)
	change(t, store, want.ID, func(p *ledger.Purchase) { *p = empty })
	wantPurchase(t, get(t, store, want.ID), empty)
}

func emptyPurchaseRoundTrip(t *testing.T, store ledger.Store) {
	want := smallPurchase(1)
	wantPurchase(t, create(t, store, want), want)
	wantPurchase(t, get(t, store, want.ID), want)
}

func purchaseIsACopy(t *testing.T, store ledger.Store) {
	want := fullPurchase(1)
	spoil := func(p ledger.Purchase) {
		p.Data[0], p.History[0].Cause = 'x', "spoiled"
		wantPurchase(t, get(t, store, want.ID), want)
	}
	given := want.Clone()
	created := create(t, store, given)
	spoil(given)
	spoil(created)
	spoil(get(t, store, want.ID))
	spoil(list(t, store, ledger.Query{Realm: realm})[0])
	again := want
	again.ID = purchaseID(2)
	spoil(create(t, store, again)) // the key is in use
	var within ledger.Purchase
	changed := change(t, store, want.ID, func(p *ledger.Purchase) { within = *p })
	spoil(within)
	spoil(changed)
	claimed, err := store.Claim(suite.InTime(t), realm, want.State, want.NextAt, want.NextAt)
	if err != nil {
		t.Fatalf("Claim: %v", err)
	}
	spoil(claimed)
}

func purchaseIDOnce(t *testing.T, store ledger.Store) {
	first := keyed(1, "u", "a")
	create(t, store, first)
	second := keyed(1, "v", "k")
	second.Item = "coat"
	kept, created := createOr(t, store, second)
	if created {
		t.Error("Create says that it created a purchase with an ID in use")
	}
	wantPurchase(t, kept, first)
	wantPurchase(t, get(t, store, purchaseID(1)), first)
	second.ID = purchaseID(2)
	if _, created := createOr(t, store, second); !created {
		t.Error("the key of a purchase that was not created is held")
	}
}

func badPurchases(t *testing.T, store ledger.Store) {
	for what, spoil := range map[string]func(p *ledger.Purchase){
		"without an id":              func(p *ledger.Purchase) { p.ID = "" },
		"with a long id":             func(p *ledger.Purchase) { p.ID = strings.Repeat("a", 37) },
		"with a space in it":         func(p *ledger.Purchase) { p.ID = "a b" },
		"with a key and no user":     func(p *ledger.Purchase) { p.UserID, p.IdempotencyKey = "", "k" },
		"with an account, no user":   func(p *ledger.Purchase) { p.UserID, p.GloebitID = "", "g" },
		"with an operator of bytes":  func(p *ledger.Purchase) { p.History = []ledger.Change{{To: p.State, By: "\xff"}} },
		"with a long user id":        func(p *ledger.Purchase) { p.UserID = strings.Repeat("u", 256) },
		"with a long key":            func(p *ledger.Purchase) { p.IdempotencyKey = strings.Repeat("k", 256) },
		"with a long Gloebit id":     func(p *ledger.Purchase) { p.GloebitID = strings.Repeat("g", 256) },
		"with a Gloebit id of bytes": func(p *ledger.Purchase) { p.GloebitID = "\xff" },
		"without a state":            func(p *ledger.Purchase) { p.State = "" },
		"in an unknown state":        func(p *ledger.Purchase) { p.State = "lost" },
		"with too much data": func(p *ledger.Purchase) {
			p.Data = json.RawMessage(`"` + strings.Repeat("d", 256<<10) + `"`)
		},
		"with a cause of bytes":     func(p *ledger.Purchase) { p.Cause = "\xff" },
		"without a realm":           func(p *ledger.Purchase) { p.Realm = "" },
		"with a long realm":         func(p *ledger.Purchase) { p.Realm = strings.Repeat("r", 129) },
		"with a NUL in its user id": func(p *ledger.Purchase) { p.UserID = "a\x00b" },
		"with a NUL in its key":     func(p *ledger.Purchase) { p.IdempotencyKey = "a\x00b" },
		"with a NUL in its item":    func(p *ledger.Purchase) { p.Item = "a\x00b" },
		"with a user id of bytes":   func(p *ledger.Purchase) { p.UserID = "\xff" },
		"with data of bytes":        func(p *ledger.Purchase) { p.Data = json.RawMessage("\"\xff\"") },
	} {
		p := smallPurchase(1)
		spoil(&p)
		_, _, err := store.Create(suite.InTime(t), p)
		suite.WantError(t, "Create of a purchase "+what, err, gloebit.ErrInvalidRequest)
	}
	if got := list(t, store, ledger.Query{Realm: realm}); len(got) != 0 {
		t.Errorf("%d purchases were kept that Check refuses", len(got))
	}
}

func largePurchase(t *testing.T, store ledger.Store) {
	want := smallPurchase(1)
	want.Data = json.RawMessage(`"` + strings.Repeat("d", 200<<10) + `"`)
	create(t, store, want)
	wantPurchase(t, get(t, store, want.ID), want)
}

// keyed returns a purchase that holds a key.
func keyed(i int, userID, key string) ledger.Purchase {
	p := smallPurchase(i)
	p.UserID, p.IdempotencyKey = userID, key
	return p
}

func keyHeld(t *testing.T, store ledger.Store) {
	first := fullPurchase(1)
	create(t, store, first)
	second := keyed(2, first.UserID, first.IdempotencyKey)
	kept, created := createOr(t, store, second)
	if created {
		t.Error("Create says that it created a purchase whose key is held")
	}
	wantPurchase(t, kept, first)
	_, err := store.Get(suite.InTime(t), second.StoreKey())
	suite.WantError(t, "Get of a purchase whose key was in use", err, gloebit.ErrNotFound)
	for _, state := range ledger.States() {
		if state == ledger.Refused {
			continue
		}
		changed := change(t, store, first.ID, func(p *ledger.Purchase) { p.State = state })
		wantPurchase(t, create(t, store, second), changed)
	}
}

func keyOfRefused(t *testing.T, store ledger.Store) {
	create(t, store, keyed(1, "u", "k"))
	refuse := func(p *ledger.Purchase) { p.State = ledger.Refused }
	again := func(p *ledger.Purchase) { p.State = ledger.Created }
	change(t, store, purchaseID(1), refuse)
	if kept, created := createOr(t, store, keyed(1, "u", "k")); created || kept.State != ledger.Refused {
		t.Errorf("Create of a refused purchase returned a purchase in %s and %t, want the refused one", kept.State, created)
	}
	other := change(t, store, purchaseID(1), func(p *ledger.Purchase) { p.State, p.UserID = ledger.Created, "v" })
	if kept := create(t, store, keyed(2, "v", "k")); kept.ID != other.ID || kept.UserID != "v" {
		t.Errorf("Create returned %s of %s, want the purchase that another user has ordered again", kept.ID, kept.UserID)
	}
	change(t, store, purchaseID(1), refuse)
	change(t, store, purchaseID(1), func(p *ledger.Purchase) { p.State, p.UserID = ledger.Created, "u" })
	if got := create(t, store, keyed(2, "u", "k")).ID; got != purchaseID(1) {
		t.Errorf("Create returned %s, though the purchase that was refused holds its key again", got)
	}
	change(t, store, purchaseID(1), refuse)
	if got := create(t, store, keyed(3, "u", "k")).ID; got != purchaseID(3) {
		t.Errorf("Create returned %s, though the holder of the key was refused", got)
	}
	if got := create(t, store, keyed(1, "u", "k")).ID; got != purchaseID(3) {
		t.Errorf("Create returned %s, want the holder of the key", got)
	}
	if _, err := store.Change(suite.InTime(t), key(1), editing(again)); err == nil || errors.Is(err, gloebit.ErrNotFound) {
		t.Errorf("two purchases hold a key: Change returned the error %v", err)
	}
	if got := get(t, store, purchaseID(1)).State; got != ledger.Refused {
		t.Errorf("a purchase whose key is another's is %s, want refused as before", got)
	}
	change(t, store, purchaseID(1), func(p *ledger.Purchase) { p.State, p.KeyFreed = ledger.Canceled, true })
	if got := create(t, store, keyed(4, "u", "k")).ID; got != purchaseID(3) {
		t.Errorf("Create returned %s, want the holder of the key", got)
	}
}

func unknownUser(t *testing.T, store ledger.Store) {
	want := smallPurchase(1)
	want.UserID, want.Order, want.State, want.StuckAt = "", ledger.Order{}, ledger.Settled, after(1)
	wantPurchase(t, create(t, store, want), want)
	if kept, created := createOr(t, store, keyed(1, "u", "k")); created || kept.UserID != "" {
		t.Errorf("Create returned a purchase of %q and %t, want the one of an unknown user", kept.UserID, created)
	}
	got := change(t, store, want.ID, func(p *ledger.Purchase) {
		p.UserID, p.GloebitID, p.Order = "u", "g", keyed(1, "u", "k").Order
	})
	want.UserID, want.GloebitID, want.Order = "u", "g", keyed(1, "u", "k").Order
	wantPurchase(t, got, want)
	if got := create(t, store, keyed(2, "u", "k")).ID; got != want.ID {
		t.Errorf("Create returned %s, want the purchase that got its user and key later", got)
	}
}

func keyless(t *testing.T, store ledger.Store) {
	for i := range 3 {
		if got := create(t, store, keyed(i, "u", "")).ID; got != purchaseID(i) {
			t.Errorf("Create returned %s, want %s", got, purchaseID(i))
		}
	}
}

func oddPurchaseKeys(t *testing.T, store ledger.Store) {
	n := len(suite.OddKeys)
	for i, odd := range suite.OddKeys {
		create(t, store, keyed(i, odd, "key"))
		create(t, store, keyed(n+i, "user", odd))
	}
	for i, odd := range suite.OddKeys {
		for where, p := range map[int]ledger.Purchase{i: keyed(2*n, odd, "key"), n + i: keyed(2*n, "user", odd)} {
			p.CreatedAt = after(where)
			got := create(t, store, p)
			if got.ID != purchaseID(where) || got.UserID != p.UserID || got.IdempotencyKey != p.IdempotencyKey {
				t.Errorf(
					"the user %s with the key %s came back as another one's", suite.Clip(fmt.Sprintf("%q", p.UserID)),
					suite.Clip(fmt.Sprintf("%q", p.IdempotencyKey)),
				)
			}
		}
		if got := list(t, store, ledger.Query{Realm: realm, UserID: odd}); len(got) != 1 || got[0].UserID != odd {
			t.Errorf("List of the user %s returned %d purchases, want 1", suite.Clip(fmt.Sprintf("%q", odd)), len(got))
		}
	}
}

func keyRace(t *testing.T, store ledger.Store) {
	for round := range 3 {
		ctx, start := suite.InTime(t), make(chan struct{})
		var group sync.WaitGroup
		var mu sync.Mutex
		got := map[string]int{}
		for i := range 100 {
			group.Go(func() {
				<-start
				p, _, err := store.Create(ctx, keyed(1000*round+i, "u", "k"+fmt.Sprint(round)))
				if err != nil {
					t.Errorf("Create: %v", err)
				}
				mu.Lock()
				defer mu.Unlock()
				got[p.ID]++
			})
		}
		close(start)
		group.Wait()
		if len(got) != 1 {
			t.Errorf("of 100 goroutines with one key %d created a purchase, want 1", len(got))
		}
		if kept := len(list(t, store, ledger.Query{Realm: realm, Limit: 1000})); kept != round+1 {
			t.Errorf("%d purchases were kept in %d rounds", kept, round+1)
		}
	}
}

func purchaseContextEnded(t *testing.T, store ledger.Store) {
	p := smallPurchase(1)
	p.NextAt, p.ReportAt = after(1), after(1)
	create(t, store, p)
	ctx := suite.Ended(t)
	_, _, err := store.Create(ctx, smallPurchase(2))
	suite.WantError(t, "Create", err, context.Canceled)
	_, err = store.Get(ctx, p.StoreKey())
	suite.WantError(t, "Get", err, context.Canceled)
	_, err = store.Change(ctx, p.StoreKey(), editing(func(*ledger.Purchase) { t.Error("Change called fn") }))
	suite.WantError(t, "Change", err, context.Canceled)
	_, err = store.Claim(ctx, realm, ledger.Created, after(9), after(99))
	suite.WantError(t, "Claim", err, context.Canceled)
	_, err = store.ClaimUnreported(ctx, realm, after(9), after(99))
	suite.WantError(t, "ClaimUnreported", err, context.Canceled)
	_, err = store.List(ctx, ledger.Query{Realm: realm})
	suite.WantError(t, "List", err, context.Canceled)
	wantListed(t, store, ledger.Query{Realm: realm}, 1)
	wantPurchase(t, get(t, store, p.ID), p)
}
