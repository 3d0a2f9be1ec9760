package sqlledger

import (
	"context"

	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
)

const versions = "gloebit_ledger_schema"

// Schema returns the steps of the ledger's schema in the order in which they are
// run, for applications with a migration tool of their own, as [sqlstore.Store.Schema]
// does for its tables. [Store.Migrate] runs both. The last statement of each step
// keeps its version in the table gloebit_ledger_schema.
func (s *Store) Schema() []sqlstore.Migration {
	var migrations []sqlstore.Migration
	for _, step := range schema(s.db.Dialect) {
		migrations = append(migrations, sqlstore.Migration(step))
	}
	return migrations
}

// Migrate makes the tables of the ledger and those of the [sqlstore.Store], or
// brings them to these packages' versions: see [sqlstore.Store.Migrate], which
// needs no call of its own.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.tokens.Migrate(ctx); err != nil {
		return err
	}
	return s.db.Migrate(ctx, "sqlledger", versions, schema(s.db.Dialect))
}

func schema(dialect sqldb.Dialect) []sqldb.Migration {
	table := "CREATE TABLE IF NOT EXISTS " + versions + " (\n\tversion INTEGER PRIMARY KEY\n)"
	switch dialect {
	case sqldb.Postgres:
		return sqldb.Steps(dialect, versions, append([]string{table}, postgresPurchases()...))
	case sqldb.MySQL:
		return sqldb.Steps(dialect, versions, append([]string{table + " ENGINE=InnoDB"}, mysqlPurchases()...))
	default:
		return sqldb.Steps(dialect, versions, append([]string{table}, sqlitePurchases()...))
	}
}

// held_key is the key as long as it is this purchase's, and unique; purchase is
// what no column has, as JSON.

func postgresPurchases() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS gloebit_purchases (
	id         BYTEA PRIMARY KEY,
	user_id    BYTEA NOT NULL,
	gloebit_id BYTEA NOT NULL,
	order_key  BYTEA NOT NULL,
	held_key   BYTEA,
	state      TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	next_at    BIGINT,
	stuck_at   BIGINT,
	key_until  BIGINT,
	purchase   BYTEA NOT NULL
)`,
		`CREATE UNIQUE INDEX IF NOT EXISTS gloebit_purchases_held_key ON gloebit_purchases (user_id, held_key)`,
		`CREATE INDEX IF NOT EXISTS gloebit_purchases_created_at ON gloebit_purchases (created_at, id)`,
		`CREATE INDEX IF NOT EXISTS gloebit_purchases_user_id ON gloebit_purchases (user_id, created_at, id)`,
		`CREATE INDEX IF NOT EXISTS gloebit_purchases_state ON gloebit_purchases (state, created_at, id)`,
		`CREATE INDEX IF NOT EXISTS gloebit_purchases_stuck_at ON gloebit_purchases (created_at, id) WHERE stuck_at IS NOT NULL`,
		`CREATE INDEX IF NOT EXISTS gloebit_purchases_next_at ON gloebit_purchases (next_at) WHERE next_at IS NOT NULL`,
	}
}

func mysqlPurchases() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS gloebit_purchases (
	id         VARBINARY(36) PRIMARY KEY,
	user_id    VARBINARY(255) NOT NULL,
	gloebit_id VARBINARY(255) NOT NULL,
	order_key  VARBINARY(255) NOT NULL,
	held_key   VARBINARY(255),
	state      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	created_at BIGINT NOT NULL,
	next_at    BIGINT,
	stuck_at   BIGINT,
	key_until  BIGINT,
	purchase   MEDIUMBLOB NOT NULL,
	UNIQUE INDEX gloebit_purchases_held_key (user_id, held_key),
	INDEX gloebit_purchases_created_at (created_at, id),
	INDEX gloebit_purchases_user_id (user_id, created_at, id),
	INDEX gloebit_purchases_state (state, created_at, id),
	INDEX gloebit_purchases_stuck_at (stuck_at),
	INDEX gloebit_purchases_next_at (next_at)
) ENGINE=InnoDB`,
	}
}

func sqlitePurchases() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS gloebit_purchases (
	id         BLOB NOT NULL PRIMARY KEY,
	user_id    BLOB NOT NULL,
	gloebit_id BLOB NOT NULL,
	order_key  BLOB NOT NULL,
	held_key   BLOB,
	state      TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	next_at    INTEGER,
	stuck_at   INTEGER,
	key_until  INTEGER,
	purchase   BLOB NOT NULL
)`,
		`CREATE UNIQUE INDEX IF NOT EXISTS gloebit_purchases_held_key ON gloebit_purchases (user_id, held_key)`,
		`CREATE INDEX IF NOT EXISTS gloebit_purchases_created_at ON gloebit_purchases (created_at, id)`,
		`CREATE INDEX IF NOT EXISTS gloebit_purchases_user_id ON gloebit_purchases (user_id, created_at, id)`,
		`CREATE INDEX IF NOT EXISTS gloebit_purchases_state ON gloebit_purchases (state, created_at, id)`,
		`CREATE INDEX IF NOT EXISTS gloebit_purchases_stuck_at ON gloebit_purchases (created_at, id) WHERE stuck_at IS NOT NULL`,
		`CREATE INDEX IF NOT EXISTS gloebit_purchases_next_at ON gloebit_purchases (next_at) WHERE next_at IS NOT NULL`,
	}
}
