package sqlstore

import "context"

// Migrate makes the tables, or brings them to this package's version (see
// [Store.Schema]). Any number of replicas may call it at once: one works, the others
// wait for it and find nothing left to do. A schema newer than the package's is
// an error, and left as it is.
//
// In PostgreSQL and SQLite it is all done or nothing; in MySQL, where tables
// can't be rolled back, what was done before a failure stays, and the next call
// goes on from there. The error is that of the context when it has ended, or
// the database's.
//
// A schema that is up to date is only read, which takes no right to make tables.
func (s *Store) Migrate(ctx context.Context) error {
	return s.db.Migrate(ctx, "sqlstore", versions, s.schema())
}
