package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"time"
)

// Asker is a pool or one of its connections.
type Asker interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// failure is what a failed statement says about a second try.
type failure int

const (
	final    failure = iota // the next time it fails, too
	refusing                // the server takes no writes now; the statement did nothing
	lost                    // the connection is gone; the statement may have been carried out
	conflict                // the transaction was rolled back because of another one's
	waited                  // a limit of the server's or the role's ended the wait for a lock; the statement did nothing
)

// states are SQLSTATEs, or their beginnings, and numbers are MySQL's and
// MariaDB's error numbers.
var failures = []struct {
	failure failure
	states  []string
	numbers []string
}{
	{refusing, []string{"25006", "57P03"}, []string{"1290", "1836", "1792"}},
	{lost, []string{"08", "57P01", "57P02", "57P05"}, []string{"1053", "1152", "1927"}},
	{conflict, []string{"40001", "40P01"}, []string{"1213", "1020"}},
	{waited, []string{"55P03", "57014"}, []string{"1205", "1969", "3024"}},
}

// failureOf classifies an error of a statement.
func failureOf(err error) failure {
	if err == nil {
		return final
	}
	if state, number := codes(err); state != "" || number != "" {
		for _, f := range failures {
			begins := func(prefix string) bool { return state != "" && strings.HasPrefix(state, prefix) }
			if slices.ContainsFunc(f.states, begins) || slices.Contains(f.numbers, number) {
				return f.failure
			}
		}
		return final
	}
	if errors.Is(err, errInterrupted) {
		return waited
	}
	var broken net.Error
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.As(err, &broken) || sayConnectionIsGone(err) {
		return lost
	}
	return final
}

// sayConnectionIsGone reports whether a driver says so in words alone.
func sayConnectionIsGone(err error) bool {
	text := err.Error()
	return strings.HasSuffix(text, "invalid connection") || strings.HasSuffix(text, "conn closed")
}

// codes returns the SQLSTATE of PostgreSQL's drivers, or the number in the words
// of MySQL's. The drivers are not imported.
func codes(err error) (state, number string) {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState(), ""
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if found := mysqlNumber.FindStringSubmatch(err.Error()); found != nil {
			return "", found[1]
		}
	}
	return "", ""
}

const (
	maxConflicts  = 5
	conflictPause = 5 * time.Millisecond // and one more with each
	maxWaiting    = time.Minute          // for a lock, where the context has no deadline
)

// tries counts how often something was tried.
type tries struct {
	connections int // that may still turn out to be of no use
	conflicts   int
	began       time.Time
}

// tries returns a fresh count: after a failover or a restart every idle
// connection may be of no use.
func (d *DB) tries() *tries {
	return &tries{connections: d.SQL.Stats().Idle + 2, began: time.Now()}
}

// again reports whether to try again what failed with this error. With undone,
// it has done nothing even if the connection was lost.
func (t *tries) again(ctx context.Context, err error, undone bool) bool {
	failed := failureOf(err)
	if ctx.Err() != nil {
		return false
	}
	switch {
	case failed == refusing, failed == lost && undone:
		t.connections--
		return t.connections >= 0
	case failed == conflict:
		t.conflicts++
		return t.conflicts <= maxConflicts && pause(ctx, time.Duration(t.conflicts)*conflictPause)
	case failed == waited:
		_, bounded := ctx.Deadline()
		return (bounded || time.Since(t.began) < maxWaiting) && pause(ctx, conflictPause)
	}
	return false
}

// pause waits, and reports whether the context lasts.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Read runs a query and reads its rows to their end. Do may be called again, on
// another connection.
func (d *DB) Read(ctx context.Context, do func(Asker) error) error { return d.ask(ctx, do, true) }

// Write runs one statement that writes, in a transaction of its own. Do may be
// called again if the statement has done nothing.
func (d *DB) Write(ctx context.Context, do func(Asker) error) error { return d.ask(ctx, do, false) }

// ask calls do with the pool, and with single connections from then on: those
// that are of no use leave the pool.
func (d *DB) ask(ctx context.Context, do func(Asker) error, reads bool) error {
	err := d.Patiently(ctx, func() error { return do(d.SQL) })
	if err == nil || d.Dialect == SQLite || reads && failureOf(err) == waited {
		return err
	}
	for t := d.tries(); t.again(ctx, err, reads); {
		err = d.askOne(ctx, do)
		if reads && failureOf(err) == waited {
			break
		}
	}
	return err
}

func (d *DB) askOne(ctx context.Context, do func(Asker) error) error {
	conn, err := d.SQL.Conn(ctx)
	if err != nil {
		return err
	}
	err = do(conn)
	if f := failureOf(err); f == refusing || f == lost {
		drop(conn)
	}
	_ = conn.Close() // gives it back, or says that it is closed
	return err
}

// drop closes a connection instead of giving it back to the pool.
func drop(conn *sql.Conn) { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }
