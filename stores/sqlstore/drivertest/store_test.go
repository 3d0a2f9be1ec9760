package drivertest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

func TestSweepRemovesOnlyExpiredRows(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		store := newStoreOf(sqlstore.Config{DB: db, Dialect: d.dialect, Clock: func() time.Time { return now }})
		const many = 1200 // more than two batches
		for i := range 24 {
			key := connect.Key{Realm: []string{realm, "another"}[i%2], ID: fmt.Sprint("expiring ", i/2)} // every realm is swept
			require.NoError(t, store.Put(t.Context(), key, connect.PendingConnection{ExpiresAt: now.Add(time.Minute)}))
		}
		multiply(t, db, "oauth_states", "state_hash", "expiring", many/24)
		require.NoError(
			t,
			store.Put(t.Context(), at("staying"), connect.PendingConnection{ExpiresAt: now.Add(time.Minute + time.Microsecond)}),
		)
		for userID, until := range map[string]time.Time{
			"expiring": now.Add(time.Minute), "staying": now.Add(time.Hour), "no expiry": {},
		} {
			require.NoError(t, store.Update(t.Context(), at(userID), returning(connect.Credential{ExpiresAt: until})))
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
		for table, rows := range map[string]int{"oauth_states": 0, "oauth_credentials": 2} {
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

// TestSweepRemovesNothingBeforeExpiry checks that the store keeps expired rows
// until Sweep. The Merchant checks the expiry itself.
func TestSweepRemovesNothingBeforeExpiry(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		store := newStoreOf(sqlstore.Config{DB: d.connect(t), Dialect: d.dialect, Clock: func() time.Time { return now }})
		until := now.Add(time.Microsecond)
		require.NoError(t, store.Put(t.Context(), at("key"), connect.PendingConnection{ExpiresAt: until}))
		require.NoError(t, store.Update(t.Context(), at("u"), returning(connect.Credential{ExpiresAt: until})))
		swept := func(want int64) {
			removed, err := store.Sweep(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, removed)
		}
		swept(0)
		credential, err := store.Load(t.Context(), at("u"))
		require.NoError(t, err)
		require.Equal(t, until, credential.ExpiresAt)

		now = until
		swept(2)
		_, err = store.Take(t.Context(), at("key"))
		require.ErrorIs(t, err, connect.ErrNotFound)
		_, err = store.Load(t.Context(), at("u"))
		require.ErrorIs(t, err, connect.ErrNotFound)
		for userID := range store.UserIDs(t.Context(), realm) {
			t.Errorf("%q is listed", userID)
		}
	})
}

func returning(c connect.Credential) updateFunc {
	return func(context.Context, *connect.Credential) (*connect.Credential, error) { return &c, nil }
}

// TestResultIsSavedAfterContextEnds checks that a token of the provider is
// saved although its request was canceled.
func TestResultIsSavedAfterContextEnds(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store := d.store(t)
		ctx, cancel := context.WithCancel(t.Context())
		err := store.Update(ctx, at("u"), func(context.Context, *connect.Credential) (*connect.Credential, error) {
			cancel()
			return &connect.Credential{AccessToken: "rotated"}, nil
		})
		require.NoError(t, err)
		credential, err := store.Load(t.Context(), at("u"))
		require.NoError(t, err)
		require.Equal(t, "rotated", credential.AccessToken.Reveal())
	})
}

// TestUserStaysLockedAfterContextEnds checks that another Update waits until fn
// returns, not until its context ends.
func TestUserStaysLockedAfterContextEnds(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		one, two := d.store(t), d.store(t)
		ctx, cancel := context.WithCancel(t.Context())
		err := one.Update(ctx, at("u"), func(context.Context, *connect.Credential) (*connect.Credential, error) {
			cancel()
			err := two.Update(within(t, 300*time.Millisecond), at("u"), saving("overtaking"))
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("another Update gave %v", err)
			}
			return nil, errors.New("no")
		})
		require.EqualError(t, err, "no")
		_, err = two.Load(t.Context(), at("u"))
		require.ErrorIs(t, err, connect.ErrNotFound)
	})
}

// TestRowsAreText checks that the tables hold the text that docs/stores.md
// describes, in every session time zone.
func TestRowsAreText(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		store := newStore(db, d.dialect)
		expires := time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
		require.NoError(t, store.Update(t.Context(), at("\u00e9lo\u00efse"), returning(connect.Credential{
			AccessToken: "token", Scopes: []connect.Scope{"user", "transact"}, TokenExpiry: expires.In(time.FixedZone("", 3600)),
			Subject: "g-1",
		})))
		require.NoError(
			t,
			store.Put(t.Context(), at("hash"), connect.PendingConnection{
				UserID: "u", ReturnTo: "/caf\u00e9", ExpiresAt: expires,
			}),
		)
		utc := map[sqlstore.Dialect]string{
			sqlstore.Postgres: "to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
			sqlstore.MySQL:    "CAST(expires_at AS CHAR)", sqlstore.SQLite: "expires_at",
		}[d.dialect]
		text := map[sqlstore.Dialect]string{sqlstore.MySQL: "_text"}[d.dialect]
		for query, want := range map[string][]string{
			"SELECT realm, user_id, subject, scopes, " + utc + " FROM oauth_credentials" + text +
				" WHERE user_id = '\u00e9lo\u00efse'": {
				realm, "\u00e9lo\u00efse", "g-1", "user transact", "2026-01-02 03:04:05.678901",
			},
			"SELECT realm, state_hash, user_id, return_to, " + utc + " FROM oauth_states" + text: {
				realm, "hash", "u", "/caf\u00e9", "2026-01-02 03:04:05.678901",
			},
		} {
			got := make([]string, 5)
			require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&got[0], &got[1], &got[2], &got[3], &got[4]), query)
			require.Equal(t, want, got)
		}
		var never *string
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT valid_until FROM oauth_credentials").Scan(&never))
		require.Nil(t, never, "never is NULL")
		credential, err := store.Load(t.Context(), at("\u00e9lo\u00efse"))
		require.NoError(t, err)
		require.Equal(t, expires, credential.TokenExpiry)
	})
}

func TestErrorsHoldNoSecret(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		store := d.store(t)
		secret := connect.PendingConnection{Secret: "do-not-tell", ExpiresAt: time.Now().Add(time.Hour)}
		require.NoError(t, store.Put(t.Context(), at("key"), secret))
		err := store.Put(t.Context(), at("key"), secret)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "do-not-tell")
	})
}
