package redisstore_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/redisstore"
	"github.com/go-gloebit/gloebit/stores/sealed"
	"github.com/go-gloebit/gloebit/storetest"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestRedisIsATokenStore(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	newEmpty := func(t *testing.T) *redisstore.Store {
		return newStore(t, redisstore.Config{Client: client, Prefix: newPrefix(t, client)})
	}
	storetest.RunTokenStore(t, func(t *testing.T) connect.TokenStore { return newEmpty(t) })
	storetest.RunUsersApart(t, func(t *testing.T) connect.TokenStore { return newEmpty(t) })
	storetest.RunUserIDs(t, func(t *testing.T) storetest.ListingStore { return newEmpty(t) })
}

func TestRedisIsAStateStore(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	storetest.RunStateStore(t, func(t *testing.T) connect.StateStore {
		return newStore(t, redisstore.Config{Client: client, Prefix: newPrefix(t, client)})
	})
}

// onThree is a store that forwards its calls to three stores in turn.
type onThree struct {
	stores []*redisstore.Store
	next   chan int
}

func (s *onThree) pick() *redisstore.Store {
	i := <-s.next
	s.next <- (i + 1) % len(s.stores)
	return s.stores[i]
}

func (s *onThree) Load(ctx context.Context, key connect.Key) (connect.Credential, error) {
	return s.pick().Load(ctx, key)
}
func (s *onThree) Update(
	ctx context.Context, key connect.Key, fn func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	return s.pick().Update(ctx, key, fn)
}
func (s *onThree) Delete(ctx context.Context, key connect.Key) error {
	return s.pick().Delete(ctx, key)
}
func (s *onThree) Put(ctx context.Context, key connect.Key, p connect.PendingConnection) error {
	return s.pick().Put(ctx, key, p)
}
func (s *onThree) Take(ctx context.Context, key connect.Key) (connect.PendingConnection, error) {
	return s.pick().Take(ctx, key)
}

func TestThreeProcessesShareOneStore(t *testing.T) {
	t.Parallel()
	newThree := func(t *testing.T) *onThree {
		stores, _ := newReplicas(t, 3, 0)
		three := &onThree{stores: stores, next: make(chan int, 1)}
		three.next <- 0
		return three
	}
	storetest.RunTokenStore(t, func(t *testing.T) connect.TokenStore { return newThree(t) })
	storetest.RunStateStore(t, func(t *testing.T) connect.StateStore { return newThree(t) })
}

func TestSealedOverRedisIsATokenStore(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	key := sealed.Key{ID: "one", Secret: "thirty-two bytes, but not random"}
	newEmpty := func(t *testing.T) *sealed.Store {
		inner := newStore(t, redisstore.Config{Client: client, Prefix: newPrefix(t, client)})
		store, err := sealed.New(inner, key)
		require.NoError(t, err)
		return store
	}
	storetest.RunTokenStore(t, func(t *testing.T) connect.TokenStore { return newEmpty(t) })
	storetest.RunUserIDs(t, func(t *testing.T) storetest.ListingStore { return newEmpty(t) })
}

func TestResealOverRedis(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	prefix := newPrefix(t, client)
	inner := newStore(t, redisstore.Config{Client: client, Prefix: prefix})
	oldKey := sealed.Key{ID: "old", Secret: "thirty-two bytes, but not random"}
	newKey := sealed.Key{ID: "new", Secret: "thirty-two bytes, newer by days."}
	before, err := sealed.New(inner, oldKey)
	require.NoError(t, err)
	require.NoError(t, before.Update(t.Context(), at("u"), returning("canary")))
	for _, key := range keysOf(t, client, prefix) {
		value, err := client.Get(t.Context(), key).Result()
		require.NoError(t, err)
		require.NotContains(t, value, "canary")
		require.NotContains(t, value, "Y2FuYXJ5", "nor in base64")
	}
	both, err := sealed.New(inner, newKey, oldKey)
	require.NoError(t, err)
	n, err := both.Reseal(t.Context(), realm)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	after, err := sealed.New(inner, newKey)
	require.NoError(t, err)
	wantToken(t, after, "u", "canary")
}

func TestInvalidConfigIsRefused(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{})
	defer client.Close()
	for name, config := range map[string]redisstore.Config{
		"no client":              {},
		"a prefix with a brace":  {Client: client, Prefix: "{shop}:"},
		"a prefix that ends one": {Client: client, Prefix: "shop}"},
		"a lease below zero":     {Client: client, Lease: -time.Second},
		"a lease too short":      {Client: client, Lease: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := redisstore.New(config)
			require.ErrorContains(t, err, "Config.")
		})
	}
	_, err := redisstore.New(redisstore.Config{Prefix: "{", Lease: -1})
	for _, field := range []string{"Client", "Prefix", "Lease"} {
		require.ErrorContains(t, err, "Config."+field)
	}
}

func TestPrefixesIsolateApplications(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	root := newPrefix(t, client)
	var stores []*redisstore.Store
	prefixes := []string{
		root + "a:", root + "a*:", root + "a?:", root + "a[b]:", root + `a\:`, root + "a:credential:", root,
	}
	for _, prefix := range prefixes {
		stores = append(stores, newStore(t, redisstore.Config{Client: client, Prefix: prefix}))
	}
	for i, store := range stores {
		require.NoError(t, store.Update(t.Context(), at("of "+prefixes[i]), returning("t")))
	}
	for i, store := range stores {
		require.Equal(t, []string{"of " + prefixes[i]}, listed(t, store))
		_, err := store.Load(t.Context(), at("of "+prefixes[(i+1)%len(prefixes)]))
		require.ErrorIs(t, err, connect.ErrNotFound)
	}
}

func TestRedisTTLMatchesExpiry(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	prefix := newPrefix(t, client)
	store := newStore(t, redisstore.Config{Client: client, Prefix: prefix})
	until := func(at time.Time) func(context.Context, *connect.Credential) (*connect.Credential, error) {
		return func(context.Context, *connect.Credential) (*connect.Credential, error) {
			return &connect.Credential{ExpiresAt: at}, nil
		}
	}
	require.NoError(t, store.Update(t.Context(), at("hour"), until(time.Now().Add(time.Hour))))
	require.NoError(t, store.Update(t.Context(), at("ever"), until(time.Time{})))
	require.NoError(t, store.Update(t.Context(), at("far"), until(time.Date(250_000, 1, 1, 0, 0, 0, 0, time.UTC))))
	require.NoError(
		t, store.Put(t.Context(), at("state"), connect.PendingConnection{ExpiresAt: time.Now().Add(time.Minute)}),
	)
	require.NoError(t, store.Update(t.Context(), at("gone"), until(time.Now().Add(-time.Hour))))
	require.NoError(t, store.Put(t.Context(), at("gone"), connect.PendingConnection{ExpiresAt: time.Now()}))
	keys := keysOf(t, client, prefix)
	require.Len(t, keys, 4, "no lock stays, and nothing that has expired: %q", keys)
	bounded := map[time.Duration]int{}
	for _, key := range keys {
		left, err := client.PTTL(t.Context(), key).Result()
		require.NoError(t, err)
		switch {
		case left < 0:
			bounded[0]++
		case left > time.Minute-patience && left <= time.Minute+time.Millisecond:
			bounded[time.Minute]++
		case left > time.Hour-patience && left <= time.Hour+time.Millisecond:
			bounded[time.Hour]++
		}
	}
	require.Equal(t, map[time.Duration]int{0: 2, time.Minute: 1, time.Hour: 1}, bounded)
}

func TestReplacedCredentialGetsNewExpiry(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	prefix := newPrefix(t, client)
	store := newStore(t, redisstore.Config{Client: client, Prefix: prefix})
	for _, until := range []time.Time{time.Now().Add(time.Minute), {}} {
		require.NoError(t, store.Update(t.Context(), at("u"), func(
			context.Context, *connect.Credential,
		) (*connect.Credential, error) {
			return &connect.Credential{ExpiresAt: until}, nil
		}))
	}
	keys := keysOf(t, client, prefix)
	require.Len(t, keys, 1)
	left, err := client.PTTL(t.Context(), keys[0]).Result()
	require.NoError(t, err)
	require.Negative(t, left, "it does not expire")
}

// TestKeyAndFieldNamesAreStable checks the names of keys and fields in Redis.
// The previous and the next version read them during an upgrade.
func TestKeyAndFieldNamesAreStable(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t, 0)
	store := newStore(t, redisstore.Config{Client: client})
	when := func(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
	want := func(key, record string) {
		t.Helper()
		got, err := client.Get(t.Context(), key).Result()
		require.NoError(t, err, key)
		require.JSONEq(t, record, got)
	}
	require.NoError(t, store.Update(t.Context(), at("u"), func(
		context.Context, *connect.Credential,
	) (*connect.Credential, error) {
		require.Equal(t, []string{"gloebit:lock:{www.gloebit.com%2Fshop:u}"}, keysOf(t, client, ""))
		return &connect.Credential{
			AccessToken: "a", RefreshToken: "r", TokenSecret: "s", TokenExpiry: when(1), Scopes: []connect.Scope{"x", "y"},
			Subject: "g", ConnectedAt: when(2), ExpiresAt: when(7_000_000_000),
		}, nil
	}))
	want("gloebit:credential:{www.gloebit.com%2Fshop:u}", `{"credential":1,
		"access_token":"YQ==", "refresh_token":"cg==", "token_secret":"cw==", "expiry":1000000,
		"scopes":["eA==","eQ=="], "subject":"Zw==", "connected_at":2000000, "until":7000000000000000}`)

	require.NoError(t, store.Put(t.Context(), at("key"), connect.PendingConnection{
		UserID: "u", Secret: "v", ReturnTo: "t", BrowserHash: "b", Scopes: []connect.Scope{"x", "y"},
		RequiredScopes: []connect.Scope{"y"},
		ExpiresAt:      when(7_000_000_000),
	}))
	want("gloebit:state:www.gloebit.com%2Fshop:key", `{"pending_connection":1, "user_id":"dQ==",
		"verifier":"dg==", "return_to":"dA==", "binding":"Yg==", "scopes":["eA==","eQ=="],
		"required":["eQ=="], "expires_at":7000000000000000}`)
}

func TestUnreadableRecordIsAnError(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	prefix := newPrefix(t, client)
	store := newStore(t, redisstore.Config{Client: client, Prefix: prefix})
	for name, record := range map[string]string{
		"not JSON": "canary", "half of it": `{"credential":1,"access_token":"Y2FuYXJ5`, "no version": `{}`,
		"a later version": `{"credential":2,"pending_connection":2,"access_token":"Y2FuYXJ5"}`,
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, store.Delete(t.Context(), at("u")), "Delete removes also what can't be read")
			require.NoError(t, store.Update(t.Context(), at("u"), returning("t")))
			for _, key := range keysOf(t, client, prefix) {
				require.NoError(t, client.Set(t.Context(), key, record, 0).Err())
			}
			_, err := store.Load(t.Context(), at("u"))
			wantUnreadable(t, err)
			wantUnreadable(t, store.Update(t.Context(), at("u"), func(
				context.Context, *connect.Credential,
			) (*connect.Credential, error) {
				t.Error("Update called fn")
				return nil, nil
			}))
			require.Len(t, keysOf(t, client, prefix), 1, "it stays, and the lock does not")
			require.Equal(t, []string{"u"}, listed(t, store), "so that loading it says why")

			require.NoError(t, client.Set(t.Context(), prefix+"state:www.gloebit.com%2Fshop:s", record, time.Minute).Err())
			_, err = store.Take(t.Context(), at("s"))
			wantUnreadable(t, err)
		})
	}
}

func wantUnreadable(t *testing.T, err error) {
	t.Helper()
	require.ErrorContains(t, err, "redisstore: ")
	require.NotErrorIs(t, err, connect.ErrNotFound)
	require.False(t, strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "Y2FuYXJ5"), "%v", err)
}

func TestPlainAtRest(t *testing.T) {
	client := redis.NewClient(&redis.Options{})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	store, err := redisstore.New(redisstore.Config{Client: client})
	require.NoError(t, err)
	require.True(t, store.PlainAtRest(), "so that gloebit.New warns")
}
