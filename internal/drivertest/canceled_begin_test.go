package drivertest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync/atomic"
	"testing"

	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

// sqliteConn is what a connection of the driver can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// late is a connection whose context ends right after it has begun a
// transaction.
type late struct {
	sqliteConn
	cut *atomic.Pointer[context.CancelFunc]
}

func (c late) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	result, err := c.sqliteConn.ExecContext(ctx, query, args)
	if cancel := c.cut.Load(); cancel != nil && query == "BEGIN IMMEDIATE" && err == nil {
		(*cancel)()
		return nil, ctx.Err()
	}
	return result, err
}

// lateConnector opens a database in memory, which is its one connection.
type lateConnector struct {
	driver driver.Driver
	cut    atomic.Pointer[context.CancelFunc]
}

func (c *lateConnector) Driver() driver.Driver { return c.driver }

func (c *lateConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open("file::memory:")
	if err != nil {
		return nil, err
	}
	return late{conn.(sqliteConn), &c.cut}, nil
}

func TestCanceledSQLiteBeginKeepsConnectionUsable(t *testing.T) {
	plain := must(sql.Open("sqlite", ":memory:"))
	connector := &lateConnector{driver: plain.Driver()}
	require.NoError(t, plain.Close())
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	store := newStore(db, sqlstore.SQLite)
	require.NoError(t, store.Migrate(t.Context()))
	require.NoError(t, store.Update(t.Context(), at("u"), saving("before")))

	ctx, cancel := context.WithCancel(t.Context())
	connector.cut.Store(&cancel)
	require.ErrorIs(t, store.Update(ctx, at("u"), saving("never")), context.Canceled)
	connector.cut.Store(nil)
	credential, err := store.Load(t.Context(), at("u"))
	require.NoError(t, err, "the database is still there")
	require.Equal(t, "before", credential.AccessToken.Reveal())
	require.NoError(t, store.Update(t.Context(), at("u"), saving("after")), "nothing was left begun")
}
