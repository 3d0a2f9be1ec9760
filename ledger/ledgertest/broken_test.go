package ledgertest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/ledger/ledgertest"
	"github.com/stretchr/testify/require"
)

type changing = func(context.Context, ledger.Purchase) (ledger.Purchase, error)

// brokenLedger is a good store but for what its functions do instead.
type brokenLedger struct {
	ledger.MemoryStore
	create func(s *brokenLedger, ctx context.Context, p ledger.Purchase) (ledger.Purchase, error)
	change func(s *brokenLedger, ctx context.Context, id string, fn changing) (ledger.Purchase, error)
	claim  func(s *brokenLedger, ctx context.Context, now, until time.Time) (ledger.Purchase, error)
	list   func(s *brokenLedger, ctx context.Context, q ledger.Query) ([]ledger.Purchase, error)
	get    func(s *brokenLedger, ctx context.Context, id string) (ledger.Purchase, error)
	mu     sync.Mutex
}

func (s *brokenLedger) Create(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
	if s.create != nil {
		return s.create(s, ctx, p)
	}
	return s.MemoryStore.Create(ctx, p)
}

func (s *brokenLedger) Change(ctx context.Context, id string, fn func(context.Context, ledger.Purchase) (ledger.Purchase, error)) (ledger.Purchase, error) {
	if s.change != nil {
		return s.change(s, ctx, id, fn)
	}
	return s.MemoryStore.Change(ctx, id, fn)
}

func (s *brokenLedger) Claim(ctx context.Context, now, until time.Time) (ledger.Purchase, error) {
	if s.claim != nil {
		return s.claim(s, ctx, now, until)
	}
	return s.MemoryStore.Claim(ctx, now, until)
}

func (s *brokenLedger) List(ctx context.Context, q ledger.Query) ([]ledger.Purchase, error) {
	if s.list != nil {
		return s.list(s, ctx, q)
	}
	return s.MemoryStore.List(ctx, q)
}

func (s *brokenLedger) Get(ctx context.Context, id string) (ledger.Purchase, error) {
	if s.get != nil {
		return s.get(s, ctx, id)
	}
	return s.MemoryStore.Get(ctx, id)
}

// keeping breaks what is kept of a purchase.
func keeping(spoil func(*ledger.Purchase)) *brokenLedger {
	return &brokenLedger{
		create: func(s *brokenLedger, ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
			spoil(&p)
			return s.MemoryStore.Create(ctx, p)
		},
		change: func(s *brokenLedger, ctx context.Context, id string, fn changing) (ledger.Purchase, error) {
			return s.MemoryStore.Change(ctx, id, func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
				p, err := fn(ctx, p)
				spoil(&p)
				return p, err
			})
		},
	}
}

// creating breaks Create alone, and so do the others with their methods.
func creating(create func(s *brokenLedger, ctx context.Context, p ledger.Purchase) (ledger.Purchase, error)) *brokenLedger {
	return &brokenLedger{create: create}
}

func altering(change func(s *brokenLedger, ctx context.Context, id string, fn changing) (ledger.Purchase, error)) *brokenLedger {
	return &brokenLedger{change: change}
}

func claiming(claim func(s *brokenLedger, ctx context.Context, now, until time.Time) (ledger.Purchase, error)) *brokenLedger {
	return &brokenLedger{claim: claim}
}

func listing(spoil func(*ledger.Query), after func([]ledger.Purchase)) *brokenLedger {
	return &brokenLedger{list: func(s *brokenLedger, ctx context.Context, q ledger.Query) ([]ledger.Purchase, error) {
		spoil(&q)
		list, err := s.MemoryStore.List(ctx, q)
		after(list)
		return list, err
	}}
}

func nothing(*ledger.Query) {}

func asIs([]ledger.Purchase) {}

// Each store is broken in one way, and the case of that name must notice.
var brokenLedgers = []struct {
	caught string
	store  *brokenLedger
}{
	{"every_field_comes_back_as_it_was_created", keeping(func(p *ledger.Purchase) { p.Attempts = 0 })},
	{"every_field_comes_back_as_it_was_created", keeping(func(p *ledger.Purchase) { p.GloebitID = "" })},
	{"every_field_comes_back_as_it_was_changed", keeping(func(p *ledger.Purchase) { p.StuckAt = p.StuckAt.Truncate(time.Second) })},
	{"every_field_comes_back_as_it_was_created", keeping(func(p *ledger.Purchase) {
		p.Data = json.RawMessage(strings.ReplaceAll(string(p.Data), "1.50", "1.5"))
	})},
	{"every_field_comes_back_as_it_was_created", keeping(func(p *ledger.Purchase) { p.UserID = strings.ReplaceAll(p.UserID, "\t", " ") })},
	{"every_field_comes_back_as_it_was_changed", keeping(func(p *ledger.Purchase) { p.History = p.History[:min(len(p.History), 1)] })},
	{"empty_fields_come_back_empty", keeping(func(p *ledger.Purchase) {
		if p.KeyUntil.IsZero() {
			p.KeyUntil = time.Unix(0, 0)
		}
	})},
	{"a_purchase_of_200_KiB_is_kept", keeping(func(p *ledger.Purchase) { p.Data = p.Data[:min(len(p.Data), 65535)] })},
	{"what_came_back_can_be_changed_and_the_store's_stays", &brokenLedger{get: sharing()}},
	{"an_id_is_used_once_and_the_first_purchase_stays", creating(func(s *brokenLedger, ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
		if _, err := s.MemoryStore.Get(ctx, p.ID); err == nil {
			return s.MemoryStore.Change(ctx, p.ID, func(context.Context, ledger.Purchase) (ledger.Purchase, error) { return p, nil })
		}
		return s.MemoryStore.Create(ctx, p)
	})},
	{"what_Check_refuses_is_refused", creating(func(s *brokenLedger, ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
		p.State = cmp.Or(p.State, ledger.Created)
		return s.MemoryStore.Create(ctx, p)
	})},
	{"a_key_in_use_gives_the_purchase_that_holds_it", creating(func(s *brokenLedger, ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
		got, err := s.MemoryStore.Create(ctx, p)
		if got.ID != p.ID {
			return p, err
		}
		return got, err
	})},
	{"a_key_is_free_from_its_KeyUntil_on", keeping(func(p *ledger.Purchase) {
		if p.Key != "" {
			p.KeyUntil = p.KeyUntil.Add(time.Microsecond)
		}
	})},
	{"a_key_that_Change_gave_up_is_free", altering(func(s *brokenLedger, ctx context.Context, id string, fn changing) (ledger.Purchase, error) {
		return s.MemoryStore.Change(ctx, id, func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
			until := p.KeyUntil
			p, err := fn(ctx, p)
			p.KeyUntil = until
			return p, err
		})
	})},
	{"without_a_key_every_order_is_a_purchase", keeping(func(p *ledger.Purchase) {
		if p.Key == "" {
			p.Key, p.KeyUntil = "none", p.CreatedAt.Add(time.Hour)
		}
	})},
	{"user_ids_and_keys_that_differ_in_any_byte_are_different", keeping(func(p *ledger.Purchase) { p.Key = strings.ToLower(p.Key) })},
	{"user_ids_and_keys_that_differ_in_any_byte_are_different", keeping(func(p *ledger.Purchase) {
		p.UserID = strings.TrimRight(p.UserID, " ") + "!"[:min(1, 255-len(p.UserID))]
	})},
	{"of_a_hundred_goroutines_with_one_key_one_creates", creating(func(s *brokenLedger, ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
		list, err := s.MemoryStore.List(ctx, ledger.Query{UserID: p.UserID, Limit: 1000})
		for _, other := range list {
			if other.Key == p.Key && p.Key != "" {
				return other, err
			}
		}
		time.Sleep(time.Millisecond)
		key := p.Key
		p.Key = ""
		if _, err := s.MemoryStore.Create(ctx, p); err != nil {
			return ledger.Purchase{}, err
		}
		return s.MemoryStore.Change(ctx, p.ID, func(_ context.Context, p ledger.Purchase) (ledger.Purchase, error) { p.Key = key; return p, nil })
	})},
	{"Change_saves_what_fn_returns", altering(func(s *brokenLedger, ctx context.Context, id string, fn changing) (ledger.Purchase, error) {
		p, err := s.MemoryStore.Get(ctx, id)
		if err != nil {
			return p, err
		}
		return fn(ctx, p)
	})},
	{"an_fn_that_fails_saves_nothing", altering(func(s *brokenLedger, ctx context.Context, id string, fn changing) (ledger.Purchase, error) {
		var failed error
		_, err := s.MemoryStore.Change(ctx, id, func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
			p, failed = fn(ctx, p)
			return p, nil
		})
		return ledger.Purchase{}, cmp.Or(failed, err)
	})},
	{"an_fn_that_panics_saves_nothing_and_frees_the_purchase", altering(func(s *brokenLedger, ctx context.Context, id string, fn changing) (ledger.Purchase, error) {
		return s.MemoryStore.Change(ctx, id, func(ctx context.Context, p ledger.Purchase) (_ ledger.Purchase, err error) {
			defer func() { _ = recover() }()
			return fn(ctx, p)
		})
	})},
	{"a_hundred_goroutines_on_one_purchase_lose_no_change", altering(unlocked)},
	{"a_Change_waits_for_the_other_one_of_its_purchase", altering(unlocked)},
	{"waiting_for_a_purchase_ends_with_the_context", altering(func(s *brokenLedger, ctx context.Context, id string, fn changing) (ledger.Purchase, error) {
		return unlocked(s, context.WithoutCancel(ctx), id, fn)
	})},
	{"the_context_of_fn_is_the_caller's", altering(func(s *brokenLedger, ctx context.Context, id string, fn changing) (ledger.Purchase, error) {
		return s.MemoryStore.Change(ctx, id, func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
			bare, cancel := context.WithCancel(context.Background()) // it ends with the caller's, and lacks the values
			defer context.AfterFunc(ctx, cancel)()
			return fn(bare, p)
		})
	})},
	{"Get_and_List_do_not_wait_for_a_Change", &brokenLedger{
		get: func(s *brokenLedger, ctx context.Context, id string) (ledger.Purchase, error) {
			if !s.mu.TryLock() { // a store that waits would wait here until the case gives up
				return ledger.Purchase{}, context.DeadlineExceeded
			}
			defer s.mu.Unlock()
			return s.MemoryStore.Get(ctx, id)
		},
		change: func(s *brokenLedger, ctx context.Context, id string, fn changing) (ledger.Purchase, error) {
			return s.MemoryStore.Change(ctx, id, func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				return fn(ctx, p)
			})
		},
	}},
	{"a_purchase_is_due_from_its_NextAt_on", claiming(func(s *brokenLedger, ctx context.Context, now, until time.Time) (ledger.Purchase, error) {
		return s.MemoryStore.Claim(ctx, now.Add(-time.Microsecond), until)
	})},
	{"the_longest_due_is_claimed_first", claiming(func(s *brokenLedger, ctx context.Context, now, until time.Time) (ledger.Purchase, error) {
		return pick(s, ctx, now, until, func(a, b ledger.Purchase) int { return strings.Compare(a.ID, b.ID) })
	})},
	{"a_claim_lapses", claiming(func(s *brokenLedger, ctx context.Context, now, until time.Time) (ledger.Purchase, error) {
		p, err := s.MemoryStore.Claim(ctx, now, until.Add(time.Hour))
		p.NextAt = until
		return p, err
	})},
	{"of_many_goroutines_each_claims_another_purchase", claiming(func(s *brokenLedger, ctx context.Context, now, until time.Time) (ledger.Purchase, error) {
		return pick(s, ctx, now, until, func(a, b ledger.Purchase) int { return a.NextAt.Compare(b.NextAt) })
	})},
	{"a_purchase_comes_whole_with_its_claim", claiming(func(s *brokenLedger, ctx context.Context, now, until time.Time) (ledger.Purchase, error) {
		p, err := s.MemoryStore.Claim(ctx, now, until)
		p.History = nil
		return p, err
	})},
	{"a_purchase_whose_Change_runs_is_not_claimed", claiming(func(s *brokenLedger, ctx context.Context, now, until time.Time) (ledger.Purchase, error) {
		return pick(s, ctx, now, until, func(a, b ledger.Purchase) int { return a.NextAt.Compare(b.NextAt) })
	})},
	{"purchases_are_listed_newest_first", listing(nothing, slices.Reverse[[]ledger.Purchase])},
	{"a_list_has_as_many_as_it_may", listing(func(q *ledger.Query) { q.Limit = cmp.Or(q.Limit, 1000) }, asIs)},
	{"pages_hold_each_purchase_once", listing(func(q *ledger.Query) {
		if !q.After.IsZero() {
			q.After.ID = "0"
		}
	}, asIs)},
	{"a_page_is_not_moved_by_newer_purchases", listing(func(q *ledger.Query) { q.After = ledger.Cursor{} }, asIs)},
	{"a_list_can_be_narrowed", listing(func(q *ledger.Query) { q.Stuck = false }, asIs)},
	{"a_list_can_be_narrowed", listing(func(q *ledger.Query) { q.Until = q.Until.Add(time.Microsecond) }, asIs)},
	{"listed_purchases_are_whole", listing(nothing, func(list []ledger.Purchase) {
		for i := range list {
			list[i].Data = nil
		}
	})},
	{"a_context_that_has_ended_does_nothing", &brokenLedger{get: func(s *brokenLedger, ctx context.Context, id string) (ledger.Purchase, error) {
		return s.MemoryStore.Get(context.WithoutCancel(ctx), id)
	}}},
}

// sharing is a Get that gives the same purchase to all.
func sharing() func(s *brokenLedger, ctx context.Context, id string) (ledger.Purchase, error) {
	var shared ledger.Purchase
	return func(s *brokenLedger, ctx context.Context, id string) (ledger.Purchase, error) {
		if shared.ID == id {
			return shared, nil
		}
		p, err := s.MemoryStore.Get(ctx, id)
		shared = p
		return p, err
	}
}

// unlocked is a Change that keeps nobody out.
func unlocked(s *brokenLedger, ctx context.Context, id string, fn changing) (ledger.Purchase, error) {
	p, err := s.MemoryStore.Get(ctx, id)
	if err != nil {
		return p, err
	}
	if p, err = fn(ctx, p); err != nil {
		return p, err
	}
	return s.MemoryStore.Change(context.WithoutCancel(ctx), id, func(context.Context, ledger.Purchase) (ledger.Purchase, error) { return p, nil })
}

// pick is a Claim in two steps.
func pick(s *brokenLedger, ctx context.Context, now, until time.Time, order func(a, b ledger.Purchase) int) (ledger.Purchase, error) {
	list, err := s.MemoryStore.List(ctx, ledger.Query{Limit: 1000})
	if err != nil {
		return ledger.Purchase{}, err
	}
	list = slices.DeleteFunc(list, func(p ledger.Purchase) bool { return p.NextAt.IsZero() || p.NextAt.After(now) })
	if len(list) == 0 {
		return ledger.Purchase{}, gloebit.ErrNotFound
	}
	p := slices.MinFunc(list, order)
	time.Sleep(time.Millisecond)
	return s.MemoryStore.Change(ctx, p.ID, func(_ context.Context, p ledger.Purchase) (ledger.Purchase, error) {
		p.NextAt = until
		return p, nil
	})
}

const brokenHere = "LEDGERTEST_BROKEN" // set in the process in which the broken stores fail

func TestEveryBrokenLedgerStoreFailsItsCase(t *testing.T) {
	t.Parallel()
	if os.Getenv(brokenHere) != "" {
		t.Run("inside", failingLedgers)
		return
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEveryBrokenLedgerStoreFailsItsCase$", "-test.v")
	command.Env = append(os.Environ(), brokenHere+"=1")
	output, err := command.CombinedOutput()
	require.Error(t, err, "the suite passed broken stores")
	for i, broken := range brokenLedgers {
		name := "inside/" + string(rune('A'+i)) + "/" + broken.caught
		if !strings.Contains(string(output), "--- FAIL: TestEveryBrokenLedgerStoreFailsItsCase/"+name+" ") {
			t.Errorf("the case does not notice: %s", name)
		}
	}
}

func failingLedgers(t *testing.T) {
	for i, broken := range brokenLedgers {
		t.Run(string(rune('A'+i)), func(t *testing.T) {
			t.Parallel()
			ledgertest.RunStore(t, func(t *testing.T) ledger.Store {
				only(t, broken.caught)
				return broken.store
			})
		})
	}
}

// only skips all cases but one, in the process of the broken stores.
func only(t *testing.T, name string) {
	t.Helper()
	if !strings.HasSuffix(t.Name(), "/"+name) {
		t.SkipNow()
	}
}
