package connect

import (
	"context"
	"errors"
	"time"
)

// checkedTokens wraps Config.Tokens with the checks that a TokenStore need not
// make. It refuses keys and credentials that a store need not accept, and
// treats an expired credential as absent even if the store still has it.
type checkedTokens struct {
	store TokenStore
	clock func() time.Time
}

func (s checkedTokens) expired(c *Credential) bool {
	return !c.ExpiresAt.IsZero() && !s.clock().Before(c.ExpiresAt)
}

// Load sets credential to the result of [TokenStore].Load, or to nothing if it
// returns an error. The error is ErrNotFound for an expired credential.
func (s checkedTokens) Load(ctx context.Context, key Key, credential *Credential) error {
	var err error
	if memory, ok := s.store.(*MemoryTokenStore); ok {
		err = memory.loadChecked(ctx, key, credential)
	} else if err = key.checkID(); err == nil {
		*credential, err = s.store.Load(ctx, key)
	}
	if err == nil && s.expired(credential) {
		err = ErrNotFound
	}
	if err != nil {
		*credential = Credential{}
	}
	return err
}

// Update is [TokenStore].Update. It passes nil to fn for an expired credential,
// and saves no credential that [Credential.Check] refuses.
func (s checkedTokens) Update(
	ctx context.Context, key Key, fn func(context.Context, *Credential) (*Credential, error),
) error {
	if err := key.checkID(); err != nil {
		return err
	}
	return s.store.Update(ctx, key, func(ctx context.Context, current *Credential) (*Credential, error) {
		if current != nil && s.expired(current) {
			current = nil
		}
		next, err := fn(ctx, current)
		if next == nil || err != nil {
			return nil, err
		}
		if err := next.Check(); err != nil {
			return nil, err
		}
		return next, nil
	})
}

// Delete is [TokenStore].Delete.
func (s checkedTokens) Delete(ctx context.Context, key Key) error {
	if err := key.checkID(); err != nil {
		return err
	}
	return s.store.Delete(ctx, key)
}

// checkedStates wraps Config.States with the checks that a StateStore need not
// make.
type checkedStates struct {
	store StateStore
	clock func() time.Time
}

// Put is [StateStore].Put. It stores no connection that
// [PendingConnection.Check] refuses.
func (s checkedStates) Put(ctx context.Context, key Key, pending PendingConnection) error {
	if err := errors.Join(key.checkID(), pending.Check()); err != nil {
		return err
	}
	return s.store.Put(ctx, key, pending)
}

// Take is [StateStore].Take. Its error is ErrNotFound for an expired
// connection.
func (s checkedStates) Take(ctx context.Context, key Key) (PendingConnection, error) {
	if err := key.checkID(); err != nil {
		return PendingConnection{}, err
	}
	pending, err := s.store.Take(ctx, key)
	if err != nil {
		return PendingConnection{}, err
	}
	if !s.clock().Before(pending.ExpiresAt) {
		return PendingConnection{}, ErrNotFound
	}
	return pending, nil
}
