package redisstore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/redisstore"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// asked is one run of a script.
type asked struct {
	answered time.Time
	within   time.Duration // what its context had left, or 0 without a deadline
}

// asking records the scripts that a client runs.
type asking struct {
	mu  sync.Mutex
	all []asked
}

func newAsking(client *redis.Client) *asking {
	a := &asking{}
	client.AddHook(hook(func(next redis.ProcessHook) redis.ProcessHook {
		return func(ctx context.Context, command redis.Cmder) error {
			var one asked
			if deadline, ok := ctx.Deadline(); ok {
				one.within = time.Until(deadline)
			}
			err := next(ctx, command)
			if command.Name() == "evalsha" {
				one.answered = time.Now()
				a.mu.Lock()
				defer a.mu.Unlock()
				a.all = append(a.all, one)
			}
			return err
		}
	}))
	return a
}

func (a *asking) sofar() []asked {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all[:len(a.all):len(a.all)]
}

func TestFnContextEndsWithLease(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	prefix := newPrefix(t, client)
	asks := newAsking(client)
	waiting := newStore(t, redisstore.Config{Client: client, Prefix: prefix})
	other := newStore(t, redisstore.Config{Client: newClient(t), Prefix: prefix})
	var deadline time.Time
	var before, last asked
	finished := make(chan error, 1)
	require.NoError(t, other.Update(t.Context(), at("u"), func(
		context.Context, *connect.Credential,
	) (*connect.Credential, error) {
		go func() {
			finished <- waiting.Update(t.Context(), at("u"), func(
				ctx context.Context, _ *connect.Credential,
			) (*connect.Credential, error) {
				deadline, _ = ctx.Deadline()
				all := asks.sofar()
				before, last = all[len(all)-2], all[len(all)-1]
				return nil, nil
			})
		}()
		require.Eventually(t, func() bool { return len(asks.sofar()) > 2 }, patience, time.Millisecond)
		return nil, nil
	}))
	require.NoError(t, <-finished)
	require.False(t, deadline.After(last.answered.Add(30*time.Second)), "in Redis the lease began before the answer")
	require.True(t, deadline.After(before.answered.Add(30*time.Second)), "the wait is not part of the lease")
}

func TestWaitersPollRedisWithPauses(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	prefix := newPrefix(t, client)
	asks := newAsking(client)
	waiting := newStore(t, redisstore.Config{Client: client, Prefix: prefix})
	other := newStore(t, redisstore.Config{Client: newClient(t), Prefix: prefix})
	require.NoError(t, other.Update(t.Context(), at("u"), func(
		context.Context, *connect.Credential,
	) (*connect.Credential, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*aMoment)
		defer cancel()
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() { _ = waiting.Delete(ctx, at("u")) })
		}
		group.Wait()
		return nil, nil
	}))
	times := len(asks.sofar())
	require.Greater(t, times, 3, "a waiter polls again soon")
	require.Less(t, times, 60, "but with pauses, and one waiter at a time")
}

func TestSavingAndUnlockingHaveTimeouts(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	asks := newAsking(client)
	store := newStore(t, redisstore.Config{Client: client, Prefix: newPrefix(t, client)})
	for _, call := range []func(context.Context) error{
		func(ctx context.Context) error { return store.Update(ctx, at("u"), returning("t")) },
		func(ctx context.Context) error { return store.Delete(ctx, at("u")) },
	} {
		require.NoError(t, call(context.WithoutCancel(t.Context())))
		all := asks.sofar()
		save, free := all[len(all)-2].within, all[len(all)-1].within
		require.True(t, 0 < save && save <= 5*time.Second, "%v to save", save)
		require.True(t, 0 < free && free <= time.Second, "%v to free the lock", free)
	}
}

func TestLostDeleteReturnsError(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	store := newStore(t, redisstore.Config{Client: client, Prefix: newPrefix(t, client)})
	require.NoError(t, store.Update(t.Context(), at("u"), returning("stays")))
	scripts, lost := 0, errors.New("lost on the way")
	client.AddHook(hook(func(next redis.ProcessHook) redis.ProcessHook {
		return func(ctx context.Context, command redis.Cmder) error {
			if command.Name() == "evalsha" {
				if scripts++; scripts == 2 { // after the lock
					command.SetErr(lost)
					return lost
				}
			}
			return next(ctx, command)
		}
	}))
	require.ErrorIs(t, store.Delete(t.Context(), at("u")), lost)
	wantToken(t, store, "u", "stays")
}
