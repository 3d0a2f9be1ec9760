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

// Querier is a connection pool or one of its connections.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// failure classifies a statement's error by what a retry can achieve.
type failure int

const (
	permanent   failure = iota // a retry fails, too
	readOnly                   // the server is read-only, shuts down or has lost its cluster; nothing was changed
	lost                       // the connection is lost; the server may have executed the statement
	conflict                   // the transaction was rolled back because of a concurrent one
	lockTimeout                // the server's or role's lock or statement timeout expired; nothing was changed
)

// failures maps SQLSTATEs, or their prefixes, and the error numbers of MySQL
// and MariaDB to failures.
var failures = []struct {
	failure failure
	states  []string
	numbers []string
}{
	{readOnly, []string{"25006", "57P03"}, []string{"1290", "1836", "1792", "1047"}},
	{lost, []string{"08", "57P01", "57P02", "57P05"}, []string{"1053", "1152", "1927"}},
	{conflict, []string{"40001", "40P01"}, []string{"1213", "1020"}},
	{lockTimeout, []string{"55P03", "57014"}, []string{"1205", "1969", "3024"}},
}

// failureOf classifies an error of a statement.
func failureOf(err error) failure {
	if err == nil {
		return permanent
	}
	if state, number := codes(err); state != "" || number != "" {
		for _, f := range failures {
			begins := func(prefix string) bool { return state != "" && strings.HasPrefix(state, prefix) }
			if slices.ContainsFunc(f.states, begins) || slices.Contains(f.numbers, number) {
				return f.failure
			}
		}
		return permanent
	}
	if errors.Is(err, errInterrupted) {
		return lockTimeout
	}
	var broken net.Error
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.As(err, &broken) || saysConnectionLost(err) {
		return lost
	}
	return permanent
}

// saysConnectionLost recognizes driver errors that have no type of their own.
func saysConnectionLost(err error) bool {
	text := err.Error()
	return strings.HasSuffix(text, "invalid connection") || strings.HasSuffix(text, "conn closed")
}

// codes returns the SQLSTATE of a PostgreSQL error, or the number in the text
// of a MySQL error. It imports no driver.
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
	conflictPause = 5 * time.Millisecond // multiplied by the number of conflicts so far
	maxWaiting    = time.Minute          // for a lock, if the context has no deadline
)

// tries counts the attempts of one operation.
type tries struct {
	connections int // that may still turn out to be dead
	conflicts   int
	began       time.Time
}

// tries returns a fresh count. It allows one attempt for each idle connection,
// because after a failover or a restart all of them may be dead.
func (d *DB) tries() *tries {
	return &tries{connections: d.SQL.Stats().Idle + 2, began: time.Now()}
}

// again reports whether to retry after err, and pauses before that. undone
// means that the attempt changed nothing even if the connection was lost.
func (t *tries) again(ctx context.Context, err error, undone bool) bool {
	failed := failureOf(err)
	if ctx.Err() != nil {
		return false
	}
	switch {
	case failed == readOnly, failed == lost && undone:
		t.connections--
		return t.connections >= 0
	case failed == conflict:
		t.conflicts++
		return t.conflicts <= maxConflicts && pause(ctx, time.Duration(t.conflicts)*conflictPause)
	case failed == lockTimeout:
		_, bounded := ctx.Deadline()
		return (bounded || time.Since(t.began) < maxWaiting) && pause(ctx, conflictPause)
	}
	return false
}

// pause waits for d. It reports false if the context ends first.
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

// Read runs a query and reads all its rows. It may call do again, on another
// connection.
func (d *DB) Read(ctx context.Context, do func(Querier) error) error { return d.run(ctx, do, true) }

// Write runs one statement that writes, in a transaction of its own. It calls
// do again only if the statement changed nothing.
func (d *DB) Write(ctx context.Context, do func(Querier) error) error { return d.run(ctx, do, false) }

// run calls do with the pool, and for retries with single connections, so that
// it can remove dead ones from the pool.
func (d *DB) run(ctx context.Context, do func(Querier) error, reads bool) error {
	err := d.retryBusy(ctx, func() error { return do(d.SQL) })
	if err == nil || d.Dialect == SQLite || reads && failureOf(err) == lockTimeout {
		return err
	}
	for t := d.tries(); t.again(ctx, err, reads); {
		err = d.runOnConn(ctx, do)
		if reads && failureOf(err) == lockTimeout {
			break
		}
	}
	return err
}

func (d *DB) runOnConn(ctx context.Context, do func(Querier) error) error {
	conn, err := d.SQL.Conn(ctx)
	if err != nil {
		return err
	}
	err = do(conn)
	if f := failureOf(err); f == readOnly || f == lost {
		drop(conn)
	}
	_ = conn.Close() // returns it to the pool, or fails because it is already closed
	return err
}

// drop closes a connection instead of returning it to the pool.
func drop(conn *sql.Conn) { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }
