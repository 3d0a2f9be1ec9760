package redisstore_test

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/redisstore"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

const (
	patience = 30 * time.Second
	aMoment  = 100 * time.Millisecond
)

// missing skips a test whose service is missing, or fails it where all tests
// are required.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("GLOEBIT_TEST_REQUIRE") == "all" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// redisAddress is the Redis that tests use, and may share with other programs.
func redisAddress() string {
	if address := os.Getenv("GLOEBIT_TEST_REDIS"); address != "" {
		return address
	}
	return "127.0.0.1:6379"
}

// newClient connects to the server that tests use.
func newClient(t *testing.T) *redis.Client {
	t.Helper()
	options := &redis.Options{Addr: redisAddress()}
	if strings.Contains(redisAddress(), "://") {
		var err error
		options, err = redis.ParseURL(redisAddress())
		require.NoError(t, err, "GLOEBIT_TEST_REDIS")
	}
	options.ContextTimeoutEnabled = true
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := client.Ping(ctx).Err(); err != nil {
		missing(t, "no Redis answers at %s (GLOEBIT_TEST_REDIS names another): %v", options.Addr, err)
	}
	return client
}

// newPrefix is a prefix of one test. Its keys are deleted at the end.
func newPrefix(t *testing.T, client redis.UniversalClient) string {
	t.Helper()
	prefix := "gloebit-test:" + rand.Text() + ":"
	t.Cleanup(func() { removeKeys(t, client, prefix) })
	return prefix
}

func removeKeys(t *testing.T, client redis.UniversalClient, prefix string) {
	t.Helper()
	for _, key := range keysOf(t, client, prefix) {
		require.NoError(t, client.Del(context.WithoutCancel(t.Context()), key).Err())
	}
}

func keysOf(t *testing.T, client redis.Cmdable, prefix string) (keys []string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	for cursor := uint64(0); ; {
		some, next, err := client.Scan(ctx, cursor, prefix+"*", 1000).Result()
		require.NoError(t, err)
		keys = append(keys, some...)
		if cursor = next; cursor == 0 {
			return keys
		}
	}
}

func newStore(t *testing.T, config redisstore.Config) *redisstore.Store {
	t.Helper()
	store, err := redisstore.New(config)
	require.NoError(t, err)
	return store
}

// newReplicas are stores that share a prefix, each with a client of its own, as
// processes on several machines would have.
func newReplicas(t *testing.T, n int, lease time.Duration) (stores []*redisstore.Store, prefix string) {
	t.Helper()
	prefix = newPrefix(t, newClient(t))
	for range n {
		stores = append(stores, newStore(t, redisstore.Config{Client: newClient(t), Prefix: prefix, Lease: lease}))
	}
	return stores, prefix
}

// returning is an fn that saves a credential with that access token.
func returning(token string) func(context.Context, *connect.Credential) (*connect.Credential, error) {
	return func(context.Context, *connect.Credential) (*connect.Credential, error) {
		return &connect.Credential{AccessToken: connect.Secret(token)}, nil
	}
}

func wantToken(t *testing.T, store connect.TokenStore, userID, token string) {
	t.Helper()
	credential, err := store.Load(t.Context(), at(userID))
	require.NoError(t, err)
	require.Equal(t, token, credential.AccessToken.Reveal())
}

func listed(t *testing.T, store *redisstore.Store) (users []string) {
	t.Helper()
	for userID, err := range store.UserIDs(t.Context(), realm) {
		require.NoError(t, err)
		users = append(users, userID)
	}
	return users
}
