package cached_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/cached"
	"github.com/go-gloebit/gloebit/storetest"
	"github.com/stretchr/testify/require"
)

// counted is a store that counts its loads, and calls a function in each.
type counted struct {
	connect.MemoryTokenStore
	loads  int
	during func()
	err    error
}

func (c *counted) Load(ctx context.Context, key connect.Key) (connect.Credential, error) {
	c.loads++
	credential, err := c.MemoryTokenStore.Load(ctx, key)
	if c.during != nil {
		c.during()
	}
	return credential, errors.Join(err, c.err)
}

// newStore returns a cache of a counted store in which alice has the token
// "old", and a function that advances its clock.
func newStore(t *testing.T, config cached.Config) (store *cached.Store, inner *counted, advance func(time.Duration)) {
	t.Helper()
	now := time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC)
	config.Clock = func() time.Time { return now }
	inner = &counted{}
	inner.Clock = config.Clock
	store, err := cached.New(inner, config)
	require.NoError(t, err)
	require.NoError(t, inner.Update(t.Context(), at("alice"), returning(&connect.Credential{AccessToken: "old"})))
	return store, inner, func(d time.Duration) { now = now.Add(d) }
}

func returning(c *connect.Credential) func(context.Context, *connect.Credential) (*connect.Credential, error) {
	return func(context.Context, *connect.Credential) (*connect.Credential, error) { return c, nil }
}

func token(t *testing.T, store connect.TokenStore) connect.Secret {
	t.Helper()
	credential, err := store.Load(t.Context(), at("alice"))
	require.NoError(t, err)
	return credential.AccessToken
}

func TestConformance(t *testing.T) {
	newEmpty := func(t *testing.T) *cached.Store {
		store, err := cached.New(&connect.MemoryTokenStore{}, cached.Config{MaxAge: time.Hour})
		require.NoError(t, err)
		return store
	}
	storetest.RunTokenStore(t, func(t *testing.T) connect.TokenStore { return newEmpty(t) })
	storetest.RunUserIDs(t, func(t *testing.T) storetest.ListingStore { return newEmpty(t) })
}

func TestCredentialIsCachedForMaxAge(t *testing.T) {
	store, inner, advance := newStore(t, cached.Config{MaxAge: time.Second})
	for range 3 {
		require.EqualValues(t, "old", token(t, store))
	}
	require.Equal(t, 1, inner.loads)

	require.NoError(t, inner.Delete(t.Context(), at("alice")), "on another machine")
	advance(time.Second - 1)
	require.EqualValues(t, "old", token(t, store), "still")
	advance(1)
	_, err := store.Load(t.Context(), at("alice"))
	require.ErrorIs(t, err, connect.ErrNotFound)
}

func TestChangesThroughCacheAreVisible(t *testing.T) {
	for name, c := range map[string]struct {
		change func(context.Context, connect.TokenStore) error
		left   connect.Secret
	}{
		"an update": {func(ctx context.Context, s connect.TokenStore) error {
			return s.Update(ctx, at("alice"), returning(&connect.Credential{AccessToken: "new"}))
		}, "new"},
		"a removal": {func(ctx context.Context, s connect.TokenStore) error {
			return s.Update(ctx, at("alice"), returning(nil))
		}, ""},
		"a delete": {func(ctx context.Context, s connect.TokenStore) error { return s.Delete(ctx, at("alice")) }, ""},
	} {
		for _, when := range []string{"after a load", "while one runs"} {
			t.Run(name+" "+when, func(t *testing.T) {
				store, inner, _ := newStore(t, cached.Config{MaxAge: time.Hour})
				if when == "while one runs" { // which has read the old one already
					inner.during = func() { inner.during = nil; require.NoError(t, c.change(t.Context(), store)) }
				}
				require.EqualValues(t, "old", token(t, store))
				if when == "after a load" {
					require.NoError(t, c.change(t.Context(), store))
				}
				credential, err := store.Load(t.Context(), at("alice"))
				require.Equal(t, c.left, credential.AccessToken)
				require.Equal(t, c.left == "", errors.Is(err, connect.ErrNotFound))
			})
		}
	}
}

func TestFailedUpdateInvalidatesCache(t *testing.T) {
	store, inner, _ := newStore(t, cached.Config{MaxAge: time.Hour})
	require.EqualValues(t, "old", token(t, store))
	require.NoError(
		t, inner.Update(t.Context(), at("alice"), returning(&connect.Credential{AccessToken: "new"})), "on another machine",
	)
	down := errors.New("the database is down")
	require.ErrorIs(t, store.Update(t.Context(), at("alice"), func(
		_ context.Context, current *connect.Credential,
	) (*connect.Credential, error) {
		require.EqualValues(t, "new", current.AccessToken)
		return nil, down
	}), down)
	require.EqualValues(t, "new", token(t, store))
}

func TestAbsenceAndErrorsAreNotCached(t *testing.T) {
	store, inner, _ := newStore(t, cached.Config{MaxAge: time.Hour})
	inner.err = errors.New("the database is down")
	_, err := store.Load(t.Context(), at("alice"))
	require.ErrorIs(t, err, inner.err)
	inner.err = nil
	require.EqualValues(t, "old", token(t, store))

	_, err = store.Load(t.Context(), at("bob"))
	require.ErrorIs(t, err, connect.ErrNotFound)
	require.NoError(
		t, inner.Update(t.Context(), at("bob"), returning(&connect.Credential{AccessToken: "new"})), "on another machine",
	)
	_, err = store.Load(t.Context(), at("bob"))
	require.NoError(t, err)
}

func TestTheCacheIsBounded(t *testing.T) {
	store, inner, _ := newStore(t, cached.Config{MaxAge: time.Hour, Capacity: 10})
	const users = 100
	for i := range users {
		require.NoError(t, inner.Update(t.Context(), at(fmt.Sprint(i)), returning(&connect.Credential{AccessToken: "t"})))
		_, err := store.Load(t.Context(), at(fmt.Sprint(i)))
		require.NoError(t, err)
	}
	inner.loads = 0
	for i := range users {
		_, err := store.Load(t.Context(), at(fmt.Sprint(i)))
		require.NoError(t, err)
	}
	require.GreaterOrEqual(t, inner.loads, users-10)
}

func TestNewNamesInvalidFields(t *testing.T) {
	for name, c := range map[string]struct {
		store  connect.TokenStore
		config cached.Config
		want   string
	}{
		"no store":            {nil, cached.Config{MaxAge: 1}, "nil"},
		"no age":              {&counted{}, cached.Config{}, "MaxAge"},
		"a negative capacity": {&counted{}, cached.Config{MaxAge: 1, Capacity: -1}, "Capacity"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cached.New(c.store, c.config)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// plain is a store whose backups contain plain tokens.
type plain struct{ connect.MemoryTokenStore }

func (*plain) PlainAtRest() bool { return true }

func TestPlainAtRestComesFromInnerStore(t *testing.T) {
	for want, inner := range map[bool]connect.TokenStore{true: &plain{}, false: &connect.MemoryTokenStore{}} {
		store, err := cached.New(inner, cached.Config{MaxAge: 1})
		require.NoError(t, err)
		require.Equal(t, want, store.PlainAtRest())
	}
}

func TestAStoreDoesNotPrintItsTokens(t *testing.T) {
	store, _, _ := newStore(t, cached.Config{MaxAge: time.Hour})
	token(t, store)
	require.Equal(t, "cached.Store", fmt.Sprintf("%#v", store))
}

func TestCredentialAgeStartsBeforeLoad(t *testing.T) {
	store, inner, advance := newStore(t, cached.Config{MaxAge: 2 * time.Second})
	inner.during = func() { advance(20 * time.Second) } // it has been read, and is slow to come
	require.EqualValues(t, "old", token(t, store))
	require.NoError(t, inner.Delete(t.Context(), at("alice")), "on another machine")
	_, err := store.Load(t.Context(), at("alice"))
	require.ErrorIs(t, err, connect.ErrNotFound)
}

// slow is a store whose Delete first calls a function.
type slow struct {
	connect.MemoryTokenStore
	before func()
}

func (s *slow) Delete(ctx context.Context, key connect.Key) error {
	s.before()
	return s.MemoryTokenStore.Delete(ctx, key)
}

func TestLoadDuringDeleteIsNotCached(t *testing.T) {
	inner := &slow{}
	store, err := cached.New(inner, cached.Config{MaxAge: time.Hour})
	require.NoError(t, err)
	require.NoError(t, store.Update(t.Context(), at("alice"), returning(&connect.Credential{AccessToken: "old"})))
	inner.before = func() { require.EqualValues(t, "old", token(t, store), "not deleted yet") }
	require.NoError(t, store.Delete(t.Context(), at("alice")))
	_, err = store.Load(t.Context(), at("alice"))
	require.ErrorIs(t, err, connect.ErrNotFound)
}
