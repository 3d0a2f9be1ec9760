package sealed_test

import (
	"context"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/sealed"
	"github.com/go-gloebit/gloebit/storetest"
	"github.com/stretchr/testify/require"
)

// keyOf is a key with an ID. Keys with the same ID differ by their seed.
func keyOf(id string, seed byte) sealed.Key {
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = seed + byte(i)
	}
	return sealed.Key{ID: id, Secret: connect.Secret(secret)}
}

func newStore(t *testing.T, inner connect.TokenStore, keys ...sealed.Key) *sealed.Store {
	t.Helper()
	store, err := sealed.New(inner, keys...)
	require.NoError(t, err)
	return store
}

func save(t *testing.T, store connect.TokenStore, userID string, c connect.Credential) {
	t.Helper()
	require.NoError(t, store.Update(t.Context(), at(userID), func(
		context.Context, *connect.Credential,
	) (*connect.Credential, error) {
		return &c, nil
	}))
}

func load(t *testing.T, store connect.TokenStore, userID string) connect.Credential {
	t.Helper()
	c, err := store.Load(t.Context(), at(userID))
	require.NoError(t, err)
	return c
}

// wantUnopened fails unless Load and Update return that error, which names the
// key and contains no part of a token.
func wantUnopened(t *testing.T, store connect.TokenStore, key connect.Key, want error, keyID string) {
	t.Helper()
	c, err := store.Load(t.Context(), key)
	require.ErrorIs(t, err, want)
	require.NotErrorIs(t, err, connect.ErrNotFound)
	require.ErrorContains(t, err, keyID)
	require.NotContains(t, err.Error(), "canary")
	require.Zero(t, c)
	err = store.Update(t.Context(), key, func(context.Context, *connect.Credential) (*connect.Credential, error) {
		t.Error("Update called fn with a credential that does not open")
		return nil, nil
	})
	require.ErrorIs(t, err, want)
	require.ErrorContains(t, err, keyID)
}

func secretsOf(c connect.Credential) map[string]string {
	return map[string]string{
		"AccessToken": c.AccessToken.Reveal(), "RefreshToken": c.RefreshToken.Reveal(), "TokenSecret": c.TokenSecret.Reveal(),
	}
}

var canary = connect.Credential{
	AccessToken: "canary-access", RefreshToken: "canary-refresh", TokenSecret: "canary-secret", Subject: "g",
}

func TestSealedOverMemoryIsATokenStore(t *testing.T) {
	newEmpty := func(t *testing.T) connect.TokenStore {
		return newStore(t, &connect.MemoryTokenStore{}, keyOf("one", 1), keyOf("two", 2))
	}
	storetest.RunTokenStore(t, newEmpty)
	storetest.RunUsersApart(t, newEmpty)
	storetest.RunUserIDs(t, func(t *testing.T) storetest.ListingStore { return newEmpty(t).(*sealed.Store) })
}

func TestSealedTwiceIsATokenStore(t *testing.T) {
	storetest.RunTokenStore(t, func(t *testing.T) connect.TokenStore {
		return newStore(t, newStore(t, &connect.MemoryTokenStore{}, keyOf("inner", 1)), keyOf("outer", 2))
	})
}

func TestSecurity25TokensAreNotReadableAtRest(t *testing.T) {
	inner := &connect.MemoryTokenStore{}
	store := newStore(t, inner, keyOf("k-1", 1))
	save(t, store, "u", canary)
	first := secretsOf(load(t, inner, "u"))
	for name, value := range first {
		require.True(t, strings.HasPrefix(value, "sealed:v1:k-1:"), name)
		require.NotContains(t, value, "canary", name)
	}
	require.Equal(t, "g", load(t, inner, "u").Subject, "other fields stay readable")
	require.Equal(t, canary, load(t, store, "u"))

	save(t, store, "u", canary)
	for name, value := range secretsOf(load(t, inner, "u")) {
		require.NotEqual(t, first[name], value, "a nonce was used again for "+name)
	}
}

func TestOnlyEmptyAccessTokenIsSealed(t *testing.T) {
	inner := &connect.MemoryTokenStore{}
	store := newStore(t, inner, keyOf("k", 1))
	save(t, store, "u", connect.Credential{})
	stored := load(t, inner, "u")
	require.NotEmpty(t, stored.AccessToken, "an unsealed credential could be another user's")
	require.Empty(t, stored.RefreshToken)
	require.Empty(t, stored.TokenSecret)
	require.Equal(t, connect.Credential{}, load(t, store, "u"))
}
