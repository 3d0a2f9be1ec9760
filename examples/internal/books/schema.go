package books

import "context"

// schema returns the shop's own tables.
func schema() []string {
	return []string{
		// Settings of the whole file.
		`CREATE TABLE IF NOT EXISTS shop_settings (
	name  TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL
)`,
		// The workbench's jobs: reserved before payment, and done after it.
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
		// The keys of forms that used up a product.
		`CREATE TABLE IF NOT EXISTS shop_used (
	form TEXT NOT NULL PRIMARY KEY,
	at   INTEGER NOT NULL
)`,
	}
}

// setting returns the setting of that name, and first sets it if it is missing.
func (b *Books) setting(ctx context.Context, name, first string) (value string, err error) {
	_, err = b.db.ExecContext(
		ctx, "INSERT INTO shop_settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", name, first,
	)
	if err == nil {
		err = b.db.QueryRowContext(ctx, "SELECT value FROM shop_settings WHERE name = $1", name).Scan(&value)
	}
	return value, err
}
