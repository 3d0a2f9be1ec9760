package drivertest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

// TestSweepDoesNotDeadlockWithUpdate runs Sweep and Update on users whose
// credentials have expired.
func TestSweepDoesNotDeadlockWithUpdate(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		past := connect.Credential{ExpiresAt: time.Now().Add(-time.Hour)}
		var updates, sweeps sync.WaitGroup
		var done atomic.Bool
		for range 2 {
			store := d.store(t)
			sweeps.Go(func() {
				for !done.Load() {
					if _, err := store.Sweep(t.Context()); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for r := range replicas {
			store := d.store(t)
			updates.Go(func() {
				for i := range 60 {
					if err := store.Update(t.Context(), at(fmt.Sprint("user ", (i*7+r)%20)), returning(past)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		updates.Wait()
		done.Store(true)
		sweeps.Wait()
	})
}

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

// TestSweepKeepsReconnectedUser has a user connect again between the query of
// Sweep and its deletion.
func TestSweepKeepsReconnectedUser(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		tapped, _, store, direct := throughTap(t, d)
		expired := connect.Credential{ExpiresAt: time.Now().Add(-time.Hour)}
		for _, userID := range []string{"again", "expired"} {
			require.NoError(t, direct.Update(t.Context(), at(userID), returning(expired)))
		}
		again := false
		tapped.before = func(statement string) error {
			if again || !strings.HasPrefix(statement, "DELETE FROM oauth_credentials") {
				return nil
			}
			again = true
			return direct.Update(t.Context(), at("again"), saving("anew"))
		}
		removed, err := store.Sweep(t.Context())
		require.NoError(t, err)
		require.True(t, again)
		require.EqualValues(t, 1, removed)
		credential, err := direct.Load(t.Context(), at("again"))
		require.NoError(t, err)
		require.Equal(t, "anew", credential.AccessToken.Reveal())
	})
}
