package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
)

// Change implements [ledger.Store]. It waits for the purchase until ctx ends,
// and holds a lock of the database's while fn runs: see the package's
// documentation for which, and for what else waits meanwhile. [Tx] has the
// transaction for what fn writes. What fn returns is saved also when ctx has
// ended since, within three seconds.
//
// The error is that of fn; ErrNotFound when there is no such purchase;
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
	leave, err := s.enter(ctx, "purchase "+id)
	if err != nil {
		return next, failed(ctx, "wait for the purchase", err)
	}
	defer leave()
	h, err := s.hold(ctx)
	if err != nil {
		return next, failed(ctx, "begin", err)
	}
	defer h.end()
	was, found, err := h.lockPurchase(ctx, id)
	if err != nil {
		return next, failed(ctx, "lock the purchase", err)
	}
	if !found {
		return next, gloebit.ErrNotFound
	}

	var refused error
	writes, lost := h.lend(ctx, func(ctx context.Context) { next, refused = fn(ctx, was.Clone()) })
	if lost != nil {
		return next, failed(ctx, "the connection that locked the purchase is lost", errors.Join(lost, refused))
	}
	if refused != nil {
		return next, refused
	}
	row, err := changedRow(was, next)
	if err != nil {
		return next, err
	}
	after, cancel := lasting(ctx)
	defer cancel()
	if err := writes.keep(after); err != nil {
		return next, failed(ctx, "keep what was written with the purchase", err)
	}
	if err := h.savePurchase(after, row); err != nil {
		return next, failed(ctx, "save a purchase", err)
	}
	if err := h.commit(after); err != nil {
		return next, failed(ctx, "commit a purchase", err)
	}
	return row.purchase()
}

// changedRow is the row of what fn returned.
func changedRow(was, next ledger.Purchase) (purchaseRow, error) {
	row, err := newPurchaseRow(next)
	if err == nil && (next.ID != was.ID || next.UserID != was.UserID || next.Key != was.Key || !next.CreatedAt.Equal(was.CreatedAt)) {
		err = fmt.Errorf("%w: purchase %s: its id, user, key or time of creation was changed", gloebit.ErrInvalidRequest, was.ID)
	}
	return row, err
}

// lockPurchase locks a purchase and reads it.
func (h *hold) lockPurchase(ctx context.Context, id string) (p ledger.Purchase, found bool, err error) {
	query := "SELECT " + purchaseColumns + " FROM gloebit_purchases WHERE id = ?"
	switch h.store.dialect {
	case MySQL:
		// Whoever waits for a row gets an error after a while that others
		// choose (innodb_lock_wait_timeout), and goes on waiting when its
		// client has gone. So those who change a purchase wait for its name.
		if err := h.lockName(ctx, "purchase "+id); err != nil {
			return p, false, err
		}
		query += " FOR UPDATE"
	case Postgres:
		query += " FOR UPDATE"
	}
	return h.purchase(ctx, query, stored(id))
}

// purchase runs a query for one purchase.
func (h *hold) purchase(ctx context.Context, query string, args ...any) (p ledger.Purchase, found bool, err error) {
	var row purchaseRow
	err = h.store.patiently(ctx, func() error {
		return row.scan(h.conn.QueryRowContext(ctx, h.store.dialect.rebind(query), args...))
	})
	if errors.Is(err, sql.ErrNoRows) {
		return p, false, nil
	}
	if err == nil {
		p, err = row.purchase()
	}
	return p, err == nil, err
}

func (h *hold) savePurchase(ctx context.Context, row purchaseRow) error {
	// Found, not changed, rows are counted by some who connect to MySQL, and
	// the others when nothing changed: so how many they are says nothing.
	_, err := h.exec(ctx, "UPDATE gloebit_purchases SET state = ?, next_at = ?, stuck_at = ?, key_until = ?, purchase = ? WHERE id = ?",
		row.state, row.nextAt, row.stuckAt, row.keyUntil, row.rest, row.id)
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
// been claimed.
func (s *Store) Claim(ctx context.Context, now, until time.Time) (ledger.Purchase, error) {
	due, next := now.UnixMicro(), storedTime(until)
	if s.dialect == Postgres {
		return onlyPurchase(s.purchases(ctx, "claim a purchase", "WITH due (due_id) AS ("+dueID+" FOR UPDATE SKIP LOCKED) "+
			claimDue+" FROM due WHERE id = due_id RETURNING "+purchaseColumns, due, next))
	}
	// Mostly nothing is due, which can be told without a lock.
	ids, err := s.keys(ctx, dueID, due)
	if err != nil {
		return ledger.Purchase{}, failed(ctx, "look for what is due", err)
	}
	if len(ids) == 0 {
		return ledger.Purchase{}, gloebit.ErrNotFound
	}
	if s.dialect == MySQL {
		return s.claimLocked(ctx, due, next)
	}
	release, err := s.turn(ctx, "")
	if err != nil {
		return ledger.Purchase{}, failed(ctx, "wait to claim a purchase", err)
	}
	defer release()
	return onlyPurchase(s.purchases(ctx, "claim a purchase", claimDue+" WHERE id = ("+dueID+") RETURNING "+purchaseColumns, next, due))
}

// claimLocked claims where UPDATE returns no rows.
func (s *Store) claimLocked(ctx context.Context, due int64, next sql.NullInt64) (ledger.Purchase, error) {
	h, err := s.hold(ctx)
	if err != nil {
		return ledger.Purchase{}, failed(ctx, "begin", err)
	}
	defer h.end()
	p, found, err := h.purchase(ctx, "SELECT "+purchaseColumns+" FROM gloebit_purchases WHERE next_at <= ? ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED", due)
	if err != nil {
		return ledger.Purchase{}, failed(ctx, "look for what is due", err)
	}
	if !found {
		return ledger.Purchase{}, gloebit.ErrNotFound
	}
	if _, err = h.exec(ctx, claimDue+" WHERE id = ?", next, stored(p.ID)); err == nil {
		err = h.commit(ctx)
	}
	if err != nil {
		return ledger.Purchase{}, failed(ctx, "claim a purchase", err)
	}
	p.NextAt = readTime(next)
	return p, nil
}
