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
	grace      = 3 * time.Second // for work that must be finished after the context has ended
	lockSlices = 5               // seconds that one GET_LOCK waits, so that it ends soon after its client has vanished
)

// Hold is a transaction on its own connection, with its locks. It does not use
// sql.Tx, which can't run BEGIN IMMEDIATE, has no context for Commit, and rolls
// back when its context ends, which would release the locks while fn still
// runs.
type Hold struct {
	Conn        *sql.Conn
	db          *DB
	lease       time.Duration // how long the server keeps the transaction of a silent client
	named       string        // the MySQL lock that the connection holds
	releaseSlot func()        // releases the connection slot; nil if the caller does that
	ended       bool          // the connection has been returned
	over        bool          // the transaction has ended
	durable     bool          // the transaction has selected Durable
	broken      bool          // the connection must not be used again
	discard     bool          // close the connection at the end: its server is read-only or shutting down

	lastResponse atomic.Pointer[time.Time] // when the last request that the server has answered was sent
	connMu       sync.Mutex                // held while a statement uses the connection during fn
	rowsOpen     bool                      // rows may be open, so the connection can't be pinged
	prepared     bool                      // fn prepared a statement, so rows may be open at any time from now on
}

// Hold takes a connection and begins a transaction with that lease. The caller
// must call [Hold.End].
func (d *DB) Hold(ctx context.Context, lease time.Duration) (*Hold, error) {
	var begun error
	// After an outage, every idle connection may be dead, which only BEGIN
	// detects. Retrying is safe, because nothing was changed.
	for range d.SQL.Stats().Idle + 2 {
		h := &Hold{db: d, lease: lease}
		err := d.retryBusy(ctx, func() (err error) { // opening SQLite can find it busy, too
			h.Conn, err = d.SQL.Conn(ctx)
			return err
		})
		if err != nil {
			return nil, err
		}
		if begun = h.begin(ctx); begun == nil {
			return h, nil
		}
		// A BEGIN whose context ended may have been executed. SQLite rolls
		// back, because the connection may be the whole in-memory database; the
		// others close the connection.
		h.broken = d.Dialect != SQLite
		h.End()
		if ctx.Err() != nil {
			break
		}
	}
	return nil, begun
}

// HoldLocked begins a Hold and calls lock in it. It may call lock again in
// another Hold, because nothing was changed yet, and because a lock timeout of
// the server or the role must not end the wait before the context does.
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

// HoldSlot is HoldLocked with a connection slot, which End releases.
func (d *DB) HoldSlot(ctx context.Context, lease time.Duration, lock func(*Hold) error) (*Hold, error) {
	releaseSlot, err := d.acquireSlot(ctx)
	if err != nil {
		return nil, err
	}
	h, err := d.HoldLocked(ctx, lease, lock)
	if err != nil {
		releaseSlot()
		return nil, err
	}
	h.releaseSlot = releaseSlot
	return h, nil
}

// Transact calls do in a transaction and commits it. It may call do again, in
// another transaction.
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
	h.noteResponse(time.Now())
	for _, statement := range h.db.Dialect.begin(h.lease) {
		if _, err := h.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// Durable returns a column expression that makes the transaction's commit
// durable. In PostgreSQL, every transaction that commits must select it. A
// separate statement would cost a round trip, and one sent along with BEGIN
// would be planned each time. For other databases it is an empty string.
func (h *Hold) Durable() string {
	if h.db.Dialect != Postgres {
		return "''"
	}
	h.durable = true
	return SetDurable
}

// Exec runs a statement and returns the number of rows it changed.
func (h *Hold) Exec(ctx context.Context, query string, args ...any) (changed int64, err error) {
	err = h.db.retryBusy(ctx, func() error {
		result, err := h.Conn.ExecContext(ctx, h.db.Query(query), args...)
		if err != nil {
			return err
		}
		changed, err = result.RowsAffected()
		return err
	})
	return changed, h.note(err)
}

// QueryRow runs a query for one row and calls scan with it.
func (h *Hold) QueryRow(ctx context.Context, scan func(*sql.Row) error, query string, args ...any) error {
	return h.note(h.db.retryBusy(ctx, func() error {
		return scan(h.Conn.QueryRowContext(ctx, h.db.Query(query), args...))
	}))
}

// note marks the connection for closing if err shows that it is lost or that
// its server is read-only.
func (h *Hold) note(err error) error {
	if f := failureOf(err); f == readOnly || f == lost {
		h.discard = true
	}
	return err
}

// errInterrupted is returned when MariaDB's max_statement_time ends a GET_LOCK,
// which then returns NULL.
var errInterrupted = errors.New("GET_LOCK was interrupted")

// LockName waits for a named lock of MySQL.
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

// Commit commits the transaction.
func (h *Hold) Commit(ctx context.Context) error {
	if h.db.Dialect == Postgres && !h.durable {
		return errors.New("the transaction did not select Durable")
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
	if h.releaseSlot != nil {
		defer h.releaseSlot()
	}
	if !h.over && !h.broken {
		_ = h.Rollback() // after an error the connection is marked broken
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if statement := h.db.restore(h.named); statement != "" && !h.broken {
		_, err := h.Exec(ctx, statement)
		h.broken = err != nil
	}
	if h.broken || h.discard && h.db.Dialect != SQLite {
		drop(h.Conn)
	}
	_ = h.Conn.Close() // returns it to the pool, or fails because it is already closed
}

// Rollback rolls back the transaction.
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

// WithGrace returns a context that ends a grace period after its parent, for
// saving the result of an fn that has already run.
func WithGrace(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(ctx, func() { timer.Stop() })
	})
	return ctx, func() { stop(); cancel() }
}
