package modeltest_test

import (
	"context"
	"errors"
	"sync"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
)

var errDown = errors.New("the database is down")

// keeper is a store with transactions, in which a Fulfiller writes what it does.
type keeper interface {
	ledger.Store
	reserve(ctx context.Context, id string) error
	deliver(ctx context.Context, id string) error
	release(ctx context.Context, id string) error
	goods() (shelf, held map[string]int) // how often each purchase was delivered, and is reserved
}

// store fails as configured.
type store struct {
	keeper
	mu      sync.Mutex // for at; the test sets the fields while nothing runs
	breaks  string     // "", "before", "within", "after": where the next call breaks, once
	stopped bool       // and everything after it
	stops   bool       // whether the next break stops the process
	down    bool       // every call breaks until it is repaired
}

func (s *store) at(where string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || s.down {
		return errDown
	}
	if s.breaks != where {
		return nil
	}
	s.breaks, s.stopped = "", s.stops
	return errDown
}

func (s *store) Create(ctx context.Context, p ledger.Purchase) (kept ledger.Purchase, created bool, err error) {
	if err := s.at("before"); err != nil {
		return ledger.Purchase{}, false, err
	}
	kept, created, err = s.keeper.Create(ctx, p)
	if err == nil {
		err = s.at("after")
	}
	return kept, created, err
}

func (s *store) Change(
	ctx context.Context, key connect.Key, fn func(context.Context, ledger.Purchase) (ledger.Purchase, error),
) (ledger.Purchase, error) {
	if err := s.at("before"); err != nil {
		return ledger.Purchase{}, err
	}
	p, err := s.keeper.Change(ctx, key, func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
		p, err := fn(ctx, p)
		if err == nil {
			err = s.at("within")
		}
		return p, err
	})
	if err == nil {
		err = s.at("after")
	}
	return p, err
}

func (s *store) CompareAndSwap(
	ctx context.Context, old, next ledger.Purchase,
) (saved ledger.Purchase, swapped bool, err error) {
	if err := s.at("before"); err != nil {
		return ledger.Purchase{}, false, err
	}
	saved, swapped, err = s.keeper.CompareAndSwap(ctx, old, next)
	if err == nil {
		err = s.at("after")
	}
	return saved, swapped && err == nil, err
}

// clerk is a Fulfiller that writes within the store's transactions.
type clerk struct {
	store                     *store
	reserve, deliver, release error
}

func (c *clerk) Reserve(ctx context.Context, p ledger.Purchase) error {
	return errors.Join(c.store.reserve(ctx, p.ID), c.reserve)
}

func (c *clerk) Deliver(ctx context.Context, p ledger.Purchase) error {
	return errors.Join(c.store.deliver(ctx, p.ID), c.deliver)
}

func (c *clerk) Release(ctx context.Context, p ledger.Purchase) error {
	return errors.Join(c.store.release(ctx, p.ID), c.release)
}
