package sqlledger

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// maxItems is how many items a Tally has.
const maxItems = 100

// Tally implements [ledger.Store]. It reads an index entry or a row of each
// purchase that it counts. The error is ErrInvalidRequest for an unknown
// grouping, that of the context when it has ended, or the database's.
func (s *Store) Tally(ctx context.Context, realm string, by ledger.Grouping, from, until time.Time) (tallies []ledger.Tally, err error) {
	group, at, order := "", "paid_at", ""
	switch by {
	case ledger.ByDay:
		group = s.day()
		order = " ORDER BY " + group
	case ledger.ByItem:
		group, order = "item", " ORDER BY SUM(amount) DESC, item LIMIT "+strconv.Itoa(maxItems)
	case ledger.ByState:
		group, at, order = "state", "created_at", " ORDER BY CASE state"+places()+" END"
	default:
		return nil, fmt.Errorf("%w: unknown grouping %.40q", connect.ErrInvalidRequest, string(by))
	}
	query, args := "SELECT "+group+", COUNT(*), SUM(amount) FROM "+table+" WHERE realm = ? AND "+at+" IS NOT NULL", []any{s.text(realm)}
	if !from.IsZero() {
		query, args = query+" AND "+at+" >= ?", append(args, s.db.Dialect.Time(from))
	}
	if !until.IsZero() {
		query, args = query+" AND "+at+" < ?", append(args, s.db.Dialect.Time(until))
	}
	err = s.each(ctx, query+" GROUP BY "+group+order, args, func() { tallies = nil }, func(rows *sql.Rows) (err error) {
		var t ledger.Tally
		var name string
		if err := rows.Scan(&name, &t.Purchases, &t.Gloebits); err != nil {
			return err
		}
		switch by {
		case ledger.ByDay:
			t.Day, err = time.Parse(time.DateOnly, name)
		case ledger.ByItem:
			t.Item = name
		case ledger.ByState:
			t.State = ledger.State(name)
		}
		tallies = append(tallies, t)
		return err
	})
	return tallies, failed(ctx, "add purchases up", err)
}

// day is the day of a payment in UTC, as text.
func (s *Store) day() string {
	switch s.db.Dialect {
	case sqldb.Postgres:
		return "to_char(paid_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
	case sqldb.MySQL:
		return "LEFT(CAST(paid_at AS CHAR), 10)"
	default:
		return "substr(paid_at, 1, 10)"
	}
}

// each runs a query and calls read for each row. It may do so again after
// reset, when the database was busy or a connection dead.
func (s *Store) each(ctx context.Context, query string, args []any, reset func(), read func(*sql.Rows) error) error {
	query = s.db.Query(query)
	return s.db.Read(ctx, func(on sqldb.Asker) error {
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
