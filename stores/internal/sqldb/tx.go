package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Tx returns the transaction that was lent with this context.
func Tx(ctx context.Context) (*Lent, bool) {
	l, ok := ctx.Value(lentKey{}).(*Lent)
	return l, ok
}

type lentKey struct{}

// Lent is a hold's transaction while it is lent to an fn.
type Lent struct {
	hold  *Hold
	life  context.Context // ends when fn has returned, or is given up
	end   context.CancelFunc
	used  bool  // guarded by hold.quiet, as the fields that follow
	unset error // why there is no savepoint

	passing error // of a statement: one that may not happen the next time
}

// ErrAnother says that the transaction is not the one that was lent.
var ErrAnother = errors.New("the transaction that was lent has been ended: run no COMMIT or ROLLBACK in it")

// savepoint proves at the end that the transaction is still the one that was
// lent. At some errors MySQL and SQLite roll back the whole transaction, and
// later writes would be committed without the earlier ones. In PostgreSQL the
// transaction's number proves it.
const savepoint = "gloebit_change"

// Lend calls fn with a context that has the transaction, and that ends when the
// connection is lost. lost is the reason. If fn does not return when its
// context ends, Lend calls givingUp and abandons the hold, so that a call that
// hangs does not keep a connection that others need.
func (h *Hold) Lend(ctx context.Context, fn func(context.Context), givingUp func()) (l *Lent, lost error) {
	l = &Lent{hold: h}
	ctx, end := context.WithCancel(context.WithValue(ctx, lentKey{}, l))
	l.life, l.end = context.WithCancel(context.Background())
	defer func() { // also when fn panics
		end()
		l.end()
		h.settle()
	}()
	lost = h.Watch(ctx, fn, func() {
		givingUp()
		l.end()
		h.settle()
		h.End()
	})
	return l, lost
}

// settle waits for the statement that runs, if any: l.end keeps others away.
func (h *Hold) settle() {
	h.quiet.Lock()
	defer h.quiet.Unlock()
}

// Keep checks that all that was written is still there to be committed.
func (l *Lent) Keep(ctx context.Context) error {
	if !l.used || l.unset != nil {
		return l.unset
	}
	if _, err := l.hold.Exec(ctx, "RELEASE SAVEPOINT "+savepoint); err != nil {
		return fmt.Errorf("%w (%w)", ErrAnother, err)
	}
	return nil
}

// use waits for the connection and asks the server something.
func (l *Lent) use(ctx context.Context, ask func(context.Context) error) error {
	l.hold.quiet.Lock()
	defer l.hold.quiet.Unlock()
	if err := l.ready(ctx); err != nil {
		return err
	}
	asked := time.Now()
	err := ask(l.bind(ctx))
	if err == nil {
		l.hold.hear(asked)
	} else if _ = l.hold.note(err); l.passing == nil && passing(err) {
		l.passing = err
	}
	return err
}

// Passing returns why the answer of a function that failed does not count: a
// statement of its transaction, or what it returned itself, met a failure that
// may not happen the next time. It is nil when the answer counts.
func (l *Lent) Passing(refused error) error {
	if refused == nil {
		return nil
	}
	l.hold.quiet.Lock()
	defer l.hold.quiet.Unlock()
	if l.passing != nil {
		return fmt.Errorf("%w (fn's error: %v)", l.passing, refused)
	}
	if passing(refused) {
		return fmt.Errorf("fn's error: %v", refused)
	}
	return nil
}

func (l *Lent) ready(ctx context.Context) error {
	if l.life.Err() != nil {
		return sql.ErrTxDone
	}
	if !l.used {
		l.used = true
		if l.hold.db.Dialect == Postgres {
			return nil
		}
		_, l.unset = l.hold.Exec(ctx, "SAVEPOINT "+savepoint)
	}
	return l.unset
}

// bind is a context that ends with fn, too: it closes rows that fn forgot.
func (l *Lent) bind(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(l.life, cancel)
	return ctx
}

// ExecContext implements sqlledger.Querier.
func (l *Lent) ExecContext(ctx context.Context, query string, args ...any) (result sql.Result, err error) {
	err = l.use(ctx, func(ctx context.Context) error {
		result, err = l.hold.Conn.ExecContext(ctx, query, args...)
		if err == nil {
			l.hold.reading = false // or it would have failed
		}
		return err
	})
	return result, err
}

// PrepareContext implements sqlledger.Querier.
func (l *Lent) PrepareContext(ctx context.Context, query string) (statement *sql.Stmt, err error) {
	err = l.use(ctx, func(ctx context.Context) error {
		l.hold.prepared = true
		statement, err = l.hold.Conn.PrepareContext(ctx, query)
		return err
	})
	return statement, err
}

// QueryContext implements sqlledger.Querier.
func (l *Lent) QueryContext(ctx context.Context, query string, args ...any) (rows *sql.Rows, err error) {
	err = l.use(ctx, func(ctx context.Context) error {
		l.hold.reading = true
		rows, err = l.hold.Conn.QueryContext(ctx, query, args...)
		return err
	})
	return rows, err
}

// QueryRowContext implements sqlledger.Querier.
func (l *Lent) QueryRowContext(ctx context.Context, query string, args ...any) (row *sql.Row) {
	_ = l.use(ctx, func(ctx context.Context) error {
		l.hold.reading = true
		row = l.hold.Conn.QueryRowContext(ctx, query, args...)
		return row.Err()
	})
	if row == nil { // a Row takes no error from others but that of its context
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return l.hold.db.SQL.QueryRowContext(ctx, query, args...)
	}
	return row
}
