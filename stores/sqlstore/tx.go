package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Querier runs statements in the transaction of a [Store.Change]. What sqlc,
// gorm, bun and others take for a connection or a transaction takes it too. It
// is no *sql.Tx, so that nobody ends the transaction but the Store.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Tx returns the transaction in which [Store.Change] saves the purchase, from
// the context that it gave its fn, and so from the one that a ledger gives its
// Fulfiller. What is written there is kept if and only if the purchase is
// saved, so it happens exactly once:
//
//	func (w *warehouse) Deliver(ctx context.Context, p ledger.Purchase) error {
//		tx, ok := sqlstore.Tx(ctx)
//		if !ok {
//			return errors.New("the ledger's store is not in this database")
//		}
//		_, err := tx.ExecContext(ctx, "INSERT INTO hats (owner, purchase) VALUES ($1, $2)", p.UserID, p.ID)
//		return err
//	}
//
// It is for use until fn returns, by one goroutine at a time; after that it is
// sql.ErrTxDone, or a context that has ended where that can't be told. Rows
// must be closed before fn returns; those that it forgot end with its context,
// and the connection may with them: then what was written is lost, and an error
// of fn is taken for the connection's. So statements that were prepared
// must be run with that context, or one made from it. An fn that goes on
// after a failed statement as if nothing had happened saves nothing where the
// database has given the transaction up. Statements that end a transaction must
// not be run in it: COMMIT, ROLLBACK and, in MySQL, those that change tables.
// After a query fn has three quarters of [Store].Lease until the next statement
// that returns no rows: then its context ends.
func Tx(ctx context.Context) (Querier, bool) {
	l, ok := ctx.Value(lentKey{}).(*lent)
	if !ok {
		return nil, false
	}
	return l, true
}

type lentKey struct{}

// lent is a hold's transaction while it is lent to an fn.
type lent struct {
	hold  *hold
	life  context.Context // ends when fn has returned, or is given up
	end   context.CancelFunc
	used  bool  // guarded by hold.quiet, as what follows
	unset error // why there is no savepoint
}

// savepoint is what proves at the end that the transaction is still the one
// that was lent: MySQL and SQLite roll back all of it at some errors, and what
// is written next would be kept without what came before. PostgreSQL's has a
// number.
const savepoint = "gloebit_change"

// lend calls fn with a context that has the transaction, and that ends when the
// connection is lost. lost is the reason. A hold whose fn does not heed its
// context is given up, so that it keeps the connection, which others need, from
// nobody: what hangs may hang for ever.
func (h *hold) lend(ctx context.Context, id string, fn func(context.Context)) (l *lent, lost error) {
	l = &lent{hold: h}
	ctx, end := context.WithCancel(context.WithValue(ctx, lentKey{}, l))
	l.life, l.end = context.WithCancel(context.Background())
	defer func() { // also when fn panics
		end()
		l.end()
		h.settle()
	}()
	lost = h.watch(ctx, fn, func() {
		h.store.hung.Store(id, nil)
		l.end()
		h.settle()
		h.end()
	})
	return l, lost
}

// settle waits for the statement that runs, if any: l.end keeps others away.
func (h *hold) settle() {
	h.quiet.Lock()
	defer h.quiet.Unlock()
}

// keep checks that all that was written is still there to be committed.
func (l *lent) keep(ctx context.Context) error {
	if !l.used || l.unset != nil {
		return l.unset
	}
	if _, err := l.hold.exec(ctx, "RELEASE SAVEPOINT "+savepoint); err != nil {
		return fmt.Errorf("%w (%w)", errAnother, err)
	}
	return nil
}

// use waits for the connection and asks the server something.
func (l *lent) use(ctx context.Context, ask func(context.Context) error) error {
	l.hold.quiet.Lock()
	defer l.hold.quiet.Unlock()
	if err := l.ready(ctx); err != nil {
		return err
	}
	asked := time.Now()
	err := ask(l.bind(ctx))
	if err == nil {
		l.hold.hear(asked)
	}
	return err
}

func (l *lent) ready(ctx context.Context) error {
	if l.life.Err() != nil {
		return sql.ErrTxDone
	}
	if !l.used {
		l.used = true
		if l.hold.store.dialect == Postgres {
			return nil
		}
		_, l.unset = l.hold.exec(ctx, "SAVEPOINT "+savepoint)
	}
	return l.unset
}

// bind is a context that ends with fn, too: it closes rows that fn forgot.
func (l *lent) bind(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(l.life, cancel)
	return ctx
}

// ExecContext implements [Querier].
func (l *lent) ExecContext(ctx context.Context, query string, args ...any) (result sql.Result, err error) {
	err = l.use(ctx, func(ctx context.Context) error {
		result, err = l.hold.conn.ExecContext(ctx, query, args...)
		if err == nil {
			l.hold.reading = false // or it would have failed
		}
		return err
	})
	return result, err
}

// PrepareContext implements [Querier].
func (l *lent) PrepareContext(ctx context.Context, query string) (statement *sql.Stmt, err error) {
	err = l.use(ctx, func(ctx context.Context) error {
		l.hold.prepared = true
		statement, err = l.hold.conn.PrepareContext(ctx, query)
		return err
	})
	return statement, err
}

// QueryContext implements [Querier].
func (l *lent) QueryContext(ctx context.Context, query string, args ...any) (rows *sql.Rows, err error) {
	err = l.use(ctx, func(ctx context.Context) error {
		l.hold.reading = true
		rows, err = l.hold.conn.QueryContext(ctx, query, args...)
		return err
	})
	return rows, err
}

// QueryRowContext implements [Querier].
func (l *lent) QueryRowContext(ctx context.Context, query string, args ...any) (row *sql.Row) {
	_ = l.use(ctx, func(ctx context.Context) error {
		l.hold.reading = true
		row = l.hold.conn.QueryRowContext(ctx, query, args...)
		return row.Err()
	})
	if row == nil { // a Row takes no error from others but that of its context
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return l.hold.store.db.QueryRowContext(ctx, query, args...)
	}
	return row
}
