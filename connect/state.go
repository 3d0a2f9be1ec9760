package connect

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"
)

// PendingConnection is what is remembered of a connection between the redirect
// to the server and the callback. Stores keep it as it is and look into nothing
// but ExpiresAt.
type PendingConnection struct {
	UserID    string    // the user who started it; empty when nobody was known yet
	Verifier  Secret    // what the Protocol keeps: with OAuth 2.0 the PKCE code verifier (RFC 7636)
	ReturnTo  string    // the local path to go to afterwards; empty for Config.HomePath
	Binding   string    // a hash of the value that only the starting browser's session holds
	Scopes    []Scope   // what was asked for
	Required  []Scope   // those of Scopes without which the user can't go on
	ExpiresAt time.Time // after this the connection is void
}

// StateStore keeps pending connections, under a [Key]. It must be safe for
// concurrent use, by any number of processes when it is shared.
//
// The ID of a key is the hash of the state parameter (RFC 6749 section 10.12), so
// reading the store is not enough to forge a callback.
//
// A StateStore checks nothing. The Connector checks keys (see [Key.Check]),
// pending connections (see [PendingConnection.Check]) and ExpiresAt itself.
// [EncodePendingConnection] writes a pending connection as bytes to keep.
//
// Package github.com/go-gloebit/gloebit/storetest tests a StateStore.
type StateStore interface {
	// Put keeps the pending connection under a key that was never used before,
	// until its ExpiresAt. A key that is in use is an error, and what is under
	// it stays.
	Put(ctx context.Context, key Key, pending PendingConnection) error
	// Take removes the pending connection and returns it, in one atomic step:
	// of any number of callers with the same key, one gets it. When there is
	// none, the error is ErrNotFound. One that has expired is returned, or
	// dropped as if it were not there.
	Take(ctx context.Context, key Key) (PendingConnection, error)
}

// MemoryStateStore keeps pending connections in this process. The zero value is
// ready for use. It starts no goroutine: what has expired leaves when others
// come.
//
// Its memory is bounded: past Capacity the oldest connection gives way, and its
// user has to start again.
type MemoryStateStore struct {
	// Capacity is the most connections it holds. Zero means 50,000, some
	// 30 MB.
	Capacity int
	// Clock tells the time. Nil means time.Now.
	Clock func() time.Time

	mu      sync.Mutex
	pending map[Key]PendingConnection
	order   []Key // keys in the order they came, from head on; taken ones stay until they reach the front
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

// makeRoom drops from the front of the order what was taken, has expired or is
// too much, and now and then closes the gaps that taken ones leave behind the
// front. Both cost a Put constant time on average.
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

const nonceLength = 43 // characters of base64 without padding for 256 bits

// newNonce returns 256 random bits for a state, a browser's binding or an id.
func newNonce() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand crashes the program instead
	return encode(b)
}

// hash is what stores see of a nonce, or of several parts that a nonce is one of.
func hash(parts ...string) string { return encode(sum(parts...)) }

func sum(parts ...string) [sha256.Size]byte {
	var short [128]byte // on the stack, as what is hashed here is short
	message := short[:0]
	for _, part := range parts {
		message = append(message, part...)
	}
	return sha256.Sum256(message)
}

// encode writes 256 bits as nonceLength characters.
func encode(b [32]byte) string {
	var text [nonceLength]byte
	base64.RawURLEncoding.Encode(text[:], b[:])
	return string(text[:])
}

// stateID is what the sessions and the stores see of a state.
func stateID(state string) string { return hash(state) }

func equalInConstantTime(secret, guess string) bool {
	return subtle.ConstantTimeCompare([]byte(secret), []byte(guess)) == 1
}

// takePending redeems the state that has this hash, once. Its error is an
// ErrState, or an ErrStore when the store failed.
func (c *Connector) takePending(ctx context.Context, hashed string) (PendingConnection, error) {
	pending, err := c.states.Take(ctx, c.key(hashed))
	if errors.Is(err, ErrNotFound) {
		return PendingConnection{}, fmt.Errorf("%w: unknown, used before or expired", ErrState)
	}
	if err != nil {
		return PendingConnection{}, storeError("take the state", err)
	}
	return pending, nil
}
