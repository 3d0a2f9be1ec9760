// Package cached answers the loads of a remote connect.TokenStore from memory,
// for a short time.
//
//	tokens, err := cached.New(store, cached.Config{MaxAge: 2 * time.Second})
//
// Changes that other processes make take effect here after at most MaxAge.
// Until then, a user who disconnected in another process is still connected in
// this one, and a request here can still charge that user, because Gloebit
// still accepts the token. If the user connected with another Gloebit account
// there, a request here can still charge the old account. A token that was
// refused or refreshed there is still sent from here; Gloebit refuses it, and
// the client then asks the store. Changes that this process makes take effect
// at once, because Update and Delete use the store. Tokens are unencrypted in
// this process's memory, even if the wrapped store encrypts them. They may stay
// there for longer than MaxAge, until another credential needs the room.
package cached

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit/connect"
)

// Config configures a Store. MaxAge must be set.
type Config struct {
	// MaxAge is how long a loaded credential is used before it is loaded again.
	// For that long, this process may not see a change that another process
	// made.
	MaxAge time.Duration
	// Capacity is the largest number of credentials in memory. Beyond it, other
	// credentials are removed. The default is 10,000, which take about 5 MB.
	Capacity int
	// Clock tells the time. The default is time.Now.
	Clock func() time.Time
}

// Store is a connect.TokenStore in front of another. Make it with [New]. It is
// safe for concurrent use, and starts no goroutine.
type Store struct {
	inner  connect.TokenStore
	config Config

	mu      sync.Mutex
	entries map[connect.Key]entry
	changes uint64 // number of finished Updates and Deletes; a Load that began before the last one is not cached
}

type entry struct {
	credential connect.Credential
	until      time.Time
}

var (
	_ connect.TokenStore     = (*Store)(nil)
	_ connect.PlaintextStore = (*Store)(nil)
)

// New returns a cache in front of a store.
func New(inner connect.TokenStore, config Config) (*Store, error) {
	switch {
	case inner == nil:
		return nil, errors.New("cached: the store is nil")
	case config.MaxAge <= 0:
		return nil, errors.New("cached: Config.MaxAge is not set: say how stale a credential may be, such as two seconds")
	case config.Capacity < 0:
		return nil, errors.New("cached: Config.Capacity is negative")
	}
	if config.Capacity == 0 {
		config.Capacity = 10_000
	}
	if config.Clock == nil {
		config.Clock = time.Now
	}
	return &Store{inner: inner, config: config, entries: make(map[connect.Key]entry)}, nil
}

// Load implements connect.TokenStore. It does not cache errors, including
// ErrNotFound, so a user who connects is connected at once.
func (s *Store) Load(ctx context.Context, key connect.Key) (connect.Credential, error) {
	if err := ctx.Err(); err != nil {
		return connect.Credential{}, err
	}
	now := s.config.Clock() // before the inner store is read, because its result may be as old as this
	credential, changes, ok := s.find(key, now)
	if ok {
		return credential, nil
	}
	credential, err := s.inner.Load(ctx, key)
	if err != nil {
		return connect.Credential{}, err
	}
	s.keep(key, credential, changes, now)
	return credential, nil
}

// Update implements connect.TokenStore. It calls the inner store, which reads
// the stored credential.
func (s *Store) Update(
	ctx context.Context, key connect.Key, fn func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	defer s.forget(key) // also after an error, because the credential may have been saved
	return s.inner.Update(ctx, key, fn)
}

// Delete implements connect.TokenStore.
func (s *Store) Delete(ctx context.Context, key connect.Key) error {
	defer s.forget(key)
	return s.inner.Delete(ctx, key)
}

// UserIDs iterates over the realm's users like the UserIDs of the inner store.
// If that has none, the error is errors.ErrUnsupported.
func (s *Store) UserIDs(ctx context.Context, realm string) iter.Seq2[string, error] {
	if lister, ok := s.inner.(interface {
		UserIDs(context.Context, string) iter.Seq2[string, error]
	}); ok {
		return lister.UserIDs(ctx, realm)
	}
	return func(yield func(string, error) bool) {
		yield("", fmt.Errorf("cached: list the users of a %T: %w", s.inner, errors.ErrUnsupported))
	}
}

// PlainAtRest implements connect.PlaintextStore with the inner store's answer,
// because the cache does not outlive the process.
func (s *Store) PlainAtRest() bool {
	plain, ok := s.inner.(connect.PlaintextStore)
	return ok && plain.PlainAtRest()
}

// Unwrap returns the inner store.
func (s *Store) Unwrap() connect.TokenStore { return s.inner }

// Format writes the type's name, whatever the verb: a Store holds tokens.
func (s *Store) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "cached.Store") }

// find returns the cached credential, if it is still valid, and the number of
// changes so far.
func (s *Store) find(key connect.Key, now time.Time) (connect.Credential, uint64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.entries[key]
	return found.credential, s.changes, ok && now.Before(found.until)
}

// keep caches a credential, unless an Update or Delete has finished since
// changes was read.
func (s *Store) keep(key connect.Key, credential connect.Credential, changes uint64, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if changes != s.changes { // the credential may be from before the change
		return
	}
	if _, ok := s.entries[key]; !ok {
		s.makeRoom(now)
	}
	s.entries[key] = entry{credential, now.Add(s.config.MaxAge)}
}

// makeRoom looks at a few entries and removes the expired ones, or one of them
// if none has expired.
func (s *Store) makeRoom(now time.Time) {
	if len(s.entries) < s.config.Capacity {
		return
	}
	const few = 8 // so that it takes constant time
	looked, last := 0, connect.Key{}
	for key, found := range s.entries {
		if !now.Before(found.until) {
			delete(s.entries, key)
		}
		if looked, last = looked+1, key; looked == few {
			break
		}
	}
	if len(s.entries) >= s.config.Capacity {
		delete(s.entries, last)
	}
}

func (s *Store) forget(key connect.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	delete(s.entries, key)
}
