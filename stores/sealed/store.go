package sealed

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/go-gloebit/gloebit/connect"
)

// What can be wrong with a credential that was found. Find them with errors.Is.
// None of them is ErrNotFound: a credential that can't be opened is never taken
// for one that isn't there, and an Update of it fails without calling fn.
// Delete removes it.
var (
	// ErrUnknownKey says that a value was sealed with a key that the store was
	// not given. The error around it names the key's id.
	ErrUnknownKey = errors.New("sealed: the key is unknown")
	// ErrNotOpened says that a value does not open: the key of that id is
	// another one than it was, or the value was altered or moved from another
	// realm, user, field or key id. The error around it names the key's id.
	ErrNotOpened = errors.New("sealed: the value does not open")
	// ErrNotSealed says that a value is not sealed, or not in a form that this
	// version knows.
	ErrNotSealed = errors.New("sealed: the value is not sealed")
)

// Store is a [connect.TokenStore] that seals what another one keeps. Make it
// with [New]. It is read-only afterwards, and as safe for concurrent use as the
// store inside.
type Store struct {
	inner   connect.TokenStore
	first   string // the id of the key that seals
	ciphers map[string]cipher.AEAD
	plain   bool // whether values that are not sealed are taken as they are
}

var (
	_ connect.TokenStore     = (*Store)(nil)
	_ connect.PlaintextStore = (*Store)(nil)
)

// PlainAtRest implements [connect.PlaintextStore]: true of NewInsecureAcceptPlain
// alone, which leaves what it has not saved yet as it found it.
func (s *Store) PlainAtRest() bool { return s.plain }

// Unwrap returns the store inside, whose credentials are sealed.
func (s *Store) Unwrap() connect.TokenStore { return s.inner }

// New returns a store that keeps its credentials in inner. The first key seals,
// all of them open. Credentials that inner holds unsealed are errors.
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

// NewInsecureAcceptPlain is [New] for the time in which a store that held plain
// credentials is moved: values that are not sealed are taken as they are, and
// sealed when they are next saved, or by [Store.Reseal]. Until it is replaced by
// New, a writer to the inner store can plant a token of their own.
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

// Update implements [connect.TokenStore]. What fn returns is sealed with the
// first key, also when it is what fn was given. Sealed values are a third longer
// than plain ones.
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

// Delete implements [connect.TokenStore]. It removes also what does not open.
func (s *Store) Delete(ctx context.Context, key connect.Key) error {
	return s.inner.Delete(ctx, key)
}
