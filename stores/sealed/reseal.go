package sealed

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/go-gloebit/gloebit/connect"
)

// Lister is a store that can list its users. All stores of this project can.
type Lister interface {
	// UserIDs iterates over the IDs of the realm's users who have a credential,
	// in any order. It ends after an error.
	UserIDs(ctx context.Context, realm string) iter.Seq2[string, error]
}

// ErrNoList is returned by [Store.UserIDs] and [Store.Reseal] when the inner
// store is not a [Lister].
var ErrNoList = errors.New("sealed: the inner store can't list its users")

// UserIDs iterates over the realm's users like the UserIDs of the inner store.
// If that is not a [Lister], the error is ErrNoList.
func (s *Store) UserIDs(ctx context.Context, realm string) iter.Seq2[string, error] {
	if lister, ok := s.inner.(Lister); ok {
		return lister.UserIDs(ctx, realm)
	}
	return func(yield func(string, error) bool) { yield("", ErrNoList) }
}

const maxErrors = 10 // that Reseal returns in full

// Reseal reseals, with the first key, the realm's credentials that were sealed
// with another key, and returns how many it resealed. It updates one credential
// at a time, under its user's lock, so it can run in a running application, and
// be stopped and started again. Credentials that are already sealed with the
// first key are only read.
//
// A credential that does not open stays as it is and does not stop the others;
// its user and key id are in the error. The first error of the inner store does
// stop it. When the error is nil, no other key is needed any more, unless a
// process that seals with another one still runs.
func (s *Store) Reseal(ctx context.Context, realm string) (resealed int, err error) {
	var unopened []error
	more := 0
	for userID, err := range s.UserIDs(ctx, realm) {
		if err != nil {
			return resealed, errors.Join(append(unopened, err)...)
		}
		done, err := s.resealUser(ctx, connect.Key{Realm: realm, ID: userID})
		switch {
		case err == nil && done:
			resealed++
		case err == nil:
		case !isUnopened(err):
			return resealed, errors.Join(append(unopened, err)...)
		case len(unopened) < maxErrors:
			unopened = append(unopened, fmt.Errorf("user %q: %w", userID, err))
		default:
			more++
		}
	}
	if more > 0 {
		unopened = append(unopened, fmt.Errorf("sealed: and %d more users", more))
	}
	return resealed, errors.Join(unopened...)
}

// resealUser reports whether it resealed the credential. If there is nothing to
// do, it does not take the user's lock.
func (s *Store) resealUser(ctx context.Context, key connect.Key) (done bool, err error) {
	stored, err := s.inner.Load(ctx, key)
	if errors.Is(err, connect.ErrNotFound) {
		return false, nil // removed meanwhile
	}
	if err != nil {
		return false, err
	}
	if s.current(stored) {
		_, err := s.open(key, stored) // a key with the same ID may be a different key
		return false, err
	}
	err = s.Update(ctx, key, func(_ context.Context, current *connect.Credential) (*connect.Credential, error) {
		done = current != nil
		return current, nil
	})
	return done && err == nil, err
}

func isUnopened(err error) bool {
	return errors.Is(err, ErrUnknownKey) || errors.Is(err, ErrNotOpened) || errors.Is(err, ErrNotSealed)
}
