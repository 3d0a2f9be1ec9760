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

// ErrLeaseLost is returned by Update when it took longer than its lease and its
// lock has expired or is held by another process. Nothing was saved. It is also
// the cause of fn's context (see context.Cause) when the lease ends.
var ErrLeaseLost = errors.New("redisstore: the lease ran out before the save")

const (
	minPoll = 5 * time.Millisecond
	maxPoll = 200 * time.Millisecond
	// saveWithin and releaseWithin limit what runs even after the caller's
	// context has ended. The save must, because fn may have returned a token
	// that exists nowhere else, and the release, because the user would
	// otherwise wait for the lease.
	saveWithin    = 5 * time.Second
	releaseWithin = time.Second
)

// lock is a user's lock while an Update holds it.
type lock struct {
	store *Store
	keys  []string  // of the lock and of the credential
	token string    // identifies the holder in Redis
	until time.Time // when the lease ends on this process's clock; never later than in Redis
}

// obtain waits until it holds the user's lock or ctx ends. It also returns the
// user's record, which is empty if there is none.
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
			l.release(ctx) // a call whose response was lost may have taken the lock
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
		record, _ = answer[1].(string) // nil if there is none
	}
	return true, record, nil
}

// save stores a record, or removes it if record is empty, provided that this
// Update still holds the lock. One script checks and saves.
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

// release releases the lock. It ignores an error, because the lock expires with
// its lease.
func (l *lock) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer cancel()
	_ = l.store.scripts.release.Run(ctx, l.store.client, l.keys[:1], l.token).Err()
}
