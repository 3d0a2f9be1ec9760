package sealed_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/sealed"
	"github.com/stretchr/testify/require"
)

func TestSecurity25OldKeysStillOpen(t *testing.T) {
	inner := &connect.MemoryTokenStore{}
	oldKey, newKey := keyOf("old", 1), keyOf("new", 2)
	before := newStore(t, inner, oldKey)
	for i := range 20 {
		save(
			t, before, fmt.Sprint(i),
			connect.Credential{AccessToken: connect.Secret(fmt.Sprint("token ", i)), RefreshToken: "r"},
		)
	}
	both := newStore(t, inner, newKey, oldKey)
	require.Equal(t, connect.Secret("token 3"), load(t, both, "3").AccessToken, "all keys open")
	save(t, both, "3", load(t, both, "3"))
	require.True(t, strings.HasPrefix(load(t, inner, "3").AccessToken.Reveal(), "sealed:v1:new:"), "the first seals")
	wantUnopened(t, newStore(t, inner, newKey), at("4"), sealed.ErrUnknownKey, `"old"`)

	n, err := both.Reseal(t.Context(), realm)
	require.NoError(t, err)
	require.Equal(t, 19, n, "values of the first key are not resealed")
	n, err = both.Reseal(t.Context(), realm)
	require.NoError(t, err)
	require.Zero(t, n)

	after := newStore(t, inner, newKey)
	for i := range 20 {
		require.Equal(
			t, connect.Credential{AccessToken: connect.Secret(fmt.Sprint("token ", i)), RefreshToken: "r"},
			load(t, after, fmt.Sprint(i)),
		)
	}
}

func TestResealSealsRemainingField(t *testing.T) {
	inner := &connect.MemoryTokenStore{}
	oldKey, newKey := keyOf("old", 1), keyOf("new", 2)
	save(t, newStore(t, inner, oldKey), "u", canary)
	mixed := load(t, inner, "u")
	save(t, newStore(t, inner, newKey), "fresh", canary)
	both := newStore(t, inner, newKey, oldKey)
	save(t, both, "u", canary)
	fresh := load(t, inner, "u")
	fresh.TokenSecret = mixed.TokenSecret // as it was sealed before
	save(t, inner, "u", fresh)
	n, err := both.Reseal(t.Context(), realm)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, canary, load(t, newStore(t, inner, newKey), "u"))
}

func TestResealSealsPlainCredentialsOnlyInMigration(t *testing.T) {
	inner := &connect.MemoryTokenStore{}
	save(t, inner, "u", canary)
	key := keyOf("k", 1)
	n, err := newStore(t, inner, key).Reseal(t.Context(), realm)
	require.Zero(t, n)
	require.ErrorIs(t, err, sealed.ErrNotSealed)
	require.ErrorContains(t, err, `"u"`)

	moving, err := sealed.NewInsecureAcceptPlain(inner, key)
	require.NoError(t, err)
	n, err = moving.Reseal(t.Context(), realm)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, canary, load(t, newStore(t, inner, key), "u"))
}

func TestResealContinuesAfterUnopenedCredentials(t *testing.T) {
	inner := &connect.MemoryTokenStore{}
	lost, oldKey, newKey := keyOf("lost", 3), keyOf("old", 1), keyOf("new", 2)
	for i := range 15 {
		save(t, newStore(t, inner, lost), fmt.Sprint("lost ", i), canary)
		save(t, newStore(t, inner, oldKey), fmt.Sprint("user ", i), canary)
	}
	save(t, newStore(t, inner, keyOf("new", 9)), "of a key of the same id", canary)
	store := newStore(t, inner, newKey, oldKey)
	n, err := store.Reseal(t.Context(), realm)
	require.Equal(t, 15, n)
	require.ErrorIs(t, err, sealed.ErrUnknownKey)
	require.ErrorContains(t, err, `"lost"`)
	require.ErrorContains(t, err, "and 6 more users")
	require.Equal(t, canary, load(t, newStore(t, inner, newKey), "user 7"))
	require.Equal(t, canary, load(t, newStore(t, inner, lost), "lost 7"), "unopened values are not changed")
	require.NotContains(t, err.Error(), "canary")
}

func TestResealStopsOnContextOrStoreError(t *testing.T) {
	inner := &connect.MemoryTokenStore{}
	for _, userID := range []string{"u", "v", "w"} {
		save(t, newStore(t, inner, keyOf("old", 1)), userID, canary)
	}
	store := newStore(t, inner, keyOf("new", 2), keyOf("old", 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n, err := store.Reseal(ctx, realm)
	require.Zero(t, n)
	require.ErrorIs(t, err, context.Canceled)

	broken := &unsavable{MemoryTokenStore: inner}
	n, err = newStore(t, broken, keyOf("new", 2), keyOf("old", 1)).Reseal(t.Context(), realm)
	require.Zero(t, n)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 1, broken.updates, "the first error of the store is the last")
}

// unsavable is a store that has users but can't save.
type unsavable struct {
	*connect.MemoryTokenStore
	updates int
}

func (s *unsavable) Update(
	context.Context, connect.Key, func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	s.updates++
	return context.DeadlineExceeded
}
