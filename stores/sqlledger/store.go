package sqlledger

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
)

var _ ledger.Store = (*Store)(nil)

// Store is a [ledger.Store] in the database of a [sqlstore.Store]. Make it with
// [New]. It is safe for concurrent use, and any number of processes can share
// the database.
type Store struct {
	// Lease is how long PostgreSQL, MariaDB or MySQL keeps a purchase locked when
	// the machine that runs a Change of it has vanished. It must be longer than
	// 4/3 of ledger.Config.StepTimeout: if an fn sends no statement after a
	// query, its context ends after three quarters of Lease. If an fn runs for a
	// quarter of Lease after its context has ended, its transaction is rolled
	// back, in SQLite too: see the package's documentation. Zero means a minute;
	// less than a second means a second. Lease must not be changed once the
	// store is in use.
	Lease time.Duration

	tokens *sqlstore.Store
	db     *sqldb.DB
	hung   sync.Map // keys of purchases whose fn still runs after its transaction was abandoned

	// The texts that every purchase needs, in the database's syntax.
	columns, insert, update, swap string
}

// New returns a Store in the database of store, which must not be nil. It does
// not access the database. Create the tables with [Store.Migrate] or your own
// tool (see [Store.Schema]).
func New(store *sqlstore.Store) *Store {
	if store == nil {
		panic("sqlledger: the sqlstore.Store is nil")
	}
	s := &Store{tokens: store, db: store.Database()}
	s.columns = columns(s.db.Dialect)
	s.insert, s.update = s.db.Query(insert(s.db.Dialect)), s.db.Query(update(s.db.Dialect))
	s.swap = s.db.Query(swap(s.db.Dialect))
	return s
}

const (
	defaultLease = time.Minute
	table        = "{p}gloebit_purchases" // see sqldb.DB.Query
)

// text returns a string as an argument.
func (s *Store) text(value string) any { return sqldb.Text(s.db.Dialect, value) }

func (s *Store) lease() time.Duration {
	if s.Lease == 0 {
		return defaultLease
	}
	return max(s.Lease, time.Second)
}

// shortLease is the lease of transactions that are not available to an fn.
func (s *Store) shortLease() time.Duration { return min(s.lease(), sqldb.ShortLease) }

var errHangs = errors.New("an earlier fn of this process still goes on, too long after its context had ended")

// exec runs a statement that writes, in a transaction of its own, and returns
// the number of rows it changed.
func (s *Store) exec(ctx context.Context, doing, query string, args ...any) (int64, error) {
	changed, err := s.db.Exec(ctx, query, args...)
	return changed, failed(ctx, doing, err)
}

func failed(ctx context.Context, doing string, err error) error {
	return sqldb.Failed(ctx, "sqlledger", doing, err)
}
