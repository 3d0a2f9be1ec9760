package ledger_test

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
)

// breakage says at which call of the store something fails, and how.
type breakage struct {
	at    int
	where string // "before", "within" or "after" what the call does
	stops bool   // the process stops there; otherwise the call fails and things go on
}

// crashStore is a store with transactions. What a Fulfiller writes in the
// transaction of its context is kept only if the purchase is saved. It fails as
// its plan says.
type crashStore struct {
	ledger.MemoryStore
	mu      sync.Mutex
	calls   int
	plan    breakage
	stopped bool
	places  []breakage     // where it can break
	shelf   map[string]int // by purchase: how often it was delivered
	held    map[string]int // by purchase: how often it was reserved, 0 once released
}

type transaction struct{ writes []func() }

type transactionKey struct{}

// write writes in the transaction of the context.
func write(ctx context.Context, fn func()) {
	tx := ctx.Value(transactionKey{}).(*transaction)
	tx.writes = append(tx.writes, fn)
}

// step reports whether the call fails here.
func (s *crashStore) step(where string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if where == "before" {
		s.calls++
	}
	if s.stopped {
		runtime.Goexit() // a stopped process has no running goroutine
	}
	s.places = append(s.places, breakage{s.calls, where, false}, breakage{s.calls, where, true})
	if s.calls == s.plan.at && where == s.plan.where {
		s.stopped = s.plan.stops
		return errDown
	}
	return nil
}

func (s *crashStore) gone() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.stopped }

// repair ends all failures, as a restart does.
func (s *crashStore) repair() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped, s.plan = false, breakage{}
}

func breaking(s *crashStore, do func() (ledger.Purchase, error)) (ledger.Purchase, error) {
	if err := s.step("before"); err != nil {
		return ledger.Purchase{}, err
	}
	p, err := do()
	if err != nil {
		return ledger.Purchase{}, err
	}
	if err := s.step("after"); err != nil {
		return ledger.Purchase{}, err
	}
	return p, nil
}

func (s *crashStore) Create(ctx context.Context, p ledger.Purchase) (kept ledger.Purchase, created bool, err error) {
	kept, err = breaking(s, func() (kept ledger.Purchase, err error) {
		kept, created, err = s.MemoryStore.Create(ctx, p)
		return kept, err
	})
	return kept, created, err
}

func (s *crashStore) Claim(
	ctx context.Context, realm string, state ledger.State, now, until time.Time,
) (ledger.Purchase, error) {
	return breaking(s, func() (ledger.Purchase, error) { return s.MemoryStore.Claim(ctx, realm, state, now, until) })
}

func (s *crashStore) ClaimUnreported(
	ctx context.Context, realm string, now, until time.Time,
) (ledger.Purchase, error) {
	return breaking(s, func() (ledger.Purchase, error) { return s.MemoryStore.ClaimUnreported(ctx, realm, now, until) })
}

func (s *crashStore) Change(
	ctx context.Context, key connect.Key, fn func(context.Context, ledger.Purchase) (ledger.Purchase, error),
) (ledger.Purchase, error) {
	return breaking(s, func() (ledger.Purchase, error) {
		tx := &transaction{}
		return s.MemoryStore.Change(ctx, key, func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
			next, err := fn(context.WithValue(ctx, transactionKey{}, tx), p)
			if err == nil {
				err = s.step("within")
			}
			if err == nil {
				s.mu.Lock()
				defer s.mu.Unlock()
				for _, write := range tx.writes {
					write()
				}
			}
			return next, err
		})
	})
}

func (s *crashStore) CompareAndSwap(
	ctx context.Context, old, next ledger.Purchase,
) (saved ledger.Purchase, swapped bool, err error) {
	saved, err = breaking(s, func() (saved ledger.Purchase, err error) {
		saved, swapped, err = s.MemoryStore.CompareAndSwap(ctx, old, next)
		return saved, err
	})
	return saved, swapped && err == nil, err
}

// clerk is a Fulfiller that writes in the store's transactions.
type clerk struct {
	store     *crashStore
	reserve   error
	deliver   []error // of the first calls
	mu        sync.Mutex
	delivered map[string]int // calls, also of what was rolled back
	reported  []ledger.Change
}

func (c *clerk) onChange(_ context.Context, _ ledger.Purchase, change ledger.Change) error {
	if err := c.store.step("within"); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reported = append(c.reported, change)
	return nil
}

func (c *clerk) Reserve(ctx context.Context, p ledger.Purchase) error {
	write(ctx, func() { c.store.held[p.ID]++ })
	return c.reserve
}

func (c *clerk) Deliver(ctx context.Context, p ledger.Purchase) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delivered[p.ID]++
	write(ctx, func() { c.store.shelf[p.ID]++ })
	if len(c.deliver) > 0 {
		err := c.deliver[0]
		c.deliver = c.deliver[1:]
		return err
	}
	return nil
}

func (c *clerk) Release(ctx context.Context, p ledger.Purchase) error {
	write(ctx, func() { c.store.held[p.ID] = 0 })
	return nil
}
