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

// The table has a row for each purchase. held_key is the key as long as the
// purchase holds it, and unique for a user; item is the name of the item or the
// product, and amount its price for all; purchase is what no column has, as JSON.

func postgresPurchases() []string {
	text := `TEXT COLLATE "C" NOT NULL`
	return append([]string{
		`CREATE TABLE IF NOT EXISTS gloebit_purchases (
	realm      ` + text + `,
	id         ` + text + `,
	user_id    ` + text + `,
	gloebit_id ` + text + `,
	order_key  ` + text + `,
	held_key   TEXT COLLATE "C",
	item       ` + text + `,
	quantity   BIGINT NOT NULL,
	amount     BIGINT NOT NULL,
	state      ` + text + `,
	created_at TIMESTAMPTZ NOT NULL,
	updated_at TIMESTAMPTZ,
	next_at    TIMESTAMPTZ,
	stuck_at   TIMESTAMPTZ,
	paid_at    TIMESTAMPTZ,
	purchase   JSON NOT NULL,
	PRIMARY KEY (realm, id)
)`,
	}, indexes()...)
}

// mysqlPurchases keeps text as bytes: of the collations that both servers have,
// none tells texts apart that differ in spaces at the end. The view shows them as
// text.
func mysqlPurchases() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS gloebit_purchases (
	realm      VARBINARY(128) NOT NULL,
	id         VARBINARY(36) NOT NULL,
	user_id    VARBINARY(255) NOT NULL,
	gloebit_id VARBINARY(255) NOT NULL,
	order_key  VARBINARY(255) NOT NULL,
	held_key   VARBINARY(255),
	item       VARBINARY(1000) NOT NULL,
	quantity   BIGINT NOT NULL,
	amount     BIGINT NOT NULL,
	state      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	created_at DATETIME(6) NOT NULL,
	updated_at DATETIME(6),
	next_at    DATETIME(6),
	stuck_at   DATETIME(6),
	paid_at    DATETIME(6),
	purchase   MEDIUMBLOB NOT NULL,
	PRIMARY KEY (realm, id),
	UNIQUE INDEX gloebit_purchases_held_key (realm, user_id, held_key),
	INDEX gloebit_purchases_created_at (realm, created_at, id),
	INDEX gloebit_purchases_user_id (realm, user_id, created_at, id),
	INDEX gloebit_purchases_state (realm, state, created_at, id),
	INDEX gloebit_purchases_paid_at (realm, paid_at),
	INDEX gloebit_purchases_stuck_at (realm, stuck_at),
	INDEX gloebit_purchases_next_at (state, realm, next_at)
) ENGINE=InnoDB`,
		`CREATE OR REPLACE VIEW gloebit_purchases_text AS SELECT
	CONVERT(realm USING utf8mb4) AS realm, CONVERT(id USING utf8mb4) AS id, CONVERT(user_id USING utf8mb4) AS user_id,
	CONVERT(gloebit_id USING utf8mb4) AS gloebit_id, CONVERT(order_key USING utf8mb4) AS order_key,
	CONVERT(item USING utf8mb4) AS item, quantity, amount, state, created_at, updated_at, next_at, stuck_at, paid_at,
	CONVERT(purchase USING utf8mb4) AS purchase
FROM gloebit_purchases`,
	}
}

func sqlitePurchases() []string {
	return append([]string{
		`CREATE TABLE IF NOT EXISTS gloebit_purchases (
	realm      TEXT NOT NULL,
	id         TEXT NOT NULL,
	user_id    TEXT NOT NULL,
	gloebit_id TEXT NOT NULL,
	order_key  TEXT NOT NULL,
	held_key   TEXT,
	item       TEXT NOT NULL,
	quantity   INTEGER NOT NULL,
	amount     INTEGER NOT NULL,
	state      TEXT NOT NULL,
	created_at TEXT NOT NULL,
	updated_at TEXT,
	next_at    TEXT,
	stuck_at   TEXT,
	paid_at    TEXT,
	purchase   TEXT NOT NULL,
	PRIMARY KEY (realm, id)
)`,
	}, indexes()...)
}

// indexes are those of databases that have indexes of some rows alone.
func indexes() []string {
	return []string{
		`CREATE UNIQUE INDEX IF NOT EXISTS gloebit_purchases_held_key ON gloebit_purchases (realm, user_id, held_key)`,
		`CREATE INDEX IF NOT EXISTS gloebit_purchases_created_at ON gloebit_purchases (realm, created_at, id)`,
		`CREATE INDEX IF NOT EXISTS gloebit_purchases_user_id ON gloebit_purchases (realm, user_id, created_at, id)`,
		`CREATE INDEX IF NOT EXISTS gloebit_purchases_state ON gloebit_purchases (realm, state, created_at, id)`,
		`CREATE INDEX IF NOT EXISTS gloebit_purchases_paid_at ON gloebit_purchases (realm, paid_at) WHERE paid_at IS NOT NULL`,
		`CREATE INDEX IF NOT EXISTS gloebit_purchases_stuck_at ON gloebit_purchases (realm, created_at, id) WHERE stuck_at IS NOT NULL`,
		`CREATE INDEX IF NOT EXISTS gloebit_purchases_next_at ON gloebit_purchases (state, realm, next_at)`,
	}
}
