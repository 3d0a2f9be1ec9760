package storetest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/storetest"
	"github.com/stretchr/testify/require"
)

type fn = func(context.Context, *connect.Credential) (*connect.Credential, error)

// brokenTokens is a correct store except for the functions it replaces.
type brokenTokens struct {
	connect.MemoryTokenStore
	load    func(s *brokenTokens, ctx context.Context, key connect.Key) (connect.Credential, error)
	update  func(s *brokenTokens, ctx context.Context, key connect.Key, fn fn) error
	remove  func(s *brokenTokens, ctx context.Context, key connect.Key) error
	loadsMu sync.Mutex
}

func (s *brokenTokens) Load(ctx context.Context, key connect.Key) (connect.Credential, error) {
	if s.load != nil {
		return s.load(s, ctx, key)
	}
	return s.MemoryTokenStore.Load(ctx, key)
}

func (s *brokenTokens) Update(ctx context.Context, key connect.Key, fn fn) error {
	if s.update != nil {
		return s.update(s, ctx, key, fn)
	}
	return s.MemoryTokenStore.Update(ctx, key, fn)
}

func (s *brokenTokens) Delete(ctx context.Context, key connect.Key) error {
	if s.remove != nil {
		return s.remove(s, ctx, key)
	}
	return s.MemoryTokenStore.Delete(ctx, key)
}

// saving changes what an Update saves.
func saving(change func(*connect.Credential)) *brokenTokens {
	return &brokenTokens{update: func(s *brokenTokens, ctx context.Context, key connect.Key, f fn) error {
		return s.MemoryTokenStore.Update(ctx, key, func(
			ctx context.Context, current *connect.Credential,
		) (*connect.Credential, error) {
			next, err := f(ctx, current)
			if next != nil {
				changed := *next
				change(&changed)
				next = &changed
			}
			return next, err
		})
	}}
}

// naming changes the names of users.
func naming(change func(string) string) *brokenTokens {
	return keying(func(key connect.Key) connect.Key { return connect.Key{Realm: key.Realm, ID: change(key.ID)} })
}

// keying changes the keys.
func keying(name func(connect.Key) connect.Key) *brokenTokens {
	return &brokenTokens{
		load: func(s *brokenTokens, ctx context.Context, key connect.Key) (connect.Credential, error) {
			return s.MemoryTokenStore.Load(ctx, name(key))
		},
		update: func(s *brokenTokens, ctx context.Context, key connect.Key, f fn) error {
			return s.MemoryTokenStore.Update(ctx, name(key), f)
		},
		remove: func(s *brokenTokens, ctx context.Context, key connect.Key) error {
			return s.MemoryTokenStore.Delete(ctx, name(key))
		},
	}
}

// updating replaces Update alone.
func updating(update func(s *brokenTokens, ctx context.Context, key connect.Key, f fn) error) *brokenTokens {
	return &brokenTokens{update: update}
}

// withoutLock is an Update without a lock.
func withoutLock(s *brokenTokens, ctx context.Context, key connect.Key, f fn) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var current *connect.Credential
	if credential, err := s.MemoryTokenStore.Load(ctx, key); err == nil {
		current = &credential
	}
	next, err := f(ctx, current)
	if err != nil {
		return err
	}
	return s.MemoryTokenStore.Update(
		ctx, key, func(context.Context, *connect.Credential) (*connect.Credential, error) { return next, nil },
	)
}

// withoutRealm is a key that all realms share.
func withoutRealm(key connect.Key) connect.Key { return connect.Key{ID: key.ID} }

// Each store is broken in one way, and the case of that name must notice.
var brokenTokenStores = []struct {
	caught string
	store  func() *brokenTokens
}{
	{"every_field_comes_back_as_it_was_saved", func() *brokenTokens {
		return saving(func(c *connect.Credential) { c.TokenSecret = "" })
	}},
	{"every_field_comes_back_as_it_was_saved", func() *brokenTokens {
		return saving(func(c *connect.Credential) { c.ExpiresAt = c.ExpiresAt.Truncate(time.Millisecond) })
	}},
	{"every_field_comes_back_as_it_was_saved", func() *brokenTokens {
		return saving(func(c *connect.Credential) {
			c.Subject = strings.ReplaceAll(c.Subject, "\x01", "")
		})
	}},
	{"empty_fields_come_back_empty", func() *brokenTokens {
		return saving(func(c *connect.Credential) {
			if c.TokenExpiry.Unix() == 0 {
				c.TokenExpiry = time.Time{}
			}
		})
	}},
	{"an_expired_credential_comes_back_whole_or_not_at_all", func() *brokenTokens {
		return saving(func(c *connect.Credential) { c.ExpiresAt = time.Time{} })
	}},
	{"user_ids_that_differ_in_any_byte_are_different_users", func() *brokenTokens { return naming(strings.ToLower) }},
	{"user_ids_that_differ_in_any_byte_are_different_users", func() *brokenTokens {
		return naming(func(s string) string { return strings.TrimRight(s, " ") + strings.Repeat("!", min(1, 255-len(s))) })
	}},
	{"user_ids_that_differ_in_any_byte_are_different_users", func() *brokenTokens {
		return naming(func(s string) string { return s[:min(len(s), 254)] })
	}},
	{"realms_that_differ_in_any_byte_are_apart", func() *brokenTokens { return keying(withoutRealm) }},
	{"a_user_without_a_credential_is_not_found", func() *brokenTokens { return keying(withoutRealm) }},
	{"Delete_removes_the_credential", func() *brokenTokens {
		return &brokenTokens{remove: func(s *brokenTokens, ctx context.Context, key connect.Key) error {
			return errors.Join(
				s.MemoryTokenStore.Delete(ctx, key),
				s.MemoryTokenStore.Delete(ctx, connect.Key{Realm: "www.gloebit.com/shop", ID: key.ID}))
		}}
	}},
	{"realms_that_differ_in_any_byte_are_apart", func() *brokenTokens {
		return keying(func(key connect.Key) connect.Key { return connect.Key{ID: key.Realm + "/" + key.ID} })
	}},
	{"realms_that_differ_in_any_byte_are_apart", func() *brokenTokens {
		return keying(func(key connect.Key) connect.Key {
			return connect.Key{Realm: key.Realm[:min(len(key.Realm), 127)], ID: key.ID}
		})
	}},
	{"two_hundred_goroutines_on_one_user_lose_no_update", func() *brokenTokens { return updating(withoutLock) }},
	{"an_fn_that_fails_saves_nothing", func() *brokenTokens {
		return updating(func(s *brokenTokens, ctx context.Context, key connect.Key, f fn) (failed error) {
			err := s.MemoryTokenStore.Update(ctx, key, func(
				ctx context.Context, current *connect.Credential,
			) (*connect.Credential, error) {
				next, err := f(ctx, current)
				failed = err
				return next, nil
			})
			if err != nil {
				return err
			}
			return failed
		})
	}},
	{"an_fn_that_panics_saves_nothing_and_frees_the_user", func() *brokenTokens {
		return updating(func(s *brokenTokens, ctx context.Context, key connect.Key, f fn) error {
			return s.MemoryTokenStore.Update(ctx, key, func(
				ctx context.Context, current *connect.Credential,
			) (next *connect.Credential, err error) {
				defer func() { _ = recover() }()
				return f(ctx, current)
			})
		})
	}},
	{"waiting_for_the_user_ends_with_the_context", func() *brokenTokens {
		return updating(func(s *brokenTokens, ctx context.Context, key connect.Key, f fn) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return s.MemoryTokenStore.Update(context.WithoutCancel(ctx), key, f)
		})
	}},
	{"the_context_of_fn_ends_with_the_caller's", func() *brokenTokens {
		return updating(func(s *brokenTokens, ctx context.Context, key connect.Key, f fn) error {
			return s.MemoryTokenStore.Update(ctx, key, func(
				ctx context.Context, current *connect.Credential,
			) (*connect.Credential, error) {
				next, err := f(ctx, current)
				if err != nil {
					err = context.DeadlineExceeded
				}
				return next, err
			})
		})
	}},
	{"Delete_waits_for_a_running_Update", func() *brokenTokens {
		return &brokenTokens{remove: func(s *brokenTokens, ctx context.Context, key connect.Key) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			go func() { _ = s.MemoryTokenStore.Delete(ctx, key) }()
			return nil
		}}
	}},
	{"Load_does_not_wait_for_an_Update", func() *brokenTokens {
		return &brokenTokens{
			load: func(s *brokenTokens, ctx context.Context, key connect.Key) (connect.Credential, error) {
				if !s.loadsMu.TryLock() { // a store that waits would wait here until the case times out
					return connect.Credential{}, context.DeadlineExceeded
				}
				defer s.loadsMu.Unlock()
				return s.MemoryTokenStore.Load(ctx, key)
			},
			update: func(s *brokenTokens, ctx context.Context, key connect.Key, f fn) error {
				return s.MemoryTokenStore.Update(ctx, key, func(
					ctx context.Context, current *connect.Credential,
				) (*connect.Credential, error) {
					s.loadsMu.Lock()
					defer s.loadsMu.Unlock()
					return f(ctx, current)
				})
			},
		}
	}},
}

// brokenStates is a correct store except for the functions it replaces.
type brokenStates struct {
	connect.MemoryStateStore
	twice   bool // a state is there again after it was taken
	delays  bool // an ExpiresAt is a day late
	folds   bool // keys are one whatever their case
	replace bool // a second Put under a key replaces the first
	shares  bool // all realms are one
}

func (s *brokenStates) Put(ctx context.Context, key connect.Key, pending connect.PendingConnection) error {
	if s.delays {
		pending.ExpiresAt = pending.ExpiresAt.Add(24 * time.Hour)
	}
	if s.folds {
		key.ID = strings.ToLower(key.ID)
	}
	if s.shares {
		key = withoutRealm(key)
	}
	if s.replace {
		_, _ = s.MemoryStateStore.Take(ctx, key)
	}
	return s.MemoryStateStore.Put(ctx, key, pending)
}

func (s *brokenStates) Take(ctx context.Context, key connect.Key) (connect.PendingConnection, error) {
	if s.folds {
		key.ID = strings.ToLower(key.ID)
	}
	if s.shares {
		key = withoutRealm(key)
	}
	pending, err := s.MemoryStateStore.Take(ctx, key)
	if s.twice && err == nil {
		_ = s.MemoryStateStore.Put(ctx, key, pending)
	}
	return pending, err
}

var brokenStateStores = []struct {
	caught string
	store  func() *brokenStates
}{
	{"a_state_is_taken_once", func() *brokenStates { return &brokenStates{twice: true} }},
	{"of_a_hundred_goroutines_one_takes_the_state", func() *brokenStates { return &brokenStates{twice: true} }},
	{
		"a_state_past_its_ExpiresAt_comes_back_whole_or_not_at_all",
		func() *brokenStates { return &brokenStates{delays: true} },
	},
	{"keys_that_differ_in_any_byte_are_different_states", func() *brokenStates { return &brokenStates{folds: true} }},
	{"realms_that_differ_in_any_byte_are_apart", func() *brokenStates { return &brokenStates{shares: true} }},
	{"a_key_that_was_never_put_is_not_found", func() *brokenStates { return &brokenStates{shares: true} }},
	{
		"a_key_in_use_is_an_error_and_its_entry_stays",
		func() *brokenStates { return &brokenStates{replace: true} },
	},
}

const brokenHere = "STORETEST_BROKEN" // set in the process in which the broken stores fail

func TestEveryBrokenStoreFailsItsCase(t *testing.T) {
	t.Parallel()
	if os.Getenv(brokenHere) != "" {
		t.Run("inside", failing)
		return
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEveryBrokenStoreFailsItsCase$", "-test.v")
	command.Env = append(os.Environ(), brokenHere+"=1")
	output, err := command.CombinedOutput()
	require.Error(t, err, "the suites passed broken stores")
	for _, broken := range brokenNames() {
		if !strings.Contains(string(output), "--- FAIL: TestEveryBrokenStoreFailsItsCase/inside/"+broken+" ") {
			t.Errorf("the case does not notice: %s", broken)
		}
	}
}

func brokenNames() (names []string) {
	for i, broken := range brokenTokenStores {
		names = append(names, "tokens_"+string(rune('a'+i))+"/"+broken.caught)
	}
	for i, broken := range brokenStateStores {
		names = append(names, "states_"+string(rune('a'+i))+"/"+broken.caught)
	}
	return names
}

func failing(t *testing.T) {
	for i, broken := range brokenTokenStores {
		t.Run("tokens_"+string(rune('a'+i)), func(t *testing.T) {
			t.Parallel()
			storetest.RunTokenStore(t, func(t *testing.T) connect.TokenStore {
				only(t, broken.caught)
				return broken.store()
			})
		})
	}
	for i, broken := range brokenStateStores {
		t.Run("states_"+string(rune('a'+i)), func(t *testing.T) {
			t.Parallel()
			storetest.RunStateStore(t, func(t *testing.T) connect.StateStore {
				only(t, broken.caught)
				return broken.store()
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
