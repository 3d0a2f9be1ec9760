package ledgertest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/ledger/ledgertest"
	"github.com/stretchr/testify/require"
)

type changing = func(context.Context, ledger.Purchase) (ledger.Purchase, error)

// brokenLedger is a correct store except for the functions it replaces.
type brokenLedger struct {
	ledger.MemoryStore
	create func(s *brokenLedger, ctx context.Context, p ledger.Purchase) (ledger.Purchase, bool, error)
	change func(s *brokenLedger, ctx context.Context, key connect.Key, fn changing) (ledger.Purchase, error)
	claim  func(
		s *brokenLedger, ctx context.Context, realm string, state ledger.State, now, until time.Time,
	) (ledger.Purchase, error)
	unreported func(s *brokenLedger, ctx context.Context, now, until time.Time) (ledger.Purchase, error)
	counts     func([]ledger.Count) []ledger.Count
	swap       swapFunc

	list  func(s *brokenLedger, ctx context.Context, q ledger.Query) ([]ledger.Purchase, error)
	get   func(s *brokenLedger, ctx context.Context, key connect.Key) (ledger.Purchase, error)
	tally func(s *brokenLedger, ctx context.Context, by ledger.Grouping, from, until time.Time) ([]ledger.Tally, error)
	prune func(s *brokenLedger, ctx context.Context, before time.Time) (int64, error)
	mu    sync.Mutex
}

func (s *brokenLedger) Create(ctx context.Context, p ledger.Purchase) (ledger.Purchase, bool, error) {
	if s.create != nil {
		return s.create(s, ctx, p)
	}
	return s.MemoryStore.Create(ctx, p)
}

func (s *brokenLedger) Change(
	ctx context.Context, key connect.Key, fn func(context.Context, ledger.Purchase) (ledger.Purchase, error),
) (ledger.Purchase, error) {
	if s.change != nil {
		return s.change(s, ctx, key, fn)
	}
	return s.MemoryStore.Change(ctx, key, fn)
}

func (s *brokenLedger) Claim(
	ctx context.Context, realm string, state ledger.State, now, until time.Time,
) (ledger.Purchase, error) {
	if s.claim != nil {
		return s.claim(s, ctx, realm, state, now, until)
	}
	return s.MemoryStore.Claim(ctx, realm, state, now, until)
}

func (s *brokenLedger) List(ctx context.Context, q ledger.Query) ([]ledger.Purchase, error) {
	if s.list != nil {
		return s.list(s, ctx, q)
	}
	return s.MemoryStore.List(ctx, q)
}

func (s *brokenLedger) Get(ctx context.Context, key connect.Key) (ledger.Purchase, error) {
	if s.get != nil {
		return s.get(s, ctx, key)
	}
	return s.MemoryStore.Get(ctx, key)
}

// keeping changes a purchase when it is stored.
func keeping(spoil func(*ledger.Purchase)) *brokenLedger {
	return &brokenLedger{
		create: func(s *brokenLedger, ctx context.Context, p ledger.Purchase) (ledger.Purchase, bool, error) {
			spoil(&p)
			return s.MemoryStore.Create(ctx, p)
		},
		change: func(s *brokenLedger, ctx context.Context, key connect.Key, fn changing) (ledger.Purchase, error) {
			return s.MemoryStore.Change(ctx, key, func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
				p, err := fn(ctx, p)
				spoil(&p)
				return p, err
			})
		},
	}
}

// creating replaces Create alone. The functions below replace one method each.
func creating(
	create func(s *brokenLedger, ctx context.Context, p ledger.Purchase) (ledger.Purchase, bool, error),
) *brokenLedger {
	return &brokenLedger{create: create}
}

func altering(
	change func(s *brokenLedger, ctx context.Context, key connect.Key, fn changing) (ledger.Purchase, error),
) *brokenLedger {
	return &brokenLedger{change: change}
}

func claiming(
	claim func(
		s *brokenLedger, ctx context.Context, realm string, state ledger.State, now, until time.Time,
	) (ledger.Purchase, error),
) *brokenLedger {
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

type brokenLedgerCase struct {
	caught string
	store  *brokenLedger
}

// Each store is broken in one way, and the case of that name must notice.
var brokenLedgers = []brokenLedgerCase{
	{"every_field_comes_back_as_it_was_created", keeping(func(p *ledger.Purchase) { p.Attempts = 0 })},
	{"every_field_comes_back_as_it_was_created", keeping(func(p *ledger.Purchase) { p.GloebitID = "" })},
	{
		"every_field_comes_back_as_it_was_changed",
		keeping(func(p *ledger.Purchase) { p.StuckAt = p.StuckAt.Truncate(time.Second) }),
	},
	{"every_field_comes_back_as_it_was_created", keeping(func(p *ledger.Purchase) {
		p.Data = json.RawMessage(strings.ReplaceAll(string(p.Data), "1.50", "1.5"))
	})},
	{
		"every_field_comes_back_as_it_was_created",
		keeping(func(p *ledger.Purchase) { p.UserID = strings.TrimSpace(p.UserID) }),
	},
	{
		"every_field_comes_back_as_it_was_changed",
		keeping(func(p *ledger.Purchase) { p.History = p.History[:min(len(p.History), 1)] }),
	},
	{"empty_fields_come_back_empty", keeping(func(p *ledger.Purchase) {
		if p.PaidAt.IsZero() {
			p.PaidAt = time.Unix(0, 0)
		}
	})},
	{"a_purchase_of_200_KiB_is_kept", keeping(func(p *ledger.Purchase) { p.Data = p.Data[:min(len(p.Data), 65535)] })},
	{"what_came_back_can_be_changed_and_the_store's_stays", &brokenLedger{get: sharing()}},
	{"an_ID_in_use_gives_the_purchase_that_has_it",
		creating(func(s *brokenLedger, ctx context.Context, p ledger.Purchase) (ledger.Purchase, bool, error) {
			if _, err := s.MemoryStore.Get(ctx, p.StoreKey()); err == nil {
				p, err := s.MemoryStore.Change(
					ctx, p.StoreKey(), func(context.Context, ledger.Purchase) (ledger.Purchase, error) { return p, nil },
				)
				return p, false, err
			}
			return s.MemoryStore.Create(ctx, p)
		})},
	{"what_Check_refuses_is_refused",
		creating(func(s *brokenLedger, ctx context.Context, p ledger.Purchase) (ledger.Purchase, bool, error) {
			p.State = cmp.Or(p.State, ledger.Created)
			return s.MemoryStore.Create(ctx, p)
		})},
	{"a_key_in_use_gives_the_purchase_that_holds_it",
		creating(func(s *brokenLedger, ctx context.Context, p ledger.Purchase) (ledger.Purchase, bool, error) {
			got, created, err := s.MemoryStore.Create(ctx, p)
			if got.ID != p.ID {
				return p, created, err
			}
			return got, created, err
		})},
	{"a_key_in_use_gives_the_purchase_that_holds_it",
		creating(func(s *brokenLedger, ctx context.Context, p ledger.Purchase) (ledger.Purchase, bool, error) {
			got, _, err := s.MemoryStore.Create(ctx, p)
			return got, true, err
		})},
	{"a_refused_purchase_holds_no_key,_and_takes_it_back_if_it_is_free", keeping(func(p *ledger.Purchase) {
		if p.State == ledger.Refused {
			p.State = ledger.Canceled
		}
	})},
	{
		"a_purchase_of_an_unknown_user_gets_one_once",
		keeping(func(p *ledger.Purchase) { p.UserID = cmp.Or(p.UserID, "unknown") }),
	},
	{
		"without_a_key_every_order_is_a_purchase",
		keeping(func(p *ledger.Purchase) { p.IdempotencyKey = cmp.Or(p.IdempotencyKey, "none") }),
	},
	{"every_field_comes_back_as_it_was_created",
		&brokenLedger{get: func(s *brokenLedger, ctx context.Context, key connect.Key) (ledger.Purchase, error) {
			return s.MemoryStore.Get(ctx, connect.Key{Realm: "www.example.com/Shop", ID: key.ID})
		}}},
	{"a_claim_is_for_one_state", claiming(func(
		s *brokenLedger, ctx context.Context, realm string, state ledger.State, now, until time.Time,
	) (ledger.Purchase, error) {
		for _, state := range append([]ledger.State{state}, ledger.States()...) {
			if p, err := s.MemoryStore.Claim(ctx, realm, state, now, until); err == nil {
				return p, nil
			}
		}
		return ledger.Purchase{}, gloebit.ErrNotFound
	})},
	{"a_purchase_is_due_from_its_NextAt_on",
		claiming(func(
			s *brokenLedger, ctx context.Context, realm string, state ledger.State, now, until time.Time,
		) (ledger.Purchase, error) {
			p, err := s.MemoryStore.Claim(ctx, realm, state, now, until)
			_, _ = s.MemoryStore.Claim(ctx, "www.example.com/Shop", state, now, until)
			return p, err
		})},
	{"listed_purchases_are_whole", listing(func(q *ledger.Query) { q.Realm = "www.example.com/Shop" }, asIs)},
	{"unfinished_purchases_are_counted_by_realm_and_state", keeping(func(p *ledger.Purchase) { p.StuckAt = time.Time{} })},
	{
		"user_ids_and_keys_that_differ_in_any_byte_are_different",
		keeping(func(p *ledger.Purchase) { p.IdempotencyKey = strings.ToLower(p.IdempotencyKey) }),
	},
	{"user_ids_and_keys_that_differ_in_any_byte_are_different", keeping(func(p *ledger.Purchase) {
		p.UserID = strings.TrimRight(p.UserID, " ") + "!"[:min(1, 255-len(p.UserID))]
	})},
	{"of_a_hundred_goroutines_with_one_key_one_creates",
		creating(func(s *brokenLedger, ctx context.Context, p ledger.Purchase) (ledger.Purchase, bool, error) {
			list, err := s.MemoryStore.List(ctx, ledger.Query{Realm: p.Realm, UserID: p.UserID, Limit: 1000})
			for _, other := range list {
				if other.IdempotencyKey == p.IdempotencyKey && p.IdempotencyKey != "" {
					return other, false, err
				}
			}
			time.Sleep(time.Millisecond)
			key := p.IdempotencyKey
			p.IdempotencyKey = ""
			if _, _, err := s.MemoryStore.Create(ctx, p); err != nil {
				return ledger.Purchase{}, false, err
			}
			p, err = s.MemoryStore.Change(ctx, p.StoreKey(), func(
				_ context.Context, p ledger.Purchase,
			) (ledger.Purchase, error) {
				p.IdempotencyKey = key
				return p, nil
			})
			return p, true, err
		})},
	{"Change_saves_what_fn_returns",
		altering(func(s *brokenLedger, ctx context.Context, key connect.Key, fn changing) (ledger.Purchase, error) {
			p, err := s.MemoryStore.Get(ctx, key)
			if err != nil {
				return p, err
			}
			return fn(ctx, p)
		})},
	{"an_fn_that_fails_saves_nothing",
		altering(func(s *brokenLedger, ctx context.Context, key connect.Key, fn changing) (ledger.Purchase, error) {
			var failed error
			_, err := s.MemoryStore.Change(ctx, key, func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
				p, failed = fn(ctx, p)
				return p, nil
			})
			return ledger.Purchase{}, cmp.Or(failed, err)
		})},
	{"an_fn_that_panics_saves_nothing_and_frees_the_purchase",
		altering(func(s *brokenLedger, ctx context.Context, key connect.Key, fn changing) (ledger.Purchase, error) {
			return s.MemoryStore.Change(ctx, key, func(ctx context.Context, p ledger.Purchase) (_ ledger.Purchase, err error) {
				defer func() { _ = recover() }()
				return fn(ctx, p)
			})
		})},
	{"a_hundred_goroutines_on_one_purchase_lose_no_change", altering(unlocked)},
	{"a_Change_waits_for_the_other_one_of_its_purchase", altering(unlocked)},
	{"waiting_for_a_purchase_ends_with_the_context",
		altering(func(s *brokenLedger, ctx context.Context, key connect.Key, fn changing) (ledger.Purchase, error) {
			return unlocked(s, context.WithoutCancel(ctx), key, fn)
		})},
	{"the_context_of_fn_is_the_caller's",
		altering(func(s *brokenLedger, ctx context.Context, key connect.Key, fn changing) (ledger.Purchase, error) {
			return s.MemoryStore.Change(ctx, key, func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
				bare, cancel := context.WithCancel(context.Background()) // it ends with the caller's, and lacks the values
				defer context.AfterFunc(ctx, cancel)()
				return fn(bare, p)
			})
		})},
	{"Get_and_List_do_not_wait_for_a_Change", &brokenLedger{
		get: func(s *brokenLedger, ctx context.Context, key connect.Key) (ledger.Purchase, error) {
			if !s.mu.TryLock() { // a store that waits would wait here until the case times out
				return ledger.Purchase{}, context.DeadlineExceeded
			}
			defer s.mu.Unlock()
			return s.MemoryStore.Get(ctx, key)
		},
		change: func(s *brokenLedger, ctx context.Context, key connect.Key, fn changing) (ledger.Purchase, error) {
			return s.MemoryStore.Change(ctx, key, func(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				return fn(ctx, p)
			})
		},
	}},
	{"a_purchase_is_due_from_its_NextAt_on",
		claiming(func(
			s *brokenLedger, ctx context.Context, realm string, state ledger.State, now, until time.Time,
		) (ledger.Purchase, error) {
			return s.MemoryStore.Claim(ctx, realm, state, now.Add(-time.Microsecond), until)
		})},
	{"the_longest_due_is_claimed_first",
		claiming(func(
			s *brokenLedger, ctx context.Context, realm string, state ledger.State, now, until time.Time,
		) (ledger.Purchase, error) {
			return pick(s, ctx, realm, state, now, until, func(a, b ledger.Purchase) int { return strings.Compare(a.ID, b.ID) })
		})},
	{"a_claim_expires", claiming(func(
		s *brokenLedger, ctx context.Context, realm string, state ledger.State, now, until time.Time,
	) (ledger.Purchase, error) {
		p, err := s.MemoryStore.Claim(ctx, realm, state, now, until.Add(time.Hour))
		p.NextAt = until
		return p, err
	})},
	{"of_many_goroutines_each_claims_another_purchase",
		claiming(func(
			s *brokenLedger, ctx context.Context, realm string, state ledger.State, now, until time.Time,
		) (ledger.Purchase, error) {
			return pick(s, ctx, realm, state, now, until, func(a, b ledger.Purchase) int { return a.NextAt.Compare(b.NextAt) })
		})},
	{"a_purchase_comes_whole_with_its_claim",
		claiming(func(
			s *brokenLedger, ctx context.Context, realm string, state ledger.State, now, until time.Time,
		) (ledger.Purchase, error) {
			p, err := s.MemoryStore.Claim(ctx, realm, state, now, until)
			p.History = nil
			return p, err
		})},
	{"a_purchase_whose_Change_runs_is_not_claimed",
		claiming(func(
			s *brokenLedger, ctx context.Context, realm string, state ledger.State, now, until time.Time,
		) (ledger.Purchase, error) {
			return pick(s, ctx, realm, state, now, until, func(a, b ledger.Purchase) int { return a.NextAt.Compare(b.NextAt) })
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
	{"a_context_that_has_ended_does_nothing",
		&brokenLedger{get: func(s *brokenLedger, ctx context.Context, key connect.Key) (ledger.Purchase, error) {
			return s.MemoryStore.Get(context.WithoutCancel(ctx), key)
		}}},
}

// sharing is a Get that returns the same purchase to all callers.
func sharing() func(s *brokenLedger, ctx context.Context, key connect.Key) (ledger.Purchase, error) {
	var shared ledger.Purchase
	return func(s *brokenLedger, ctx context.Context, key connect.Key) (ledger.Purchase, error) {
		if shared.StoreKey() == key {
			return shared, nil
		}
		p, err := s.MemoryStore.Get(ctx, key)
		shared = p
		return p, err
	}
}

// unlocked is a Change without a lock.
func unlocked(s *brokenLedger, ctx context.Context, key connect.Key, fn changing) (ledger.Purchase, error) {
	p, err := s.MemoryStore.Get(ctx, key)
	if err != nil {
		return p, err
	}
	if p, err = fn(ctx, p); err != nil {
		return p, err
	}
	return s.MemoryStore.Change(
		context.WithoutCancel(ctx), key, func(context.Context, ledger.Purchase) (ledger.Purchase, error) { return p, nil },
	)
}

// pick is a Claim in two steps.
func pick(
	s *brokenLedger, ctx context.Context, realm string, state ledger.State, now, until time.Time,
	order func(a, b ledger.Purchase) int,
) (ledger.Purchase, error) {
	list, err := s.MemoryStore.List(ctx, ledger.Query{Realm: realm, States: []ledger.State{state}, Limit: 1000})
	if err != nil {
		return ledger.Purchase{}, err
	}
	list = slices.DeleteFunc(list, func(p ledger.Purchase) bool { return p.NextAt.IsZero() || p.NextAt.After(now) })
	if len(list) == 0 {
		return ledger.Purchase{}, gloebit.ErrNotFound
	}
	p := slices.MinFunc(list, order)
	time.Sleep(time.Millisecond)
	return s.MemoryStore.Change(ctx, p.StoreKey(), func(_ context.Context, p ledger.Purchase) (ledger.Purchase, error) {
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
	command := exec.CommandContext(
		t.Context(), os.Args[0], "-test.run=^TestEveryBrokenLedgerStoreFailsItsCase$", "-test.v",
	)
	command.Env = append(os.Environ(), brokenHere+"=1")
	output, err := command.CombinedOutput()
	require.Error(t, err, "the suite passed broken stores")
	for i, broken := range slices.Concat(brokenLedgers, brokenQueries, brokenSwaps) {
		name := "inside/" + strconv.Itoa(i) + "/" + broken.caught
		if !strings.Contains(string(output), "--- FAIL: TestEveryBrokenLedgerStoreFailsItsCase/"+name+" ") {
			t.Errorf("the case does not notice: %s", name)
		}
	}
}

func failingLedgers(t *testing.T) {
	for i, broken := range slices.Concat(brokenLedgers, brokenQueries, brokenSwaps) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
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
