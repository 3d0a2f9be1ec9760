package sqldb

import (
	"context"
	"strings"
	"time"
)

const maxPause = 50 * time.Millisecond

// retryBusy retries do while SQLite is busy and the context lasts. A statement
// that finds SQLite busy has changed nothing. Other databases wait on the
// server.
func (d *DB) retryBusy(ctx context.Context, do func() error) error {
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

// busy reports whether SQLite has locked the database or a table. Drivers have
// different error types, but all include the text of sqlite3_errstr.
func busy(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "database is locked") || strings.Contains(text, "database table is locked")
}
