package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/suite"
)

func deleteWaits(t *testing.T, store *tokens) {
	for _, userID := range []string{"new", "u"} { // without and with a credential
		if userID == "u" {
			save(t, store, "u", withToken("before"))
		}
		saved := withToken("saved while Delete waited")
		release, finished := holding(t, store, userID, &saved)
		ctx, deleted := suite.InTime(t), make(chan error, 1)
		go func() { deleted <- store.Delete(ctx, userID) }()
		select {
		case err := <-deleted:
			t.Errorf("Delete returned %v while an Update ran", err)
		case <-time.After(suite.AMoment):
		}
		release()
		suite.WantDone(t, "Update", finished)
		if !t.Failed() {
			suite.WantDone(t, "Delete", deleted)
		}
		wantNone(t, store, userID)
	}
}

func loadDoesNotWait(t *testing.T, store *tokens) {
	save(t, store, "u", withToken("before"))
	after := withToken("after")
	release, finished := holding(t, store, "u", &after)
	for range 20 {
		wantToken(t, store, "u", "before")
	}
	if _, err := store.Load(suite.InTime(t), "new"); !errors.Is(err, connect.ErrNotFound) {
		t.Errorf("Load of another user returned the error %v, want ErrNotFound", err)
	}
	release()
	suite.WantDone(t, "Update", finished)
	wantToken(t, store, "u", "after")
}

func firstLoadDoesNotWait(t *testing.T, store *tokens) {
	saved := withToken("saved")
	release, finished := holding(t, store, "new", &saved)
	if _, err := store.Load(suite.InTime(t), "new"); !errors.Is(err, connect.ErrNotFound) {
		t.Errorf("Load returned the error %v while the first Update ran, want ErrNotFound", err)
	}
	release()
	suite.WantDone(t, "Update", finished)
	wantToken(t, store, "new", "saved")
}

func manyUpdates(t *testing.T, store *tokens) {
	goroutines := many(200, store.realm == firstRealm)
	ctx := suite.InTime(t)
	var group sync.WaitGroup
	var running, calls atomic.Int32
	for range goroutines {
		group.Go(func() {
			err := store.Update(ctx, "u", func(ctx context.Context, current *connect.Credential) (*connect.Credential, error) {
				calls.Add(1)
				if running.Add(1) != 1 {
					t.Error("two Updates of one user run at once")
				}
				defer running.Add(-1)
				<-time.After(suite.AMoment / 1000) // so that concurrent runs of fn are detected
				if _, err := store.Load(ctx, "u"); current != nil && err != nil {
					t.Errorf("Load within an Update: %v", err)
				}
				next := withToken("x")
				if current != nil {
					next.AccessToken += current.AccessToken
				}
				return &next, nil
			})
			if err != nil {
				t.Errorf("Update: %v", err)
			}
		})
		group.Go(func() {
			if _, err := store.Load(ctx, "u"); err != nil && !errors.Is(err, connect.ErrNotFound) {
				t.Errorf("Load: %v", err)
			}
		})
	}
	group.Wait()
	if got := len(load(t, store, "u").AccessToken); got != goroutines || int(calls.Load()) != goroutines {
		t.Errorf("of %d Updates %d left their mark, and fn was called %d times", goroutines, got, calls.Load())
	}
}

func manyUsers(t *testing.T, store *tokens) {
	goroutines := many(200, store.realm == firstRealm)
	ctx := suite.InTime(t)
	var group sync.WaitGroup
	for i := range goroutines {
		userID := fmt.Sprint("user ", i)
		group.Go(func() {
			next := withToken(userID)
			if err := store.Update(ctx, userID, returning(&next)); err != nil {
				t.Errorf("Update: %v", err)
			}
			if i%2 == 0 {
				return
			}
			if err := store.Delete(ctx, userID); err != nil {
				t.Errorf("Delete: %v", err)
			}
		})
	}
	group.Wait()
	for i := range goroutines {
		if userID := fmt.Sprint("user ", i); i%2 == 0 {
			wantToken(t, store, userID, userID)
		} else if _, err := store.Load(ctx, userID); !errors.Is(err, connect.ErrNotFound) {
			t.Errorf("Load of a deleted user returned the error %v, want ErrNotFound", err)
		}
	}
}

func usersApart(t *testing.T, store *tokens) {
	for _, userID := range []string{"a", "b", "c"} {
		save(t, store, userID, withToken("before"))
	}
	apart(t, store)
}

func newUsersApart(t *testing.T, store *tokens) { apart(t, store) }

func apart(t *testing.T, store *tokens) {
	t.Helper()
	saved := withToken("b")
	release, finished := holding(t, store, "b", &saved)
	for _, userID := range []string{"a", "c"} { // the neighbors of "b" in either order
		save(t, store, userID, withToken(userID))
		wantToken(t, store, userID, userID)
		if err := store.Delete(suite.InTime(t), userID); err != nil {
			t.Errorf("Delete: %v", err)
		}
		wantNone(t, store, userID)
	}
	release()
	suite.WantDone(t, "Update", finished)
	wantToken(t, store, "b", "b")
}
