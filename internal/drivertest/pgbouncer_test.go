//go:build linux

package drivertest_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
)

// newPgBouncer starts a PgBouncer in front of the server, and returns the folder
// of its socket. The test is skipped without the program.
func newPgBouncer(t *testing.T, mode string) string {
	t.Helper()
	missing := t.Skip
	if os.Getenv("GLOEBIT_TEST_REQUIRE") == "all" {
		missing = t.Fatal
	}
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program = "/usr/sbin/pgbouncer"; !exists(program) {
			missing("pgbouncer is not here")
		}
	}
	folder, err := os.MkdirTemp("/tmp", "gloebit-pgbouncer-") // whose path is short enough for a socket
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	require.NoError(t, os.Chmod(folder, 0o755))
	server, password := postgresConfig(), ""
	if server.Password != "" {
		password = " password='" + server.Password + "'"
	}
	config := filepath.Join(folder, "pgbouncer.ini")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `[databases]
test = host=%s port=%d dbname=%s user=%s%s
[pgbouncer]
listen_port = 1
unix_socket_dir = %s
auth_type = any
pool_mode = %s
default_pool_size = 5
ignore_startup_parameters = search_path,extra_float_digits
`, server.Host, server.Port, server.Database, server.User, password, folder, mode), 0o644))
	command := exec.Command(program, "-q", config)
	if os.Getuid() == 0 { // which it refuses
		other, err := user.Lookup("postgres")
		if err != nil {
			missing("root may not run PgBouncer, and there is no user postgres")
		}
		uid, gid := must(strconv.Atoi(other.Uid)), must(strconv.Atoi(other.Gid))
		require.NoError(t, os.Chown(folder, uid, gid))
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("unix", filepath.Join(folder, ".s.PGSQL.1"))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, 30*time.Second, 10*time.Millisecond)
	return folder
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestPgBouncer(t *testing.T) {
	t.Parallel()
	d := postgres.lend(t)
	through := func(t *testing.T, folder string, mode pgx.QueryExecMode) *shopStore {
		t.Helper()
		config := postgresConfig()
		config.Host, config.Port, config.Database = folder, 1, "test"
		config.DefaultQueryExecMode = mode
		db := stdlib.OpenDB(*config)
		db.SetMaxOpenConns(poolSize)
		t.Cleanup(func() { _ = db.Close() })
		return newStoreOf(sqlstore.Config{DB: db, Dialect: d.dialect, Prefix: d.name + "."})
	}
	t.Run("transaction mode", func(t *testing.T) {
		folder := newPgBouncer(t, "transaction")
		require.ErrorContains(
			t, through(t, folder, pgx.QueryExecModeCacheStatement).Migrate(t.Context()), "default_query_exec_mode=exec",
		)
		for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
			store := through(t, folder, mode)
			require.NoError(t, store.Migrate(t.Context()))
			require.NoError(t, d.kept.clear())
			for _, c := range everyCall {
				require.NoError(t, c.prepare(t.Context(), store), c.name)
				require.NoError(t, c.call(t.Context(), store), c.name)
			}
			var group sync.WaitGroup
			for i := range 20 {
				group.Go(func() {
					p := purchase(100*int(mode)+i, ledger.Settled)
					if _, _, err := store.Create(t.Context(), p); err != nil {
						t.Error(err)
					}
					if _, err := store.Change(t.Context(), p.StoreKey(), moving); err != nil {
						t.Error(err)
					}
					if err := store.Update(t.Context(), at(fmt.Sprint("user ", i%4)), saving("x")); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
		}
	})
	t.Run("session mode", func(t *testing.T) {
		store := through(t, newPgBouncer(t, "session"), pgx.QueryExecModeCacheStatement)
		require.NoError(t, store.Migrate(t.Context()))
		require.NoError(t, store.Update(t.Context(), at("user"), saving("x")))
	})
}
