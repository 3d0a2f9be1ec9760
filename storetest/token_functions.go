package storetest

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/suite"
)

func fnFails(t *testing.T, store *tokens) {
	no := errors.New("no")
	failing := func(_ context.Context, current *connect.Credential) (*connect.Credential, error) {
		if current != nil {
			current.AccessToken = "changed in place"
		}
		changed := withToken("from a failure")
		return &changed, no
	}
	suite.WantError(t, "Update with an fn that fails", store.Update(suite.InTime(t), "new", failing), no)
	wantNone(t, store, "new")

	save(t, store, "u", withToken("before"))
	suite.WantError(t, "Update with an fn that fails", store.Update(suite.InTime(t), "u", failing), no)
	wantToken(t, store, "u", "before")
	wantUpdatable(t, store, "u")
}

func fnPanics(t *testing.T, store *tokens) {
	for _, userID := range []string{"new", "u"} {
		if userID == "u" {
			save(t, store, "u", withToken("before"))
		}
		raised := func() (raised any) {
			defer func() { raised = recover() }()
			err := store.Update(suite.InTime(t), userID, func(
				_ context.Context, current *connect.Credential,
			) (*connect.Credential, error) {
				panic("fn's own")
			})
			t.Errorf("Update returned the error %v where fn panicked", err)
			return nil
		}()
		if raised != "fn's own" {
			t.Errorf("Update panicked with %v, want what fn panicked with", raised)
		}
	}
	wantNone(t, store, "new")
	wantToken(t, store, "u", "before")
	wantUpdatable(t, store, "u")
}

func fnExits(t *testing.T, store *tokens) {
	save(t, store, "u", withToken("before"))
	ctx, gone := suite.InTime(t), make(chan error)
	go func() {
		defer close(gone)
		_ = store.Update(ctx, "u", func(context.Context, *connect.Credential) (*connect.Credential, error) {
			runtime.Goexit()
			return nil, nil
		})
		t.Error("Update returned where fn ended its goroutine")
	}()
	suite.WantDone(t, "Update with an fn that ends its goroutine", gone)
	wantToken(t, store, "u", "before")
	wantUpdatable(t, store, "u")
}

func tokenContextEnded(t *testing.T, store *tokens) {
	save(t, store, "u", withToken("before"))
	ctx := suite.Ended(t)
	if _, err := store.Load(ctx, "u"); !errors.Is(err, context.Canceled) {
		t.Errorf("Load returned the error %v, want one that is context.Canceled", err)
	}
	err := store.Update(ctx, "u", func(context.Context, *connect.Credential) (*connect.Credential, error) {
		t.Error("Update called fn")
		return nil, nil
	})
	suite.WantError(t, "Update", err, context.Canceled)
	suite.WantError(t, "Delete", store.Delete(ctx, "u"), context.Canceled)
	wantToken(t, store, "u", "before")
	wantUpdatable(t, store, "u")
}

func waitingEnds(t *testing.T, store *tokens) {
	saved := withToken("saved")
	release, finished := holding(t, store, "u", &saved)
	var called atomic.Bool
	update := func(ctx context.Context) error {
		return store.Update(ctx, "u", func(context.Context, *connect.Credential) (*connect.Credential, error) {
			called.Store(true)
			return nil, nil
		})
	}
	short, cancel := context.WithTimeout(t.Context(), suite.AMoment)
	defer cancel()
	wantSoon(t, "Update that waits", func() error { return update(short) }, context.DeadlineExceeded)
	short, cancel = context.WithTimeout(t.Context(), suite.AMoment)
	defer cancel()
	wantSoon(t, "Delete that waits", func() error { return store.Delete(short, "u") }, context.DeadlineExceeded)
	canceled, cancel := context.WithCancel(t.Context())
	time.AfterFunc(suite.AMoment, cancel)
	wantSoon(t, "Update that waits", func() error { return update(canceled) }, context.Canceled)

	release()
	suite.WantDone(t, "Update", finished)
	wantToken(t, store, "u", "saved")
	wantUpdatable(t, store, "u")
	if called.Load() {
		t.Error("Update called fn for a context that ended while it waited")
	}
}

// wantSoon fails unless call returns that error soon after its context ends.
func wantSoon(t *testing.T, doing string, call func() error, want error) {
	t.Helper()
	returned := make(chan error, 1)
	go func() { returned <- call() }()
	select {
	case err := <-returned:
		suite.WantError(t, doing, err, want)
	case <-time.After(suite.AMoment + promptness):
		t.Fatalf("%s did not return within %v of the end of its context", doing, promptness)
	}
}

type contextKey struct{}

func fnContext(t *testing.T, store *tokens) {
	ctx := context.WithValue(suite.InTime(t), contextKey{}, "value")
	calls := 0
	err := store.Update(ctx, "u", func(ctx context.Context, _ *connect.Credential) (*connect.Credential, error) {
		calls++
		if ctx.Value(contextKey{}) != "value" {
			t.Error("the context of fn has not the values of the caller's")
		}
		return nil, ctx.Err()
	})
	if err != nil || calls != 1 {
		t.Errorf("Update called fn %d times and returned the error %v, want 1 and nil", calls, err)
	}
}

func fnContextEnds(t *testing.T, store *tokens) {
	save(t, store, "u", withToken("before"))
	ctx, cancel := context.WithCancel(suite.InTime(t))
	defer cancel()
	err := store.Update(ctx, "u", func(ctx context.Context, _ *connect.Credential) (*connect.Credential, error) {
		cancel()
		select {
		case <-ctx.Done():
		case <-time.After(suite.Patience):
			t.Error("the context of fn does not end with the caller's")
		}
		return nil, ctx.Err()
	})
	suite.WantError(t, "Update", err, context.Canceled)
	wantToken(t, store, "u", "before")
	wantUpdatable(t, store, "u")
}
