// Package sqldb is what packages sqlstore and sqlledger share: transactions
// that hold a lock while a function runs, for the databases that both know.
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

// DB is a database that stores of one process share. It is safe for concurrent
// use.
type DB struct {
	SQL     *sql.DB
	Dialect Dialect

	prefix string
	names  *strings.Replacer          // see Query
	locks  keylock.Locks              // who of this process may go to the database
	slots  func() *semaphore.Weighted // connections that may be held; nil is any number
}

// New returns the database of a pool, in which names of tables begin with the
// prefix. It asks nothing of it. The error says why the prefix can't be used.
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

// Turn waits until no other goroutine of this process has that name.
func (d *DB) Turn(ctx context.Context, name string) (release func(), err error) {
	if d.Dialect == SQLite && d.within(ctx) {
		return nil, errWithin // or it would wait for itself
	}
	return d.locks.Lock(ctx, name)
}

// Writer is the name of the turn to write to SQLite, which has one lock for all.
const Writer = ""

// within reports whether the context is that of a function to which a
// transaction of this database is lent.
func (d *DB) within(ctx context.Context) bool {
	l, ok := ctx.Value(lentKey{}).(*Lent)
	return ok && l.hold.db == d && l.life.Err() == nil
}

// Enter waits until this process may take a connection for that name: until no
// other goroutine of it has one for the same, and there is room. What is called
// in the fn of a Change waits for the database's own lock alone: the goroutine
// that has the turn may be waiting for the room that this Change takes.
func (d *DB) Enter(ctx context.Context, name string) (leave func(), err error) {
	if d.Dialect != SQLite && d.within(ctx) {
		return func() {}, nil
	}
	release, err := d.Turn(ctx, name)
	if err != nil {
		return nil, err
	}
	free, err := d.room(ctx)
	if err != nil {
		release()
		return nil, err
	}
	return func() { free(); release() }, nil
}

// room waits until the pool has a connection to spare, and until no other
// goroutine of this process writes to SQLite. What is called in the fn of a
// Change does not wait for another Change to spare one.
func (d *DB) room(ctx context.Context) (free func(), err error) {
	if d.Dialect == SQLite {
		return d.Turn(ctx, Writer)
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
// how many rows it changed.
func (d *DB) Exec(ctx context.Context, query string, args ...any) (changed int64, err error) {
	if d.Dialect == SQLite {
		release, err := d.Turn(ctx, Writer)
		if err != nil {
			return 0, err
		}
		defer release()
	}
	err = d.Write(ctx, func(on Asker) error {
		result, err := on.ExecContext(ctx, d.Query(query), args...)
		if err != nil {
			return err
		}
		changed, err = result.RowsAffected()
		return err
	})
	return changed, err
}

// Keys runs a query for one column of text.
func (d *DB) Keys(ctx context.Context, query string, args ...any) (keys []string, err error) {
	err = d.Read(ctx, func(on Asker) error {
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

// Failed says what the package failed to do and which setting may be wrong, and
// nil when err is nil. When the context has ended that is the reason, whatever
// the driver makes of it.
func Failed(ctx context.Context, pkg, doing string, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%s: %s: %w (%w)", pkg, doing, ended, err)
	}
	return fmt.Errorf("%s: %s: %w%s", pkg, doing, err, advice(err))
}
