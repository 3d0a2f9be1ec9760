package ledgertest_test

import (
	"context"
	"reflect"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
)

type swapFunc = func(s *brokenLedger, ctx context.Context, old, next ledger.Purchase) (ledger.Purchase, bool, error)

func (s *brokenLedger) CompareAndSwap(
	ctx context.Context, old, next ledger.Purchase,
) (saved ledger.Purchase, swapped bool, err error) {
	if s.swap != nil {
		return s.swap(s, ctx, old, next)
	}
	return s.MemoryStore.CompareAndSwap(ctx, old, next)
}

// brokenSwaps continues brokenLedgers with stores whose CompareAndSwap is
// broken.
var brokenSwaps = []brokenLedgerCase{
	{"CompareAndSwap_saves_a_purchase_that_is_as_it_was_read", &brokenLedger{swap: func(
		s *brokenLedger, ctx context.Context, old, next ledger.Purchase,
	) (ledger.Purchase, bool, error) {
		return next, true, nil
	}}},
	{"CompareAndSwap_saves_a_purchase_that_is_as_it_was_read", &brokenLedger{swap: func(
		s *brokenLedger, ctx context.Context, old, next ledger.Purchase,
	) (ledger.Purchase, bool, error) {
		old.NextAt = time.Time{}
		return s.MemoryStore.CompareAndSwap(ctx, old, next)
	}}},
	{"CompareAndSwap_saves_nothing_over_any_change", comparing(func(now, old *ledger.Purchase) {
		now.NextAt = old.NextAt
	})},
	{"CompareAndSwap_saves_nothing_over_any_change", comparing(func(now, old *ledger.Purchase) {
		now.ReportAt = old.ReportAt
	})},
	{"CompareAndSwap_saves_nothing_over_any_change", comparing(func(now, old *ledger.Purchase) {
		now.State = old.State
	})},
	{"CompareAndSwap_saves_nothing_over_any_change", comparing(func(now, old *ledger.Purchase) {
		now.UserID, now.IdempotencyKey, now.GloebitID = old.UserID, old.IdempotencyKey, old.GloebitID
	})},
	{"CompareAndSwap_saves_nothing_over_any_change", comparing(func(now, old *ledger.Purchase) {
		now.Attempts = old.Attempts
	})},
	{"CompareAndSwap_refuses_what_a_Change_may_not_save", &brokenLedger{swap: func(
		s *brokenLedger, ctx context.Context, old, next ledger.Purchase,
	) (ledger.Purchase, bool, error) {
		if next.State == "lost" {
			next.State = ledger.Released
		}
		return s.MemoryStore.CompareAndSwap(ctx, old, next)
	}}},
	{"CompareAndSwap_refuses_what_a_Change_may_not_save", &brokenLedger{swap: func(
		s *brokenLedger, ctx context.Context, old, next ledger.Purchase,
	) (ledger.Purchase, bool, error) {
		return s.MemoryStore.CompareAndSwap(context.WithoutCancel(ctx), old, next)
	}}},
	{"of_several_goroutines_that_swap_one_purchase_one_wins", comparing(func(*ledger.Purchase, *ledger.Purchase) {})},
	{"CompareAndSwap_waits_for_a_Change", &brokenLedger{swap: func(
		*brokenLedger, context.Context, ledger.Purchase, ledger.Purchase,
	) (ledger.Purchase, bool, error) {
		return ledger.Purchase{}, false, nil
	}}},
}

// comparing is a CompareAndSwap in two steps that overlooks what overlook makes
// equal.
func comparing(overlook func(now, old *ledger.Purchase)) *brokenLedger {
	return &brokenLedger{swap: func(
		s *brokenLedger, ctx context.Context, old, next ledger.Purchase,
	) (ledger.Purchase, bool, error) {
		now, err := s.MemoryStore.Get(ctx, old.StoreKey())
		if err != nil {
			return ledger.Purchase{}, false, err
		}
		overlook(&now, &old)
		if !reflect.DeepEqual(now, old) {
			return ledger.Purchase{}, false, nil
		}
		time.Sleep(time.Millisecond)
		p, err := s.MemoryStore.Change(
			ctx, old.StoreKey(), func(context.Context, ledger.Purchase) (ledger.Purchase, error) { return next, nil },
		)
		return p, err == nil, err
	}}
}
