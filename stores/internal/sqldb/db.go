// Package sqldb is shared by packages sqlstore and sqlledger. It runs
// transactions that hold a lock while a function runs.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/go-gloebit/gloebit/internal/keylock"
)

// DB is a database that the stores of one process share. It is safe for
// concurrent use.
type DB struct {
	SQL     *sql.DB
	Dialect Dialect

	prefix string
	names  *strings.Replacer          // see Query
	locks  keylock.Locks              // of this process, by name
	slots  func() *semaphore.Weighted // limits the connections held by transactions; returns nil for no limit
}

// New returns a DB for a pool. The prefix begins the names of its tables. New
// does not access the database. It returns an error if the prefix is invalid.
func New(db *sql.DB, dialect Dialect, prefix string) (*DB, error) {
	if err := checkPrefix(dialect, prefix); err != nil {
		return nil, err
	}
	return &DB{SQL: db, Dialect: dialect, prefix: prefix, names: names(dialect, prefix),
		slots: sync.OnceValue(func() *semaphore.Weighted {
			pool := db.Stats().MaxOpenConnections
			if pool <= 0 {
				return nil
			}
			return semaphore.NewWeighted(max(1, int64(pool)/2))
		})}, nil
}

var errWithin = errors.New("SQLite has one writer, and that is the Change in whose fn this was called")

// LockLocal waits for this process's lock of that name.
func (d *DB) LockLocal(ctx context.Context, name string) (release func(), err error) {
	if d.Dialect == SQLite && d.within(ctx) {
		return nil, errWithin // it would deadlock
	}
	return d.locks.Lock(ctx, name)
}

// Writer is the name of the process's lock for writes to SQLite, which has one
// write lock for the whole database.
const Writer = ""

// within reports whether ctx belongs to a function that is running in a
// transaction of this database.
func (d *DB) within(ctx context.Context) bool {
	tx, ok := ctx.Value(fnTxKey{}).(*FnTx)
	return ok && tx.hold.db == d && tx.life.Err() == nil
}

// Enter waits for the process's lock of that name and for a connection slot. In
// the fn of a Change it takes neither: the goroutine that holds the lock may be
// waiting for the slot that this Change holds. The database's own lock
// suffices.
func (d *DB) Enter(ctx context.Context, name string) (leave func(), err error) {
	if d.Dialect != SQLite && d.within(ctx) {
		return func() {}, nil
	}
	release, err := d.LockLocal(ctx, name)
	if err != nil {
		return nil, err
	}
	releaseSlot, err := d.acquireSlot(ctx)
	if err != nil {
		release()
		return nil, err
	}
	return func() { releaseSlot(); release() }, nil
}

// acquireSlot waits until fewer than half of the pool's connections are held,
// or, in SQLite, until no other goroutine of this process writes. It does not
// wait in the fn of a Change, which already holds a slot.
func (d *DB) acquireSlot(ctx context.Context) (release func(), err error) {
	if d.Dialect == SQLite {
		return d.LockLocal(ctx, Writer)
	}
	slots := d.slots()
	if slots == nil || d.within(ctx) {
		return func() {}, nil
	}
	if err := slots.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return func() { slots.Release(1) }, nil
}

// Exec runs a statement that writes, in a transaction of its own, and returns
// the number of rows it changed.
func (d *DB) Exec(ctx context.Context, query string, args ...any) (changed int64, err error) {
	if d.Dialect == SQLite {
		release, err := d.LockLocal(ctx, Writer)
		if err != nil {
			return 0, err
		}
		defer release()
	}
	err = d.Write(ctx, func(on Querier) error {
		result, err := on.ExecContext(ctx, d.Query(query), args...)
		if err != nil {
			return err
		}
		changed, err = result.RowsAffected()
		return err
	})
	return changed, err
}

// Keys returns the values of a query with one text column.
func (d *DB) Keys(ctx context.Context, query string, args ...any) (keys []string, err error) {
	err = d.Read(ctx, func(on Querier) error {
		keys = nil
		rows, err := on.QueryContext(ctx, d.Query(query), args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var key string
			if err := rows.Scan(&key); err != nil {
				return err
			}
			keys = append(keys, key)
		}
		return rows.Err()
	})
	return keys, err
}

// Failed wraps an error with the operation that failed and a hint at a wrong
// setting. It returns nil if err is nil. If the context has ended, the error
// also matches the context's error, whatever the driver returned.
func Failed(ctx context.Context, pkg, doing string, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%s: %s: %w (%w)", pkg, doing, ended, err)
	}
	return fmt.Errorf("%s: %s: %w%s", pkg, doing, err, advice(err))
}
