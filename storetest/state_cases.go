package storetest

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/suite"
)

// pendingUntil returns a pending connection that is identified by its binding.
func pendingUntil(expires time.Time, binding string) connect.PendingConnection {
	return connect.PendingConnection{BrowserHash: binding, ExpiresAt: expires}
}

func soon() time.Time { return time.Now().Add(10 * time.Minute) }

func put(t *testing.T, store *states, key string, pending connect.PendingConnection) {
	t.Helper()
	if err := store.Put(suite.InTime(t), key, pending); err != nil {
		t.Fatalf("Put under %q: %v", key, err)
	}
}

func take(t *testing.T, store *states, key string) connect.PendingConnection {
	t.Helper()
	pending, err := store.Take(suite.InTime(t), key)
	if err != nil {
		t.Fatalf("Take of %q: %v", key, err)
	}
	return pending
}

func wantNoState(t *testing.T, store *states, key string) {
	t.Helper()
	pending, err := store.Take(suite.InTime(t), key)
	if !errors.Is(err, connect.ErrNotFound) {
		t.Errorf("Take of %q returned the error %v, want ErrNotFound", key, err)
	}
	if !reflect.ValueOf(pending).IsZero() {
		t.Errorf("Take of %q returned a pending connection along with its error", key)
	}
}

func unknownState(t *testing.T, store *states) {
	wantNoState(t, store, "unknown")
	put(t, store, "known", pendingUntil(soon(), ""))
	wantNoState(t, store, "unknown")
}

func stateRoundTrip(t *testing.T, store *states) {
	want := connect.PendingConnection{
		UserID:         "user \u00e9 \x01 'quoted'",
		Secret:         "verifier-._~",
		ReturnTo:       "/articles/caf\u00e9?q='a'&b=\"c\"#\U0001F600",
		BrowserHash:    "binding-_",
		Scopes:         []connect.Scope{"transact", "balance", "user"},
		RequiredScopes: []connect.Scope{"transact"},
		ExpiresAt:      soon(),
	}
	wantFilled(t, want)
	put(t, store, "key", want)
	put(t, store, "other", pendingUntil(soon(), ""))
	wantEqual(t, take(t, store, "key"), want)
}

func emptyStateRoundTrip(t *testing.T, store *states) {
	want := pendingUntil(soon(), "")
	put(t, store, "key", want)
	wantEqual(t, take(t, store, "key"), want)
}

func takenOnce(t *testing.T, store *states) {
	put(t, store, "key", pendingUntil(soon(), "one"))
	put(t, store, "other", pendingUntil(soon(), "other"))
	take(t, store, "key")
	wantNoState(t, store, "key")
	if got := take(t, store, "other").BrowserHash; got != "other" {
		t.Errorf("Take returned %q, want the other state", got)
	}
}

func takenByOne(t *testing.T, store *states) {
	ctx, goroutines := suite.InTime(t), many(100, store.realm == firstRealm)
	for _, key := range []string{"one", "two", "three"} {
		put(t, store, key, pendingUntil(soon(), key))
		var group sync.WaitGroup
		var won atomic.Int32
		start := make(chan struct{})
		for range goroutines {
			group.Go(func() {
				<-start
				pending, err := store.Take(ctx, key)
				switch {
				case err == nil && pending.BrowserHash == key:
					won.Add(1)
				case !errors.Is(err, connect.ErrNotFound):
					t.Errorf("Take returned %q and the error %v", pending.BrowserHash, err)
				}
			})
		}
		close(start)
		group.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of %d goroutines took the state, want 1", won.Load(), goroutines)
		}
	}
}

func putTwice(t *testing.T, store *states) {
	put(t, store, "key", pendingUntil(soon(), "first"))
	err := store.Put(suite.InTime(t), "key", pendingUntil(soon(), "second"))
	if err == nil {
		t.Error("Put under a key that is in use returned no error")
	} else if errors.Is(err, connect.ErrNotFound) {
		t.Errorf("Put under a key that is in use returned the error %v", err)
	}
	if got := take(t, store, "key").BrowserHash; got != "first" {
		t.Errorf("Take returned what was put %s, want first", got)
	}
	wantNoState(t, store, "key")
}

func oddStateKeys(t *testing.T, store *states) {
	keys := suite.OddKeys[:many(len(suite.OddKeys), store.realm == firstRealm)]
	for i, key := range keys {
		put(t, store, key, pendingUntil(soon(), tokenOf(i)))
	}
	for i, key := range keys {
		if got := take(t, store, key).BrowserHash; got != tokenOf(i) {
			t.Errorf("Take of %q returned another key's state", key)
		}
	}
}

// expiredState puts states that have already expired. Put may return an error
// or nil.
func expiredState(t *testing.T, store *states) {
	for key, expires := range map[string]time.Time{
		"now": time.Now(), "an hour ago": time.Now().Add(-time.Hour), "the epoch": time.Unix(0, 0),
	} {
		want := pendingUntil(expires, key)
		_ = store.Put(suite.InTime(t), key, want)
		got, err := store.Take(suite.InTime(t), key)
		if errors.Is(err, connect.ErrNotFound) {
			want = connect.PendingConnection{}
		} else if err != nil {
			t.Errorf("Take of a state that has expired: %v", err)
		}
		wantEqual(t, got, want)
		wantNoState(t, store, key)
	}
}

func stateContextEnded(t *testing.T, store *states) {
	put(t, store, "key", pendingUntil(soon(), "first"))
	ctx := suite.Ended(t)
	suite.WantError(t, "Put", store.Put(ctx, "other", pendingUntil(soon(), "")), context.Canceled)
	_, err := store.Take(ctx, "key")
	suite.WantError(t, "Take", err, context.Canceled)
	wantNoState(t, store, "other")
	take(t, store, "key")
}

func stateUserIDs(t *testing.T, store *states) {
	for _, userID := range suite.OddKeys[:many(len(suite.OddKeys), store.realm == firstRealm)] {
		pending := pendingUntil(soon(), "")
		pending.UserID = userID
		put(t, store, "key", pending)
		if got := take(t, store, "key").UserID; got != userID {
			t.Errorf("the user id %q came back as %q", userID, got)
		}
	}
}

func largeStates(t *testing.T, store *states) {
	want := pendingUntil(soon(), "")
	want.ReturnTo = "/" + strings.Repeat("r", 64<<10)
	put(t, store, "key", want)
	wantEqual(t, take(t, store, "key"), want)
}
