package sealed

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/go-gloebit/gloebit/connect"
)

// These errors are returned for a stored credential that can't be opened. Find
// them with errors.Is. None of them is ErrNotFound. [Store.Update] then fails
// without calling fn; [Store.Delete] removes the credential.
var (
	// ErrUnknownKey is returned when a value was sealed with a key that the
	// store was not given. The error that wraps it has the key's ID.
	ErrUnknownKey = errors.New("sealed: the key is unknown")
	// ErrNotOpened is returned when a value can't be opened: the key of that ID
	// is a different one, or the value was changed or moved from another realm,
	// user, field or key ID. The error that wraps it has the key's ID.
	ErrNotOpened = errors.New("sealed: the value does not open")
	// ErrNotSealed is returned when a value is not sealed, or in an unknown
	// format.
	ErrNotSealed = errors.New("sealed: the value is not sealed")
)

// Store is a [connect.TokenStore] that seals the credentials of another. Make
// it with [New]. It is immutable, and as safe for concurrent use as the inner
// store.
type Store struct {
	inner   connect.TokenStore
	first   string // ID of the key that seals
	ciphers map[string]cipher.AEAD
	plain   bool // accept values that are not sealed
}

var (
	_ connect.TokenStore     = (*Store)(nil)
	_ connect.PlaintextStore = (*Store)(nil)
)

// PlainAtRest implements [connect.PlaintextStore]. It returns true for a Store
// of [NewInsecureAcceptPlain], which may hold credentials that are not sealed
// yet.
func (s *Store) PlainAtRest() bool { return s.plain }

// Unwrap returns the inner store, whose credentials are sealed.
func (s *Store) Unwrap() connect.TokenStore { return s.inner }

// New returns a store that seals the credentials of inner. The first key seals;
// every key opens. Load and Update return [ErrNotSealed] for a credential in
// inner that is not sealed.
func New(inner connect.TokenStore, keys ...Key) (*Store, error) {
	if inner == nil {
		return nil, errors.New("sealed: the inner store is nil")
	}
	if len(keys) == 0 {
		return nil, errNoKeys
	}
	s := &Store{inner: inner, first: keys[0].ID, ciphers: make(map[string]cipher.AEAD, len(keys))}
	for _, key := range keys {
		if err := key.check(); err != nil {
			return nil, err
		}
		if _, used := s.ciphers[key.ID]; used {
			return nil, fmt.Errorf("sealed: two keys have the id %q", key.ID)
		}
		aead, err := key.cipher()
		if err != nil {
			return nil, err
		}
		s.ciphers[key.ID] = aead
	}
	return s, nil
}

// NewInsecureAcceptPlain is like [New], but accepts credentials that are not
// sealed. Use it while you move a store of plain credentials: they are sealed
// at their next save, or by [Store.Reseal]. Then use New, because until then an
// attacker who can write to the inner store can plant a token.
func NewInsecureAcceptPlain(inner connect.TokenStore, keys ...Key) (*Store, error) {
	s, err := New(inner, keys...)
	if err != nil {
		return nil, err
	}
	s.plain = true
	return s, nil
}

// Load implements [connect.TokenStore].
func (s *Store) Load(ctx context.Context, key connect.Key) (connect.Credential, error) {
	stored, err := s.inner.Load(ctx, key)
	if err != nil {
		return connect.Credential{}, err
	}
	return s.open(key, stored)
}

// Update implements [connect.TokenStore]. It seals what fn returns with the
// first key, even if it is unchanged. A sealed value is a third longer than the
// plain one, plus about 50 bytes and the length of the key's ID.
func (s *Store) Update(
	ctx context.Context, key connect.Key, fn func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	return s.inner.Update(ctx, key, func(ctx context.Context, stored *connect.Credential) (*connect.Credential, error) {
		var current *connect.Credential
		if stored != nil {
			opened, err := s.open(key, *stored)
			if err != nil {
				return nil, err
			}
			current = &opened
		}
		next, err := fn(ctx, current)
		if next == nil || err != nil {
			return nil, err
		}
		sealed := s.seal(key, *next)
		return &sealed, nil
	})
}

// Delete implements [connect.TokenStore]. It also removes a credential that
// can't be opened.
func (s *Store) Delete(ctx context.Context, key connect.Key) error {
	return s.inner.Delete(ctx, key)
}
