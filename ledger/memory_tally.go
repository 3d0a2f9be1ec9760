package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-gloebit/gloebit"
)

const mostItems = 100 // in a Tally

// Tally implements [Store].
func (s *MemoryStore) Tally(ctx context.Context, realm string, by Grouping, from, until time.Time) ([]Tally, error) {
	if !slices.Contains([]Grouping{ByDay, ByItem, ByState}, by) {
		return nil, fmt.Errorf("%w: unknown grouping %.40q", gloebit.ErrInvalidRequest, string(by))
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	sums := map[Tally]Tally{}
	for _, p := range s.purchases {
		at, group := by.place(p)
		if p.Realm != realm || at.IsZero() || at.Before(from) || !until.IsZero() && !at.Before(until) {
			continue
		}
		sum, ok := sums[group]
		if !ok {
			sum = group
		}
		sum.Purchases++
		sum.Gloebits += p.Total()
		sums[group] = sum
	}
	var list []Tally
	for _, sum := range sums {
		list = append(list, sum)
	}
	slices.SortFunc(list, func(a, b Tally) int {
		if by == ByItem {
			return cmp.Or(cmp.Compare(b.Gloebits, a.Gloebits), cmp.Compare(a.Item, b.Item))
		}
		return cmp.Or(a.Day.Compare(b.Day), slices.Index(States(), a.State)-slices.Index(States(), b.State))
	})
	if by == ByItem {
		list = list[:min(len(list), mostItems)]
	}
	return list, nil
}

// place returns the time and the group under which a purchase is counted.
func (g Grouping) place(p Purchase) (at time.Time, group Tally) {
	switch g {
	case ByDay:
		return p.PaidAt, Tally{Day: p.PaidAt.Truncate(24 * time.Hour)}
	case ByItem:
		return p.PaidAt, Tally{Item: p.Item + p.Product}
	}
	return p.CreatedAt, Tally{State: p.State}
}

// Prune implements [Store].
func (s *MemoryStore) Prune(ctx context.Context, realm string, before time.Time) (removed int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, p := range s.purchases {
		_, changing := s.changing[key]
		if key.Realm != realm || !p.Finished() || !p.UpdatedAt.Before(before) || !p.ReportAt.IsZero() || changing {
			continue
		}
		delete(s.purchases, key)
		delete(s.open, key)
		if s.keys[p.userKey()] == p.ID {
			delete(s.keys, p.userKey())
		}
		removed++
	}
	return removed, nil
}

// earlier returns the earlier of two times, of which the first may be zero.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
