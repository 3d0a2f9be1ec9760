package drivertest_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

const poolSize = 6

// database is a database of one test, which it can open many times, as replicas
// do.
type database struct {
	dialect sqlstore.Dialect
	name    string                    // for databaseAt
	addr    string                    // of the server; empty for a file
	open    func(addr string) *sql.DB // through another address, or as it is
	kept    *kept                     // nil for one that is removed with its test
}

// kind is a kind of database to try.
type kind struct {
	name string
	make func(t *testing.T) (d database, remove func() error)
}

var (
	sqliteWithWAL = kind{"SQLite", newSQLite("_pragma=journal_mode(WAL)")}
	postgres      = kind{"PostgreSQL", newPostgres(pgx.QueryExecModeCacheStatement)}
	mariaDB       = kind{"MariaDB", newMySQL}

	servers = []kind{postgres, mariaDB}
	withWAL = []kind{sqliteWithWAL, postgres, mariaDB}
	kinds   = []kind{
		sqliteWithWAL,
		{"SQLite with a rollback journal", newSQLite("_pragma=journal_mode(DELETE)&_pragma=busy_timeout(20)")},
		postgres, mariaDB,
	}
)

// connect opens the database with a pool of its own. The session of its
// connections may serve other tests later: one that changes it takes connectTo.
func (d database) connect(t *testing.T) *sql.DB {
	t.Helper()
	if db := d.kept.lendPool(t); db != nil {
		return db
	}
	return d.connectTo(t, d.addr)
}

func (d database) connectTo(t *testing.T, addr string) *sql.DB {
	t.Helper()
	db := d.open(addr)
	limit(db)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func limit(db *sql.DB) {
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(poolSize)
}

// look is a pool for what the test itself asks and clears.
func (d database) look(t *testing.T) *sql.DB {
	t.Helper()
	if d.kept != nil {
		return d.kept.aside
	}
	return d.connect(t)
}

// purchases is what a shopStore embeds under another name than Store.
type purchases = sqlledger.Store

// shopStore is the storage of a shop: a store of tokens and states, and one of
// purchases in the same database.
type shopStore struct {
	*sqlstore.Store
	*purchases
}

func newStore(db *sql.DB, dialect sqlstore.Dialect) *shopStore {
	return newStoreOf(sqlstore.Config{DB: db, Dialect: dialect})
}

func newStoreOf(config sqlstore.Config) *shopStore {
	store := must(sqlstore.New(config))
	return &shopStore{store, sqlledger.New(store)}
}

// Migrate makes the tables of both.
func (s *shopStore) Migrate(ctx context.Context) error { return s.purchases.Migrate(ctx) }

// store is a store with its tables in a pool of its own.
func (d database) store(t *testing.T) *shopStore {
	t.Helper()
	store := newStore(d.connect(t), d.dialect)
	if d.kept == nil {
		require.NoError(t, store.Migrate(t.Context()))
	}
	return store
}

// each runs the test on every kind of database, in parallel with other tests,
// because many of them mostly wait. The database has the tables of the stores
// and the table goods, all of them empty.
func each(t *testing.T, kinds []kind, test func(t *testing.T, d database)) {
	t.Helper()
	inParallel(t, kinds, func(t *testing.T, kind kind) { test(t, kind.lend(t)) })
}

// eachNew is each with databases that have no tables, and are of this test
// alone.
func eachNew(t *testing.T, kinds []kind, test func(t *testing.T, d database)) {
	t.Helper()
	inParallel(t, kinds, func(t *testing.T, kind kind) { test(t, kind.new(t)) })
}

func inParallel(t *testing.T, kinds []kind, test func(t *testing.T, kind kind)) {
	t.Helper()
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			test(t, kind)
		})
	}
}

// new makes a database without tables.
func (k kind) new(t *testing.T) database {
	t.Helper()
	d, remove := k.make(t)
	t.Cleanup(func() {
		if err := remove(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func newSQLite(options string) func(t *testing.T) (database, func() error) {
	return func(t *testing.T) (database, func() error) {
		t.Helper()
		folder, err := os.MkdirTemp("", "gloebit-sqlite-")
		require.NoError(t, err)
		path := filepath.Join(folder, "gloebit.db")
		// No test stops the machine, so that none needs its disk to keep up.
		name := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=synchronous(OFF)&" + options
		return sqliteAt(name), func() error { return os.RemoveAll(folder) }
	}
}

func sqliteAt(name string) database {
	return database{
		dialect: sqlstore.SQLite, name: name, open: func(string) *sql.DB { return must(sql.Open("sqlite", name)) },
	}
}

func newPostgres(mode pgx.QueryExecMode) func(t *testing.T) (database, func() error) {
	return func(t *testing.T) (database, func() error) {
		t.Helper()
		schema := randomName()
		remove := administered(t, postgresAdmin, "CREATE SCHEMA "+schema, "DROP SCHEMA "+schema+" CASCADE")
		return postgresAt(schema, mode), remove
	}
}

func postgresConfig() *pgx.ConnConfig {
	config := must(pgx.ParseConfig(setting(
		"GLOEBIT_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/test?sslmode=disable",
	)))
	config.ConnectTimeout = 10 * time.Second
	config.Fallbacks = nil
	return config
}

func postgresAt(schema string, mode pgx.QueryExecMode) database {
	config := postgresConfig()
	config.DefaultQueryExecMode = mode
	config.RuntimeParams["search_path"] = schema
	config.RuntimeParams["synchronous_commit"] = "off" // no test stops the server
	return database{
		dialect: sqlstore.Postgres,
		name:    schema,
		addr:    net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))),
		open: func(addr string) *sql.DB {
			config := config.Copy()
			host, port, _ := net.SplitHostPort(addr)
			config.Host, config.Port = host, uint16(must(strconv.ParseUint(port, 10, 16)))
			return stdlib.OpenDB(*config)
		},
	}
}

func newMySQL(t *testing.T) (database, func() error) {
	t.Helper()
	name := randomName()
	remove := administered(t, mysqlAdmin, "CREATE DATABASE "+name, "DROP DATABASE "+name)
	return mysqlAt(name), remove
}

func mysqlConfig() *mysql.Config {
	config := must(mysql.ParseDSN(setting("GLOEBIT_TEST_MYSQL", "root@tcp(127.0.0.1:3306)/test")))
	config.Timeout = 5 * time.Second
	config.Logger = &mysql.NopLogger{} // it would tell of every connection that a test cuts
	return config
}

func openMySQL(config *mysql.Config) *sql.DB { return sql.OpenDB(must(mysql.NewConnector(config))) }

func mysqlAt(name string) database {
	config := mysqlConfig()
	config.DBName = name
	return database{dialect: sqlstore.MySQL, name: name, addr: config.Addr, open: func(addr string) *sql.DB {
		config := config.Clone()
		config.Addr = addr
		return openMySQL(config)
	}}
}

// databaseAt is a database that another process has made.
func databaseAt(dialect, name string) database {
	switch dialect {
	case sqlstore.Postgres.String():
		return postgresAt(name, pgx.QueryExecModeCacheStatement)
	case sqlstore.MySQL.String():
		return mysqlAt(name)
	}
	return sqliteAt(name)
}

// must panics on errors that only a mistake in a test or its settings causes.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func randomName() string { return "gloebit_test_" + strings.ToLower(rand.Text()[:16]) }

// Pools of the servers' administrator, which last as long as the tests.
var (
	postgresAdmin = stdlib.OpenDB(*postgresConfig())
	mysqlAdmin    = openMySQL(mysqlConfig())
)

// administer runs create, and drop at the end of the test.
func administer(t *testing.T, db *sql.DB, create, drop string) {
	t.Helper()
	remove := administered(t, db, create, drop)
	t.Cleanup(func() {
		if err := remove(); err != nil {
			t.Error(err)
		}
	})
}

// administered runs create, and returns a function that runs drop. The test is
// skipped without a server.
func administered(t *testing.T, db *sql.DB, create, drop string) (remove func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := db.PingContext(ctx); err != nil {
		if os.Getenv("GLOEBIT_TEST_REQUIRE") == "all" {
			t.Fatalf("the server can't be reached, but GLOEBIT_TEST_REQUIRE is all: %v", err)
		}
		t.Skipf("the server can't be reached: %v", err)
	}
	_, err := db.ExecContext(ctx, create)
	require.NoError(t, err)
	return func() error {
		_, err := db.ExecContext(context.Background(), drop)
		if err != nil {
			err = fmt.Errorf("%s: %w", drop, err)
		}
		return err
	}
}
