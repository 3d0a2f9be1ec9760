package sqldb

import (
	"context"
	"strings"
	"time"
)

const maxPause = 50 * time.Millisecond

// Patiently does something again, as long as SQLite is busy and the context
// lasts. What finds SQLite busy has done nothing. Other databases wait by
// themselves.
func (d *DB) Patiently(ctx context.Context, do func() error) error {
	err := do()
	if d.Dialect != SQLite {
		return err
	}
	for pause := time.Millisecond; busy(err); pause = min(2*pause, maxPause) {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		err = do()
	}
	return err
}

// busy reports whether SQLite has the database or a table locked. Every driver
// has the text of sqlite3_errstr in its error, and each a type of its own.
func busy(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "database is locked") || strings.Contains(text, "database table is locked")
}
