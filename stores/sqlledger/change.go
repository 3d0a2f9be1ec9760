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
// and holds a lock of the database's while fn runs: see the package's
// documentation for which, and for what else waits meanwhile. [Tx] has the
// transaction for what fn writes. What fn returns is saved also when ctx has
// ended since, within three seconds.
//
// The error is that of fn, unless the connection was lost meanwhile, or given
// back because fn went on for too long after its context had ended: that is then
// the error, or a statement of its transaction met a deadlock or another failure
// that may not happen the next time; ErrNotFound when there is no such purchase;
// ErrInvalidRequest when what fn returned is refused by
// [ledger.Purchase.Check]; that of the context when it has ended; or the
// database's. After an error nothing is saved, neither of the purchase nor in
// the transaction, but after one of the commit itself, which can't tell.
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
	return row.kept(next), nil
}

// changedRow is the row of what fn returned.
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

// lockName is the name of the lock of a purchase in this process, and in MySQL.
func lockName(key connect.Key) string { return "purchase " + key.Realm + "\x00" + key.ID }

// lockPurchase locks a purchase and reads it. In PostgreSQL txid is the
// transaction's.
func (s *Store) lockPurchase(
	ctx context.Context, h *sqldb.Hold, key connect.Key,
) (p ledger.Purchase, txid int64, found bool, err error) {
	const where = " WHERE realm = ? AND id = ?"
	args := []any{s.text(key.Realm), s.text(key.ID)}
	switch s.db.Dialect {
	case sqldb.MySQL:
		// A caller that waits for a row gets an error after a time that others choose
		// (innodb_lock_wait_timeout), and go on waiting when their client has
		// gone. So a Change waits for the purchase's name.
		if err := h.LockName(ctx, lockName(key)); err != nil {
			return p, 0, false, err
		}
		p, found, err = s.purchase(ctx, h, s.selects()+where+" FOR UPDATE", args)
	case sqldb.Postgres:
		p, found, err = s.purchase(
			ctx, h, "SELECT "+s.columns()+", txid_current(), "+h.Settings()+" FROM "+table+where+" FOR UPDATE", args, &txid,
			new(any),
		)
	default:
		p, found, err = s.purchase(ctx, h, s.selects()+where, args)
	}
	return p, txid, found, err
}

// purchase runs a query for one purchase, and some more columns.
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

// update is the statement that saves a purchase.
func (s *Store) update() string {
	return "UPDATE " + table + " SET " + strings.Join(
		columnNames[2:], " = ?, ",
	) + " = ?, held_key = ? WHERE realm = ? AND id = ?"
}

// savePurchase saves the purchase if the transaction is still the one that fn
// was given. Otherwise it would be saved without the writes of fn.
func (s *Store) savePurchase(
	ctx context.Context, h *sqldb.Hold, row purchaseRow, txid int64, writes *sqldb.FnTx,
) error {
	args := append(row.args(s.db.Dialect)[2:], s.text(row.realm), s.text(row.id))
	if s.db.Dialect == sqldb.Postgres {
		changed, err := h.Exec(ctx, s.update()+" AND txid_current() = ?", append(args, txid)...)
		if err == nil && changed != 1 {
			err = sqldb.ErrTxEnded
		}
		return err
	}
	if err := writes.ReleaseSavepoint(ctx); err != nil {
		return err
	}
	// Found, not changed, rows are counted by some who connect to MySQL, and
	// the others when nothing changed: so how many they are says nothing.
	_, err := h.Exec(ctx, s.update(), args...)
	return err
}
