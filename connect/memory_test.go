package connect_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

func TestMemoryStatesAreTakenOnce(t *testing.T) {
	ctx, clock := t.Context(), testkit.NewClock()
	store := &connect.MemoryStateStore{Clock: clock.Now}
	want := connect.PendingConnection{UserID: "u", ReturnTo: "/x", ExpiresAt: clock.Now().Add(time.Minute)}
	require.NoError(t, store.Put(ctx, at("k"), want))
	require.Error(t, store.Put(ctx, at("k"), want), "a key is used once")

	var won atomic.Int32
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			if got, err := store.Take(ctx, at("k")); err == nil {
				won.Add(1)
				if got.UserID != want.UserID {
					t.Errorf("took %+v", got)
				}
			} else if !errors.Is(err, connect.ErrNotFound) {
				t.Errorf("took with %v", err)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 1, won.Load())
	_, err := store.Take(ctx, at("never put"))
	require.ErrorIs(t, err, connect.ErrNotFound)
}

func TestMemoryStatesExpireAndStayBounded(t *testing.T) {
	ctx, clock := t.Context(), testkit.NewClock()
	store := &connect.MemoryStateStore{Clock: clock.Now, Capacity: 100}
	put := func(i int) {
		require.NoError(
			t, store.Put(ctx, at(fmt.Sprint(i)), connect.PendingConnection{ExpiresAt: clock.Now().Add(time.Minute)}),
		)
	}
	for i := range 1000 {
		put(i)
	}
	require.LessOrEqual(t, store.Len(), 100)
	_, err := store.Take(ctx, at("899"))
	require.ErrorIs(t, err, connect.ErrNotFound, "the oldest give way")
	_, err = store.Take(ctx, at("900"))
	require.NoError(t, err, "the newest stay")

	clock.Advance(time.Minute)
	put(1000)
	require.Equal(t, 1, store.Len(), "expired states are removed when another is added")

	for i := range 10_000 { // taken at once: the order must not grow either
		put(2000 + i)
		_, err := store.Take(ctx, at(fmt.Sprint(2000+i)))
		require.NoError(t, err)
	}
	require.LessOrEqual(t, store.OrderLen(), 300)
}

func TestMemoryStatesRespectContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	store := &connect.MemoryStateStore{}
	require.ErrorIs(t, store.Put(ctx, at("k"), connect.PendingConnection{}), context.Canceled)
	_, err := store.Take(ctx, at("k"))
	require.ErrorIs(t, err, context.Canceled)
}

func save(c connect.Credential) func(context.Context, *connect.Credential) (*connect.Credential, error) {
	return func(context.Context, *connect.Credential) (*connect.Credential, error) { return &c, nil }
}

func TestMemoryTokensAreLoadedUpdatedAndDeleted(t *testing.T) {
	ctx, store := t.Context(), &connect.MemoryTokenStore{}
	_, err := store.Load(ctx, at("u"))
	require.ErrorIs(t, err, connect.ErrNotFound)
	require.NoError(t, store.Delete(ctx, at("u")), "absence is no error")

	require.NoError(t, store.Update(ctx, at("u"), save(connect.Credential{AccessToken: "one"})))
	err = store.Update(ctx, at("u"), func(_ context.Context, current *connect.Credential) (*connect.Credential, error) {
		require.Equal(t, connect.Secret("one"), current.AccessToken)
		return nil, errors.New("no")
	})
	require.EqualError(t, err, "no")
	require.Panics(t, func() {
		_ = store.Update(
			ctx, at("u"), func(context.Context, *connect.Credential) (*connect.Credential, error) { panic("fn") },
		)
	})
	credential, err := store.Load(ctx, at("u"))
	require.NoError(t, err)
	require.Equal(t, connect.Secret("one"), credential.AccessToken, "neither a failure nor a panic saves or locks")

	require.NoError(t, store.Delete(ctx, at("u")))
	_, err = store.Load(ctx, at("u"))
	require.ErrorIs(t, err, connect.ErrNotFound)
	require.Zero(t, store.Locks(), "no lock is left behind")
}

func TestMemoryTokenUpdatesAreSerializedPerUser(t *testing.T) {
	ctx, store := t.Context(), &connect.MemoryTokenStore{}
	var group sync.WaitGroup
	var running atomic.Int32
	for range 200 {
		group.Go(func() {
			err := store.Update(ctx, at("u"), func(_ context.Context, current *connect.Credential) (*connect.Credential, error) {
				if running.Add(1) != 1 {
					t.Error("two at once")
				}
				defer running.Add(-1)
				var next connect.Credential
				if current != nil {
					next = *current
				}
				next.AccessToken += "x"
				return &next, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	credential, err := store.Load(ctx, at("u"))
	require.NoError(t, err)
	require.Len(t, credential.AccessToken.Reveal(), 200)
}

func TestMemoryTokenUpdateStopsWaitingWithContext(t *testing.T) {
	store := &connect.MemoryTokenStore{}
	held, free := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		done <- store.Update(t.Context(), at("u"), func(context.Context, *connect.Credential) (*connect.Credential, error) {
			close(held)
			<-free
			return nil, nil
		})
	}()
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	require.ErrorIs(t, store.Update(ctx, at("u"), save(connect.Credential{})), context.Canceled)
	_, err := store.Load(t.Context(), at("u"))
	require.ErrorIs(t, err, connect.ErrNotFound, "a load does not wait")
	require.NoError(t, store.Update(t.Context(), at("another"), save(connect.Credential{})), "another user is free")
	close(free)
	require.NoError(t, <-done)
	require.Zero(t, store.Locks())
}

func TestExpiredMemoryTokensAreRemoved(t *testing.T) {
	ctx, clock := t.Context(), testkit.NewClock()
	store := &connect.MemoryTokenStore{Clock: clock.Now}
	for i := range 5000 {
		require.NoError(
			t, store.Update(ctx, at(fmt.Sprint(i)), save(connect.Credential{ExpiresAt: clock.Now().Add(time.Minute)})),
		)
		if i%10 == 0 {
			clock.Advance(time.Second)
		}
	}
	require.Less(t, store.Len(), 3000, "expired entries are removed as others are added")
}
