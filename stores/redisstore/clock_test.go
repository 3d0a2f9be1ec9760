package redisstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/stores/redisstore"
	"github.com/stretchr/testify/require"
)

func TestTheClockSaysWhenThingsLapse(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	now := time.Date(2013, 7, 1, 0, 0, 0, 0, time.UTC)
	store := newStore(t, redisstore.Config{Client: client, Prefix: newPrefix(t, client), Clock: func() time.Time { return now }})
	until := now.Add(time.Hour)
	require.NoError(t, store.Update(t.Context(), "u", func(context.Context, *gloebit.Credential) (*gloebit.Credential, error) {
		return &gloebit.Credential{Until: until}, nil
	}))
	for _, key := range []string{"early", "late"} {
		require.NoError(t, store.Put(t.Context(), key, gloebit.PendingConnection{ExpiresAt: until}))
	}
	now = until.Add(-1)
	_, err := store.Load(t.Context(), "u")
	require.NoError(t, err)
	_, err = store.Take(t.Context(), "early")
	require.NoError(t, err)
	now = until
	_, err = store.Load(t.Context(), "u")
	require.ErrorIs(t, err, gloebit.ErrNotFound)
	_, err = store.Take(t.Context(), "late")
	require.ErrorIs(t, err, gloebit.ErrNotFound)
}
