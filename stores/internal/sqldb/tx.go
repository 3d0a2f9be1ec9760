package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Tx returns the transaction in a context from [Hold.RunInTx].
func Tx(ctx context.Context) (*FnTx, bool) {
	tx, ok := ctx.Value(fnTxKey{}).(*FnTx)
	return tx, ok
}

type fnTxKey struct{}

// FnTx is the transaction of a Hold while an fn may use it.
type FnTx struct {
	hold         *Hold
	life         context.Context // ends when fn has returned or was abandoned
	end          context.CancelFunc
	used         bool  // guarded by hold.connMu, like the fields below
	failed       bool  // a statement has failed since the transaction was last known to be open
	savepointErr error // why there is no savepoint

	transient error // the first transient error of a statement
}

// ErrTxEnded is returned when the transaction has ended while fn ran.
var ErrTxEnded = errors.New("the transaction that was lent has been ended, by a failed statement or by fn: " +
	"run no COMMIT or ROLLBACK in it")

// savepoint detects at the end whether fn's transaction is still open. MySQL
// and SQLite roll back the whole transaction after some errors, and later
// writes would then be committed without the earlier ones. For PostgreSQL, the
// caller compares the transaction ID instead.
const savepoint = "gloebit_change"

// RunInTx calls fn with a context that has the transaction and that ends when
// the connection is lost. lost is the reason. If fn does not return after its
// context has ended, RunInTx calls abandoned and releases the Hold's
// connection, so that an fn that hangs does not use up the pool.
func (h *Hold) RunInTx(ctx context.Context, fn func(context.Context), abandoned func()) (tx *FnTx, lost error) {
	tx = &FnTx{hold: h}
	ctx, end := context.WithCancel(context.WithValue(ctx, fnTxKey{}, tx))
	tx.life, tx.end = context.WithCancel(context.Background())
	defer func() { // also when fn panics
		end()
		tx.end()
		h.waitIdle()
	}()
	lost = h.Watch(ctx, fn, func() {
		abandoned()
		tx.end()
		h.waitIdle()
		h.End()
	})
	return tx, lost
}

// waitIdle waits for a running statement. The caller has canceled life, so no
// other can start.
func (h *Hold) waitIdle() {
	h.connMu.Lock()
	defer h.connMu.Unlock()
}

// ReleaseSavepoint returns an error if fn's transaction has ended or was rolled
// back.
func (tx *FnTx) ReleaseSavepoint(ctx context.Context) error {
	if !tx.used || tx.savepointErr != nil {
		return tx.savepointErr
	}
	if _, err := tx.hold.Exec(ctx, "RELEASE SAVEPOINT "+savepoint); err != nil {
		return fmt.Errorf("%w (%w)", ErrTxEnded, err)
	}
	return nil
}

// use waits for the connection and calls ask, which sends one request.
func (tx *FnTx) use(ctx context.Context, ask func(context.Context) error) error {
	tx.hold.connMu.Lock()
	defer tx.hold.connMu.Unlock()
	if err := tx.ready(ctx); err != nil {
		return err
	}
	asked := time.Now()
	err := ask(tx.bind(ctx))
	tx.failed = err != nil
	if err == nil {
		tx.hold.noteResponse(asked)
	} else if _ = tx.hold.note(err); tx.transient == nil && transient(err) {
		tx.transient = err
	}
	return err
}

// TransientError returns the error to report instead of fn's error, refused, if
// fn may have failed because of a transient error: one of its statements, or
// refused itself. Otherwise it returns nil.
func (tx *FnTx) TransientError(refused error) error {
	if refused == nil {
		return nil
	}
	tx.hold.connMu.Lock()
	defer tx.hold.connMu.Unlock()
	if tx.transient != nil {
		return fmt.Errorf("%w (fn's error: %v)", tx.transient, refused)
	}
	if transient(refused) {
		return fmt.Errorf("fn's error: %v", refused)
	}
	return nil
}

func (tx *FnTx) ready(ctx context.Context) error {
	if tx.life.Err() != nil {
		return sql.ErrTxDone
	}
	if !tx.used {
		tx.used = true
		if tx.hold.db.Dialect == Postgres {
			return nil
		}
		_, tx.savepointErr = tx.hold.Exec(ctx, "SAVEPOINT "+savepoint)
	}
	if !tx.failed || tx.savepointErr != nil {
		return tx.savepointErr
	}
	err := tx.hold.stillOpen(ctx)
	if errors.Is(err, ErrTxEnded) {
		tx.savepointErr = err
	}
	return err
}

// stillOpen returns an error if the transaction has ended. MySQL and SQLite
// would then commit each further statement alone. It leaves fn's savepoints as
// they are.
func (h *Hold) stillOpen(ctx context.Context) error {
	const probe = "gloebit_probe"
	switch h.db.Dialect {
	case MySQL: // outside a transaction the savepoint is gone at once
		_, err := h.Exec(ctx, "SAVEPOINT "+probe)
		if err == nil {
			_, err = h.Exec(ctx, "RELEASE SAVEPOINT "+probe)
		}
		if _, number := codes(err); number == "1305" {
			return fmt.Errorf("%w (%w)", ErrTxEnded, err)
		}
		return err
	case SQLite: // BEGIN fails within a transaction
		if _, err := h.Exec(ctx, "BEGIN"); err == nil {
			_, err = h.Exec(ctx, "ROLLBACK")
			return errors.Join(ErrTxEnded, err)
		}
	}
	return nil // PostgreSQL itself refuses further statements
}

// bind returns a context that also ends with fn, which closes rows that fn left
// open.
func (tx *FnTx) bind(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(tx.life, cancel)
	return ctx
}

// ExecContext implements sqlledger.Querier.
func (tx *FnTx) ExecContext(ctx context.Context, query string, args ...any) (result sql.Result, err error) {
	err = tx.use(ctx, func(ctx context.Context) error {
		result, err = tx.hold.Conn.ExecContext(ctx, query, args...)
		if err == nil {
			tx.hold.rowsOpen = false // open rows would have made it fail
		}
		return err
	})
	return result, err
}

// PrepareContext implements sqlledger.Querier.
func (tx *FnTx) PrepareContext(ctx context.Context, query string) (statement *sql.Stmt, err error) {
	err = tx.use(ctx, func(ctx context.Context) error {
		tx.hold.prepared = true
		statement, err = tx.hold.Conn.PrepareContext(ctx, query)
		return err
	})
	return statement, err
}

// QueryContext implements sqlledger.Querier.
func (tx *FnTx) QueryContext(ctx context.Context, query string, args ...any) (rows *sql.Rows, err error) {
	err = tx.use(ctx, func(ctx context.Context) error {
		tx.hold.rowsOpen = true
		rows, err = tx.hold.Conn.QueryContext(ctx, query, args...)
		return err
	})
	return rows, err
}

// QueryRowContext implements sqlledger.Querier.
func (tx *FnTx) QueryRowContext(ctx context.Context, query string, args ...any) (row *sql.Row) {
	_ = tx.use(ctx, func(ctx context.Context) error {
		tx.hold.rowsOpen = true
		row = tx.hold.Conn.QueryRowContext(ctx, query, args...)
		return row.Err()
	})
	if row == nil { // a Row's error can be set only through an ended context
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return tx.hold.db.SQL.QueryRowContext(ctx, query, args...)
	}
	return row
}
