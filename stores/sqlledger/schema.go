package sqlledger

import (
	"context"
	"fmt"

	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
)

const versions = "{p}gloebit_ledger_schema"

// Schema returns the steps of the ledger's schema in the order in which they
// are run, for applications with their own migration tool. It does not include
// the tables of [sqlstore.Store.Schema]; [Store.Migrate] runs both. The last
// statement of each step stores its version in the table gloebit_ledger_schema.
func (s *Store) Schema() []sqlstore.Migration {
	var migrations []sqlstore.Migration
	for _, step := range schema(s.db.Dialect) {
		migration := sqlstore.Migration{Version: step.Version}
		for _, statement := range step.Statements {
			migration.Statements = append(migration.Statements, s.db.Query(statement))
		}
		migrations = append(migrations, migration)
	}
	return migrations
}

// Migrate creates or migrates the tables of the ledger and those of the
// [sqlstore.Store]. It calls [sqlstore.Store.Migrate], so you need not.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.tokens.Migrate(ctx); err != nil {
		return err
	}
	return s.db.Migrate(ctx, "sqlledger", versions, schema(s.db.Dialect), table)
}

// makePurchases creates the table of purchases. Its placeholders are the type
// of item, the type of JSON, and the keys that are created with the table.
// held_key is the key while the purchase holds it. item is the name of the item
// or the product, amount its total price, and purchase JSON with the rest.
const makePurchases = `CREATE TABLE IF NOT EXISTS {p}gloebit_purchases (
	realm      {key128} NOT NULL,
	id         {key128} NOT NULL,
	user_id    {key255} NOT NULL,
	gloebit_id {key255} NOT NULL,
	order_key  {key255} NOT NULL,
	held_key   {key255},
	item       %s NOT NULL,
	quantity   BIGINT NOT NULL,
	amount     BIGINT NOT NULL,
	state      {key128} NOT NULL,
	created_at {time} NOT NULL,
	updated_at {time},
	next_at    {time},
	stuck_at   {time},
	paid_at    {time},
	report_at  {time},
	purchase   %s NOT NULL%s
){engine}`

const primaryKey = "PRIMARY KEY (realm, id)"

// mysqlIndexes are created with the table, because MySQL has no CREATE INDEX IF
// NOT EXISTS.
const mysqlIndexes = ",\n\t" + primaryKey + `,
	UNIQUE INDEX gloebit_purchases_held_key (realm, user_id, held_key),
	INDEX gloebit_purchases_created_at (realm, created_at, id),
	INDEX gloebit_purchases_user_id (realm, user_id, created_at, id),
	INDEX gloebit_purchases_gloebit_id (realm, gloebit_id, created_at, id),
	INDEX gloebit_purchases_item (realm, item, state, created_at, id),
	INDEX gloebit_purchases_state (realm, state, created_at, id, amount),
	INDEX gloebit_purchases_paid_at (realm, paid_at, item, amount),
	INDEX gloebit_purchases_stuck_at (realm, stuck_at),
	INDEX gloebit_purchases_report_at (realm, report_at),
	INDEX gloebit_purchases_next_at (state, realm, next_at)`

// viewPurchases shows MySQL's bytes as text. The table holds bytes because, of
// the collations that MySQL and MariaDB share, none distinguishes texts that
// differ in trailing spaces.
const viewPurchases = `CREATE OR REPLACE VIEW {p}gloebit_purchases_text AS SELECT
	CONVERT(realm USING utf8mb4) AS realm, CONVERT(id USING utf8mb4) AS id, CONVERT(user_id USING utf8mb4) AS user_id,
	CONVERT(gloebit_id USING utf8mb4) AS gloebit_id, CONVERT(order_key USING utf8mb4) AS order_key,
	CONVERT(item USING utf8mb4) AS item, quantity, amount, CONVERT(state USING utf8mb4) AS state,
	created_at, updated_at, next_at, stuck_at, paid_at, report_at,
	CONVERT(purchase USING utf8mb4) AS purchase
FROM {p}gloebit_purchases`

var indexes = []string{
	`CREATE INDEX IF NOT EXISTS {i}gloebit_purchases_created_at ON {p}gloebit_purchases (realm, created_at, id)`,
	`CREATE INDEX IF NOT EXISTS {i}gloebit_purchases_user_id ON {p}gloebit_purchases (realm, user_id, created_at, id)`,
	`CREATE INDEX IF NOT EXISTS {i}gloebit_purchases_gloebit_id` +
		` ON {p}gloebit_purchases (realm, gloebit_id, created_at, id)`,
	`CREATE INDEX IF NOT EXISTS {i}gloebit_purchases_item ON {p}gloebit_purchases (realm, item, state, created_at, id)`,
	`CREATE INDEX IF NOT EXISTS {i}gloebit_purchases_state ON {p}gloebit_purchases (realm, state, created_at, id, amount)`,
	`CREATE INDEX IF NOT EXISTS {i}gloebit_purchases_paid_at ON {p}gloebit_purchases (realm, paid_at, item, amount)` +
		` WHERE paid_at IS NOT NULL`,
	`CREATE INDEX IF NOT EXISTS {i}gloebit_purchases_stuck_at ON {p}gloebit_purchases (realm, created_at, id)` +
		` WHERE stuck_at IS NOT NULL`,
	`CREATE INDEX IF NOT EXISTS {i}gloebit_purchases_report_at ON {p}gloebit_purchases (realm, report_at)` +
		` WHERE report_at IS NOT NULL`,
	`CREATE INDEX IF NOT EXISTS {i}gloebit_purchases_next_at ON {p}gloebit_purchases (state, realm, next_at)`,
	`CREATE UNIQUE INDEX IF NOT EXISTS {i}gloebit_purchases_held_key ON {p}gloebit_purchases (realm, user_id, held_key)`,
}

// addPrimaryKey is the last statement for PostgreSQL. While the table is small,
// the planner expects every index that begins with realm to cost the same, and
// takes the newest. A connection that has prepared its statements by then keeps
// the plan until the table is analyzed. With another index than the primary
// key, that plan reads all purchases of the realm to find one.
const addPrimaryKey = "ALTER TABLE {p}gloebit_purchases DROP CONSTRAINT IF EXISTS {i}gloebit_purchases_pkey, " +
	"ADD CONSTRAINT {i}gloebit_purchases_pkey " + primaryKey

func schema(dialect sqldb.Dialect) []sqldb.Migration {
	statements := []string{"CREATE TABLE IF NOT EXISTS " + versions + " (\n\tversion INTEGER PRIMARY KEY\n){engine}"}
	switch dialect {
	case sqldb.Postgres:
		statements = append(append(statements, fmt.Sprintf(makePurchases, "{text}", "JSON", "")), indexes...)
		statements = append(statements, addPrimaryKey)
	case sqldb.MySQL:
		statements = append(
			statements, fmt.Sprintf(makePurchases, "VARBINARY(1000)", "MEDIUMBLOB", mysqlIndexes), viewPurchases,
		)
	default:
		statements = append(append(statements, fmt.Sprintf(makePurchases, "TEXT", "TEXT", ",\n\t"+primaryKey)), indexes...)
	}
	return sqldb.Steps(dialect, versions, statements)
}
