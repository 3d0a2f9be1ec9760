package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

var (
	_ gloebit.TokenStore = (*Store)(nil)
	_ connect.PlainStore = (*Store)(nil)
	_ gloebit.StateStore = (*Store)(nil)
)

// Store is a [gloebit.TokenStore] and a [gloebit.StateStore] in a database. It is safe for concurrent use, and any number of processes can
// share the database. [New] makes one.
type Store struct {
	// Clock tells the time. Nil means time.Now. It is not changed once the
	// store is in use.
	Clock func() time.Time

	db *sqldb.DB
}

// New returns the store in that database, which stays the caller's to close.
// It asks nothing of the database: the tables are made by [Store.Migrate] or
// by the caller (see [Schema]). It panics when db is nil or the dialect is none
// of the package's.
func New(db *sql.DB, dialect Dialect) *Store {
	if db == nil {
		panic("sqlstore: the database is nil")
	}
	return &Store{db: sqldb.New(db, sqldb.Dialect(dialect.must()))}
}

// PlainAtRest implements [connect.PlainStore]: tokens are in plain columns.
func (s *Store) PlainAtRest() bool { return true }

// Database is for package sqlledger, which keeps purchases beside what the Store
// keeps.
func (s *Store) Database() *sqldb.DB { return s.db }

// exec runs a statement that writes, in a transaction of its own, and returns
// how many rows it changed.
func (s *Store) exec(ctx context.Context, doing, query string, args ...any) (int64, error) {
	changed, err := s.db.Exec(ctx, query, args...)
	return changed, failed(ctx, doing, err)
}

func (s *Store) now() time.Time {
	if s.Clock != nil {
		return s.Clock()
	}
	return time.Now()
}

func failed(ctx context.Context, doing string, err error) error {
	return sqldb.Failed(ctx, "sqlstore", doing, err)
}
