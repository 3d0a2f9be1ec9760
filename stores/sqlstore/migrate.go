package sqlstore

import "context"

// Migrate creates the tables, or migrates them to this package's version (see
// [Store.Schema]). Any number of replicas may call it at once: one migrates,
// and the others wait for it. If the schema is newer than the package's,
// Migrate returns an error and changes nothing.
//
// In PostgreSQL and SQLite it runs in one transaction. In MySQL, where changes
// of tables can't be rolled back, the steps before a failure stay, and the next
// call continues from there. If the context has ended, the error is the
// context's; otherwise it is the database's.
//
// If the schema is up to date, Migrate needs no permission to create tables.
//
// Migrate also returns an error, which names the setting to change, when the
// store would lose its writes or could not write: when autocommit is off or
// completion_type is CHAIN in MySQL; when the driver prepares statements and a
// pooler such as PgBouncer is in transaction mode (Migrate needs two
// connections to find out); when each connection of the pool has its own
// in-memory SQLite database; when a PostgreSQL database can't hold every text;
// and when the database or its user can only read.
func (s *Store) Migrate(ctx context.Context) error {
	return s.db.Migrate(ctx, "sqlstore", versions, s.schema(), "{p}oauth_credentials", "{p}oauth_states")
}
