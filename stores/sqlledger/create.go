package sqlledger

import (
	"context"
	"errors"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// A purchase holds its user's key while the column held_key has the key. That
// column is unique per realm and user.

// insert returns the statement that creates a purchase.
func insert(dialect sqldb.Dialect) string {
	into := "INSERT INTO " + table + " (" + strings.Join(columnNames, ", ") + ", held_key)"
	values := sqldb.Marks(len(columnNames) + 1)
	switch dialect {
	case sqldb.Postgres: // SetDurable is in the statement, which is a transaction of its own
		return into + " SELECT " + values + " WHERE " + sqldb.SetDurable + " <> '' ON CONFLICT DO NOTHING"
	case sqldb.MySQL:
		return into + " VALUES (" + values + ")"
	default:
		return into + " VALUES (" + values + ") ON CONFLICT DO NOTHING"
	}
}

// Create implements [ledger.Store]. The error is ErrInvalidRequest if
// [ledger.Purchase.Check] rejects the purchase; or the context's when it has
// ended; or the database's. After an error of the database the purchase may
// have been created.
func (s *Store) Create(ctx context.Context, p ledger.Purchase) (kept ledger.Purchase, created bool, err error) {
	row, err := newPurchaseRow(p)
	if err != nil {
		return ledger.Purchase{}, false, err
	}
	if s.db.Dialect == sqldb.MySQL {
		return s.createLocked(ctx, row)
	}
	for {
		inserted, err := s.exec(ctx, "create a purchase", s.insert, row.args(s.db.Dialect)...)
		if err != nil {
			return ledger.Purchase{}, false, err
		}
		if inserted == 1 {
			return row.kept, true, nil
		}
		other, err := s.other(ctx, row)
		if !errors.Is(err, connect.ErrNotFound) { // otherwise the other purchase has released the key
			return other, false, err
		}
	}
}

// other returns the purchase that prevented the creation of a row: the one that
// holds its key, or else the one with its ID.
func (s *Store) other(ctx context.Context, row purchaseRow) (ledger.Purchase, error) {
	if row.held {
		const holds = " WHERE realm = ? AND user_id = ? AND held_key = ?"
		p, err := onlyPurchase(s.purchases(
			ctx, "look for the purchase of a key", (*purchaseRow).read, s.selects()+holds, s.text(row.realm),
			s.text(row.userID), s.text(row.key),
		))
		if !errors.Is(err, connect.ErrNotFound) {
			return p, err
		}
	}
	const has = " WHERE realm = ? AND id = ?"
	return onlyPurchase(s.purchases(
		ctx, "look for the purchase of an id", (*purchaseRow).read, s.selects()+has, s.text(row.realm), s.text(row.id),
	))
}

// errHeld is returned when another purchase holds the key.
var errHeld = errors.New("the key is held")

// createLocked holds a named lock for the key, because in InnoDB concurrent
// inserts of the same value into a unique index deadlock.
func (s *Store) createLocked(
	ctx context.Context, row purchaseRow,
) (kept ledger.Purchase, created bool, err error) {
	name := strings.Join([]string{"key", row.realm, row.userID, row.key}, "\x00") // no part contains a NUL
	if !row.held {
		name = strings.Join([]string{"id", row.realm, row.id}, "\x00")
	}
	leave, err := s.db.Enter(ctx, name)
	if err != nil {
		return ledger.Purchase{}, false, failed(ctx, "wait for a key", err)
	}
	defer leave()
	holds, args := " WHERE realm = ? AND id = ?", []any{s.text(row.realm), s.text(row.id)}
	if row.held {
		holds, args = " WHERE realm = ? AND user_id = ? AND held_key = ?",
			[]any{s.text(row.realm), s.text(row.userID), s.text(row.key)}
	}
	var holder ledger.Purchase
	inserting := false
	err = s.db.Transact(ctx, s.shortLease(), func(h *sqldb.Hold) error {
		inserting = false
		err := h.LockName(ctx, name)
		found := false
		if err == nil {
			holder, found, err = s.purchase(ctx, h, s.selects()+holds, args)
		}
		switch {
		case err != nil:
			return err
		case found:
			return errHeld
		}
		inserting = true
		_, err = h.Exec(ctx, s.insert, row.args(s.db.Dialect)...)
		return err
	})
	switch {
	case errors.Is(err, errHeld):
		return holder, false, nil
	case err == nil:
		return row.kept, true, nil
	}
	if inserting {
		if other, lookup := s.other(ctx, row); lookup == nil {
			return other, false, nil // the same ID
		}
	}
	return ledger.Purchase{}, false, failed(ctx, "create a purchase", err)
}
