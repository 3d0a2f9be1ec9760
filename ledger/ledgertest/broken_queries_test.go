package ledgertest_test

import (
	"context"
	"slices"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
)

func (s *brokenLedger) Tally(
	ctx context.Context, realm string, by ledger.Grouping, from, until time.Time,
) ([]ledger.Tally, error) {
	if s.tally != nil {
		return s.tally(s, ctx, by, from, until)
	}
	return s.MemoryStore.Tally(ctx, realm, by, from, until)
}

func (s *brokenLedger) Prune(ctx context.Context, realm string, before time.Time) (int64, error) {
	if s.prune != nil {
		return s.prune(s, ctx, before)
	}
	return s.MemoryStore.Prune(ctx, realm, before)
}

func (s *brokenLedger) ClaimUnreported(
	ctx context.Context, realm string, now, until time.Time,
) (ledger.Purchase, error) {
	if s.unreported != nil {
		return s.unreported(s, ctx, now, until)
	}
	return s.MemoryStore.ClaimUnreported(ctx, realm, now, until)
}

func (s *brokenLedger) Counts(ctx context.Context, before time.Time) ([]ledger.Count, error) {
	counts, err := s.MemoryStore.Counts(ctx, before)
	if s.counts != nil {
		counts = s.counts(counts)
	}
	return counts, err
}

const shop = "www.example.com/shop"

// tallying breaks what a Tally is of.
func tallying(spoil func(from, until *time.Time), after func([]ledger.Tally)) *brokenLedger {
	return &brokenLedger{tally: func(
		s *brokenLedger, ctx context.Context, by ledger.Grouping, from, until time.Time,
	) ([]ledger.Tally, error) {
		spoil(&from, &until)
		list, err := s.MemoryStore.Tally(ctx, shop, by, from, until)
		after(list)
		return list, err
	}}
}

func noTime(*time.Time, *time.Time) {}

var brokenQueries = []brokenLedgerCase{
	{"a_purchase_can_lose_its_user_and_key", keeping(func(p *ledger.Purchase) {
		if p.UserID == "" {
			p.UserID = "unknown"
		}
	})},
	{"purchases_are_listed_oldest_first", listing(func(q *ledger.Query) { q.OldestFirst = false }, asIs)},
	{"a_list_can_be_narrowed", listing(func(q *ledger.Query) { q.GloebitID = "" }, asIs)},
	{"a_list_can_be_narrowed", listing(func(q *ledger.Query) { q.Item = "" }, asIs)},
	{
		"paid_purchases_are_added_up_by_day",
		tallying(func(_, until *time.Time) { *until = time.Time{} }, func([]ledger.Tally) {}),
	},
	{"paid_purchases_are_added_up_by_day", tallying(noTime, slices.Reverse[[]ledger.Tally])},
	{"paid_purchases_are_added_up_by_item", tallying(noTime, slices.Reverse[[]ledger.Tally])},
	{
		"purchases_are_added_up_by_state",
		tallying(func(from, _ *time.Time) { *from = time.Time{} }, func([]ledger.Tally) {}),
	},
	{"an_unknown_grouping_is_refused", &brokenLedger{
		tally: func(s *brokenLedger, ctx context.Context, _ ledger.Grouping, from, until time.Time) ([]ledger.Tally, error) {
			return s.MemoryStore.Tally(ctx, shop, ledger.ByDay, from, until)
		},
	}},
	{"finished_purchases_are_pruned",
		&brokenLedger{prune: func(s *brokenLedger, ctx context.Context, before time.Time) (int64, error) {
			return s.MemoryStore.Prune(ctx, shop, before.Add(time.Microsecond))
		}}},
	{"finished_purchases_are_pruned",
		&brokenLedger{prune: func(s *brokenLedger, ctx context.Context, before time.Time) (int64, error) {
			_, _ = s.MemoryStore.Prune(ctx, "www.example.com/Shop", before)
			return s.MemoryStore.Prune(ctx, shop, before)
		}}},
	{"many_purchases_are_pruned",
		&brokenLedger{prune: func(s *brokenLedger, ctx context.Context, before time.Time) (int64, error) {
			n, err := s.MemoryStore.Prune(ctx, shop, before)
			return min(n, 500), err
		}}},
	{"a_purchase_of_any_state_has_changes_to_report", &brokenLedger{
		unreported: func(s *brokenLedger, ctx context.Context, now, until time.Time) (ledger.Purchase, error) {
			return s.MemoryStore.Claim(ctx, shop, ledger.Created, now, until)
		},
	}},
	{"a_report_is_due_from_ReportAt_on", &brokenLedger{
		unreported: func(s *brokenLedger, ctx context.Context, now, until time.Time) (ledger.Purchase, error) {
			return s.MemoryStore.ClaimUnreported(ctx, shop, now.Add(time.Second), until)
		},
	}},
	{"a_claim_of_a_report_expires", &brokenLedger{
		unreported: func(s *brokenLedger, ctx context.Context, now, until time.Time) (ledger.Purchase, error) {
			return s.MemoryStore.ClaimUnreported(ctx, shop, now, until.Add(time.Second))
		},
	}},
	{"unreported_purchases_are_counted_in_any_state", &brokenLedger{
		counts: func(counts []ledger.Count) []ledger.Count {
			return slices.DeleteFunc(counts, func(c ledger.Count) bool { return c.Purchases == 0 })
		},
	}},
	{"unreported_purchases_are_counted_in_any_state", &brokenLedger{
		counts: func(counts []ledger.Count) []ledger.Count {
			for i := range counts {
				counts[i].Unreported = 0
			}
			return counts
		},
	}},
	{"every_field_comes_back_as_it_was_changed", keeping(func(p *ledger.Purchase) { p.ReportAt = time.Time{} })},
	{"a_purchase_with_changes_to_report_is_not_pruned", keeping(func(p *ledger.Purchase) { p.ReportAt = time.Time{} })},
	{"a_pruned_purchase_frees_its_key", &brokenLedger{
		prune: func(*brokenLedger, context.Context, time.Time) (int64, error) { return 1, nil },
	}},
}
