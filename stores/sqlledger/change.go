package sqlledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

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
// the error; ErrNotFound when there is no such purchase;
// ErrInvalidRequest when what fn returned is refused by
// [ledger.Purchase.Check]; that of the context when it has ended; or the
// database's. After an error nothing is saved, neither of the purchase nor in
// the transaction, but after one of the commit itself, which can't tell.
func (s *Store) Change(ctx context.Context, id string, fn func(context.Context, ledger.Purchase) (ledger.Purchase, error)) (ledger.Purchase, error) {
	changed, err := s.change(ctx, id, fn)
	if err != nil {
		return ledger.Purchase{}, err
	}
	return changed, nil
}

func (s *Store) change(ctx context.Context, id string, fn func(context.Context, ledger.Purchase) (ledger.Purchase, error)) (next ledger.Purchase, err error) {
	if _, hangs := s.hung.Load(id); hangs {
		return next, failed(ctx, "change a purchase", errHangs)
	}
	release, err := s.db.Turn(ctx, "purchase "+id)
	if err != nil {
		return next, failed(ctx, "wait for the purchase", err)
	}
	defer release()
	h, err := s.db.HoldRoom(ctx, s.lease())
	if err != nil {
		return next, failed(ctx, "begin", err)
	}
	defer h.End()
	was, txid, found, err := s.lockPurchase(ctx, h, id)
	if err != nil {
		return next, failed(ctx, "lock the purchase", err)
	}
	if !found {
		return next, connect.ErrNotFound
	}

	var refused error
	defer s.hung.Delete(id)
	writes, lost := h.Lend(ctx, func(ctx context.Context) { next, refused = fn(ctx, was.Clone()) }, func() { s.hung.Store(id, nil) })
	if lost := h.Verdict(lost, refused); lost != nil {
		return next, failed(ctx, "the connection that locked the purchase is lost", lost)
	}
	if refused != nil {
		return next, refused
	}
	row, err := changedRow(was, next)
	if err != nil {
		return next, err
	}
	after, cancel := sqldb.Lasting(ctx)
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
	if err == nil && (next.ID != was.ID || next.UserID != was.UserID || next.GloebitID != was.GloebitID || next.Key != was.Key || !next.CreatedAt.Equal(was.CreatedAt)) {
		err = fmt.Errorf("%w: purchase %s: its id, user, Gloebit id, key or time of creation was changed", connect.ErrInvalidRequest, was.ID)
	}
	return row, err
}

// lockPurchase locks a purchase and reads it. In PostgreSQL txid is the
// transaction's.
func (s *Store) lockPurchase(ctx context.Context, h *sqldb.Hold, id string) (p ledger.Purchase, txid int64, found bool, err error) {
	const where = " FROM gloebit_purchases WHERE id = ?"
	switch s.db.Dialect {
	case sqldb.MySQL:
		// Whoever waits for a row gets an error after a while that others
		// choose (innodb_lock_wait_timeout), and goes on waiting when its
		// client has gone. So those who change a purchase wait for its name.
		if err := h.LockName(ctx, "purchase "+id); err != nil {
			return p, 0, false, err
		}
		p, found, err = s.purchase(ctx, h, "SELECT "+purchaseColumns+where+" FOR UPDATE", []any{sqldb.Stored(id)})
	case sqldb.Postgres:
		p, found, err = s.purchase(ctx, h, "SELECT "+purchaseColumns+", txid_current()"+where+" FOR UPDATE", []any{sqldb.Stored(id)}, &txid)
	default:
		p, found, err = s.purchase(ctx, h, "SELECT "+purchaseColumns+where, []any{sqldb.Stored(id)})
	}
	return p, txid, found, err
}

// purchase runs a query for one purchase, and some more columns.
func (s *Store) purchase(ctx context.Context, h *sqldb.Hold, query string, args []any, more ...any) (p ledger.Purchase, found bool, err error) {
	var row purchaseRow
	err = s.db.Patiently(ctx, func() error {
		return row.scan(h.Conn.QueryRowContext(ctx, s.db.Dialect.Rebind(query), args...), more...)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return p, false, nil
	}
	if err == nil {
		p, err = row.purchase()
	}
	return p, err == nil, err
}

const updatePurchase = "UPDATE gloebit_purchases SET state = ?, next_at = ?, stuck_at = ?, key_until = ?, purchase = ? WHERE id = ?"

// savePurchase saves the purchase, if the transaction still is the one that was
// lent: else it would be kept without what was written with it.
func (s *Store) savePurchase(ctx context.Context, h *sqldb.Hold, row purchaseRow, txid int64, writes *sqldb.Lent) error {
	args := []any{row.state, row.nextAt, row.stuckAt, row.keyUntil, row.rest, row.id}
	if s.db.Dialect == sqldb.Postgres {
		changed, err := h.Exec(ctx, updatePurchase+" AND txid_current() = ?", append(args, txid)...)
		if err == nil && changed != 1 {
			err = sqldb.ErrAnother
		}
		return err
	}
	if err := writes.Keep(ctx); err != nil {
		return err
	}
	// Found, not changed, rows are counted by some who connect to MySQL, and
	// the others when nothing changed: so how many they are says nothing.
	_, err := h.Exec(ctx, updatePurchase, args...)
	return err
}

const (
	dueID    = "SELECT id FROM gloebit_purchases WHERE next_at <= ? ORDER BY next_at LIMIT 1"
	claimDue = "UPDATE gloebit_purchases SET next_at = ?"
)

// Claim implements [ledger.Store]. It leaves out what another Change or Claim
// has locked, except in SQLite, where it waits for the one that writes. The
// error is ErrNotFound when nothing is due, that of the context when it has
// ended, or the database's. After an error of the database a purchase may have
// been claimed. One that can't be read is an error that names it, and is claimed
// too: the others are not kept waiting, and it comes again when until is over.
func (s *Store) Claim(ctx context.Context, now, until time.Time) (ledger.Purchase, error) {
	due, next := now.UnixMicro(), sqldb.StoredTime(until)
	if s.db.Dialect == sqldb.Postgres {
		return onlyPurchase(s.purchases(ctx, "claim a purchase", (*purchaseRow).read, "WITH due (due_id) AS ("+dueID+" FOR UPDATE SKIP LOCKED) "+
			claimDue+" FROM due WHERE id = due_id RETURNING "+purchaseColumns, due, next))
	}
	// Mostly nothing is due, which can be told without a lock.
	ids, err := s.db.Keys(ctx, dueID, due)
	if err != nil {
		return ledger.Purchase{}, failed(ctx, "look for what is due", err)
	}
	if len(ids) == 0 {
		return ledger.Purchase{}, connect.ErrNotFound
	}
	if s.db.Dialect == sqldb.MySQL {
		return s.claimLocked(ctx, due, next)
	}
	release, err := s.db.Turn(ctx, sqldb.Writer)
	if err != nil {
		return ledger.Purchase{}, failed(ctx, "wait to claim a purchase", err)
	}
	defer release()
	return onlyPurchase(s.purchases(ctx, "claim a purchase", (*purchaseRow).read, claimDue+" WHERE id = ("+dueID+") RETURNING "+purchaseColumns, next, due))
}

// claimLocked claims where UPDATE returns no rows. A purchase that can't be read
// is claimed all the same: else it would be what is due first for ever.
func (s *Store) claimLocked(ctx context.Context, due int64, next sql.NullInt64) (ledger.Purchase, error) {
	h, err := s.db.Hold(ctx, s.shortLease())
	if err != nil {
		return ledger.Purchase{}, failed(ctx, "begin", err)
	}
	defer h.End()
	var row purchaseRow
	query := "SELECT " + purchaseColumns + " FROM gloebit_purchases WHERE next_at <= ? ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED"
	unreadable := row.scan(h.Conn.QueryRowContext(ctx, query, due))
	switch {
	case errors.Is(unreadable, sql.ErrNoRows):
		return ledger.Purchase{}, connect.ErrNotFound
	case row.id == nil:
		return ledger.Purchase{}, failed(ctx, "look for what is due", unreadable)
	}
	if _, err = h.Exec(ctx, claimDue+" WHERE id = ?", next, row.id); err == nil {
		err = h.Commit(ctx)
	}
	if err = cmp.Or(err, unreadable); err != nil {
		return ledger.Purchase{}, failed(ctx, "claim a purchase", err)
	}
	row.nextAt = next
	p, err := row.purchase()
	return p, failed(ctx, "claim a purchase", err)
}
