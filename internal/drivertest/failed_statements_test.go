package drivertest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
	"github.com/stretchr/testify/require"
)

// tap intercepts the statements of a store.
type tap struct {
	db     *sql.DB
	before func(statement string) error // its error is the statement's, which is not run then
	rows   error                        // what reading any row gives; nil lets all be read
}

func newTap(t *testing.T, d database) (tapped *tap, db *sql.DB) {
	t.Helper()
	tapped = &tap{db: d.connect(t), before: passing}
	db = sql.OpenDB(tapped)
	db.SetMaxOpenConns(poolSize / 2)
	t.Cleanup(func() { _ = db.Close() })
	return tapped, db
}

// throughTap returns a store whose statements are intercepted, its pool, and
// another store with a direct connection.
func throughTap(t *testing.T, d database) (tapped *tap, db *sql.DB, store, direct *shopStore) {
	t.Helper()
	direct = d.store(t)
	tapped, db = newTap(t, d)
	return tapped, db, newStore(db, d.dialect), direct
}

func (p *tap) Driver() driver.Driver { return p.db.Driver() }

func (p *tap) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	c := tappedConn{tap: p, pooled: conn}
	err = conn.Raw(func(raw any) error { c.driverConn = raw.(driverConn); return nil })
	return c, err
}

// driverConn is what a connection of every driver here can do.
type driverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.SessionResetter
}

type tappedConn struct {
	driverConn
	tap    *tap
	pooled *sql.Conn
}

// Close closes the connection itself, and with it the transaction begun on it.
func (c tappedConn) Close() error {
	_ = c.pooled.Raw(func(any) error { return driver.ErrBadConn })
	return nil
}

func (c tappedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.tap.before(query); err != nil {
		return nil, err
	}
	return c.driverConn.ExecContext(ctx, query, args)
}

func (c tappedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.driverConn.QueryContext(ctx, query, args)
	return c.tap.read(rows), err
}

func (c tappedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	statement, err := c.driverConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return tappedStmt{statement.(driverStmt), c.tap}, nil
}

type driverStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type tappedStmt struct {
	driverStmt
	tap *tap
}

func (s tappedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := s.driverStmt.QueryContext(ctx, args)
	return s.tap.read(rows), err
}

func (p *tap) read(rows driver.Rows) driver.Rows {
	if p.rows == nil || rows == nil {
		return rows
	}
	return cutRows{rows, p.rows}
}

// cutRows are rows that can't be read, although the query succeeded.
type cutRows struct {
	driver.Rows
	err error
}

func (r cutRows) Next([]driver.Value) error { return r.err }

var errTapped = errors.New("of the tap")

func passing(string) error { return nil }

func refusing(what string) func(statement string) error {
	return func(statement string) error {
		if statement == what {
			return errTapped
		}
		return nil
	}
}

func TestFailedCommitKeepsNothing(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		tapped, db, store, direct := throughTap(t, d)
		p := purchase(1, ledger.Settled)
		created(t, direct, p)
		require.NoError(t, direct.Update(t.Context(), at("u"), saving("before")))
		calls := map[string]func() error{
			"Update":     func() error { return store.Update(t.Context(), at("u"), saving("never")) },
			"a new user": func() error { return store.Update(t.Context(), at("new"), saving("never")) },
			"Delete":     func() error { return store.Delete(t.Context(), at("u")) },
			"Change":     func() error { _, err := store.Change(t.Context(), p.StoreKey(), delivering(nothing)); return err },
		}
		if d.dialect == sqlstore.MySQL { // the others commit these with the one statement they are
			calls["Create"] = func() error { _, _, err := store.Create(t.Context(), keyed(2)); return err }
			calls["Claim"] = func() error {
				_, err := store.Claim(t.Context(), realm, ledger.Settled, ordered, ordered.Add(time.Hour))
				return err
			}
		}
		for name, call := range calls {
			tapped.before = refusing("COMMIT")
			require.ErrorIs(t, call(), errTapped, name)
			tapped.before = passing
			require.Zero(t, db.Stats().InUse, "%s: the connection was given back", name)

			credential, err := direct.Load(t.Context(), at("u"))
			require.NoError(t, err, name)
			require.Equal(t, "before", credential.AccessToken.Reveal(), name)
			_, err = direct.Load(t.Context(), at("new"))
			require.ErrorIs(t, err, connect.ErrNotFound, name)
			all, err := direct.List(t.Context(), ledger.Query{Realm: realm})
			require.NoError(t, err, name)
			require.Len(t, all, 1, name)
			require.Equal(t, ordered, all[0].NextAt, name)
			wantNothingKept(t, d, direct, p)
			require.NoError(t, store.Update(t.Context(), at("another"), saving("after")), "%s: nothing was left begun", name)
		}
	})
}

// TestFailedConnectionUnlocksUser checks that a failing connection is closed.
// Returned to the pool, it would keep its locks.
func TestFailedConnectionUnlocksUser(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		tapped, _, store, direct := throughTap(t, d)
		committed := false
		tapped.before = func(statement string) error { // nothing works after the commit
			if committed {
				return errTapped
			}
			committed = statement == "COMMIT"
			return nil
		}
		require.NoError(t, store.Update(t.Context(), at("u"), saving("saved")))
		require.NoError(t, direct.Update(within(t, 10*time.Second), at("u"), saving("another's")))

		tapped.before = refusing("ROLLBACK")
		err := store.Update(
			t.Context(), at("u"),
			func(context.Context, *connect.Credential) (*connect.Credential, error) { return nil, errOfFn },
		)
		require.ErrorIs(t, err, errTapped)
		require.NotErrorIs(t, err, errOfFn)
		require.NoError(t, direct.Update(within(t, 10*time.Second), at("u"), saving("another's")))
	})
}

func TestUncommittedMigrationIsAnError(t *testing.T) {
	eachNew(t, kinds, func(t *testing.T, d database) {
		tapped, db := newTap(t, d)
		store := newStore(db, d.dialect)
		tapped.before = refusing("COMMIT")
		require.ErrorIs(t, store.Migrate(t.Context()), errTapped)
		tapped.before = passing
		require.NoError(t, store.Migrate(t.Context()))
		require.NoError(t, store.Update(t.Context(), at("u"), saving("saved")))
	})
}

// TestRowsThatCannotBeReadAreAnError checks that an unreadable row is neither
// absence nor the end of a list.
func TestRowsThatCannotBeReadAreAnError(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		tapped, _, store, direct := throughTap(t, d)
		p := purchase(1, ledger.Settled)
		created(t, direct, p)
		require.NoError(t, direct.Update(t.Context(), at("u"), saving("saved")))
		require.NoError(t, direct.Put(t.Context(), at("key"), pending()))
		tapped.rows = errTapped
		calls := map[string]func() error{
			"Load":    func() error { _, err := store.Load(t.Context(), at("u")); return err },
			"Update":  func() error { return store.Update(t.Context(), at("u"), saving("never")) },
			"UserIDs": func() error { return listError(t.Context(), store) },
			"Take":    func() error { _, err := store.Take(t.Context(), at("key")); return err },
			"Get":     func() error { _, err := store.Get(t.Context(), p.StoreKey()); return err },
			"List":    func() error { _, err := store.List(t.Context(), ledger.Query{Realm: realm}); return err },
			"Change":  func() error { _, err := store.Change(t.Context(), p.StoreKey(), moving); return err },
			"Claim":   func() error { _, err := store.Claim(t.Context(), realm, ledger.Settled, ordered, ordered); return err },
		}
		if d.dialect == sqlstore.MySQL { // the others read nothing in it
			calls["Sweep"] = func() error { _, err := store.Sweep(t.Context()); return err }
		}
		for name, call := range calls {
			err := call()
			require.ErrorIs(t, err, errTapped, name)
			require.NotErrorIs(t, err, connect.ErrNotFound, name)
		}
	})
}
