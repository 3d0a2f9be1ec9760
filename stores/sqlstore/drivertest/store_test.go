package drivertest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

func TestSweepRemovesWhatHasExpiredAndNothingElse(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		store := newStore(db, d.dialect)
		require.NoError(t, store.Migrate(t.Context()))
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		store.Clock = func() time.Time { return now }
		const many = 1203 // more than two batches
		for i := range many {
			require.NoError(t, store.Put(t.Context(), at(fmt.Sprint("expiring ", i)), gloebit.PendingConnection{ExpiresAt: now.Add(time.Minute)}))
		}
		require.NoError(t, store.Put(t.Context(), at("staying"), gloebit.PendingConnection{ExpiresAt: now.Add(time.Minute + time.Microsecond)}))
		for userID, until := range map[string]time.Time{"lapsing": now.Add(time.Minute), "staying": now.Add(time.Hour), "for ever": {}} {
			require.NoError(t, store.Update(t.Context(), at(userID), returning(gloebit.Credential{Until: until})))
		}
		removed, err := store.Sweep(t.Context())
		require.NoError(t, err)
		require.Zero(t, removed, "nothing has expired yet")

		now = now.Add(time.Minute)
		removed, err = store.Sweep(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, many+1, removed)
		_, err = store.Take(t.Context(), at("staying"))
		require.NoError(t, err)
		for table, rows := range map[string]int{"gloebit_states": 0, "gloebit_credentials": 2} {
			var left int
			require.NoError(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&left))
			require.Equal(t, rows, left, table)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = store.Sweep(ctx)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// The Merchant looks at the time; the store keeps what has expired until Sweep.
func TestSweepRemovesWhatHasExpiredAndNothingSooner(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store, now := d.store(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		store.Clock = func() time.Time { return now }
		until := now.Add(time.Microsecond)
		require.NoError(t, store.Put(t.Context(), at("key"), gloebit.PendingConnection{ExpiresAt: until}))
		require.NoError(t, store.Update(t.Context(), at("u"), returning(gloebit.Credential{Until: until})))
		swept := func(want int64) {
			removed, err := store.Sweep(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, removed)
		}
		swept(0)
		credential, err := store.Load(t.Context(), at("u"))
		require.NoError(t, err)
		require.Equal(t, until, credential.Until)

		now = until
		swept(2)
		_, err = store.Take(t.Context(), at("key"))
		require.ErrorIs(t, err, gloebit.ErrNotFound)
		_, err = store.Load(t.Context(), at("u"))
		require.ErrorIs(t, err, gloebit.ErrNotFound)
		for userID := range store.UserIDs(t.Context(), realm) {
			t.Errorf("%q is listed", userID)
		}
	})
}

func returning(c gloebit.Credential) updateFunc {
	return func(context.Context, *gloebit.Credential) (*gloebit.Credential, error) { return &c, nil }
}

// A token that the provider has given must not be lost because the request that
// asked for it was cancelled.
func TestWhatFnReturnedIsSavedThoughTheContextHasEnded(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store := d.store(t)
		ctx, cancel := context.WithCancel(t.Context())
		err := store.Update(ctx, at("u"), func(context.Context, *gloebit.Credential) (*gloebit.Credential, error) {
			cancel()
			return &gloebit.Credential{AccessToken: "rotated"}, nil
		})
		require.NoError(t, err)
		credential, err := store.Load(t.Context(), at("u"))
		require.NoError(t, err)
		require.Equal(t, "rotated", credential.AccessToken.Reveal())
	})
}

// Another Update that came meanwhile must wait for fn itself, not for the end
// of its context.
func TestTheUserIsLockedUntilFnReturnsThoughTheContextHasEnded(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		one, two := d.store(t), d.store(t)
		ctx, cancel := context.WithCancel(t.Context())
		err := one.Update(ctx, at("u"), func(context.Context, *gloebit.Credential) (*gloebit.Credential, error) {
			cancel()
			err := two.Update(within(t, 300*time.Millisecond), at("u"), saving("overtaking"))
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("another Update gave %v", err)
			}
			return nil, errors.New("no")
		})
		require.EqualError(t, err, "no")
		_, err = two.Load(t.Context(), at("u"))
		require.ErrorIs(t, err, gloebit.ErrNotFound)
	})
}

// What others read in the table is what the documentation says.
func TestARowIsReadable(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		store := newStore(db, d.dialect)
		require.NoError(t, store.Migrate(t.Context()))
		expires := time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
		require.NoError(t, store.Update(t.Context(), at("u"), returning(gloebit.Credential{
			AccessToken: "token", Scopes: []gloebit.Scope{"user", "transact"}, Expiry: expires,
		})))
		var token, scopes []byte
		var expiry, until *int64
		row := db.QueryRowContext(t.Context(), "SELECT access_token, scopes, expiry, valid_until FROM gloebit_credentials")
		require.NoError(t, row.Scan(&token, &scopes, &expiry, &until))
		require.Equal(t, "token", string(token))
		require.Equal(t, "user transact", string(scopes))
		require.Equal(t, expires.UnixMicro(), *expiry)
		require.Nil(t, until, "never is NULL")
	})
}

func TestErrorsHoldNoSecret(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store := d.store(t)
		secret := gloebit.PendingConnection{Verifier: "do-not-tell", ExpiresAt: time.Now().Add(time.Hour)}
		require.NoError(t, store.Put(t.Context(), at("key"), secret))
		err := store.Put(t.Context(), at("key"), secret)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "do-not-tell")
	})
}
