package redisstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/redisstore"
	"github.com/stretchr/testify/require"
)

func TestExpiryFollowsClock(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	now := time.Date(2013, 7, 1, 0, 0, 0, 0, time.UTC)
	store := newStore(t, redisstore.Config{
		Client: client, Prefix: newPrefix(t, client), Clock: func() time.Time { return now },
	})
	until := now.Add(time.Hour)
	save := func(userID string) {
		require.NoError(t, store.Update(t.Context(), at(userID), func(
			context.Context, *connect.Credential,
		) (*connect.Credential, error) {
			return &connect.Credential{ExpiresAt: until}, nil
		}))
		require.NoError(t, store.Put(t.Context(), at(userID), connect.PendingConnection{ExpiresAt: until}))
	}
	now = until.Add(-time.Minute)
	save("early")
	now = until
	save("late")
	_, err := store.Load(t.Context(), at("early"))
	require.NoError(t, err)
	require.Equal(t, []string{"early"}, listed(t, store))
	_, err = store.Take(t.Context(), at("early"))
	require.NoError(t, err)
	_, err = store.Load(t.Context(), at("late"))
	require.ErrorIs(t, err, connect.ErrNotFound)
	_, err = store.Take(t.Context(), at("late"))
	require.ErrorIs(t, err, connect.ErrNotFound)
}

func TestValueExpiringDuringSaveIsNotStored(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	prefix := newPrefix(t, client)
	now := time.Now()
	store := newStore(t, redisstore.Config{Client: client, Prefix: prefix, Clock: func() time.Time {
		now = now.Add(time.Hour) // so that time passes between two looks at the clock
		return now
	}})
	until := now.Add(90 * time.Minute)
	require.NoError(t, store.Update(t.Context(), at("u"), func(
		context.Context, *connect.Credential,
	) (*connect.Credential, error) {
		return &connect.Credential{ExpiresAt: until}, nil
	}))
	until = now.Add(90 * time.Minute)
	require.NoError(t, store.Put(t.Context(), at("s"), connect.PendingConnection{ExpiresAt: until}))
	require.Eventually(t, func() bool { return len(keysOf(t, client, prefix)) == 0 }, patience, time.Millisecond)
}
