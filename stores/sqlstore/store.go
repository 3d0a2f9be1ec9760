package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

var (
	_ connect.TokenStore     = (*Store)(nil)
	_ connect.PlaintextStore = (*Store)(nil)
	_ connect.StateStore     = (*Store)(nil)
)

// Config configures a Store. DB and Dialect must be set.
type Config struct {
	// DB is the pool of connections to the database. The caller closes it.
	DB *sql.DB
	// Dialect is the kind of database.
	Dialect Dialect
	// Prefix begins the name of every table. It is a schema and a dot, the
	// beginning of the names, or both: "shop.", "shop_", "shop.pay_". Each part
	// has at most 30 ASCII letters, digits and underscores, and does not begin
	// with a digit. In MariaDB and MySQL a schema is a database; SQLite has
	// none. Migrate does not create the schema. The default is no prefix: the
	// tables are oauth_credentials, oauth_states and oauth_schema in the
	// connection's default schema.
	Prefix string
	// Clock tells the time. The default is time.Now.
	Clock func() time.Time
}

// Store is a [connect.TokenStore] and a [connect.StateStore] in a database.
// Make it with [New]. It is safe for concurrent use, and any number of
// processes and merchants can share the database.
type Store struct {
	db    *sqldb.DB
	clock func() time.Time
	load  string // the statement of Load
}

// New checks the configuration and returns a Store. It does not access the
// database. Create the tables with [Store.Migrate] or your own tool (see
// [Store.Schema]).
func New(config Config) (*Store, error) {
	var problems []error
	if config.DB == nil {
		problems = append(problems, errors.New("sqlstore: Config.DB is nil"))
	}
	if config.Dialect < Postgres || config.Dialect > SQLite {
		problems = append(
			problems, fmt.Errorf("sqlstore: Config.Dialect is %v: set it to Postgres, MySQL or SQLite", config.Dialect),
		)
	}
	db, err := sqldb.New(config.DB, sqldb.Dialect(config.Dialect), config.Prefix)
	if err != nil {
		problems = append(problems, fmt.Errorf("sqlstore: Config.Prefix: %w", err))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	s := &Store{db: db, clock: config.Clock}
	if s.clock == nil {
		s.clock = time.Now
	}
	s.load = db.Query("SELECT " + s.credentialColumns() + " FROM {p}oauth_credentials WHERE realm = ? AND user_id = ?")
	return s, nil
}

// PlainAtRest implements [connect.PlaintextStore]. It returns true: tokens are
// stored unencrypted.
func (s *Store) PlainAtRest() bool { return true }

// Database returns the database for package sqlledger, which keeps purchases
// there.
func (s *Store) Database() *sqldb.DB { return s.db }

// exec runs a statement that writes, in a transaction of its own, and returns
// how many rows it changed.
func (s *Store) exec(ctx context.Context, doing, query string, args ...any) (int64, error) {
	changed, err := s.db.Exec(ctx, query, args...)
	return changed, failed(ctx, doing, err)
}

// text returns a string as an argument.
func text[S ~string](s *Store, value S) any { return sqldb.Text(s.db.Dialect, value) }

// moment returns a time as an argument.
func (s *Store) moment(t time.Time) any { return s.db.Dialect.Time(t) }

func failed(ctx context.Context, doing string, err error) error {
	return sqldb.Failed(ctx, "sqlstore", doing, err)
}
