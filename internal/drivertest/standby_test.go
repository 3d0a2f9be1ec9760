//go:build linux

package drivertest_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
)

// standby makes a hot standby of the cluster and starts it.
func (c *cluster) standby() *cluster {
	c.t.Helper()
	s := &cluster{t: c.t, bin: c.bin, data: filepath.Join(c.folder(), "standby"), port: c.port + 1, owner: c.owner}
	c.run(
		"pg_basebackup", "-h", c.folder(), "-p", fmt.Sprint(c.port), "-U", "postgres", "-D", s.data, "-R", "-c", "fast",
		"-X", "stream", "-N",
	)
	s.start()
	c.t.Cleanup(func() { s.run("pg_ctl", "stop", "-D", s.data, "-m", "immediate", "-w") })
	return s
}

// pool opens both servers, as an application does. The driver looks for the one
// that accepts writes when it connects, and not later.
func pool(t *testing.T, servers ...*cluster) *sql.DB {
	t.Helper()
	hosts, ports := "", ""
	for _, s := range servers {
		hosts, ports = hosts+","+s.folder(), ports+fmt.Sprintf(",%d", s.port)
	}
	config := must(pgx.ParseConfig(fmt.Sprintf(
		"host=%s port=%s user=postgres dbname=postgres target_session_attrs=read-write", hosts[1:],
		ports[1:],
	)))
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(poolSize)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestFailoverToAStandby demotes the primary while the pool is full of
// connections. It restarts as a read-only server, and the standby takes over.
func TestFailoverToAStandby(t *testing.T) {
	t.Parallel()
	primary := newCluster(t)
	standby := primary.standby()
	db := pool(t, primary, standby)
	store := newStore(db, sqlstore.Postgres)
	require.NoError(t, store.Migrate(t.Context()))
	d := database{dialect: sqlstore.Postgres}
	for i := range 3 {
		require.NoError(t, store.Update(t.Context(), at(fmt.Sprint("user ", i)), saving("before")))
	}
	created(t, store, purchase(1, ledger.Settled))
	require.Eventually(t, func() bool { // the standby has all of it
		behind := pool(t, primary)
		defer behind.Close()
		var lag bool
		err := behind.QueryRowContext(
			t.Context(), "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) > 0 FROM pg_stat_replication",
		).Scan(&lag)
		return err == nil && !lag
	}, 30*time.Second, 20*time.Millisecond)

	standby.run("pg_ctl", "promote", "-D", standby.data, "-w")
	direct := newStore(pool(t, standby), sqlstore.Postgres)
	fill(t, db, d)
	// What an operator or Patroni does to the old primary: it takes no writes, and
	// its connections stay.
	old := pool(t, primary)
	for _, statement := range []string{"ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"} {
		_, err := old.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { // the signal has come to each
		for range poolSize {
			conn, err := db.Conn(t.Context())
			require.NoError(t, err)
			defer conn.Close()
			var now string
			require.NoError(t, conn.QueryRowContext(t.Context(), "SHOW default_transaction_read_only").Scan(&now))
			if now != "on" {
				return false
			}
		}
		return true
	}, 30*time.Second, 20*time.Millisecond)
	t.Run("one whose connections stay", func(t *testing.T) { goesOn(t, store, direct, 1) })

	fill(t, db, d)
	require.NoError(t, os.WriteFile(filepath.Join(primary.data, "standby.signal"), nil, 0o600))
	primary.crash()
	t.Run("the old primary as a standby", func(t *testing.T) { goesOn(t, store, direct, 2) })
}

// goesOn checks, at the server that took over, that tokens are refreshed, that
// no user is disconnected, and that purchases are saved.
func goesOn(t *testing.T, store, direct *shopStore, round int) {
	ctx := within(t, 20*time.Second)
	for i := range 3 {
		user := at(fmt.Sprint("user ", i))
		require.NoError(t, store.Update(ctx, user, func(
			_ context.Context, current *connect.Credential,
		) (*connect.Credential, error) {
			require.NotNil(t, current, "no user is disconnected")
			next := *current
			next.AccessToken = connect.Secret(fmt.Sprint("refreshed ", round))
			return &next, nil
		}))
		got, err := direct.Load(ctx, user)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint("refreshed ", round), got.AccessToken.Reveal())
	}
	require.NoError(t, store.Put(ctx, at(fmt.Sprint("state ", round)), connect.PendingConnection{ExpiresAt: ordered}))
	_, isNew, err := store.Create(ctx, purchase(10+round, ledger.Created))
	require.NoError(t, err)
	require.True(t, isNew)
	_, err = direct.Get(ctx, purchase(10+round, "").StoreKey())
	require.NoError(t, err)
	_, err = store.Change(ctx, purchase(1, "").StoreKey(), moving)
	require.NoError(t, err)
	_, err = store.Take(ctx, at(fmt.Sprint("state ", round)))
	require.NoError(t, err)
}
