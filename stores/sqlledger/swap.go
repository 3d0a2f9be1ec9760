package sqlledger

import (
	"context"
	"errors"
	"reflect"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// CompareAndSwap implements [ledger.Store]. In PostgreSQL and SQLite it is one
// UPDATE, in MariaDB and MySQL a Change. The error is ErrInvalidRequest if
// [ledger.Purchase.Check] rejects next; or the context's when it has ended; or
// the database's. After the context's or the database's error, next may have
// been saved.
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
	if s.db.Dialect == sqldb.MySQL {
		return s.swapInChange(ctx, was, next)
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

var errDiffers = errors.New("the purchase has changed")

// swapInChange compares in a Change. In MySQL, an UPDATE that waits for a row
// lock continues after its client has gone, and it does not wait for an fn whose
// transaction was rolled back.
func (s *Store) swapInChange(
	ctx context.Context, was purchaseRow, next ledger.Purchase,
) (saved ledger.Purchase, swapped bool, err error) {
	saved, err = s.Change(ctx, was.kept.StoreKey(), func(_ context.Context, p ledger.Purchase) (ledger.Purchase, error) {
		now, err := newPurchaseRow(p)
		if err != nil || !reflect.DeepEqual(now.compared(sqldb.MySQL), was.compared(sqldb.MySQL)) {
			return p, errDiffers
		}
		return next, nil
	})
	if errors.Is(err, errDiffers) || errors.Is(err, connect.ErrNotFound) {
		return saved, false, nil
	}
	return saved, err == nil, err
}

// swap returns the statement of CompareAndSwap, which MySQL does not use. Its last arguments are those of
// purchaseRow.compared. In PostgreSQL the statement is a transaction of its own,
// so it has SetDurable.
func swap(dialect sqldb.Dialect) string {
	text := "UPDATE " + table + " SET " + strings.Join(columnNames[2:], " = ?, ") +
		" = ?, held_key = ? WHERE realm = ? AND id = ?"
	equals := " IS ?"
	if dialect == sqldb.Postgres {
		text += " AND " + sqldb.SetDurable + " <> ''"
		equals = " IS NOT DISTINCT FROM ?" // which no index is used for
	}
	for _, column := range comparedNames {
		if column == "purchase" && dialect == sqldb.Postgres {
			column = "purchase::TEXT"
		}
		text += " AND " + column + equals
	}
	return text
}
