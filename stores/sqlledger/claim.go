package sqlledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// claim selects purchases to claim.
type claim struct {
	column string // the time by which they are due
	where  string // begins with the realm
	args   []any
}

// due returns the condition and order for the purchase that is overdue longest.
func (c claim) due() string {
	return c.where + " AND " + c.column + " <= ? ORDER BY " + c.column + " LIMIT 1"
}

// Claim implements [ledger.Store]. It skips purchases that another Change or
// Claim has locked; in SQLite it waits for the running write instead. The error
// is ErrNotFound when nothing is due, the context's when it has ended, or the
// database's. After an error of the database a purchase may have been claimed.
// If the claimed purchase can't be read, the error is ledger.ErrUnreadable,
// which names the purchase.
func (s *Store) Claim(
	ctx context.Context, realm string, state ledger.State, now, until time.Time,
) (ledger.Purchase, error) {
	return s.claim(
		ctx, claim{"next_at", " WHERE realm = ? AND state = ?", []any{s.text(realm), string(state)}}, now, until,
	)
}

// ClaimUnreported implements [ledger.Store]. It locks and fails as
// [Store.Claim] does.
func (s *Store) ClaimUnreported(ctx context.Context, realm string, now, until time.Time) (ledger.Purchase, error) {
	return s.claim(ctx, claim{"report_at", " WHERE realm = ?", []any{s.text(realm)}}, now, until)
}

func (s *Store) claim(ctx context.Context, c claim, now, until time.Time) (ledger.Purchase, error) {
	wanted := append(c.args, s.db.Dialect.Time(now))
	due, next := c.due(), s.db.Dialect.Time(until)
	set := "UPDATE " + table + " SET " + c.column + " = ?"
	if s.db.Dialect == sqldb.Postgres {
		return onlyPurchase(s.purchases(ctx, "claim a purchase", (*purchaseRow).read,
			"WITH due AS (SELECT realm AS due_realm, id AS due_id FROM "+table+due+" FOR UPDATE SKIP LOCKED) "+
				set+" FROM due WHERE realm = due_realm AND id = due_id RETURNING "+s.columns, append(wanted, next)...))
	}
	// Usually nothing is due, which this query finds without a lock.
	ids, err := s.db.Keys(ctx, "SELECT id FROM "+table+due, wanted...)
	if err != nil {
		return ledger.Purchase{}, failed(ctx, "look for what is due", err)
	}
	if len(ids) == 0 {
		return ledger.Purchase{}, connect.ErrNotFound
	}
	if s.db.Dialect == sqldb.MySQL {
		return s.claimLocked(ctx, c, wanted, until)
	}
	release, err := s.db.LockLocal(ctx, sqldb.Writer)
	if err != nil {
		return ledger.Purchase{}, failed(ctx, "wait to claim a purchase", err)
	}
	defer release()
	return onlyPurchase(s.purchases(ctx, "claim a purchase", (*purchaseRow).read,
		set+" WHERE realm = ? AND id = (SELECT id FROM "+table+due+") RETURNING "+s.columns,
		append([]any{next, c.args[0]}, wanted...)...))
}

// claimLocked claims in a database whose UPDATE returns no rows. It also claims
// a purchase that can't be read, which would otherwise always be the first one
// due.
func (s *Store) claimLocked(ctx context.Context, c claim, wanted []any, until time.Time) (ledger.Purchase, error) {
	var row purchaseRow
	var unreadable error
	err := s.db.Transact(ctx, s.shortLease(), func(h *sqldb.Hold) error {
		row = purchaseRow{}
		unreadable = h.QueryRow(
			ctx, func(found *sql.Row) error { return row.scan(found) }, s.selects()+c.due()+" FOR UPDATE SKIP LOCKED", wanted...,
		)
		switch {
		case errors.Is(unreadable, sql.ErrNoRows):
			return connect.ErrNotFound
		case row.id == "":
			return unreadable
		}
		_, err := h.Exec(
			ctx, "UPDATE "+table+" SET "+c.column+" = ? WHERE realm = ? AND id = ?", s.db.Dialect.Time(until), wanted[0],
			s.text(row.id),
		)
		return err
	})
	if errors.Is(err, connect.ErrNotFound) {
		return ledger.Purchase{}, connect.ErrNotFound
	}
	if err = cmp.Or(err, unreadable); err != nil {
		return ledger.Purchase{}, failed(ctx, "claim a purchase", err)
	}
	if c.column == "next_at" {
		row.nextAt = until
	} else {
		row.reportAt = until
	}
	p, err := row.purchase()
	return p, failed(ctx, "claim a purchase", err)
}
