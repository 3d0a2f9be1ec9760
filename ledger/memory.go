package ledger

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/turns"
)

// MemoryStore keeps purchases in this process, for tests and for trying things
// out: a restart loses them all, and with them what was paid for. The zero
// value is ready for use. It never drops a purchase, so it grows.
type MemoryStore struct {
	mu        sync.RWMutex
	purchases map[string]Purchase
	keys      map[userKey]string  // the id of the purchase that last got the key
	open      map[string]struct{} // the ids of those with a NextAt
	changing  map[string]struct{} // the ids of those whose Change runs
	turns     turns.Turns         // to change a purchase
}

type userKey struct{ userID, key string }

var errUsedID = errors.New("ledger: a purchase with this id exists")

// Create implements [Store].
func (s *MemoryStore) Create(ctx context.Context, p Purchase) (Purchase, error) {
	if err := cmp.Or(p.Check(), ctx.Err()); err != nil {
		return Purchase{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.purchases == nil {
		s.init()
	}
	key := userKey{p.UserID, p.Key}
	if id, used := s.keys[key]; used && s.purchases[id].KeyUntil.After(p.CreatedAt) {
		return s.purchases[id].Clone(), nil
	}
	if _, used := s.purchases[p.ID]; used {
		return Purchase{}, errUsedID
	}
	if p.Key != "" {
		s.keys[key] = p.ID
	}
	return s.put(p), nil
}

// Get implements [Store].
func (s *MemoryStore) Get(ctx context.Context, id string) (Purchase, error) {
	if err := ctx.Err(); err != nil {
		return Purchase{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, ok := s.purchases[id]
	if !ok {
		return Purchase{}, gloebit.ErrNotFound
	}
	return p.Clone(), nil
}

// Change implements [Store]. It waits for its turn until ctx ends. There are no
// transactions: what fn did elsewhere stays when it fails.
func (s *MemoryStore) Change(ctx context.Context, id string, fn func(context.Context, Purchase) (Purchase, error)) (Purchase, error) {
	release, err := s.turns.Take(ctx, id)
	if err != nil {
		return Purchase{}, err
	}
	defer release()
	p, err := s.begin(id)
	if err != nil {
		return Purchase{}, err
	}
	defer s.end(id)
	if p, err = fn(ctx, p); err != nil {
		return Purchase{}, err
	}
	if err := cmp.Or(p.Check(), ctx.Err()); err != nil {
		return Purchase{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(p), nil
}

// begin keeps claims away from a purchase, and returns it.
func (s *MemoryStore) begin(id string) (Purchase, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.purchases[id]
	if !ok {
		return Purchase{}, gloebit.ErrNotFound
	}
	s.changing[id] = struct{}{}
	return p.Clone(), nil
}

func (s *MemoryStore) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.changing, id)
}

// Claim implements [Store].
func (s *MemoryStore) Claim(ctx context.Context, now, until time.Time) (Purchase, error) {
	if err := ctx.Err(); err != nil {
		return Purchase{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var due Purchase
	for id := range s.open {
		p := s.purchases[id]
		_, changing := s.changing[id]
		if !changing && !p.NextAt.After(now) && (due.ID == "" || p.NextAt.Before(due.NextAt)) {
			due = p
		}
	}
	if due.ID == "" {
		return Purchase{}, gloebit.ErrNotFound
	}
	due.NextAt = until
	return s.put(due), nil
}

// List implements [Store].
func (s *MemoryStore) List(ctx context.Context, q Query) ([]Purchase, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []Purchase
	for _, p := range s.purchases {
		if q.matches(p) {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b Purchase) int { return b.Cursor().compare(a.Cursor()) })
	list = list[:min(len(list), q.PageSize())]
	for i := range list {
		list[i] = list[i].Clone()
	}
	return list, nil
}

// init makes the maps. The caller holds s.mu.
func (s *MemoryStore) init() {
	s.purchases = make(map[string]Purchase)
	s.keys = make(map[userKey]string)
	s.open = make(map[string]struct{})
	s.changing = make(map[string]struct{})
}

// put keeps a copy and returns another. The caller holds s.mu.
func (s *MemoryStore) put(p Purchase) Purchase {
	for _, at := range []*time.Time{&p.NextAt, &p.FailingSince, &p.StuckAt, &p.CreatedAt, &p.UpdatedAt, &p.KeyUntil} {
		*at = at.UTC().Round(0) // as another process would read it
	}
	s.purchases[p.ID] = p.Clone()
	delete(s.open, p.ID)
	if !p.NextAt.IsZero() {
		s.open[p.ID] = struct{}{}
	}
	return p
}

// matches reports whether the query asks for the purchase, wherever its page
// begins and ends.
func (q Query) matches(p Purchase) bool {
	switch {
	case q.UserID != "" && p.UserID != q.UserID,
		len(q.States) > 0 && !slices.Contains(q.States, p.State),
		q.Stuck && !p.Stuck(),
		!q.From.IsZero() && p.CreatedAt.Before(q.From),
		!q.Until.IsZero() && !p.CreatedAt.Before(q.Until),
		!q.After.IsZero() && p.Cursor().compare(q.After) >= 0:
		return false
	}
	return true
}

// compare tells which place holds the older purchase.
func (c Cursor) compare(other Cursor) int {
	return cmp.Or(c.CreatedAt.Compare(other.CreatedAt), cmp.Compare(c.ID, other.ID))
}
