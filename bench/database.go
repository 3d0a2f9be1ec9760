package bench

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
)

// database is a database for one comparison alone.
type database struct {
	*sql.DB
	dialect   sqlstore.Dialect
	connector driver.Connector // opens connections for DB
	insert    string           // statement that delivers goods, in the ledger's transaction
	remove    func() error
}

// createGoods creates the table of what the shop delivers: one row per
// purchase.
const createGoods = "CREATE TABLE goods (purchase VARCHAR(36) PRIMARY KEY, owner VARCHAR(255) NOT NULL)"

// connections is the size of the pools, as for a shop with moderate traffic.
const connections = 20

// openPostgres creates a schema on the server that GLOEBIT_TEST_POSTGRES names,
// or else on 127.0.0.1. If the server does not respond, the error is
// ErrNoServer.
func openPostgres(ctx context.Context) (*database, error) {
	dsn := os.Getenv("GLOEBIT_TEST_POSTGRES")
	if dsn == "" {
		dsn = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("GLOEBIT_TEST_POSTGRES: %w", err)
	}
	config.ConnectTimeout = 5 * time.Second
	server := stdlib.OpenDB(*config)
	if err := server.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%w (%w)", ErrNoServer, err), server.Close())
	}
	schema := "gloebit_bench_" + strings.ToLower(rand.Text()[:16])
	if _, err := server.ExecContext(ctx, "CREATE SCHEMA "+schema); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	config.RuntimeParams["search_path"] = schema
	d := &database{
		dialect: sqlstore.Postgres, connector: stdlib.GetConnector(*config),
		insert: "INSERT INTO goods (purchase, owner) VALUES ($1, $2)",
	}
	d.remove = func() error {
		_, err := server.ExecContext(context.WithoutCancel(ctx), "DROP SCHEMA "+schema+" CASCADE")
		return errors.Join(err, server.Close())
	}
	return d.open(ctx)
}

// openSQLite creates a database in a temporary file, with a write-ahead log.
func openSQLite(ctx context.Context) (*database, error) {
	folder, err := os.MkdirTemp("", "gloebit-bench-")
	if err != nil {
		return nil, err
	}
	name := "file:" + (&url.URL{
		Path: filepath.Join(folder, "shop.db"),
	}).EscapedPath() + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(20)"
	d := &database{
		dialect: sqlstore.SQLite, connector: opener{name}, insert: "INSERT INTO goods (purchase, owner) VALUES (?, ?)",
	}
	d.remove = func() error { return os.RemoveAll(folder) }
	return d.open(ctx)
}

// opener connects to SQLite.
type opener struct{ name string }

// Connect implements [driver.Connector].
func (o opener) Connect(context.Context) (driver.Conn, error) { return o.Driver().Open(o.name) }

// Driver implements [driver.Connector].
func (opener) Driver() driver.Driver { return &sqlite.Driver{} }

// open creates the pool and the tables.
func (d *database) open(ctx context.Context) (*database, error) {
	d.DB = pool(d.connector)
	store, err := sqlstore.New(sqlstore.Config{DB: d.DB, Dialect: d.dialect})
	if err == nil {
		err = sqlledger.New(store).Migrate(ctx)
	}
	if err == nil {
		_, err = d.ExecContext(ctx, createGoods)
	}
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *database) close() error { return errors.Join(d.Close(), d.remove()) }

func pool(connector driver.Connector) *sql.DB {
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db
}
