package connect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// PendingConnection is the state of a connection between the redirect to the
// server and the callback. Stores keep it unchanged and use no field but
// ExpiresAt.
type PendingConnection struct {
	UserID         string    // the user who started it; empty when there was no user yet
	Secret         Secret    // the secret from Protocol.Begin: with OAuth 2.0 the PKCE code verifier (RFC 7636)
	ReturnTo       string    // the local path to go to afterwards; empty for Config.HomePath
	BrowserHash    string    // a hash of the value that only the starting browser's session holds
	Scopes         []Scope   // the requested scopes
	RequiredScopes []Scope   // those of Scopes that the user must grant
	ExpiresAt      time.Time // after this it can't be completed
}

// StateStore keeps pending connections, under a [Key]. It must be safe for
// concurrent use, by any number of processes when it is shared.
//
// The ID of a key is the hash of the state parameter (RFC 6749 section 10.12),
// so reading the store is not enough to forge a callback.
//
// A StateStore checks nothing. The Connector checks keys (see [Key.Check]),
// pending connections (see [PendingConnection.Check]) and ExpiresAt itself.
// [EncodePendingConnection] writes a pending connection as bytes to keep.
//
// Package github.com/go-gloebit/gloebit/storetest tests a StateStore.
type StateStore interface {
	// Put keeps the pending connection under a key that was never used before,
	// until its ExpiresAt. If the key is in use, Put returns an error and
	// changes nothing.
	Put(ctx context.Context, key Key, pending PendingConnection) error
	// Take removes the pending connection and returns it, in one atomic step:
	// of any number of callers with the same key, one gets it. When there is
	// none, the error is ErrNotFound. An expired one may be returned, or
	// treated as absent.
	Take(ctx context.Context, key Key) (PendingConnection, error)
}

// MemoryStateStore keeps pending connections in this process. The zero value is
// ready for use. It starts no goroutine: expired connections are removed when
// new ones are added.
//
// Its memory is bounded: beyond Capacity the oldest connection is removed, and
// its user has to start again.
type MemoryStateStore struct {
	// Capacity is the most connections it holds. Zero means 50,000, some
	// 30 MB.
	Capacity int
	// Clock tells the time. Nil means time.Now.
	Clock func() time.Time

	mu      sync.Mutex
	pending map[Key]PendingConnection
	order   []Key // keys from head on, oldest first; used keys stay until they reach the front
	head    int
}

const defaultStateCapacity = 50_000

// Len returns how many connections the store holds.
func (s *MemoryStateStore) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending)
}

// Put implements [StateStore].
func (s *MemoryStateStore) Put(ctx context.Context, key Key, pending PendingConnection) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending == nil {
		s.pending = make(map[Key]PendingConnection)
	}
	if _, used := s.pending[key]; used {
		return errors.New("a state was put twice")
	}
	s.makeRoom()
	s.pending[key] = pending.atRest()
	s.order = append(s.order, key)
	return nil
}

// Take implements [StateStore].
func (s *MemoryStateStore) Take(ctx context.Context, key Key) (PendingConnection, error) {
	if err := ctx.Err(); err != nil {
		return PendingConnection{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	pending, ok := s.pending[key]
	delete(s.pending, key)
	if !ok {
		return PendingConnection{}, ErrNotFound
	}
	return pending, nil
}

// makeRoom removes keys from the front of the order that were used, have
// expired or exceed the capacity. From time to time it removes the other used
// keys. Both take constant time per Put on average.
func (s *MemoryStateStore) makeRoom() {
	capacity := s.Capacity
	if capacity <= 0 {
		capacity = defaultStateCapacity
	}
	now := s.now()
	for s.head < len(s.order) {
		oldest := s.order[s.head]
		pending, ok := s.pending[oldest]
		if ok && now.Before(pending.ExpiresAt) && len(s.pending) < capacity {
			break
		}
		delete(s.pending, oldest)
		s.head++
	}
	if len(s.order) > 2*len(s.pending)+64 {
		live := s.order[:0]
		for _, key := range s.order[s.head:] {
			if _, ok := s.pending[key]; ok {
				live = append(live, key)
			}
		}
		clear(s.order[len(live):])
		s.order, s.head = live, 0
	}
}

func (s *MemoryStateStore) now() time.Time {
	if s.Clock != nil {
		return s.Clock()
	}
	return time.Now()
}

// atRest returns the pending connection as another process would read it:
// without this process's monotonic clock. It copies the strings, which would
// otherwise keep the whole request in memory.
func (p PendingConnection) atRest() PendingConnection {
	p.UserID, p.ReturnTo = strings.Clone(p.UserID), strings.Clone(p.ReturnTo)
	p.ExpiresAt = p.ExpiresAt.Round(0)
	return p
}

// Format writes the type's name for every verb.
func (s *MemoryStateStore) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "connect.MemoryStateStore")
}
