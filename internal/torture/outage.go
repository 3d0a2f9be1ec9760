package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
)

// outage is the shop's store with faults. It is down at times, mostly for less
// time than the ledger retries a call and sometimes for longer.
type outage struct {
	ledger.Store
	mu     sync.Mutex
	random *rand.Rand
	until  time.Time
	calm   bool
}

var errOutage = errors.New("the store is down")

// calmDown ends the faults of the store.
func (o *outage) calmDown() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calm = true
}

// down reports whether a call must fail.
func (o *outage) down() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.calm {
		return false
	}
	if o.random.IntN(1000) == 0 {
		most := tryFor / 4
		if o.random.IntN(2) == 0 {
			most = 2 * tryFor
		}
		o.until = time.Now().Add(time.Duration(o.random.Int64N(int64(most))))
	}
	return time.Now().Before(o.until) || o.random.IntN(500) == 0
}

// forgets reports whether the result of a completed call is lost.
func (o *outage) forgets() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.calm && o.random.IntN(500) == 0
}

func (o *outage) through(do func() (ledger.Purchase, error)) (ledger.Purchase, error) {
	if o.down() {
		return ledger.Purchase{}, errOutage
	}
	p, err := do()
	if err == nil && o.forgets() {
		return ledger.Purchase{}, errOutage
	}
	return p, err
}

func (o *outage) Create(ctx context.Context, p ledger.Purchase) (kept ledger.Purchase, created bool, err error) {
	kept, err = o.through(func() (kept ledger.Purchase, err error) {
		kept, created, err = o.Store.Create(ctx, p)
		return kept, err
	})
	return kept, created, err
}

func (o *outage) Get(ctx context.Context, key connect.Key) (ledger.Purchase, error) {
	return o.through(func() (ledger.Purchase, error) { return o.Store.Get(ctx, key) })
}

func (o *outage) Change(
	ctx context.Context, key connect.Key, fn func(context.Context, ledger.Purchase) (ledger.Purchase, error),
) (ledger.Purchase, error) {
	return o.through(func() (ledger.Purchase, error) { return o.Store.Change(ctx, key, fn) })
}

func (o *outage) CompareAndSwap(
	ctx context.Context, old, next ledger.Purchase,
) (saved ledger.Purchase, swapped bool, err error) {
	saved, err = o.through(func() (saved ledger.Purchase, err error) {
		saved, swapped, err = o.Store.CompareAndSwap(ctx, old, next)
		return saved, err
	})
	return saved, swapped && err == nil, err
}

func (o *outage) Claim(
	ctx context.Context, realm string, state ledger.State, now, until time.Time,
) (ledger.Purchase, error) {
	return o.through(func() (ledger.Purchase, error) { return o.Store.Claim(ctx, realm, state, now, until) })
}

func (o *outage) ClaimUnreported(ctx context.Context, realm string, now, until time.Time) (ledger.Purchase, error) {
	return o.through(func() (ledger.Purchase, error) { return o.Store.ClaimUnreported(ctx, realm, now, until) })
}
