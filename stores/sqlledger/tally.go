package sqlledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// maxItems is the largest number of items in a Tally.
const maxItems = 100

// Tally implements [ledger.Store]. It reads one index entry for each purchase
// that it counts. The error is ErrInvalidRequest for an unknown grouping, the
// context's when it has ended, or the database's.
func (s *Store) Tally(
	ctx context.Context, realm string, by ledger.Grouping, from, until time.Time,
) (tallies []ledger.Tally, err error) {
	switch by {
	case ledger.ByDay:
		tallies, err = s.tallyDays(ctx, realm, from, until)
	case ledger.ByItem:
		where, args := s.period("paid_at", realm, from, until)
		tallies, err = s.sums(ctx, "SELECT item, COUNT(*), SUM(amount) FROM "+table+where+
			" GROUP BY item ORDER BY SUM(amount) DESC, item LIMIT "+strconv.Itoa(maxItems), args)
	case ledger.ByState:
		tallies, err = s.tallyStates(ctx, realm, from, until)
	default:
		return nil, fmt.Errorf("%w: unknown grouping %.40q", connect.ErrInvalidRequest, string(by))
	}
	if err != nil {
		return nil, failed(ctx, "add purchases up", err)
	}
	return tallies, nil
}

// daysAtOnce is the number of days that one query adds up.
const daysAtOnce = 100

// tallyDays adds up each day separately. With GROUP BY a database would sort
// all purchases by day, although the index has them in that order.
func (s *Store) tallyDays(
	ctx context.Context, realm string, from, until time.Time,
) (tallies []ledger.Tally, err error) {
	for {
		where, args := s.period("paid_at", realm, from, until)
		var first time.Time // time of the first payment, so that years without payments are skipped
		err := s.each(ctx, "SELECT "+s.db.Dialect.Select("MIN(paid_at)")+" FROM "+table+where, args, func() {},
			func(rows *sql.Rows) error { return rows.Scan((*sqldb.Time)(&first)) })
		if err != nil || first.IsZero() {
			return tallies, err
		}
		day := first.Truncate(24 * time.Hour)
		var parts []string
		args = nil
		for len(parts) < daysAtOnce && (until.IsZero() || day.Before(until)) {
			next := day.Add(24 * time.Hour)
			end := next
			if !until.IsZero() && until.Before(next) {
				end = until
			}
			part, its := s.part(day.Format(time.DateOnly), "", "paid_at", realm, latest(day, from), end)
			parts, args, day = append(parts, part), append(args, its...), next
		}
		days, err := s.sums(ctx, strings.Join(parts, " UNION ALL "), args)
		if err != nil {
			return nil, err
		}
		for _, t := range days {
			if t.Day, err = time.Parse(time.DateOnly, t.Item); err != nil {
				return nil, err
			}
			t.Item = ""
			tallies = append(tallies, t)
		}
		slices.SortFunc(tallies, func(a, b ledger.Tally) int { return a.Day.Compare(b.Day) })
		if from = day; !until.IsZero() && !from.Before(until) {
			return tallies, nil
		}
	}
}

// tallyStates adds up each state with a query of its own, which reads the index
// on states in order.
func (s *Store) tallyStates(
	ctx context.Context, realm string, from, until time.Time,
) (tallies []ledger.Tally, err error) {
	var parts []string
	var args []any
	for _, state := range ledger.States() {
		part, its := s.part(string(state), " AND state = '"+string(state)+"'", "created_at", realm, from, until)
		parts, args = append(parts, part), append(args, its...)
	}
	tallies, err = s.sums(ctx, strings.Join(parts, " UNION ALL "), args)
	for i := range tallies {
		tallies[i].State, tallies[i].Item = ledger.State(tallies[i].Item), ""
	}
	slices.SortFunc(tallies, func(a, b ledger.Tally) int {
		return slices.Index(ledger.States(), a.State) - slices.Index(ledger.States(), b.State)
	})
	return tallies, err
}

// part returns a query for the sum of a period, under a name. The condition
// restricts it further.
func (s *Store) part(name, condition, at, realm string, from, until time.Time) (query string, args []any) {
	where, args := s.period(at, realm, from, until)
	return "SELECT '" + name + "' AS name, COUNT(*) AS purchases, COALESCE(SUM(amount), 0) AS gloebits FROM " + table +
		where + condition, args
}

// period returns the condition for a realm's purchases in a period.
func (s *Store) period(at, realm string, from, until time.Time) (where string, args []any) {
	where, args = " WHERE realm = ? AND "+at+" IS NOT NULL", []any{s.text(realm)}
	if !from.IsZero() {
		where, args = where+" AND "+at+" >= ?", append(args, s.db.Dialect.Time(from))
	}
	if !until.IsZero() {
		where, args = where+" AND "+at+" < ?", append(args, s.db.Dialect.Time(until))
	}
	return where, args
}

// sums runs a query for names, counts and sums. It leaves out groups without
// purchases.
func (s *Store) sums(ctx context.Context, query string, args []any) (tallies []ledger.Tally, err error) {
	err = s.each(ctx, query, args, func() { tallies = nil }, func(rows *sql.Rows) error {
		var t ledger.Tally
		err := rows.Scan(&t.Item, &t.Purchases, &t.Gloebits)
		if t.Purchases > 0 {
			tallies = append(tallies, t)
		}
		return err
	})
	return tallies, err
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// each runs a query and calls read for each row. If the database was busy or
// the connection dead, it calls reset and starts again.
func (s *Store) each(ctx context.Context, query string, args []any, reset func(), read func(*sql.Rows) error) error {
	query = s.db.Query(query)
	return s.db.Read(ctx, func(on sqldb.Querier) error {
		reset()
		rows, err := on.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := read(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}
