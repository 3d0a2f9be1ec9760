package sqlstore

import "context"

// Migrate creates the tables, or migrates them to this package's version (see
// [Store.Schema]). Any number of replicas may call it at once: one migrates,
// and the others wait for it. If the schema is newer than the package's,
// Migrate returns an error and changes nothing.
//
// In PostgreSQL and SQLite it runs in one transaction. In MySQL, where changes
// of tables can't be rolled back, the steps before a failure stay, and the next
// call continues from there. The error is that of the context when it has
// ended, or the database's.
//
// If the schema is up to date, Migrate only reads it, which needs no permission
// to create tables.
func (s *Store) Migrate(ctx context.Context) error {
	return s.db.Migrate(ctx, "sqlstore", versions, s.schema())
}
