package gloebit

import (
	"context"
	"sync"
	"time"
)

// Credential is one user's connection to Gloebit: the tokens and what came with
// them. A credential is a value; what holds one must not change its Scopes.
type Credential struct {
	AccessToken  Secret
	RefreshToken Secret    // empty when the server gave none
	Expiry       time.Time // when the access token expires; zero when it doesn't say
	Scopes       []Scope   // what the user granted
	GloebitID    string    // the user's id at Gloebit, when the server told it
	ConnectedAt  time.Time // when the user approved
	Until        time.Time // when the whole credential lapses, with the session that it belongs to; zero is never
}

// TokenStore keeps the credential of each user, under a non-empty user id of at
// most 255 bytes. It is safe for concurrent use, by any number of processes
// when it is shared. It does not retry; callers decide.
type TokenStore interface {
	// Load returns the user's credential. When there is none, or its Until has
	// passed, the error is ErrNotFound. It does not wait for an Update.
	Load(ctx context.Context, userID string) (Credential, error)
	// Update calls fn with the user's credential, nil when there is none, and
	// saves what fn returns; nil removes the credential. From before fn until
	// after the save no other Update or Delete for that user runs, in this
	// process or another. When fn fails, nothing is saved and Update returns
	// fn's error. When fn panics, nothing is saved, the user is free again, and
	// the panic goes on. Update calls fn at most once, with a context that ends
	// when the store can no longer promise to be alone.
	Update(ctx context.Context, userID string, fn func(ctx context.Context, current *Credential) (*Credential, error)) error
	// Delete removes the user's credential, after any Update that is running.
	// That there is none is no error.
	Delete(ctx context.Context, userID string) error
}

// MemoryTokenStore keeps credentials in this process: users have to connect
// again after a restart. The zero value is ready for use. It starts no
// goroutine: credentials whose Until has passed leave as others come.
type MemoryTokenStore struct {
	// Clock tells the time. Nil means time.Now.
	Clock func() time.Time

	credentials expiring[Credential]
	mu          sync.Mutex
	turns       map[string]*turn // users whose Update or Delete runs
}

// turn is one user's lock; it exists while somebody holds or wants it.
type turn struct {
	free    chan struct{} // holds one value while nobody has the turn
	wanting int
}

// Load implements [TokenStore].
func (s *MemoryTokenStore) Load(ctx context.Context, userID string) (Credential, error) {
	if err := ctx.Err(); err != nil {
		return Credential{}, err
	}
	credential, ok := s.credentials.get(userID)
	if !ok || s.lapsed(credential) {
		return Credential{}, ErrNotFound
	}
	return credential, nil
}

// Update implements [TokenStore]. It waits for its turn until ctx ends.
func (s *MemoryTokenStore) Update(ctx context.Context, userID string, fn func(context.Context, *Credential) (*Credential, error)) error {
	if userID == "" {
		return errNoUserID
	}
	release, err := s.takeTurn(ctx, userID)
	if err != nil {
		return err
	}
	defer release()

	var current *Credential
	if credential, ok := s.credentials.get(userID); ok && !s.lapsed(credential) {
		current = &credential
	}
	next, err := fn(ctx, current)
	if err != nil {
		return err
	}
	if next == nil {
		s.credentials.delete(userID)
		return nil
	}
	s.credentials.put(userID, *next, s.lapsed)
	return nil
}

// Delete implements [TokenStore].
func (s *MemoryTokenStore) Delete(ctx context.Context, userID string) error {
	return s.Update(ctx, userID, func(context.Context, *Credential) (*Credential, error) { return nil, nil })
}

func (s *MemoryTokenStore) takeTurn(ctx context.Context, userID string) (release func(), err error) {
	if err := ctx.Err(); err != nil { // one that has ended must not win the select below
		return nil, err
	}
	s.mu.Lock()
	if s.turns == nil {
		s.turns = make(map[string]*turn)
	}
	t := s.turns[userID]
	if t == nil {
		t = &turn{free: make(chan struct{}, 1)}
		t.free <- struct{}{}
		s.turns[userID] = t
	}
	t.wanting++
	s.mu.Unlock()

	select {
	case <-t.free:
		return func() { t.free <- struct{}{}; s.leave(userID, t) }, nil
	case <-ctx.Done():
		s.leave(userID, t)
		return nil, ctx.Err()
	}
}

func (s *MemoryTokenStore) leave(userID string, t *turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.wanting--; t.wanting == 0 {
		delete(s.turns, userID)
	}
}

func (s *MemoryTokenStore) lapsed(c Credential) bool {
	if c.Until.IsZero() {
		return false
	}
	if s.Clock != nil {
		return !s.Clock().Before(c.Until)
	}
	return !time.Now().Before(c.Until)
}
