package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// Change implements [ledger.Store]. It waits for the purchase until ctx ends,
// and holds a database lock while fn runs. The package documentation says which
// lock it is and what else it blocks. To write in the same transaction, fn uses
// [Tx]. What fn returns is saved even if ctx has ended since; the save then
// takes at most three seconds.
//
// The error is fn's; or ErrNotFound if there is no such purchase; or
// ledger.ErrUnreadable if its row can't be read; or ErrInvalidRequest if
// [ledger.Purchase.Check] rejects what fn returned; or the context's when it
// has ended; or the database's. The database's error replaces that of fn if the
// connection was lost, if it was closed because fn ran for too long after its
// context had ended, or if a statement of the transaction met a deadlock or
// another transient error. If the commit itself fails, the purchase and fn's
// writes may both have been saved. After any other error neither is saved.
func (s *Store) Change(
	ctx context.Context, key connect.Key, fn func(context.Context, ledger.Purchase) (ledger.Purchase, error),
) (ledger.Purchase, error) {
	changed, err := s.change(ctx, key, fn)
	if err != nil {
		return ledger.Purchase{}, err
	}
	return changed, nil
}

func (s *Store) change(
	ctx context.Context, key connect.Key, fn func(context.Context, ledger.Purchase) (ledger.Purchase, error),
) (next ledger.Purchase, err error) {
	if err := s.findable(ctx, key.Realm, key.ID); err != nil {
		return next, err
	}
	if _, hangs := s.hung.Load(key); hangs {
		return next, failed(ctx, "change a purchase", errHangs)
	}
	release, err := s.db.LockLocal(ctx, lockName(key))
	if err != nil {
		return next, failed(ctx, "wait for the purchase", err)
	}
	defer release()
	var was ledger.Purchase
	var txid int64
	found := false
	h, err := s.db.HoldSlot(ctx, s.lease(), func(h *sqldb.Hold) (err error) {
		was, txid, found, err = s.lockPurchase(ctx, h, key)
		return err
	})
	if err != nil {
		return next, failed(ctx, "lock the purchase", err)
	}
	defer h.End()
	if !found {
		return next, connect.ErrNotFound
	}

	var refused error
	defer s.hung.Delete(key)
	writes, lost := h.RunInTx(
		ctx, func(ctx context.Context) { next, refused = fn(ctx, was.Clone()) }, func() { s.hung.Store(key, nil) },
	)
	if lost := h.LossError(lost, refused); lost != nil {
		return next, failed(ctx, "the connection that locked the purchase is lost", lost)
	}
	if transient := writes.TransientError(refused); transient != nil {
		return next, failed(ctx, "the transaction met a transient error", transient)
	}
	if refused != nil {
		return next, refused
	}
	row, err := changedRow(was, next)
	if err != nil {
		return next, err
	}
	after, cancel := sqldb.WithGrace(ctx)
	defer cancel()
	if err := s.savePurchase(after, h, row, txid, writes); err != nil {
		return next, failed(ctx, "save a purchase and what was written with it", err)
	}
	if err := h.Commit(after); err != nil {
		return next, failed(ctx, "commit a purchase", err)
	}
	return row.kept, nil
}

// changedRow returns the row for what fn returned.
func changedRow(was, next ledger.Purchase) (purchaseRow, error) {
	row, err := newPurchaseRow(next)
	moved := next.StoreKey() != was.StoreKey() || !next.CreatedAt.Equal(was.CreatedAt)
	taken := was.UserID != "" && next.UserID != "" && (was.State != ledger.Refused && next.UserID != was.UserID ||
		next.GloebitID != was.GloebitID || next.IdempotencyKey != was.IdempotencyKey)
	if err == nil && (moved || taken) {
		err = fmt.Errorf(
			"%w: purchase %s: its realm, id, user, Gloebit id, key or time of creation was changed", connect.ErrInvalidRequest,
			was.ID,
		)
	}
	return row, err
}

// lockName is the name of a purchase's lock in this process, and in MySQL.
func lockName(key connect.Key) string { return "purchase " + key.Realm + "\x00" + key.ID }

// lockPurchase locks a purchase and reads it. In PostgreSQL it also returns the
// transaction ID.
func (s *Store) lockPurchase(
	ctx context.Context, h *sqldb.Hold, key connect.Key,
) (p ledger.Purchase, txid int64, found bool, err error) {
	const where = " WHERE realm = ? AND id = ?"
	args := []any{s.text(key.Realm), s.text(key.ID)}
	switch s.db.Dialect {
	case sqldb.MySQL:
		// A row lock alone would not do: the wait for it ends with the server's
		// innodb_lock_wait_timeout, and continues after the client has
		// vanished. So Change waits for a named lock first.
		if err := h.LockName(ctx, lockName(key)); err != nil {
			return p, 0, false, err
		}
		p, found, err = s.purchase(ctx, h, s.selects()+where+" FOR UPDATE", args)
	case sqldb.Postgres:
		p, found, err = s.purchase(
			ctx, h, "SELECT "+s.columns+", txid_current(), "+h.Durable()+" FROM "+table+where+" FOR UPDATE", args, &txid,
			new(any),
		)
	default:
		p, found, err = s.purchase(ctx, h, s.selects()+where, args)
	}
	return p, txid, found, err
}

// purchase runs a query for one purchase and additional columns.
func (s *Store) purchase(
	ctx context.Context, h *sqldb.Hold, query string, args []any, more ...any,
) (p ledger.Purchase, found bool, err error) {
	var row purchaseRow
	err = h.QueryRow(ctx, func(found *sql.Row) error { return row.scan(found, more...) }, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return p, false, nil
	}
	if err == nil {
		p, err = row.purchase()
	}
	return p, err == nil, err
}

// update returns the statement that saves a purchase. In PostgreSQL, its last
// argument is the transaction ID.
func update(dialect sqldb.Dialect) string {
	text := "UPDATE " + table + " SET " + strings.Join(columnNames[2:], " = ?, ") +
		" = ?, held_key = ? WHERE realm = ? AND id = ?"
	if dialect == sqldb.Postgres {
		text += " AND txid_current() = ?"
	}
	return text
}

// savePurchase saves the purchase if fn's transaction is still open. Otherwise
// the purchase would be saved without fn's writes.
func (s *Store) savePurchase(
	ctx context.Context, h *sqldb.Hold, row purchaseRow, txid int64, writes *sqldb.FnTx,
) error {
	args := append(row.args(s.db.Dialect)[2:], s.text(row.realm), s.text(row.id))
	if s.db.Dialect == sqldb.Postgres {
		changed, err := h.Exec(ctx, s.update, append(args, txid)...)
		if err == nil && changed != 1 {
			err = sqldb.ErrTxEnded
		}
		return err
	}
	if err := writes.ReleaseSavepoint(ctx); err != nil {
		return err
	}
	// The number of rows says nothing: depending on the driver's settings,
	// MySQL counts the rows found or the rows changed.
	_, err := h.Exec(ctx, s.update, args...)
	return err
}
