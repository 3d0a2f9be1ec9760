package storetest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/suite"
)

const promptness = 3 * time.Second // for calls that must return when their context ends

type updateFunc = func(ctx context.Context, current *connect.Credential) (*connect.Credential, error)

// returning returns an fn that saves a credential, or removes it if c is nil.
func returning(c *connect.Credential) updateFunc {
	return func(context.Context, *connect.Credential) (*connect.Credential, error) { return c, nil }
}

// withToken returns a credential that is identified by its access token.
func withToken(token string) connect.Credential {
	return connect.Credential{AccessToken: connect.Secret(token)}
}

func save(t *testing.T, store *tokens, userID string, c connect.Credential) {
	t.Helper()
	if err := store.Update(suite.InTime(t), userID, returning(&c)); err != nil {
		t.Fatalf("Update of %q: %v", userID, err)
	}
}

func load(t *testing.T, store *tokens, userID string) connect.Credential {
	t.Helper()
	credential, err := store.Load(suite.InTime(t), userID)
	if err != nil {
		t.Fatalf("Load of %q: %v", userID, err)
	}
	return credential
}

func wantToken(t *testing.T, store *tokens, userID, token string) {
	t.Helper()
	if got := load(t, store, userID).AccessToken.Reveal(); got != token {
		t.Fatalf("Load of %q returned the credential %s, want %s", userID, suite.Clip(got), suite.Clip(token))
	}
}

// wantNone fails unless Load and Update find no credential for the user.
func wantNone(t *testing.T, store *tokens, userID string) {
	t.Helper()
	credential, err := store.Load(suite.InTime(t), userID)
	if !errors.Is(err, connect.ErrNotFound) {
		t.Fatalf("Load of %q returned the error %v, want ErrNotFound", userID, err)
	}
	if !reflect.ValueOf(credential).IsZero() {
		t.Fatalf("Load of %q returned a credential along with ErrNotFound", userID)
	}
	err = store.Update(suite.InTime(t), userID, func(
		_ context.Context, current *connect.Credential,
	) (*connect.Credential, error) {
		if current != nil {
			t.Errorf("Update of %q gave fn a credential, want nil", userID)
		}
		return current, nil
	})
	if err != nil {
		t.Fatalf("Update of %q: %v", userID, err)
	}
}

// wantUpdatable fails unless the user can be updated without waiting.
func wantUpdatable(t *testing.T, store *tokens, userID string) {
	t.Helper()
	err := store.Update(suite.InTime(t), userID, func(
		_ context.Context, current *connect.Credential,
	) (*connect.Credential, error) {
		return current, nil
	})
	if err != nil {
		t.Fatalf("Update of %q, which no Update holds: %v", userID, err)
	}
}

// holding runs an Update in a goroutine and returns once its fn runs. The fn
// returns next when release is called. finished receives the error of Update.
func holding(
	t *testing.T, store *tokens, userID string, next *connect.Credential,
) (release func(), finished <-chan error) {
	t.Helper()
	held, free, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	ctx := suite.InTime(t)
	go func() {
		done <- store.Update(ctx, userID, func(context.Context, *connect.Credential) (*connect.Credential, error) {
			close(held)
			<-free
			return next, nil
		})
	}()
	select {
	case <-held:
	case err := <-done:
		t.Fatalf("Update of %q returned the error %v without calling fn", userID, err)
	case <-ctx.Done():
		t.Fatalf("Update of %q did not call fn in %v", userID, suite.Patience)
	}
	release = sync.OnceFunc(func() { close(free) })
	t.Cleanup(release) // also when the case fails early
	return release, done
}

// pass waits until the real clock has passed that time.
func pass(until time.Time) {
	for wait := time.Until(until); wait >= 0; wait = time.Until(until) {
		<-time.After(wait + time.Millisecond)
	}
}

// sameTime reports whether two times are equal to the microsecond, and got has
// no monotonic clock reading.
func sameTime(got, want time.Time) bool {
	if want.IsZero() || got.IsZero() {
		return want.IsZero() && got.IsZero()
	}
	return got == got.Round(0) && got.Sub(want).Abs() < time.Microsecond
}

func sameScopes(got, want []connect.Scope) bool { return slices.Equal(got, want) }
