package modeltest_test

import (
	"context"
	"errors"

	"github.com/go-gloebit/gloebit/ledger"
)

var errDown = errors.New("the database is down")

// store is a store with transactions that breaks as it is told: what a
// Fulfiller writes is kept when the purchase is saved, and only then.
type store struct {
	ledger.MemoryStore
	breaks  string         // "", "before", "within", "after": where the next call breaks, once
	stopped bool           // and everything after it
	stops   bool           // whether the next break stops the process
	shelf   map[string]int // what was delivered, by purchase
	held    map[string]int // what is reserved, by purchase
}

type transaction struct{ writes []func() }

type transactionKey struct{}

func write(ctx context.Context, fn func()) {
	tx := ctx.Value(transactionKey{}).(*transaction)
	tx.writes = append(tx.writes, fn)
}

func (s *store) at(where string) error {
	if s.stopped {
		return errDown
	}
	if s.breaks != where {
		return nil
	}
	s.breaks, s.stopped = "", s.stops
	return errDown
}

func (s *store) Create(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
	if err := s.at("before"); err != nil {
		return ledger.Purchase{}, err
	}
	p, err := s.MemoryStore.Create(ctx, p)
	if err == nil {
		err = s.at("after")
	}
	return p, err
}

func (s *store) Change(ctx context.Context, id string, fn func(context.Context, ledger.Purchase) (ledger.Purchase, error)) (ledger.Purchase, error) {
	if err := s.at("before"); err != nil {
		return ledger.Purchase{}, err
	}
	p, err := s.MemoryStore.Change(ctx, id, func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
		tx := &transaction{}
		p, err := fn(context.WithValue(ctx, transactionKey{}, tx), p)
		if err == nil {
			err = s.at("within")
		}
		if err != nil {
			return p, err
		}
		for _, write := range tx.writes {
			write()
		}
		return p, nil
	})
	if err == nil {
		err = s.at("after")
	}
	return p, err
}

// clerk is a Fulfiller that writes within the store's transactions.
type clerk struct {
	store                     *store
	reserve, deliver, release error
}

func (c *clerk) Reserve(ctx context.Context, p ledger.Purchase) error {
	write(ctx, func() { c.store.held[p.ID]++ })
	return c.reserve
}

func (c *clerk) Deliver(ctx context.Context, p ledger.Purchase) error {
	write(ctx, func() { c.store.shelf[p.ID]++ })
	return c.deliver
}

func (c *clerk) Release(ctx context.Context, p ledger.Purchase) error {
	write(ctx, func() { c.store.held[p.ID] = 0 })
	return c.release
}
