package storetest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/suite"
	"golang.org/x/sync/errgroup"
)

// ListingStore is a TokenStore that can list its users.
type ListingStore interface {
	connect.TokenStore
	// UserIDs iterates over the IDs of the realm's users who have a credential,
	// in any order, each once. It ends after an error.
	UserIDs(ctx context.Context, realm string) iter.Seq2[string, error]
}

// RunUserIDs tests the UserIDs of a store. newStore returns an empty store each
// time it is called.
func RunUserIDs(t *testing.T, newStore func(t *testing.T) ListingStore) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, store *tokens)
	}{
		{"an empty store lists no user", func(t *testing.T, store *tokens) { wantUsers(t, store, nil) }},
		{"every user is listed once, whatever the id", listsOddIDs},
		{"a listing is its realm's", listsOwnRealm},
		{"more than a thousand users are listed", listsManyUsers},
		{"a user who was removed is not listed", listsNoneRemoved},
		{"users can be updated and removed while they are listed", listsWhileUpdating},
		{"a listing can stop early", listsStop},
		{"a listing ends with its context", listsContextEnded},
	} {
		t.Run(c.name, func(t *testing.T) { runTokens(t, newStore(t), c.run) })
	}
}

func wantUsers(t *testing.T, store *tokens, want []string) {
	t.Helper()
	var got []string
	for userID, err := range store.UserIDs(suite.InTime(t)) {
		if err != nil {
			t.Fatalf("UserIDs: %v", err)
		}
		got = append(got, userID)
	}
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("UserIDs listed %d users, not the %d there are", len(got), len(want))
	}
}

func listsOddIDs(t *testing.T, store *tokens) {
	users := suite.OddKeys[:many(len(suite.OddKeys), store.realm == firstRealm)]
	for _, userID := range users {
		save(t, store, userID, withToken("t"))
	}
	wantUsers(t, store, users)
}

func listsManyUsers(t *testing.T, store *tokens) {
	// More than stores read at once. The first realm has some of the last ids, too.
	users := make([]string, many(1100, store.realm == secondRealm))
	var group errgroup.Group
	group.SetLimit(8)
	saved := withToken("t")
	for i := range users {
		users[i] = fmt.Sprint(i)
		group.Go(func() error { return store.Update(suite.InTime(t), users[i], returning(&saved)) })
	}
	if err := group.Wait(); err != nil {
		t.Fatalf("Update: %v", err)
	}
	wantUsers(t, store, users)
}

func listsNoneRemoved(t *testing.T, store *tokens) {
	save(t, store, "stays", withToken("t"))
	save(t, store, "removed", withToken("t"))
	if err := store.Delete(suite.InTime(t), "removed"); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	wantUsers(t, store, []string{"stays"})
}

func listsWhileUpdating(t *testing.T, store *tokens) {
	users := many(50, store.realm == firstRealm)
	for i := range users {
		save(t, store, fmt.Sprint(i), withToken("before"))
	}
	listed := 0
	for userID, err := range store.UserIDs(suite.InTime(t)) {
		if err != nil {
			t.Fatalf("UserIDs: %v", err)
		}
		if listed++; listed%2 == 0 {
			save(t, store, userID, withToken("after"))
		} else if err := store.Delete(suite.InTime(t), userID); err != nil {
			t.Fatalf("Delete: %v", err)
		}
	}
	if listed != users {
		t.Errorf("UserIDs listed %d users, want %d", listed, users)
	}
}

func listsStop(t *testing.T, store *tokens) {
	for i := range 5 {
		save(t, store, fmt.Sprint(i), withToken("t"))
	}
	for range store.UserIDs(suite.InTime(t)) {
		break
	}
	wantUpdatable(t, store, "0")
}

func listsContextEnded(t *testing.T, store *tokens) {
	save(t, store, "u", withToken("t"))
	var got error
	for _, err := range store.UserIDs(suite.Ended(t)) {
		got = err
	}
	suite.WantError(t, "UserIDs", got, context.Canceled)
}
