package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	grace      = 3 * time.Second // for what must still be done after a context has ended
	lockSlices = 5               // seconds that one GET_LOCK waits, so that one whose client has gone ends
)

// Hold is a transaction on a connection of its own, with what it locks. It is
// written in SQL, not as an sql.Tx: that can't begin as SQLite needs it, its end
// takes no context, and it rolls back, and so frees the user, as soon as the
// context ends, while fn still runs.
type Hold struct {
	Conn    *sql.Conn
	db      *DB
	lease   time.Duration // how long the server keeps it for a client that is silent
	named   string        // the MySQL lock that the connection holds
	free    func()        // lets another take a connection; nil when that is for others to do
	ended   bool          // the connection has been given back
	over    bool          // the transaction has ended
	set     bool          // its settings were selected
	broken  bool          // the connection must not be used again
	useless bool          // its server takes no writes any more, or is shutting down

	heard    atomic.Pointer[time.Time] // when the server was last asked something that it has answered
	quiet    sync.Mutex                // held by who uses the connection while an fn runs
	reading  bool                      // rows may be open, so that it must not be asked anything
	prepared bool                      // and so they may from now on, without our knowing
}

// Hold takes a connection and begins a transaction with that lease. The caller that gets
// one ends it.
func (d *DB) Hold(ctx context.Context, lease time.Duration) (*Hold, error) {
	var begun error
	// After the server was gone every idle connection may be a dead one, and
	// beginning is what finds it out. It has done nothing by then.
	for range d.SQL.Stats().Idle + 2 {
		h := &Hold{db: d, lease: lease}
		err := d.Patiently(ctx, func() (err error) { // opening SQLite can find it busy, too
			h.Conn, err = d.SQL.Conn(ctx)
			return err
		})
		if err != nil {
			return nil, err
		}
		if begun = h.begin(ctx); begun == nil {
			return h, nil
		}
		// A BEGIN whose context ended may have begun all the same. SQLite rolls
		// it back, since the connection may be a whole database in memory; the
		// others close the connection.
		h.broken = d.Dialect != SQLite
		h.End()
		if ctx.Err() != nil {
			break
		}
	}
	return nil, begun
}

// HoldLocked is a Hold in which lock has locked something. Lock may be called
// again, in another Hold: it has done nothing by then, and the server's or the
// role's own limits must not end the wait before the context does.
func (d *DB) HoldLocked(ctx context.Context, lease time.Duration, lock func(*Hold) error) (*Hold, error) {
	for t := d.tries(); ; {
		h, err := d.Hold(ctx, lease)
		if err == nil {
			if err = lock(h); err == nil {
				return h, nil
			}
			h.End()
		}
		if !t.again(ctx, err, true) {
			return nil, err
		}
	}
}

// HoldRoom is a HoldLocked that waits for room, and frees it in the end.
func (d *DB) HoldRoom(ctx context.Context, lease time.Duration, lock func(*Hold) error) (*Hold, error) {
	free, err := d.room(ctx)
	if err != nil {
		return nil, err
	}
	h, err := d.HoldLocked(ctx, lease, lock)
	if err != nil {
		free()
		return nil, err
	}
	h.free = free
	return h, nil
}

// Transact calls do in a transaction of its own, and commits it. Do may be called
// again, in another transaction.
func (d *DB) Transact(ctx context.Context, lease time.Duration, do func(*Hold) error) error {
	for t := d.tries(); ; {
		undone := true
		h, err := d.Hold(ctx, lease)
		if err == nil {
			if err = do(h); err == nil {
				undone, err = false, h.Commit(ctx)
			}
			h.End()
		}
		if err == nil || !t.again(ctx, err, undone) {
			return err
		}
	}
}

func (h *Hold) begin(ctx context.Context) error {
	h.hear(time.Now())
	for _, statement := range h.db.Dialect.begin(h.lease) {
		if _, err := h.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// Settings is an expression of one column that the first statement of every
// transaction in PostgreSQL selects: it sets the transaction's lease, and that
// its commit is durable. A statement of its own would cost a round trip, and one
// sent along with BEGIN would be planned anew each time. In the others it is an
// empty string.
func (h *Hold) Settings() string {
	if h.db.Dialect != Postgres {
		return "''"
	}
	h.set = true
	return fmt.Sprintf(
		"set_config('idle_in_transaction_session_timeout', '%d', true) || %s", h.lease.Milliseconds(), SetDurable,
	)
}

// Exec runs a statement and returns how many rows it changed.
func (h *Hold) Exec(ctx context.Context, query string, args ...any) (changed int64, err error) {
	err = h.db.Patiently(ctx, func() error {
		result, err := h.Conn.ExecContext(ctx, h.db.Query(query), args...)
		if err != nil {
			return err
		}
		changed, err = result.RowsAffected()
		return err
	})
	return changed, h.note(err)
}

// QueryRow runs a query for one row, which scan reads.
func (h *Hold) QueryRow(ctx context.Context, scan func(*sql.Row) error, query string, args ...any) error {
	return h.note(h.db.Patiently(ctx, func() error {
		return scan(h.Conn.QueryRowContext(ctx, h.db.Query(query), args...))
	}))
}

// note keeps the connection from going back to the pool when the error of a
// statement says that it is of no use.
func (h *Hold) note(err error) error {
	if f := failureOf(err); f == refusing || f == lost {
		h.useless = true
	}
	return err
}

// errInterrupted is what MariaDB's max_statement_time makes of a wait for a name.
var errInterrupted = errors.New("GET_LOCK was interrupted")

// LockName waits for a lock of MySQL's by name.
func (h *Hold) LockName(ctx context.Context, name string) error {
	query := fmt.Sprintf("SELECT GET_LOCK(%s, %d)", h.db.mysqlLock(name), lockSlices)
	for {
		var got sql.NullInt64
		if err := h.QueryRow(ctx, func(row *sql.Row) error { return row.Scan(&got) }, query); err != nil {
			return err
		}
		if !got.Valid {
			return errInterrupted
		}
		if got.Int64 == 1 {
			h.named = name
			return nil
		}
	}
}

// Commit ends the transaction and keeps what it did.
func (h *Hold) Commit(ctx context.Context) error {
	if h.db.Dialect == Postgres && !h.set {
		return errors.New("the transaction did not select its settings")
	}
	_, err := h.Exec(ctx, "COMMIT")
	h.over = err == nil
	h.broken = err != nil && h.db.Dialect != SQLite
	return err
}

// End rolls back an uncommitted transaction, releases the locks and returns the
// connection to the pool. If that fails, End closes the connection, which does
// the same. A second call does nothing.
func (h *Hold) End() {
	if h.ended {
		return
	}
	h.ended = true
	if h.free != nil {
		defer h.free()
	}
	if !h.over && !h.broken {
		_ = h.Rollback() // or it is broken
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if statement := h.db.restore(h.named); statement != "" && !h.broken {
		_, err := h.Exec(ctx, statement)
		h.broken = err != nil
	}
	if h.broken || h.useless && h.db.Dialect != SQLite {
		drop(h.Conn)
	}
	_ = h.Conn.Close() // gives it back, or says that it is closed
}

// Rollback ends the transaction and keeps nothing of it.
func (h *Hold) Rollback() error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	_, err := h.Exec(ctx, "ROLLBACK")
	if err != nil && saysNoTransaction(err) {
		err = nil
	}
	h.over, h.broken = err == nil, err != nil
	return err
}

// saysNoTransaction reports whether SQLite had nothing to roll back.
func saysNoTransaction(err error) bool {
	return strings.Contains(err.Error(), "no transaction is active")
}

// Lasting is a context that ends a little after its parent, for keeping what fn
// has already done.
func Lasting(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(ctx, func() { timer.Stop() })
	})
	return ctx, func() { stop(); cancel() }
}
