package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/redisstore"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// hook wraps every command that is not in a pipeline.
type hook func(next redis.ProcessHook) redis.ProcessHook

func (h hook) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (h hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return h(next) }
func (h hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func TestRepeatedScriptsAreIdempotent(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	prefix := newPrefix(t, client)
	store := newStore(t, redisstore.Config{Client: client, Prefix: prefix})
	require.NoError(t, store.Update(t.Context(), at("warm"), returning("up"))) // the server knows the scripts
	sent := map[string]int{}
	client.AddHook(hook(func(next redis.ProcessHook) redis.ProcessHook {
		return func(ctx context.Context, command redis.Cmder) error {
			err := next(ctx, command)
			if command.Name() != "evalsha" || err != nil {
				return err
			}
			sent[fmt.Sprint(command.Args()[1])]++
			return next(ctx, command) // as go-redis does when it got no answer
		}
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // far less than the lease
	defer cancel()
	require.NoError(t, store.Update(ctx, at("u"), returning("one")))
	require.Len(t, sent, 3, "take, save and free")
	wantToken(t, store, "u", "one")
	require.NoError(t, store.Delete(ctx, at("u")))
	require.Len(t, keysOf(t, client, prefix), 1, "only the other user's credential: no lock stays")
}

func TestLockOfLostCallIsReleased(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	prefix := newPrefix(t, client)
	store := newStore(t, redisstore.Config{Client: client, Prefix: prefix})
	require.NoError(t, store.Update(t.Context(), at("warm"), returning("up")))
	left := 1
	client.AddHook(hook(func(next redis.ProcessHook) redis.ProcessHook {
		return func(ctx context.Context, command redis.Cmder) error {
			err := next(ctx, command)
			if err == nil && left > 0 && command.Name() == "evalsha" {
				left--
				err = errors.New("the answer was lost")
				command.SetErr(err)
			}
			return err
		}
	}))
	err := store.Update(t.Context(), at("u"), func(context.Context, *connect.Credential) (*connect.Credential, error) {
		t.Error("Update called fn")
		return nil, nil
	})
	require.ErrorContains(t, err, "the answer was lost")
	require.Len(t, keysOf(t, client, prefix), 1, "only the other user's credential")
}

// changeScans changes which keys the server names.
func changeScans(client *redis.Client, change func(keys []string) []string) {
	client.AddHook(hook(func(next redis.ProcessHook) redis.ProcessHook {
		return func(ctx context.Context, command redis.Cmder) error {
			err := next(ctx, command)
			if scan, ok := command.(*redis.ScanCmd); ok {
				keys, cursor := scan.Val()
				scan.SetVal(change(keys), cursor)
			}
			return err
		}
	}))
}

func TestDuplicateScanResultIsListedOnce(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	store := newStore(t, redisstore.Config{Client: client, Prefix: newPrefix(t, client)})
	require.NoError(t, store.Update(t.Context(), at("u"), returning("one")))
	changeScans(client, func(keys []string) []string { return append(keys, keys...) })
	require.Equal(t, []string{"u"}, listed(t, store))
}

// TestUserWithUnreadableCredentialIsListed checks a property that resealing
// relies on: a user who is omitted without an error keeps the old key.
func TestUserWithUnreadableCredentialIsListed(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t, 0)
	store := newStore(t, redisstore.Config{Client: client})
	require.NoError(t, store.Update(t.Context(), at("u"), returning("one")))
	require.NoError(
		t, client.LPush(t.Context(), "gloebit:credential:{www.gloebit.com%2Fshop:other}", "no credential").Err(),
	)
	require.ElementsMatch(t, []string{"u", "other"}, listed(t, store))
	_, err := store.Load(t.Context(), at("other"))
	require.ErrorContains(t, err, "WRONGTYPE")
}
