package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-gloebit/gloebit/connect"
)

// ErrLeaseLost says that an Update was not saved: it took longer than its
// lease, and its lock has lapsed or is another's. It is also the cause with
// which the context of fn ends when the lease does. Find it with errors.Is, or
// with context.Cause.
var ErrLeaseLost = errors.New("redisstore: the lease ran out before the save")

const (
	minPoll = 5 * time.Millisecond
	maxPoll = 200 * time.Millisecond
	// saveWithin and releaseWithin bound what is tried also after the caller's
	// context has ended: what fn returned may be a token that exists only once,
	// and a lock that stays behind keeps the user waiting.
	saveWithin    = 5 * time.Second
	releaseWithin = time.Second
)

// lock is a user's lock while one Update holds it.
type lock struct {
	store *Store
	keys  []string  // of the lock and of the credential
	token string    // by which Redis knows the holder
	until time.Time // when the lease ends, on this process's clock and not after it does in Redis
}

// obtain waits until the user's lock is free or ctx ends, and returns it with
// the record that it guards, empty when there is none.
func (s *Store) obtain(ctx context.Context, key connect.Key) (held *lock, record string, err error) {
	l := &lock{
		store: s,
		keys:  []string{s.userKey(lockKey, key), s.userKey(credentialKey, key)},
		token: rand.Text(),
	}
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = minPoll, maxPoll
	for ctx.Err() == nil {
		ok, record, err := l.try(ctx)
		if err != nil {
			l.release(ctx) // it may have been taken by a call whose answer was lost
			return nil, "", failed(ctx, "take the lock of a user", err)
		}
		if ok {
			return l, record, nil
		}
		select {
		case <-time.After(pause.NextBackOff()):
		case <-ctx.Done():
		}
	}
	return nil, "", fmt.Errorf("redisstore: wait for the lock of a user: %w", ctx.Err())
}

// try takes the lock if it is free.
func (l *lock) try(ctx context.Context) (ok bool, record string, err error) {
	l.until = time.Now().Add(l.store.lease)
	answer, err := l.store.scripts.obtain.Run(ctx, l.store.client, l.keys, l.token, l.store.lease.Milliseconds()).Slice()
	if err != nil {
		return false, "", err
	}
	if len(answer) == 0 || answer[0] != int64(1) {
		return false, "", nil
	}
	if len(answer) > 1 {
		record, _ = answer[1].(string) // nil when there is none
	}
	return true, record, nil
}

// save keeps a record if the lock is still this Update's, and with an empty one
// removes what there is. Whether it is, Redis decides in the same step.
func (l *lock) save(ctx context.Context, record string, keep time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveWithin)
	defer cancel()
	saved, err := l.store.scripts.save.Run(ctx, l.store.client, l.keys, l.token, record, keep.Milliseconds()).Int()
	if err != nil {
		return failed(ctx, "save the credential", err)
	}
	if saved != 1 {
		return ErrLeaseLost
	}
	return nil
}

// release gives the lock back. That it can't is no error: the lock lapses by
// itself with the lease.
func (l *lock) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer cancel()
	_ = l.store.scripts.release.Run(ctx, l.store.client, l.keys[:1], l.token).Err()
}
