package connect

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-gloebit/gloebit/internal/keylock"
)

// Credential is one user's connection to a server: the tokens and what came
// with them. A credential is a value; the holder of a copy must not change its
// Scopes.
type Credential struct {
	AccessToken  Secret
	RefreshToken Secret    // empty when the server gave none
	TokenSecret  Secret    // the token secret of OAuth 1.0a (RFC 5849); empty with OAuth 2.0
	TokenExpiry  time.Time // when the access token expires; zero if unknown
	Scopes       []Scope   // the scopes that the user granted
	Subject      string    // the user's ID at the server; empty if unknown
	Name         string    // the user's name at the server; empty if unknown
	ConnectedAt  time.Time // when the user approved
	ExpiresAt    time.Time // when the credential and the session that it belongs to expire; zero means never
}

// TokenStore keeps the credential of each user, under a [Key]. It must be safe
// for concurrent use, by any number of processes when it is shared. It need not
// retry. It keeps times to the microsecond or better.
//
// A TokenStore checks nothing. The Connector checks keys (see [Key.Check]),
// credentials (see [Credential.Check]) and ExpiresAt itself.
// [EncodeCredential] writes a credential as bytes to keep.
//
// Package github.com/go-gloebit/gloebit/storetest tests a TokenStore.
type TokenStore interface {
	// Load returns the user's credential. When there is none, the error is
	// ErrNotFound. A credential whose ExpiresAt has passed may be returned, or
	// treated as absent. Load does not wait for an Update, unless the store has
	// only one connection.
	Load(ctx context.Context, key Key) (Credential, error)
	// Update calls fn with the user's credential, nil when there is none, and
	// saves what fn returns; nil removes the credential. Until Update returns,
	// no other Update or Delete for that user runs, in this or any other
	// process. If fn returns an error, nothing is saved and Update returns that
	// error. Update calls fn at most once. The context passed to fn is canceled
	// when the store can no longer guarantee exclusive access.
	//
	// If fn panics, nothing is saved, the lock is released, and the panic
	// continues.
	Update(ctx context.Context, key Key, fn func(ctx context.Context, current *Credential) (*Credential, error)) error
	// Delete removes the user's credential. It waits for a running Update. It
	// returns nil when there is no credential.
	Delete(ctx context.Context, key Key) error
}

// MemoryTokenStore keeps credentials in this process: users have to connect
// again after a restart. The zero value is ready for use. It starts no
// goroutine: credentials whose ExpiresAt has passed are removed when others are
// saved.
type MemoryTokenStore struct {
	// Clock tells the time. Nil means time.Now.
	Clock func() time.Time

	realms atomic.Pointer[[]realmUsers] // replaced when a realm is added
	adding sync.Mutex                   // held while a realm is added
	scopes atomic.Pointer[[]Scope]      // of the last stored credential: most credentials share them
	locks  keylock.Locks                // locks of the users whose Update or Delete runs
}

// users are the credentials of one realm by user ID. A stored credential is
// never changed.
type users = expiring[string, *Credential]

// in returns the users of a realm. If the realm has none, it adds the realm if
// add is true, and otherwise returns no users.
func (s *MemoryTokenStore) in(realm string, add bool) *users {
	if found := s.find(realm); found != nil {
		return found
	}
	if !add {
		return new(users)
	}
	s.adding.Lock()
	defer s.adding.Unlock()
	if found := s.find(realm); found != nil {
		return found
	}
	var more []realmUsers
	if realms := s.realms.Load(); realms != nil {
		more = slices.Clone(*realms)
	}
	added := new(users)
	more = append(more, realmUsers{realm, added})
	s.realms.Store(&more)
	return added
}

// find returns the users of a realm, or nil. There are few realms, so a list is
// faster than a map.
func (s *MemoryTokenStore) find(realm string) *users {
	if realms := s.realms.Load(); realms != nil {
		for i := range *realms {
			if (*realms)[i].realm == realm {
				return (*realms)[i].users
			}
		}
	}
	return nil
}

// realmUsers are the users of one realm.
type realmUsers struct {
	realm string
	users *users
}

// Len returns how many credentials the store holds, including some whose
// ExpiresAt has passed.
func (s *MemoryTokenStore) Len() int {
	all := 0
	if realms := s.realms.Load(); realms != nil {
		for _, in := range *realms {
			all += in.users.len()
		}
	}
	return all
}

// Load implements [TokenStore].
func (s *MemoryTokenStore) Load(ctx context.Context, key Key) (Credential, error) {
	credential, err := s.load(ctx, key)
	if err != nil {
		return Credential{}, err
	}
	return *credential, nil
}

// load is Load without a copy of the credential.
func (s *MemoryTokenStore) load(ctx context.Context, key Key) (*Credential, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if users := s.find(key.Realm); users != nil {
		if credential, ok := users.get(key.ID); ok {
			return credential, nil
		}
	}
	return nil, ErrNotFound
}

// loadChecked sets credential to the result of Load. For an ID that [Key.Check]
// refuses and that is not found, the error is ErrInvalidRequest. An ID that is
// found was checked when the Connector saved it.
func (s *MemoryTokenStore) loadChecked(ctx context.Context, key Key, credential *Credential) error {
	found, err := s.load(ctx, key)
	if err != nil {
		return cmp.Or(key.checkID(), err)
	}
	*credential = *found
	return nil
}

// Update implements [TokenStore]. It waits for its turn until ctx ends.
func (s *MemoryTokenStore) Update(
	ctx context.Context, key Key, fn func(context.Context, *Credential) (*Credential, error),
) error {
	release, err := s.locks.Lock(ctx, key.Realm+"\x00"+key.ID)
	if err != nil {
		return err
	}
	defer release()

	var current *Credential
	if credential, ok := s.in(key.Realm, false).get(key.ID); ok {
		lent := *credential
		current = &lent
	}
	next, err := fn(ctx, current)
	if err != nil {
		return err
	}
	if next == nil {
		s.in(key.Realm, false).delete(key.ID)
		return nil
	}
	s.in(key.Realm, true).put(key.ID, s.compact(next.atRest()), s.expired, 0)
	return nil
}

// Delete implements [TokenStore].
func (s *MemoryTokenStore) Delete(ctx context.Context, key Key) error {
	return s.Update(ctx, key, func(context.Context, *Credential) (*Credential, error) { return nil, nil })
}

// UserIDs iterates over the IDs of the realm's users who have a credential, in
// no order. It may or may not include users who are added or removed during the
// iteration, and users whose credential's ExpiresAt has passed. The error is
// the context's.
func (s *MemoryTokenStore) UserIDs(ctx context.Context, realm string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, userID := range s.in(realm, false).keys() {
			if err := ctx.Err(); err != nil {
				yield("", err)
				return
			}
			if !yield(userID, nil) {
				return
			}
		}
	}
}

// compact returns the credential as it is stored, sharing its scopes with
// others.
func (s *MemoryTokenStore) compact(c Credential) *Credential {
	if last := s.scopes.Load(); last != nil && len(c.Scopes) > 0 && slices.Equal(*last, c.Scopes) {
		c.Scopes = *last
	} else {
		scopes := c.Scopes // allocated separately, so that sharing them does not keep the tokens in memory
		s.scopes.Store(&scopes)
	}
	return &c
}

// atRest is the credential as another process would read it, without this
// process's monotonic clock.
func (c Credential) atRest() Credential {
	c.TokenExpiry, c.ConnectedAt, c.ExpiresAt = c.TokenExpiry.Round(0), c.ConnectedAt.Round(0), c.ExpiresAt.Round(0)
	return c
}

func (s *MemoryTokenStore) expired(c *Credential) bool {
	if c.ExpiresAt.IsZero() {
		return false
	}
	if s.Clock != nil {
		return !s.Clock().Before(c.ExpiresAt)
	}
	return !time.Now().Before(c.ExpiresAt)
}

// Format writes the type's name for every verb.
func (s *MemoryTokenStore) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "connect.MemoryTokenStore")
}
