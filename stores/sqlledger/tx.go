package sqlledger

import (
	"context"
	"database/sql"

	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// Querier runs statements in the transaction of a [Store.Change]. What sqlc,
// gorm, bun and others take for a connection or a transaction takes it too. It
// is no *sql.Tx, so that only the Store ends the transaction.
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
//		tx, ok := sqlledger.Tx(ctx)
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
	tx, ok := sqldb.Tx(ctx)
	if !ok {
		return nil, false
	}
	return tx, true
}
