package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// Get implements [ledger.Store]. The error is ErrNotFound if there is no such
// purchase, ledger.ErrUnreadable if its row can't be read, the context's when
// it has ended, or the database's.
func (s *Store) Get(ctx context.Context, key connect.Key) (ledger.Purchase, error) {
	if err := s.findable(ctx, key.Realm, key.ID); err != nil {
		return ledger.Purchase{}, err
	}
	return onlyPurchase(s.purchases(
		ctx, "get a purchase", (*purchaseRow).read, s.selects()+" WHERE realm = ? AND id = ?", s.text(key.Realm),
		s.text(key.ID),
	))
}

// findable returns ErrNotFound if no purchase can have one of these texts.
// PostgreSQL would reject the query.
func (s *Store) findable(ctx context.Context, texts ...string) error {
	if err := ctx.Err(); err != nil {
		return failed(ctx, "look for purchases", err)
	}
	for _, text := range texts {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return connect.ErrNotFound
		}
	}
	return nil
}

// selects returns the beginning of a query for purchases.
func (s *Store) selects() string { return "SELECT " + s.columns + " FROM " + table }

// purchases runs a query for purchases. It reads all rows, even after one that
// can't be read, because SQLite commits a writing statement at the last row.
func (s *Store) purchases(
	ctx context.Context, doing string, read readFunc, query string, args ...any,
) (list []ledger.Purchase, err error) {
	query = s.db.Query(query)
	ask := s.db.Write
	if strings.HasPrefix(query, "SELECT ") {
		ask = s.db.Read
	}
	err = ask(ctx, func(on sqldb.Querier) error {
		list = nil
		rows, err := on.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		var unreadable error
		for rows.Next() {
			p, err := read(new(purchaseRow), rows)
			if err != nil && unreadable == nil {
				unreadable = err
			}
			list = append(list, p)
		}
		return errors.Join(rows.Err(), rows.Close(), unreadable)
	})
	if err != nil {
		return nil, failed(ctx, doing, err)
	}
	return list, nil
}

// readFunc reads the next row as a purchase.
type readFunc = func(*purchaseRow, *sql.Rows) (ledger.Purchase, error)

// onlyPurchase returns the purchase of a list, or ErrNotFound if the list is
// empty.
func onlyPurchase(list []ledger.Purchase, err error) (ledger.Purchase, error) {
	if err == nil && len(list) == 0 {
		err = connect.ErrNotFound
	}
	if err != nil {
		return ledger.Purchase{}, err
	}
	return list[0], nil
}
