package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
)

// Migrate makes the tables, or brings them to this package's version (see
// [Schema]). Any number of replicas may call it at once: one works, the others
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
	steps := Schema(s.dialect)
	var now sql.NullInt64
	err := s.db.QueryRowContext(ctx, "SELECT MAX(version) FROM gloebit_schema").Scan(&now)
	newest := steps[len(steps)-1].Version
	if err == nil && now.Int64 >= int64(newest) {
		return checkVersion(int(now.Int64), newest)
	}
	leave, err := s.enter(ctx, "schema")
	if err != nil {
		return failed(ctx, "wait to migrate", err)
	}
	defer leave()
	h, err := s.hold(ctx, s.shortLease())
	if err != nil {
		return failed(ctx, "begin to migrate", err)
	}
	defer h.end()
	if err := h.lockSchema(ctx); err != nil {
		return failed(ctx, "wait for another migration", err)
	}
	version, err := h.version(ctx, steps[0].Statements[0])
	if err != nil {
		return failed(ctx, "read the version of the schema", err)
	}
	if err := checkVersion(version, newest); err != nil {
		return err
	}
	for _, step := range steps {
		if step.Version <= version {
			continue
		}
		for _, statement := range step.Statements {
			if _, err := h.exec(ctx, statement); err != nil {
				return failed(ctx, fmt.Sprintf("migrate to version %d", step.Version), err)
			}
		}
	}
	return failed(ctx, "commit the migration", h.commit(ctx))
}

// checkVersion returns an error when the schema is newer than the package's.
func checkVersion(version, newest int) error {
	if version > newest {
		return fmt.Errorf("sqlstore: the schema has version %d, and this program knows versions up to %d: update the program", version, newest)
	}
	return nil
}

// lockSchema lets one replica migrate at a time.
func (h *hold) lockSchema(ctx context.Context) error {
	switch h.store.dialect {
	case Postgres: // any number will do that others don't use: these are bytes of "gloebit"
		_, err := h.exec(ctx, "SELECT pg_advisory_xact_lock(29111148299315572)")
		return err
	case MySQL:
		return h.lockName(ctx, "schema")
	}
	return nil // SQLite has one writer
}

// version makes the table of versions if it is not there, and reads it.
func (h *hold) version(ctx context.Context, makeTable string) (int, error) {
	if _, err := h.exec(ctx, makeTable); err != nil {
		return 0, err
	}
	var version sql.NullInt64
	err := h.conn.QueryRowContext(ctx, "SELECT MAX(version) FROM gloebit_schema").Scan(&version)
	return int(version.Int64), err
}
