package redisstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/redisstore"
	"github.com/stretchr/testify/require"
)

// TestPausedHolderOverwritesNothing pauses a lock holder until its lease has
// expired, as a paused process does. The changes of other holders must stay.
func TestPausedHolderOverwritesNothing(t *testing.T) {
	t.Parallel()
	const lease = 50 * time.Millisecond
	for name, test := range map[string]struct {
		before    string                                           // the token that is there at first
		meanwhile func(t *testing.T, other *redisstore.Store)      // what another process does after the lease
		returns   *connect.Credential                              // what the holder returns at last
		after     func(t *testing.T, other *redisstore.Store) bool // whether the credential is as the other left it
	}{
		"when another has saved": {
			"old", saves("theirs"), &connect.Credential{AccessToken: "late"}, has("theirs"),
		},
		"when another has saved for a user who was not there": {
			"", saves("theirs"), &connect.Credential{AccessToken: "late"}, has("theirs"),
		},
		"when another has deleted": {
			"old", deletes, &connect.Credential{AccessToken: "late"}, has(""),
		},
		"when the holder would delete what another has saved": {"old", saves("theirs"), nil, has("theirs")},
		"when the value to save has expired": {
			"old", saves("theirs"), &connect.Credential{ExpiresAt: time.Unix(1, 0)}, has("theirs"),
		},
		"when no other process took the lock": {
			"old", func(*testing.T, *redisstore.Store) {}, &connect.Credential{AccessToken: "late"}, has("old"),
		},
		"when another has come and gone without saving": {
			"old", fails, &connect.Credential{AccessToken: "late"}, has("old"),
		},
		"when another has saved the same as was there, and so": {
			"old", saves("old"), &connect.Credential{AccessToken: "late"}, has("old"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stores, _ := newReplicas(t, 1, lease)
			holder, other := stores[0], newLong(t, stores[0])
			if test.before != "" {
				require.NoError(t, other.Update(t.Context(), at("u"), returning(test.before)))
			}
			err := holder.Update(t.Context(), at("u"), func(
				ctx context.Context, _ *connect.Credential,
			) (*connect.Credential, error) {
				<-ctx.Done()
				require.ErrorIs(t, context.Cause(ctx), redisstore.ErrLeaseLost)
				require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
				<-time.After(lease) // until it has ended in Redis too
				test.meanwhile(t, other)
				return test.returns, nil
			})
			require.ErrorIs(t, err, redisstore.ErrLeaseLost)
			require.True(t, test.after(t, other))
			require.NoError(t, other.Update(t.Context(), at("u"), returning("next")), "the lock is free")
			require.Eventually(t, func() bool { // its lease is short: it may need to try again
				return holder.Update(t.Context(), at("u"), returning("next")) == nil
			}, patience, time.Millisecond)
		})
	}
}

func saves(token string) func(*testing.T, *redisstore.Store) {
	return func(t *testing.T, other *redisstore.Store) {
		require.NoError(t, other.Update(t.Context(), at("u"), returning(token)))
	}
}

func deletes(t *testing.T, other *redisstore.Store) {
	require.NoError(t, other.Delete(t.Context(), at("u")))
}

func fails(t *testing.T, other *redisstore.Store) {
	no := errors.New("no")
	err := other.Update(
		t.Context(), at("u"), func(context.Context, *connect.Credential) (*connect.Credential, error) { return nil, no },
	)
	require.ErrorIs(t, err, no)
}

func has(token string) func(*testing.T, *redisstore.Store) bool {
	return func(t *testing.T, other *redisstore.Store) bool {
		credential, err := other.Load(t.Context(), at("u"))
		if token == "" {
			return errors.Is(err, connect.ErrNotFound)
		}
		return err == nil && credential.AccessToken.Reveal() == token
	}
}

func TestPausedHolderDoesNotReleaseNextLock(t *testing.T) {
	t.Parallel()
	stores, _ := newReplicas(t, 3, 50*time.Millisecond)
	patient := newLong(t, stores[1])
	held, free, finished := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	err := stores[0].Update(t.Context(), at("u"), func(
		ctx context.Context, _ *connect.Credential,
	) (*connect.Credential, error) {
		<-ctx.Done()
		<-time.After(50 * time.Millisecond)
		go func() {
			finished <- patient.Update(t.Context(), at("u"), func(
				context.Context, *connect.Credential,
			) (*connect.Credential, error) {
				close(held)
				<-free
				return &connect.Credential{AccessToken: "theirs"}, nil
			})
		}()
		<-held
		return nil, errors.New("too late")
	})
	require.ErrorContains(t, err, "too late")
	ctx, cancel := context.WithTimeout(t.Context(), aMoment)
	defer cancel()
	require.ErrorIs(
		t, stores[2].Update(ctx, at("u"), returning("third")), context.DeadlineExceeded, "the second still holds it",
	)
	close(free)
	require.NoError(t, <-finished)
	wantToken(t, stores[2], "u", "theirs")
}

// newLong is a store with the keys of another and the default lease.
func newLong(t *testing.T, short *redisstore.Store) *redisstore.Store {
	t.Helper()
	return newStore(t, redisstore.Config{Client: newClient(t), Prefix: redisstore.PrefixOf(short)})
}

func TestUpdateWithoutLockIsNotSaved(t *testing.T) {
	t.Parallel()
	stores, prefix := newReplicas(t, 1, 0)
	client := newClient(t)
	err := stores[0].Update(t.Context(), at("u"), func(context.Context, *connect.Credential) (*connect.Credential, error) {
		for _, key := range keysOf(t, client, prefix) { // like a failover to a replica without the lock
			require.NoError(t, client.Del(t.Context(), key).Err())
		}
		return &connect.Credential{AccessToken: "late"}, nil
	})
	require.ErrorIs(t, err, redisstore.ErrLeaseLost)
	require.Empty(t, keysOf(t, client, prefix))
}

func TestResultIsSavedAfterCallerCancels(t *testing.T) {
	t.Parallel()
	stores, prefix := newReplicas(t, 1, 0)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := stores[0].Update(ctx, at("u"), func(context.Context, *connect.Credential) (*connect.Credential, error) {
		cancel()
		return &connect.Credential{AccessToken: "a token that exists only once"}, nil
	})
	require.NoError(t, err)
	wantToken(t, stores[0], "u", "a token that exists only once")
	require.Len(t, keysOf(t, newClient(t), prefix), 1, "the lock is free")
}

const diesHere = "REDISSTORE_DIES" // set to the prefix in the process that dies holding a lock

// TestKilledProcessLockExpiresWithLease kills a process during its Update. No
// user waits longer than the lease, and no credential is partly written.
func TestKilledProcessLockExpiresWithLease(t *testing.T) {
	const lease = 500 * time.Millisecond
	if prefix := os.Getenv(diesHere); prefix != "" {
		store := newStore(t, redisstore.Config{Client: newClient(t), Prefix: prefix, Lease: lease})
		_ = store.Update(t.Context(), at("u"), func(context.Context, *connect.Credential) (*connect.Credential, error) {
			fmt.Println("held")
			select {} // until it is killed
		})
		return
	}
	t.Parallel()
	stores, prefix := newReplicas(t, 1, lease)
	require.NoError(t, stores[0].Update(t.Context(), at("u"), returning("before")))
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), diesHere+"="+prefix)
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "held\n", line)
	require.NoError(t, command.Process.Kill())
	_ = command.Wait()

	wantToken(t, stores[0], "u", "before")
	start := time.Now()
	require.NoError(t, stores[0].Update(t.Context(), at("u"), func(
		_ context.Context, current *connect.Credential,
	) (*connect.Credential, error) {
		require.Equal(t, connect.Secret("before"), current.AccessToken)
		return &connect.Credential{AccessToken: "after"}, nil
	}))
	require.Less(t, time.Since(start), lease+time.Second)
	wantToken(t, stores[0], "u", "after")
}
