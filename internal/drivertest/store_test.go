package drivertest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

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
