package sqlledger

import (
	"context"
	"database/sql"

	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// Querier runs statements in the transaction of a [Store.Change]. It satisfies
// the interfaces that sqlc, gorm, bun and others accept for a connection or a
// transaction. It is not an *sql.Tx, so that only the Store ends the
// transaction.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Tx returns the transaction in which [Store.Change] saves the purchase. ctx
// must be the context that Change passed to fn, or that a ledger passed to its
// Fulfiller. Writes in the transaction are committed if and only if the
// purchase is saved, so they happen exactly once:
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
// Only one goroutine at a time may use the Querier, and only until fn returns;
// after that its methods return sql.ErrTxDone or the error of an ended context.
// Run prepared statements with ctx or a context derived from it.
//
// Close all rows before fn returns. Otherwise they are closed when the context
// ends, which may also close the connection; then the writes are lost, and an
// error of fn is reported as an error of the connection.
//
// If fn ignores a failed statement and the failure has aborted the transaction,
// nothing is saved, and further statements of the Querier fail. In MySQL and
// SQLite this protection does not include prepared statements: a later statement
// could be committed alone. So if a prepared statement fails, run no other
// statement and return the error. Do not run statements that end a transaction:
// COMMIT, ROLLBACK and, in MySQL, those that change tables. After a query, fn
// must run a statement that returns no rows within three quarters of
// [Store].Lease, or return; otherwise its context ends.
func Tx(ctx context.Context) (Querier, bool) {
	tx, ok := sqldb.Tx(ctx)
	if !ok {
		return nil, false
	}
	return tx, true
}
