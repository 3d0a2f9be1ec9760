package ledger

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/keylock"
)

// MemoryStore keeps purchases in this process, for tests and experiments: a
// restart loses them all, including purchases that are paid but not delivered.
// The zero value is ready for use. It grows until Prune is called.
type MemoryStore struct {
	mu        sync.RWMutex
	purchases map[connect.Key]Purchase
	keys      map[userKey]string       // the ID of the purchase that holds the key
	open      map[connect.Key]struct{} // purchases with a NextAt or a ReportAt
	changing  map[connect.Key]struct{} // purchases whose Change runs
	locks     keylock.Locks            // to change a purchase
}

type userKey struct{ realm, userID, key string }

var errKeyHeld = errors.New("ledger: another purchase holds the key")

// Create implements [Store].
func (s *MemoryStore) Create(ctx context.Context, p Purchase) (kept Purchase, created bool, err error) {
	if err := cmp.Or(p.Check(), ctx.Err()); err != nil {
		return Purchase{}, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.purchases == nil {
		s.init()
	}
	id := p.ID
	if holder, held := s.keys[p.userKey()]; held {
		id = holder
	}
	if other, used := s.purchases[connect.Key{Realm: p.Realm, ID: id}]; used {
		return other.Clone(), false, nil
	}
	return s.put(p), true, nil
}

// Get implements [Store].
func (s *MemoryStore) Get(ctx context.Context, key connect.Key) (Purchase, error) {
	if err := ctx.Err(); err != nil {
		return Purchase{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, ok := s.purchases[key]
	if !ok {
		return Purchase{}, gloebit.ErrNotFound
	}
	return p.Clone(), nil
}

// Change implements [Store]. It waits for its turn until ctx ends. It has no
// transactions: if fn fails, its effects outside the store stay.
func (s *MemoryStore) Change(
	ctx context.Context, key connect.Key, fn func(context.Context, Purchase) (Purchase, error),
) (Purchase, error) {
	release, err := s.lock(ctx, key)
	if err != nil {
		return Purchase{}, err
	}
	defer release()
	p, err := s.begin(key)
	if err != nil {
		return Purchase{}, err
	}
	defer s.end(key)
	if p, err = fn(ctx, p); err != nil {
		return Purchase{}, err
	}
	if err := cmp.Or(p.Check(), ctx.Err()); err != nil {
		return Purchase{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replace(p)
}

// CompareAndSwap implements [Store].
func (s *MemoryStore) CompareAndSwap(
	ctx context.Context, old, next Purchase,
) (saved Purchase, swapped bool, err error) {
	release, err := s.lock(ctx, old.StoreKey())
	if err != nil {
		return Purchase{}, false, err
	}
	defer release()
	if err := cmp.Or(next.Check(), ctx.Err()); err != nil {
		return Purchase{}, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.purchases[old.StoreKey()]; !ok || !reflect.DeepEqual(p, old) {
		return Purchase{}, false, nil
	}
	saved, err = s.replace(next)
	return saved, err == nil, err
}

// lock waits until no other goroutine changes a purchase.
func (s *MemoryStore) lock(ctx context.Context, key connect.Key) (release func(), err error) {
	return s.locks.Lock(ctx, key.Realm+"\n"+key.ID) // a realm contains no line feed
}

// replace stores a changed purchase. The caller holds s.mu.
func (s *MemoryStore) replace(p Purchase) (Purchase, error) {
	if holder, held := s.keys[p.userKey()]; held && p.HoldsKey() && holder != p.ID {
		return Purchase{}, errKeyHeld
	}
	return s.put(p), nil
}

// begin blocks claims of a purchase, and returns it.
func (s *MemoryStore) begin(key connect.Key) (Purchase, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.purchases[key]
	if !ok {
		return Purchase{}, gloebit.ErrNotFound
	}
	s.changing[key] = struct{}{}
	return p.Clone(), nil
}

func (s *MemoryStore) end(key connect.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.changing, key)
}

// Claim implements [Store].
func (s *MemoryStore) Claim(ctx context.Context, realm string, state State, now, until time.Time) (Purchase, error) {
	return s.claim(ctx, realm, now, until, func(p *Purchase) *time.Time {
		if p.State != state {
			return new(time.Time)
		}
		return &p.NextAt
	})
}

// ClaimUnreported implements [Store].
func (s *MemoryStore) ClaimUnreported(ctx context.Context, realm string, now, until time.Time) (Purchase, error) {
	return s.claim(ctx, realm, now, until, func(p *Purchase) *time.Time { return &p.ReportAt })
}

// claim claims a purchase by the time that at returns.
func (s *MemoryStore) claim(
	ctx context.Context, realm string, now, until time.Time, at func(*Purchase) *time.Time,
) (Purchase, error) {
	if err := ctx.Err(); err != nil {
		return Purchase{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var due Purchase
	for key := range s.open {
		p := s.purchases[key]
		_, changing := s.changing[key]
		when := *at(&p)
		if key.Realm == realm && !changing && !when.IsZero() && !when.After(now) &&
			(due.ID == "" || when.Before(*at(&due))) {
			due = p
		}
	}
	if due.ID == "" {
		return Purchase{}, gloebit.ErrNotFound
	}
	*at(&due) = until
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
	slices.SortFunc(list, func(a, b Purchase) int { return q.compare(a.Cursor(), b.Cursor()) })
	list = list[:min(len(list), q.PageSize())]
	for i := range list {
		list[i] = list[i].Clone()
	}
	return list, nil
}

// Counts implements [Store].
func (s *MemoryStore) Counts(ctx context.Context, before time.Time) ([]Count, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	type place struct {
		realm string
		state State
	}
	counted := map[place]*Count{}
	for _, p := range s.purchases {
		unreported := !p.ReportAt.IsZero() && p.UpdatedAt.Before(before)
		if p.Finished() && !unreported {
			continue
		}
		at := place{p.Realm, p.State}
		if counted[at] == nil {
			counted[at] = &Count{Realm: p.Realm, State: p.State}
		}
		c := counted[at]
		if unreported {
			c.Unreported++
		}
		if p.Finished() {
			continue
		}
		c.Purchases++
		c.Oldest = earlier(c.Oldest, p.CreatedAt)
		if p.Stuck() {
			c.Stuck++
		}
		if !p.NextAt.IsZero() && p.NextAt.Before(before) {
			c.Overdue++
			c.OverdueSince = earlier(c.OverdueSince, p.NextAt)
		}
	}
	var counts []Count
	for _, c := range counted {
		counts = append(counts, *c)
	}
	slices.SortFunc(counts, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Realm, b.Realm), slices.Index(States(), a.State)-slices.Index(States(), b.State))
	})
	return counts, nil
}

// init creates the maps. The caller holds s.mu.
func (s *MemoryStore) init() {
	s.purchases = make(map[connect.Key]Purchase)
	s.keys = make(map[userKey]string)
	s.open = make(map[connect.Key]struct{})
	s.changing = make(map[connect.Key]struct{})
}

func (p Purchase) userKey() userKey { return userKey{p.Realm, p.UserID, p.IdempotencyKey} }

// put stores a copy and returns another. The caller holds s.mu.
func (s *MemoryStore) put(p Purchase) Purchase {
	for _, at := range []*time.Time{
		&p.NextAt, &p.FailingSince, &p.StuckAt, &p.CreatedAt, &p.UpdatedAt, &p.ConnectedAt, &p.PaidAt, &p.ReportAt,
	} {
		*at = at.UTC().Round(0) // as another process would read it
	}
	key := p.StoreKey()
	if was := s.purchases[key].userKey(); s.keys[was] == p.ID {
		delete(s.keys, was)
	}
	s.purchases[key] = p.Clone()
	delete(s.open, key)
	if !p.NextAt.IsZero() || !p.ReportAt.IsZero() {
		s.open[key] = struct{}{}
	}
	if p.HoldsKey() {
		s.keys[p.userKey()] = p.ID
	}
	return p
}

// matches reports whether the purchase meets the conditions of the query,
// regardless of its page.
func (q Query) matches(p Purchase) bool {
	switch {
	case p.Realm != q.Realm,
		q.UserID != "" && p.UserID != q.UserID,
		q.GloebitID != "" && p.GloebitID != q.GloebitID,
		q.Item != "" && p.Item+p.Product != q.Item,
		len(q.States) > 0 && !slices.Contains(q.States, p.State),
		q.Stuck && !p.Stuck(),
		!q.DueBefore.IsZero() && (p.NextAt.IsZero() || !p.NextAt.Before(q.DueBefore)),
		!q.From.IsZero() && p.CreatedAt.Before(q.From),
		!q.Until.IsZero() && !p.CreatedAt.Before(q.Until),
		!q.After.IsZero() && q.compare(p.Cursor(), q.After) <= 0:
		return false
	}
	return true
}

// compare orders two places in the list.
func (q Query) compare(a, b Cursor) int {
	if !q.OldestFirst {
		a, b = b, a
	}
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
}
