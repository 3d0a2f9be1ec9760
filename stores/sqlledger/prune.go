package sqlledger

import (
	"context"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

const pruned = 500 // rows per transaction

// Prune implements [ledger.Store]. It removes a few hundred rows in each
// transaction; if it fails, the rows removed so far stay removed. It skips
// purchases that a Change has locked; in SQLite it waits for the running write
// instead. The error is the context's when it has ended, or the database's.
func (s *Store) Prune(ctx context.Context, realm string, before time.Time) (removed int64, err error) {
	for _, state := range ledger.States() {
		if !(ledger.Purchase{State: state}).Finished() {
			continue
		}
		q := ledger.Query{Realm: realm, States: []ledger.State{state}, Until: before, OldestFirst: true, Limit: pruned}
		for more := true; more && err == nil; {
			var n int64
			n, more, err = s.pruneSome(ctx, &q, before)
			removed += n
		}
		if err != nil {
			return removed, failed(ctx, "remove finished purchases", err)
		}
	}
	return removed, nil
}

// pruneSome removes a few hundred of the purchases that match the query, and
// advances the query to the next ones. It locks them first, in their order, so
// that two calls do not deadlock.
func (s *Store) pruneSome(
	ctx context.Context, q *ledger.Query, before time.Time,
) (removed int64, more bool, err error) {
	where, args := s.matching(*q)
	query := " FROM " + table + where
	if s.db.Dialect != sqldb.SQLite {
		query += " FOR UPDATE SKIP LOCKED"
	}
	columns := "SELECT id, " + s.db.Dialect.Select("created_at") + ", " + s.db.Dialect.Select("updated_at") +
		", report_at IS NOT NULL, "
	var found int
	var ids []any
	var last ledger.Cursor
	h, err := s.db.HoldSlot(ctx, s.shortLease(), func(h *sqldb.Hold) error {
		found, ids = 0, []any{s.text(q.Realm)}
		rows, err := h.Conn.QueryContext(ctx, s.db.Query(columns+h.Durable()+query), args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var updated time.Time
			var unreported bool
			if err := rows.Scan(
				&last.ID, (*sqldb.Time)(&last.CreatedAt), (*sqldb.Time)(&updated), &unreported, new(any),
			); err != nil {
				return err
			}
			found++
			if updated.Before(before) && !unreported {
				ids = append(ids, s.text(last.ID))
			}
		}
		return rows.Err()
	})
	if err != nil {
		return 0, false, err
	}
	defer h.End()
	if len(ids) > 1 {
		if removed, err = h.Exec(
			ctx, "DELETE FROM "+table+" WHERE realm = ? AND id IN ("+sqldb.Marks(len(ids)-1)+")", ids...,
		); err != nil {
			return 0, false, err
		}
	}
	if err := h.Commit(ctx); err != nil {
		return 0, false, err
	}
	q.After = last
	return removed, found == q.PageSize(), nil
}
