package redisstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/redisstore"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestRestartedServerLosesNothing(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	store := newStore(t, redisstore.Config{Client: server.client(t, 0), Lease: time.Second})
	pending := connect.PendingConnection{BrowserHash: "b", ExpiresAt: time.Now().Add(time.Hour)}
	require.NoError(t, store.Update(t.Context(), at("u"), returning("before")))
	require.NoError(t, store.Put(t.Context(), at("state"), pending))

	err := store.Update(t.Context(), at("u"), func(context.Context, *connect.Credential) (*connect.Credential, error) {
		server.kill()
		return &connect.Credential{AccessToken: "lost"}, nil
	})
	require.Error(t, err, "a failed save is an error")
	start := time.Now()
	for name, try := range map[string]func() error{
		"Load":   func() error { _, err := store.Load(t.Context(), at("u")); return err },
		"Delete": func() error { return store.Delete(t.Context(), at("u")) },
		"Put":    func() error { return store.Put(t.Context(), at("other"), pending) },
		"Take":   func() error { _, err := store.Take(t.Context(), at("state")); return err },
		"UserIDs": func() error {
			for _, err := range store.UserIDs(t.Context(), realm) {
				return err
			}
			return nil
		},
		"Update": func() error {
			return store.Update(t.Context(), at("u"), func(context.Context, *connect.Credential) (*connect.Credential, error) {
				t.Error("Update called fn without a lock")
				return nil, nil
			})
		},
	} {
		err := try()
		require.Error(t, err, name)
		require.NotErrorIs(t, err, connect.ErrNotFound, name)
	}
	require.Less(t, time.Since(start), 5*time.Second)

	server.start()
	require.Eventually(
		t, func() bool { _, err := store.Load(t.Context(), at("u")); return err == nil }, patience, 10*time.Millisecond,
	)
	wantToken(t, store, "u", "before")
	taken, err := store.Take(t.Context(), at("state"))
	require.NoError(t, err)
	require.Equal(t, "b", taken.BrowserHash)
	require.NoError(t, store.Update(t.Context(), at("u"), returning("after")), "the lock of the failed holder expires")
	wantToken(t, store, "u", "after")
}

func TestHangingServerRespectsDeadlines(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	store := newStore(t, redisstore.Config{Client: server.client(t, 0)})
	require.NoError(t, store.Update(t.Context(), at("u"), returning("before")))
	pause := server.client(t, 0)
	require.NoError(t, pause.Do(t.Context(), "client", "pause", 20_000, "all").Err())
	for name, try := range map[string]func(context.Context) error{
		"Load": func(ctx context.Context) error { _, err := store.Load(ctx, at("u")); return err },
		"Put": func(ctx context.Context) error {
			return store.Put(ctx, at("s"), connect.PendingConnection{ExpiresAt: time.Now().Add(time.Hour)})
		},
		"Take":   func(ctx context.Context) error { _, err := store.Take(ctx, at("s")); return err },
		"Delete": func(ctx context.Context) error { return store.Delete(ctx, at("u")) },
		"Update": func(ctx context.Context) error { return store.Update(ctx, at("u"), returning("x")) },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), aMoment)
		start := time.Now()
		err := try(ctx)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
		require.NotErrorIs(t, err, connect.ErrNotFound, name)
		require.Less(t, time.Since(start), 3*time.Second, name)
	}
}

func TestReadTimeoutIsNotContextDeadline(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	client := redis.NewClient(&redis.Options{
		Network: server.network, Addr: server.address, ContextTimeoutEnabled: true, MaxRetries: -1, ReadTimeout: aMoment,
	})
	t.Cleanup(func() { _ = client.Close() })
	store := newStore(t, redisstore.Config{Client: client})
	require.NoError(t, server.client(t, 0).Do(t.Context(), "client", "pause", 20_000, "all").Err())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := store.Load(ctx, at("u"))
	require.Error(t, err)
	require.NotErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, connect.ErrNotFound)
}
