package sqlledger

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// Counts implements [ledger.Store]. It uses two indexes. The error is the
// context's when it has ended, or the database's.
func (s *Store) Counts(ctx context.Context, before time.Time) ([]ledger.Count, error) {
	counts, err := s.countUnreported(ctx, before)
	if err != nil {
		return nil, failed(ctx, "count unreported purchases", err)
	}
	unfinished, err := s.countUnfinished(ctx, before)
	if err != nil {
		return nil, failed(ctx, "count purchases", err)
	}
	for _, c := range unfinished {
		i := slices.IndexFunc(counts, func(u ledger.Count) bool { return u.Realm == c.Realm && u.State == c.State })
		if i < 0 {
			counts = append(counts, c)
			continue
		}
		c.Unreported = counts[i].Unreported
		counts[i] = c
	}
	slices.SortFunc(counts, func(a, b ledger.Count) int {
		return cmp.Or(
			cmp.Compare(a.Realm, b.Realm),
			slices.Index(ledger.States(), a.State)-slices.Index(ledger.States(), b.State),
		)
	})
	return counts, nil
}

func (s *Store) countUnfinished(ctx context.Context, before time.Time) (counts []ledger.Count, err error) {
	oldest, since := s.db.Dialect.Select("MIN(created_at)"), s.db.Dialect.Select("MIN(CASE WHEN next_at < ? THEN "+
		"next_at END)")
	query := "SELECT realm, state, COUNT(*), COUNT(stuck_at), COUNT(CASE WHEN next_at < ? THEN 1 END), " + oldest +
		", " + since + " FROM " + table + " WHERE " + unfinished + " GROUP BY realm, state"
	at := s.db.Dialect.Time(before)
	err = s.each(ctx, query, []any{at, at}, func() { counts = nil }, func(rows *sql.Rows) error {
		var c ledger.Count
		err := rows.Scan(
			&c.Realm, &c.State, &c.Purchases, &c.Stuck, &c.Overdue, (*sqldb.Time)(&c.Oldest), (*sqldb.Time)(&c.OverdueSince),
		)
		counts = append(counts, c)
		return err
	})
	return counts, err
}

// countUnreported uses the index on report_at. MySQL has no partial indexes, so
// its index begins with the realm, and the query must list the realms, which
// are few.
func (s *Store) countUnreported(ctx context.Context, before time.Time) (counts []ledger.Count, err error) {
	where, args := " WHERE report_at IS NOT NULL AND updated_at < ?", []any{s.db.Dialect.Time(before)}
	if s.db.Dialect == sqldb.MySQL {
		realms, err := s.db.Keys(ctx, "SELECT DISTINCT realm FROM "+table)
		if err != nil || len(realms) == 0 {
			return nil, err
		}
		where += " AND realm IN (" + sqldb.Marks(len(realms)) + ")"
		for _, realm := range realms {
			args = append(args, s.text(realm))
		}
	}
	query := "SELECT realm, state, COUNT(*) FROM " + table + where + " GROUP BY realm, state"
	err = s.each(ctx, query, args, func() { counts = nil }, func(rows *sql.Rows) error {
		var c ledger.Count
		err := rows.Scan(&c.Realm, &c.State, &c.Unreported)
		counts = append(counts, c)
		return err
	})
	return counts, err
}
