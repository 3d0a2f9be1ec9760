package ledger_test

import (
	"context"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
)

// goods is a Fulfiller that records its calls, and fails as configured.
type goods struct {
	mu      sync.Mutex
	calls   []string // "Reserve", "Deliver", "Release", in order
	reserve func(context.Context, ledger.Purchase) error
	deliver func(context.Context, ledger.Purchase) error
	release func(context.Context, ledger.Purchase) error
}

func (g *goods) called(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls = append(g.calls, name)
}

func (g *goods) all() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string{}, g.calls...)
}

func (g *goods) Reserve(ctx context.Context, p ledger.Purchase) error {
	g.called("Reserve")
	return ask(g.reserve, ctx, p)
}

func (g *goods) Deliver(ctx context.Context, p ledger.Purchase) error {
	g.called("Deliver")
	return ask(g.deliver, ctx, p)
}

func (g *goods) Release(ctx context.Context, p ledger.Purchase) error {
	g.called("Release")
	return ask(g.release, ctx, p)
}

func ask(fn func(context.Context, ledger.Purchase) error, ctx context.Context, p ledger.Purchase) error {
	if fn == nil {
		return nil
	}
	return fn(ctx, p)
}

// store calls a hook before and after each call of the store. The hooks get the
// number of the call, from 1 on, and the method's name, which is "Change" for
// CompareAndSwap, too.
type store struct {
	ledger.Store
	mu     sync.Mutex
	calls  int
	before func(n int, call string) error // nothing is done when it fails
	after  func(n int, call string) error // it is done, and the answer lost
	change func(id string) error          // before a Change of that purchase
}

func (s *store) begin(call string) (n int, err error) {
	s.mu.Lock()
	s.calls++
	n, before := s.calls, s.before
	s.mu.Unlock()
	if before != nil {
		err = before(n, call)
	}
	return n, err
}

func (s *store) end(n int, call string) error {
	s.mu.Lock()
	after := s.after
	s.mu.Unlock()
	if after != nil {
		return after(n, call)
	}
	return nil
}

// failing makes every call of the store return err, or succeed if err is nil.
func (s *store) failing(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = func(int, string) error { return err }
}

func through[T any](s *store, call string, do func() (T, error)) (T, error) {
	var none T
	n, err := s.begin(call)
	if err != nil {
		return none, err
	}
	got, err := do()
	if err != nil {
		return none, err
	}
	if err := s.end(n, call); err != nil {
		return none, err
	}
	return got, nil
}

func (s *store) Create(ctx context.Context, p ledger.Purchase) (kept ledger.Purchase, created bool, err error) {
	kept, err = through(s, "Create", func() (p2 ledger.Purchase, err error) {
		p2, created, err = s.Store.Create(ctx, p)
		return p2, err
	})
	return kept, created, err
}

func (s *store) Counts(ctx context.Context, overdue time.Time) ([]ledger.Count, error) {
	return through(s, "Counts", func() ([]ledger.Count, error) { return s.Store.Counts(ctx, overdue) })
}

func (s *store) Get(ctx context.Context, key connect.Key) (ledger.Purchase, error) {
	return through(s, "Get", func() (ledger.Purchase, error) { return s.Store.Get(ctx, key) })
}

func (s *store) Change(
	ctx context.Context, key connect.Key, fn func(context.Context, ledger.Purchase) (ledger.Purchase, error),
) (ledger.Purchase, error) {
	return through(s, "Change", func() (ledger.Purchase, error) {
		s.mu.Lock()
		change := s.change
		s.mu.Unlock()
		if change != nil {
			if err := change(key.ID); err != nil {
				return ledger.Purchase{}, err
			}
		}
		return s.Store.Change(ctx, key, fn)
	})
}

func (s *store) CompareAndSwap(
	ctx context.Context, old, next ledger.Purchase,
) (saved ledger.Purchase, swapped bool, err error) {
	saved, err = through(s, "Change", func() (saved ledger.Purchase, err error) {
		s.mu.Lock()
		change := s.change
		s.mu.Unlock()
		if change != nil {
			if err := change(old.ID); err != nil {
				return ledger.Purchase{}, err
			}
		}
		saved, swapped, err = s.Store.CompareAndSwap(ctx, old, next)
		return saved, err
	})
	return saved, swapped && err == nil, err
}

func (s *store) Claim(
	ctx context.Context, realm string, state ledger.State, now, until time.Time,
) (ledger.Purchase, error) {
	return through(s, "Claim", func() (ledger.Purchase, error) { return s.Store.Claim(ctx, realm, state, now, until) })
}

func (s *store) ClaimUnreported(ctx context.Context, realm string, now, until time.Time) (ledger.Purchase, error) {
	return through(s, "ClaimUnreported", func() (ledger.Purchase, error) {
		return s.Store.ClaimUnreported(ctx, realm, now, until)
	})
}

func (s *store) List(ctx context.Context, q ledger.Query) ([]ledger.Purchase, error) {
	return through(s, "List", func() ([]ledger.Purchase, error) { return s.Store.List(ctx, q) })
}

// saying returns a Fulfiller's method that returns err.
func saying(err error) func(context.Context, ledger.Purchase) error {
	return func(context.Context, ledger.Purchase) error { return err }
}

func (s *store) Tally(
	ctx context.Context, realm string, by ledger.Grouping, from, until time.Time,
) ([]ledger.Tally, error) {
	return through(s, "Tally", func() ([]ledger.Tally, error) { return s.Store.Tally(ctx, realm, by, from, until) })
}

func (s *store) Prune(ctx context.Context, realm string, before time.Time) (int64, error) {
	return through(s, "Prune", func() (int64, error) { return s.Store.Prune(ctx, realm, before) })
}
