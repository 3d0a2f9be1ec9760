package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/redis/go-redis/v9"
)

// Load implements [connect.TokenStore].
func (s *Store) Load(ctx context.Context, key connect.Key) (connect.Credential, error) {
	if err := ctx.Err(); err != nil {
		return connect.Credential{}, err
	}
	record, err := s.client.Get(ctx, s.userKey(credentialKey, key)).Bytes()
	if errors.Is(err, redis.Nil) {
		return connect.Credential{}, connect.ErrNotFound
	}
	if err != nil {
		return connect.Credential{}, failed(ctx, "load the credential", err)
	}
	credential, err := connect.DecodeCredential(record)
	if err != nil {
		return connect.Credential{}, fmt.Errorf("redisstore: load the credential: %w", err)
	}
	return credential, nil
}

// Update implements [connect.TokenStore]. Until ctx ends, it waits first for
// other goroutines of this process, and then for the lock in Redis, which it
// polls at growing intervals of up to 300 milliseconds. fn's context ends with
// the lease. If fn returns later and another process may have taken the lock,
// Update returns [ErrLeaseLost]. What fn returns is saved even if ctx has ended
// since: saving may take five seconds, and releasing the lock one.
func (s *Store) Update(
	ctx context.Context, key connect.Key, fn func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	return s.alone(ctx, key, func(held *lock, record string) error {
		current, err := credential(record)
		if err != nil {
			return err
		}
		within, cancel := context.WithDeadlineCause(ctx, held.until, ErrLeaseLost)
		defer cancel()
		next, err := fn(within, current)
		if err != nil {
			return err
		}
		if next == nil || s.expired(next.ExpiresAt) {
			return held.save(ctx, "", 0)
		}
		saved, err := connect.EncodeCredential(*next)
		if err != nil {
			return err
		}
		return held.save(ctx, string(saved), s.keep(next.ExpiresAt))
	})
}

// Delete implements [connect.TokenStore]. It waits like Update, and also
// removes a record that can't be read.
func (s *Store) Delete(ctx context.Context, key connect.Key) error {
	return s.alone(ctx, key, func(held *lock, _ string) error { return held.save(ctx, "", 0) })
}

// credential decodes a record. It returns nil for an empty one.
func credential(record string) (*connect.Credential, error) {
	if record == "" {
		return nil, nil
	}
	credential, err := connect.DecodeCredential([]byte(record))
	if err != nil {
		return nil, fmt.Errorf("redisstore: load the credential: %w", err)
	}
	return &credential, nil
}

// alone calls fn with the user's lock and record, and always releases the lock.
func (s *Store) alone(ctx context.Context, key connect.Key, fn func(held *lock, record string) error) error {
	leave, err := s.locks.Lock(ctx, key.Realm+"\x00"+key.ID)
	if err != nil {
		return err
	}
	defer leave()
	held, record, err := s.obtain(ctx, key)
	if err != nil {
		return err
	}
	defer held.release(ctx)
	return fn(held, record)
}
