package sqldb

import (
	"context"
	"database/sql"
	"fmt"
)

// Migration is one step of a schema. It is the same as sqlstore.Migration.
type Migration struct {
	Version    int
	Statements []string
}

// Steps numbers the steps from 1, and adds to each a statement that stores its
// version in the table.
func Steps(dialect Dialect, table string, steps ...[]string) []Migration {
	keep := "ON CONFLICT DO NOTHING"
	if dialect == MySQL {
		keep = "ON DUPLICATE KEY UPDATE version = version"
	}
	migrations := make([]Migration, len(steps))
	for i, statements := range steps {
		insert := fmt.Sprintf("INSERT INTO %s (version) VALUES (%d) %s", table, i+1, keep)
		migrations[i] = Migration{i + 1, append(statements, insert)}
	}
	return migrations
}

// Migrate runs the steps that the version table does not list yet, and checks
// that the tables can be used. pkg begins its errors. The first statement of
// the first step must create the version table.
func (d *DB) Migrate(ctx context.Context, pkg, table string, steps []Migration, tables ...string) error {
	if err := d.checkSettings(ctx); err != nil {
		return Failed(ctx, pkg, "check the settings of the database", err)
	}
	if err := d.migrate(ctx, pkg, table, steps); err != nil {
		return err
	}
	err := d.retryBusy(ctx, func() error {
		if err := d.checkMemory(ctx, table); err != nil {
			return err
		}
		return d.checkWrites(ctx, tables)
	})
	return Failed(ctx, pkg, "check that the tables can be written", err)
}

func (d *DB) migrate(ctx context.Context, pkg, table string, steps []Migration) error {
	var now sql.NullInt64
	err := d.Read(ctx, func(on Querier) error {
		return on.QueryRowContext(ctx, d.Query("SELECT MAX(version) FROM "+table)).Scan(&now)
	})
	newest := steps[len(steps)-1].Version
	if err == nil && now.Int64 >= int64(newest) {
		return checkVersion(pkg, int(now.Int64), newest)
	}
	leave, err := d.Enter(ctx, "schema")
	if err != nil {
		return Failed(ctx, pkg, "wait to migrate", err)
	}
	defer leave()
	version := 0
	h, err := d.HoldLocked(ctx, ShortLease, func(h *Hold) error {
		err := h.lockSchema(ctx)
		if err == nil {
			version, err = h.version(ctx, table, steps[0].Statements[0])
		}
		return err
	})
	if err != nil {
		return Failed(ctx, pkg, "lock and read the version of the schema", err)
	}
	defer h.End()
	if err := checkVersion(pkg, version, newest); err != nil {
		return err
	}
	for _, step := range steps {
		if step.Version <= version {
			continue
		}
		for _, statement := range step.Statements {
			if _, err := h.Exec(ctx, statement); err != nil {
				return Failed(ctx, pkg, fmt.Sprintf("migrate to version %d", step.Version), err)
			}
		}
	}
	return Failed(ctx, pkg, "commit the migration", h.Commit(ctx))
}

// checkVersion returns an error if the schema is newer than the package's.
func checkVersion(pkg string, version, newest int) error {
	if version > newest {
		return fmt.Errorf(
			"%s: the schema has version %d, and this program knows versions up to %d: update the program", pkg, version,
			newest,
		)
	}
	return nil
}

// lockSchema lets one replica migrate at a time.
func (h *Hold) lockSchema(ctx context.Context) error {
	switch h.db.Dialect {
	case Postgres: // an arbitrary lock ID: the bytes of "gloebit"
		_, err := h.Exec(ctx, "SELECT pg_advisory_xact_lock(29111148299315572), "+h.Durable())
		return err
	case MySQL:
		return h.LockName(ctx, "schema")
	}
	return nil // SQLite has one writer
}

// version creates the version table if it is missing, and returns the schema's
// version.
func (h *Hold) version(ctx context.Context, table, makeTable string) (int, error) {
	if _, err := h.Exec(ctx, makeTable); err != nil {
		return 0, err
	}
	var version sql.NullInt64
	err := h.Conn.QueryRowContext(ctx, h.db.Query("SELECT MAX(version) FROM "+table)).Scan(&version)
	return int(version.Int64), err
}
