package keylock_test

import (
	"context"
	"sync"
	"testing"

	"github.com/go-gloebit/gloebit/internal/keylock"
	"github.com/stretchr/testify/require"
)

func TestLockExcludesOthers(t *testing.T) {
	var all keylock.Locks
	var group sync.WaitGroup
	counted := 0 // guarded by the lock alone
	for range 100 {
		group.Go(func() {
			release, err := all.Lock(t.Context(), "one")
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			counted++
		})
	}
	group.Wait()
	require.Equal(t, 100, counted)
	require.Zero(t, all.Len(), "nothing is left behind")
}

func TestKeysLockSeparately(t *testing.T) {
	var all keylock.Locks
	one, err := all.Lock(t.Context(), "one")
	require.NoError(t, err)
	two, err := all.Lock(t.Context(), "two")
	require.NoError(t, err)
	require.Equal(t, 2, all.Len())
	one()
	two()
	require.Zero(t, all.Len())
}

func TestLockEndsWithItsContext(t *testing.T) {
	var all keylock.Locks
	release, err := all.Lock(t.Context(), "one")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	_, err = all.Lock(ctx, "one")
	require.ErrorIs(t, err, context.Canceled)
	release()
	for range 100 { // a free lock must not go to a context that has ended
		_, err = all.Lock(ctx, "one")
		require.ErrorIs(t, err, context.Canceled)
	}
	require.Zero(t, all.Len())
}
