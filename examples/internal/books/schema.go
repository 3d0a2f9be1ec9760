package books

import "context"

// schema is the shop's own tables, beside those of its store.
func schema() []string {
	return []string{
		// What is kept once for the whole file.
		`CREATE TABLE IF NOT EXISTS shop_settings (
	name  TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL
)`,
		// The workbench's day: a job is written down when it is promised, and
		// done when it is paid.
		`CREATE TABLE IF NOT EXISTS shop_jobs (
	purchase TEXT NOT NULL PRIMARY KEY,
	visitor  TEXT NOT NULL,
	service  TEXT NOT NULL,
	pieces   INTEGER NOT NULL,
	day      TEXT NOT NULL,
	done     INTEGER NOT NULL DEFAULT 0
)`,
		`CREATE INDEX IF NOT EXISTS shop_jobs_of_a_day ON shop_jobs (service, day)`,
		`CREATE INDEX IF NOT EXISTS shop_jobs_of_a_visitor ON shop_jobs (visitor)`,
		// The keys of forms that used something up.
		`CREATE TABLE IF NOT EXISTS shop_used (
	form TEXT NOT NULL PRIMARY KEY,
	at   INTEGER NOT NULL
)`,
	}
}

// setting returns what is kept under that name, which is what was kept first.
func (b *Books) setting(ctx context.Context, name, first string) (value string, err error) {
	_, err = b.db.ExecContext(
		ctx, "INSERT INTO shop_settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", name, first,
	)
	if err == nil {
		err = b.db.QueryRowContext(ctx, "SELECT value FROM shop_settings WHERE name = $1", name).Scan(&value)
	}
	return value, err
}
