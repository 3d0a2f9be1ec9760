package storetest

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/suite"
)

// Every case runs in the first realm, and then again in the second realm of the
// same store, with the same IDs. The records of the first run must stay as they
// are.
const (
	firstRealm  = "www.gloebit.com/shop"
	secondRealm = "sandbox.gloebit.com/shop"
)

const maxLeft = 20 // records of the first realm that stay for the second run

// many returns n in the realm where a case runs at its full size, and a tenth of
// n in the other one, where the case tests only that the realms are apart.
func many(n int, here bool) int {
	if here {
		return n
	}
	return n / 10
}

// tokens is a TokenStore restricted to one realm.
type tokens struct {
	store connect.TokenStore
	realm string
	used  *ids
}

func newTokens(store connect.TokenStore, realm string) *tokens {
	return &tokens{store, realm, new(ids)}
}

// in returns another realm of the store.
func (s *tokens) in(realm string) *tokens { return newTokens(s.store, realm) }

func (s *tokens) key(id string) connect.Key {
	s.used.add(id)
	return connect.Key{Realm: s.realm, ID: id}
}

func (s *tokens) Load(ctx context.Context, id string) (connect.Credential, error) {
	return s.store.Load(ctx, s.key(id))
}

func (s *tokens) Update(ctx context.Context, id string, fn updateFunc) error {
	return s.store.Update(ctx, s.key(id), fn)
}

func (s *tokens) Delete(ctx context.Context, id string) error {
	return s.store.Delete(ctx, s.key(id))
}

// UserIDs lists the realm's users, if the store is a ListingStore.
func (s *tokens) UserIDs(ctx context.Context) iter.Seq2[string, error] {
	return s.store.(ListingStore).UserIDs(ctx, s.realm)
}

// runTokens runs a case in two realms of a store.
func runTokens(t *testing.T, store connect.TokenStore, run func(t *testing.T, store *tokens)) {
	t.Helper()
	first := newTokens(store, firstRealm)
	run(t, first)
	if t.Failed() {
		return
	}
	left := first.used.some(maxLeft)
	for _, id := range left {
		save(t, first, id, withToken("of another realm: "+id))
	}
	run(t, first.in(secondRealm))
	for _, id := range left {
		wantToken(t, first, id, "of another realm: "+id)
	}
}

// states is a StateStore restricted to one realm.
type states struct {
	store connect.StateStore
	realm string
	used  *ids
}

func newStates(store connect.StateStore, realm string) *states {
	return &states{store, realm, new(ids)}
}

// in returns another realm of the store.
func (s *states) in(realm string) *states { return newStates(s.store, realm) }

func (s *states) key(id string) connect.Key {
	s.used.add(id)
	return connect.Key{Realm: s.realm, ID: id}
}

func (s *states) Put(ctx context.Context, id string, pending connect.PendingConnection) error {
	return s.store.Put(ctx, s.key(id), pending)
}

func (s *states) Take(ctx context.Context, id string) (connect.PendingConnection, error) {
	return s.store.Take(ctx, s.key(id))
}

// runStates runs a case in two realms of a store.
func runStates(t *testing.T, store connect.StateStore, run func(t *testing.T, store *states)) {
	t.Helper()
	first := newStates(store, firstRealm)
	run(t, first)
	if t.Failed() {
		return
	}
	left := first.used.some(maxLeft)
	for _, id := range left {
		_, _ = first.Take(suite.InTime(t), id) // it may still be there
		put(t, first, id, pendingUntil(soon(), "of another realm: "+id))
	}
	run(t, first.in(secondRealm))
	for _, id := range left {
		if got := take(t, first, id).BrowserHash; got != "of another realm: "+id {
			t.Errorf("Take of %q returned the state %s", id, suite.Clip(got))
		}
	}
}

// ids are the IDs that a case has used.
type ids struct {
	mu   sync.Mutex
	seen map[string]bool
	list []string // in the order of their first use
}

func (u *ids) add(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.seen == nil {
		u.seen = make(map[string]bool)
	}
	if !u.seen[id] {
		u.seen[id] = true
		u.list = append(u.list, id)
	}
}

// some returns at most that many IDs.
func (u *ids) some(most int) []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.list[:min(most, len(u.list))]
}

// oddKeys returns keys that a store might confuse: their realms are similar, or
// realm and ID joined give the same text.
func oddKeys() []connect.Key {
	keys := []connect.Key{
		{Realm: "a/b", ID: "c"}, {Realm: "a", ID: "b/c"}, {Realm: "a:b", ID: "c"}, {Realm: "a", ID: "b:c"},
		{Realm: "a b", ID: "c"}, {Realm: "a", ID: "b c"}, {Realm: "a%3Ab", ID: "c"}, {Realm: "a", ID: "b%3Ac"},
		{Realm: "a{b", ID: "c"}, {Realm: "a", ID: "{b}c"}, {Realm: "ab", ID: "c"}, {Realm: "a", ID: "bc"},
		{Realm: "a", ID: "c"},
	}
	for _, realm := range []string{
		firstRealm, "WWW.gloebit.com/shop", "www.gloebit.com/Shop", "www.gloebit.com/shop ", " www.gloebit.com/shop",
		"www.gloebit.com/sho", "www.gloebit.com/shop/u", "www.gloebit.com:8443/shop", "www.gloebit.com", "*", "%", "_", "?",
		"[a]",
		"{a}", "'", `"`, `\`, "\u00e9", "e\u0301", "e", "E", "\u00df", "ss", "\u4e16\u754c", "\U0001F600",
		strings.Repeat("r", 128), strings.Repeat("r", 127), strings.Repeat("r", 127) + "R", strings.Repeat("\u00e9", 64),
	} {
		keys = append(keys, connect.Key{Realm: realm, ID: "u"})
	}
	return keys
}

func realmsApart(t *testing.T, store *tokens) {
	if store.realm != firstRealm {
		return // the keys would be the same
	}
	keys := oddKeys()
	for i, key := range keys {
		save(t, store.in(key.Realm), key.ID, withToken(tokenOf(i)))
	}
	for i, key := range keys {
		wantToken(t, store.in(key.Realm), key.ID, tokenOf(i))
	}
	for i, key := range keys {
		if err := store.in(key.Realm).Delete(suite.InTime(t), key.ID); err != nil {
			t.Errorf("Delete of %q: %v", key, err)
		}
		wantNone(t, store.in(key.Realm), key.ID)
		if i+1 < len(keys) {
			wantToken(t, store.in(keys[i+1].Realm), keys[i+1].ID, tokenOf(i+1))
		}
	}
}

func stateRealmsApart(t *testing.T, store *states) {
	if store.realm != firstRealm {
		return // the keys would be the same
	}
	for i, key := range oddKeys() {
		put(t, store.in(key.Realm), key.ID, pendingUntil(soon(), tokenOf(i)))
	}
	for i, key := range oddKeys() {
		if got := take(t, store.in(key.Realm), key.ID).BrowserHash; got != tokenOf(i) {
			t.Errorf("Take of %q returned another key's state", key)
		}
	}
}

func realmsDoNotWait(t *testing.T, store *tokens) {
	saved := withToken("here")
	release, finished := holding(t, store, "u", &saved)
	other := store.in(store.realm + "/another")
	for i := range 3 {
		save(t, other, "u", withToken(fmt.Sprint(i)))
		wantToken(t, other, "u", fmt.Sprint(i))
	}
	if err := other.Delete(suite.InTime(t), "u"); err != nil {
		t.Errorf("Delete: %v", err)
	}
	wantNone(t, other, "u")
	release()
	suite.WantDone(t, "Update", finished)
	wantToken(t, store, "u", "here")
}

func listsOwnRealm(t *testing.T, store *tokens) {
	if store.realm != firstRealm {
		return // the keys would be the same
	}
	for i, key := range oddKeys() {
		save(t, store.in(key.Realm), key.ID, withToken(tokenOf(i)))
	}
	save(t, store.in("a"), "alone in a", withToken("t"))
	want := map[string][]string{"a": {"alone in a"}}
	for _, key := range oddKeys() {
		want[key.Realm] = append(want[key.Realm], key.ID)
	}
	for realm, ids := range want {
		wantUsers(t, store.in(realm), ids)
	}
	wantUsers(t, store.in("unused"), nil)
}
