package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/turns"
	"github.com/go-gloebit/gloebit/ledger"
)

var (
	_ gloebit.TokenStore = (*Store)(nil)
	_ gloebit.PlainStore = (*Store)(nil)
	_ gloebit.StateStore = (*Store)(nil)
	_ ledger.Store       = (*Store)(nil)
)

// Store is a [gloebit.TokenStore], a [gloebit.StateStore] and a [ledger.Store]
// in a database. It is safe for concurrent use, and any number of processes can
// share the database. [New] makes one.
type Store struct {
	// Clock tells the time. Nil means time.Now. It is not changed once the
	// store is in use.
	Clock func() time.Time
	// Lease is how long PostgreSQL, MariaDB or MySQL keeps a purchase locked
	// for a Change of whose machine it hears nothing more. The context of an fn
	// that asks nothing of its transaction after a query ends when three
	// quarters of it are over, so it must be longer than 4/3 of
	// ledger.Config.WorkTimeout. Zero means a minute; less than a second is a
	// second. A user is kept locked for as long, and for ten seconds at most.
	// An fn of a Change that goes on for a quarter of Lease after its context
	// has ended, in SQLite too, is given up: see the package's documentation.
	// It is not changed once the store is in use.
	Lease time.Duration

	db      *sql.DB
	dialect Dialect
	turns   turns.Turns                // who of this process may go to the database
	hung    sync.Map                   // ids of purchases whose fn goes on though its hold was given up
	slots   func() *semaphore.Weighted // connections that may be held; nil is any number
}

// New returns the store in that database, which stays the caller's to close.
// It asks nothing of the database: the tables are made by [Store.Migrate] or
// by the caller (see [Schema]). It panics when db is nil or the dialect is none
// of the package's.
func New(db *sql.DB, dialect Dialect) *Store {
	if db == nil {
		panic("sqlstore: the database is nil")
	}
	return &Store{
		db:      db,
		dialect: dialect.must(),
		slots: sync.OnceValue(func() *semaphore.Weighted {
			pool := db.Stats().MaxOpenConnections
			if pool <= 0 {
				return nil
			}
			return semaphore.NewWeighted(max(1, int64(pool)/2))
		}),
	}
}

// PlainAtRest implements [gloebit.PlainStore]: tokens are in plain columns.
func (s *Store) PlainAtRest() bool { return true }

var errWithin = errors.New("SQLite has one writer, and that is the Change in whose fn this was called")

// turn waits until nobody else of this process has that name.
func (s *Store) turn(ctx context.Context, name string) (release func(), err error) {
	if s.dialect == SQLite && s.within(ctx) {
		return nil, errWithin // or it would wait for itself
	}
	return s.turns.Take(ctx, name)
}

// writer is the name for whoever writes to SQLite, which has one lock for all.
const writer = ""

// within reports whether the context is that of the fn of a Change here.
func (s *Store) within(ctx context.Context) bool {
	l, ok := ctx.Value(lentKey{}).(*lent)
	return ok && l.hold.store == s && l.life.Err() == nil
}

// enter waits until this process may take a connection for that name: until
// nobody else of it has one for the same, and there is room. What is called in
// the fn of a Change waits for the database's own lock alone: whoever has the
// turn may be waiting for the room that this Change takes.
func (s *Store) enter(ctx context.Context, name string) (leave func(), err error) {
	if s.dialect != SQLite && s.within(ctx) {
		return func() {}, nil
	}
	release, err := s.turn(ctx, name)
	if err != nil {
		return nil, err
	}
	free, err := s.room(ctx)
	if err != nil {
		release()
		return nil, err
	}
	return func() { free(); release() }, nil
}

// room waits until the pool has a connection to spare, and SQLite nobody else of
// this process who writes. What is called in the fn of a Change does not wait
// for another Change to spare one.
func (s *Store) room(ctx context.Context) (free func(), err error) {
	if s.dialect == SQLite {
		return s.turn(ctx, writer)
	}
	slots := s.slots()
	if slots == nil || s.within(ctx) {
		return func() {}, nil
	}
	if err := slots.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return func() { slots.Release(1) }, nil
}

// exec runs a statement that writes, by itself, and returns how many rows it
// changed.
func (s *Store) exec(ctx context.Context, doing, query string, args ...any) (changed int64, err error) {
	if s.dialect == SQLite {
		release, err := s.turn(ctx, writer)
		if err != nil {
			return 0, failed(ctx, doing, err)
		}
		defer release()
	}
	err = s.patiently(ctx, func() error {
		result, err := s.db.ExecContext(ctx, s.dialect.rebind(query), args...)
		if err != nil {
			return err
		}
		changed, err = result.RowsAffected()
		return err
	})
	return changed, failed(ctx, doing, err)
}

func (s *Store) now() time.Time {
	if s.Clock != nil {
		return s.Clock()
	}
	return time.Now()
}

// failed says what failed, and nil when nothing did. When the context has ended
// that is the reason, whatever the driver makes of it.
func failed(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("sqlstore: %s: %w (%w)", doing, ended, err)
	}
	return fmt.Errorf("sqlstore: %s: %w", doing, err)
}
