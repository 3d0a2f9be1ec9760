//go:build linux

package drivertest_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
)

// cluster is a PostgreSQL of the test's own, which commits without waiting for
// the disk. It listens on a Unix socket, because another process may take a port
// that was free.
type cluster struct {
	t         *testing.T
	bin, data string              // the socket is beside the data
	port      int                 // names the socket
	owner     *syscall.Credential // PostgreSQL does not run as root
}

func (c *cluster) folder() string { return filepath.Dir(c.data) }

// newCluster makes a cluster and starts it. Without PostgreSQL's programs the
// test skips.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	missing := func(why string) {
		if os.Getenv("GLOEBIT_TEST_REQUIRE") == "all" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	if len(found) == 0 {
		missing("PostgreSQL's initdb is not here")
	}
	folder, err := os.MkdirTemp("/tmp", "gloebit-cluster-") // whose path is short enough for a socket
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	c := &cluster{t: t, bin: filepath.Dir(found[0]), data: filepath.Join(folder, "data"), port: 1}
	if os.Getuid() == 0 {
		owner, err := user.Lookup("postgres")
		if err != nil {
			missing("root may not run PostgreSQL, and there is no user postgres")
		}
		uid, gid := must(strconv.Atoi(owner.Uid)), must(strconv.Atoi(owner.Gid))
		c.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		require.NoError(t, os.Chown(folder, uid, gid))
	}
	c.run("initdb", "-D", c.data, "-U", "postgres", "-A", "trust", "-N")
	c.start()
	t.Cleanup(func() { c.run("pg_ctl", "stop", "-D", c.data, "-m", "immediate", "-w") })
	return c
}

func (c *cluster) run(program string, args ...string) {
	c.t.Helper()
	command := exec.Command(filepath.Join(c.bin, program), args...)
	command.Dir = "/"
	command.SysProcAttr = &syscall.SysProcAttr{Credential: c.owner}
	log := filepath.Join(c.folder(), program+".log") // a pipe would stay open with the server
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(c.t, err)
	defer func() { _ = out.Close() }()
	command.Stdout, command.Stderr = out, out
	if err := command.Run(); err != nil {
		text, _ := os.ReadFile(log)
		c.t.Fatalf("%s: %v\n%s", program, err, text)
	}
}

func (c *cluster) start() {
	c.t.Helper()
	// The writer of the log sleeps for 10 seconds, so that what was not waited for
	// is lost in a crash.
	c.run("pg_ctl", "start", "-D", c.data, "-w", "-o",
		fmt.Sprintf(
			"-p %d -c listen_addresses='' -c unix_socket_directories=%s -c synchronous_commit=off -c wal_writer_delay=10s",
			c.port, c.folder(),
		))
}

// crash ends the server as a crash does, and starts it again.
func (c *cluster) crash() {
	c.t.Helper()
	c.run("pg_ctl", "stop", "-D", c.data, "-m", "immediate", "-w")
	c.start()
}

func (c *cluster) open() *sql.DB {
	config := must(pgx.ParseConfig(fmt.Sprintf("host=%s port=%d user=postgres dbname=postgres", c.folder(), c.port)))
	db := stdlib.OpenDB(*config)
	db.SetMaxIdleConns(0) // those that a crash ends would be found dead one after the other
	c.t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestCrashedPostgreSQL(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	db := c.open()
	store := newStore(db, sqlstore.Postgres)
	require.NoError(t, store.Migrate(t.Context()))
	for _, statement := range []string{makeGoods, "CHECKPOINT"} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	purchases := newLedger(store, &warehouse{}, time.Time{})
	call := func(id, step string) string {
		answer := httptest.NewRecorder()
		purchases.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, callback(id, step), nil))
		return answer.Body.String()
	}

	t.Run("an acknowledged write is kept", func(t *testing.T) {
		p := purchase(1, ledger.Accepted)
		created(t, store, p)
		require.Equal(t, "[true]", call(p.ID, "enact"))
		c.crash()
		got, err := store.Get(t.Context(), p.StoreKey())
		require.NoError(t, err)
		require.Equal(t, ledger.Reserved, got.State)
		require.Equal(t, "[true]", call(p.ID, "consume"))
		c.crash()
		got, err = store.Get(t.Context(), p.StoreKey())
		require.NoError(t, err)
		require.Equal(t, ledger.Delivered, got.State)
	})
	t.Run("a lost commit is repeated", func(t *testing.T) {
		p := purchase(2, ledger.Accepted)
		created(t, store, p)
		// As a store would commit that leaves the setting alone.
		lose := func(ctx context.Context) {
			tx, err := db.BeginTx(ctx, nil)
			require.NoError(t, err)
			_, err = tx.ExecContext(ctx, "UPDATE gloebit_purchases SET state = 'reserved' WHERE id = $1", p.ID)
			require.NoError(t, err)
			require.NoError(t, tx.Commit())
		}
		lose(t.Context())
		c.crash()
		got, err := store.Get(t.Context(), p.StoreKey())
		require.NoError(t, err)
		require.Equal(t, ledger.Accepted, got.State, "the server has lost the commit")
		require.Equal(t, "[true]", call(p.ID, "consume"))
		got, err = store.Get(t.Context(), p.StoreKey())
		require.NoError(t, err)
		require.Equal(t, ledger.Delivered, got.State)
	})
}
