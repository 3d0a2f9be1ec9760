package sqlledger

import (
	"context"
	"strings"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// CompareAndSwap implements [ledger.Store], with one UPDATE. The error is
// ErrInvalidRequest if [ledger.Purchase.Check] rejects next; or the context's
// when it has ended; or the database's. After an error of the database, next
// may have been saved.
func (s *Store) CompareAndSwap(
	ctx context.Context, old, next ledger.Purchase,
) (saved ledger.Purchase, swapped bool, err error) {
	row, err := changedRow(old, next)
	if err != nil {
		return saved, false, err
	}
	was, err := newPurchaseRow(old)
	if err != nil {
		return saved, false, nil // no stored purchase is like that
	}
	if _, hangs := s.hung.Load(old.StoreKey()); hangs {
		return saved, false, failed(ctx, "change a purchase", errHangs)
	}
	leave, err := s.db.Enter(ctx, lockName(old.StoreKey()))
	if err != nil {
		return saved, false, failed(ctx, "wait for the purchase", err)
	}
	defer leave()
	args := append(row.args(s.db.Dialect)[2:], was.compared(s.db.Dialect)...)
	err = s.db.Write(ctx, func(on sqldb.Querier) error {
		result, err := on.ExecContext(ctx, s.swap, args...)
		if err != nil {
			return err
		}
		changed, err := result.RowsAffected()
		swapped = changed == 1
		return err
	})
	if err != nil || !swapped {
		return saved, false, failed(ctx, "change a purchase", err)
	}
	return row.kept, true, nil
}

// swap returns the statement of CompareAndSwap. Its last arguments are those of
// purchaseRow.compared. In PostgreSQL the statement is a transaction of its own,
// so it has SetDurable.
func swap(dialect sqldb.Dialect) string {
	text := "UPDATE " + table + " SET " + strings.Join(columnNames[2:], " = ?, ") +
		" = ?, held_key = ? WHERE realm = ? AND id = ?"
	equals := " IS ?"
	switch dialect {
	case sqldb.Postgres:
		text += " AND " + sqldb.SetDurable + " <> ''"
		equals = " IS NOT DISTINCT FROM ?" // which no index is used for
	case sqldb.MySQL:
		equals = " <=> ?"
	}
	for _, column := range comparedNames {
		if column == "purchase" && dialect == sqldb.Postgres {
			column = "purchase::TEXT"
		}
		text += " AND " + column + equals
	}
	return text
}
