package drivertest_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

type updateFunc = func(ctx context.Context, current *connect.Credential) (*connect.Credential, error)

func saving(token connect.Secret) updateFunc {
	return func(context.Context, *connect.Credential) (*connect.Credential, error) {
		return &connect.Credential{AccessToken: token}, nil
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// throughProxy returns a store behind a proxy that can be cut, its pool, and
// another store with a direct connection.
func throughProxy(t *testing.T, d database) (p *proxy, db *sql.DB, store, direct *shopStore) {
	t.Helper()
	direct = d.store(t)
	p = newProxy(t, d.addr)
	db = d.connectTo(t, p.addr)
	return p, db, newStore(db, d.dialect), direct
}

// warm fills the pool with connections that were used a moment ago, so that no
// driver pings them.
func warm(t *testing.T, db *sql.DB) {
	t.Helper()
	for range 2 {
		conns := make([]*sql.Conn, poolSize)
		for i := range conns {
			conn, err := db.Conn(t.Context())
			require.NoError(t, err)
			require.NoError(t, conn.QueryRowContext(t.Context(), "SELECT 1").Scan(new(int)))
			conns[i] = conn
		}
		for _, conn := range conns {
			require.NoError(t, conn.Close())
		}
	}
	require.Equal(t, poolSize, db.Stats().Idle)
}

func pending() connect.PendingConnection {
	return connect.PendingConnection{UserID: "u", ExpiresAt: time.Now().Add(time.Hour)}
}

func TestStoreRecoversAfterDatabaseOutage(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		p, db, store, _ := throughProxy(t, d)
		require.NoError(t, store.Update(t.Context(), at("u"), saving("before")))
		require.NoError(t, store.Put(t.Context(), at("key"), pending()))
		for range 3 {
			warm(t, db)
			p.cut()
			ctx := within(t, 20*time.Second)
			calls := map[string]func() error{
				"Load":   func() error { _, err := store.Load(ctx, at("u")); return err },
				"Update": func() error { return store.Update(ctx, at("u"), saving("never")) },
				"Delete": func() error { return store.Delete(ctx, at("u")) },
				"Put":    func() error { return store.Put(ctx, at("another"), pending()) },
				"Take":   func() error { _, err := store.Take(ctx, at("key")); return err },
				"Sweep":  func() error { _, err := store.Sweep(ctx); return err },
				"list":   func() error { return listError(ctx, store) },
			}
			for name, call := range calls {
				for range 2 {
					err := call()
					require.Error(t, err, name)
					require.NotErrorIs(t, err, connect.ErrNotFound, "%s: a failed query is not absence", name)
				}
			}
			require.NoError(t, ctx.Err(), "errors come quickly")
			p.restore()
			credential, err := store.Load(ctx, at("u"))
			require.NoError(t, err, "it works again at once")
			require.Equal(t, "before", credential.AccessToken.Reveal())
			require.NoError(t, store.Update(ctx, at("u"), saving("before")))
			require.NoError(t, store.Put(ctx, at("again"), pending()))
			_, err = store.Take(ctx, at("again"))
			require.NoError(t, err)
		}
		_, err := store.Take(t.Context(), at("key"))
		require.NoError(t, err, "a failed Take of a server that was gone took nothing")
	})
}

// TestDeadIdleConnectionsFailNoUpdate checks that dead idle connections are
// replaced before an Update calls fn, which sends a request to the provider.
func TestDeadIdleConnectionsFailNoUpdate(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		p := newProxy(t, d.addr)
		for name, call := range map[string]func(*shopStore) error{
			"Update":  func(s *shopStore) error { return s.Update(t.Context(), at("u"), saving("one")) },
			"Delete":  func(s *shopStore) error { return s.Delete(t.Context(), at("u")) },
			"Migrate": func(s *shopStore) error { return s.Migrate(t.Context()) },
		} {
			db := d.connectTo(t, p.addr)
			store := newStore(db, d.dialect)
			warm(t, db)
			p.cut()
			p.restore()
			require.NoError(t, call(store), name)
		}
	})
}

func listError(ctx context.Context, store *shopStore) error {
	for _, err := range store.UserIDs(ctx, realm) {
		return err
	}
	return nil
}

func TestLostConnectionEndsFnAndSavesNothing(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		p, _, store, direct := throughProxy(t, d)
		require.NoError(t, store.Update(t.Context(), at("u"), saving("before")))
		for _, userID := range []string{"u", "new"} {
			err := store.Update(within(t, 30*time.Second), at(userID), func(
				ctx context.Context, _ *connect.Credential,
			) (*connect.Credential, error) {
				p.cut()
				<-ctx.Done()
				return &connect.Credential{AccessToken: "too late"}, nil
			})
			require.ErrorContains(t, err, "the connection that locked the user is lost")
			require.NotErrorIs(t, err, context.DeadlineExceeded, "long before the caller's context ended")
			p.restore()
			require.NoError(t, direct.Update(within(t, 10*time.Second), at(userID), saving("another's")), "the user is free")
			credential, err := store.Load(t.Context(), at(userID))
			require.NoError(t, err)
			require.Equal(t, "another's", credential.AccessToken.Reveal())
		}
	})
}

func TestAConnectionLostBeforeTheSaveSavesNothing(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		p, _, store, direct := throughProxy(t, d)
		require.NoError(t, store.Update(t.Context(), at("u"), saving("before")))
		err := store.Update(t.Context(), at("u"), func(context.Context, *connect.Credential) (*connect.Credential, error) {
			p.cut()
			return &connect.Credential{AccessToken: "lost"}, nil
		})
		require.Error(t, err)
		credential, err := direct.Load(t.Context(), at("u"))
		require.NoError(t, err)
		require.Equal(t, "before", credential.AccessToken.Reveal())
	})
}

// TestSilentDatabaseRespectsContext checks that a server that does not respond
// does not hold a caller past its context.
func TestSilentDatabaseRespectsContext(t *testing.T) {
	each(t, servers, func(t *testing.T, d database) {
		p, db, store, direct := throughProxy(t, d)
		require.NoError(t, store.Update(t.Context(), at("u"), saving("before")))
		warm(t, db)
		begun := time.Now()
		p.freeze()
		_, err := store.Load(within(t, 200*time.Millisecond), at("u"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, store.Update(within(t, 200*time.Millisecond), at("u"), saving("never")), context.DeadlineExceeded)
		require.ErrorIs(t, store.Put(within(t, 200*time.Millisecond), at("key"), pending()), context.DeadlineExceeded)
		p.thaw()
		require.NoError(t, store.Update(within(t, 20*time.Second), at("u"), saving("thawed")))

		ctx := within(t, 300*time.Millisecond)
		err = store.Update(ctx, at("u"), func(ctx context.Context, _ *connect.Credential) (*connect.Credential, error) {
			p.freeze()
			<-ctx.Done()
			return &connect.Credential{AccessToken: "never"}, nil
		})
		require.ErrorIs(t, err, context.DeadlineExceeded, "the save may take a little longer, and no more")
		require.Less(t, time.Since(begun), 30*time.Second)
		p.cut()
		p.thaw()
		credential, err := direct.Load(t.Context(), at("u"))
		require.NoError(t, err)
		require.Equal(t, "thawed", credential.AccessToken.Reveal())
	})
}
