package sqlledger

import (
	"context"
	"errors"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// A purchase holds its user's key while that is in held_key, which is unique
// for a user of a realm.

// insert is the statement that creates a purchase, if it may.
func (s *Store) insert() string {
	into := "INSERT INTO " + table + " (" + strings.Join(columnNames, ", ") + ", held_key)"
	values := sqldb.Marks(len(columnNames) + 1)
	switch s.db.Dialect {
	case sqldb.Postgres: // in the same statement, as that is a transaction of its own
		return into + " SELECT " + values + " WHERE " + sqldb.SetDurable + " <> '' ON CONFLICT DO NOTHING"
	case sqldb.MySQL:
		return into + " VALUES (" + values + ")"
	default:
		return into + " VALUES (" + values + ") ON CONFLICT DO NOTHING"
	}
}

// Create implements [ledger.Store]. The error is ErrInvalidRequest when the
// purchase is refused by [ledger.Purchase.Check]; that of the context when it
// has ended; or the database's. After an error of the database the purchase may
// have been created.
func (s *Store) Create(ctx context.Context, p ledger.Purchase) (kept ledger.Purchase, created bool, err error) {
	row, err := newPurchaseRow(p)
	if err != nil {
		return ledger.Purchase{}, false, err
	}
	if s.db.Dialect == sqldb.MySQL {
		return s.createLocked(ctx, row, p)
	}
	for {
		inserted, err := s.exec(ctx, "create a purchase", s.insert(), row.args(s.db.Dialect)...)
		if err != nil {
			return ledger.Purchase{}, false, err
		}
		if inserted == 1 {
			return row.kept(p), true, nil
		}
		other, err := s.other(ctx, row)
		if !errors.Is(err, connect.ErrNotFound) { // else it has given the key up meanwhile
			return other, false, err
		}
	}
}

// other is the purchase for which a row is not created: the one that holds the
// key, or else the one that has the ID.
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

// errHeld says that another purchase holds the key.
var errHeld = errors.New("the key is held")

// createLocked locks the key by name: in InnoDB several that insert the same
// value of a unique index lock what the others wait for, and deadlock.
func (s *Store) createLocked(
	ctx context.Context, row purchaseRow, p ledger.Purchase,
) (kept ledger.Purchase, created bool, err error) {
	name := strings.Join([]string{"key", row.realm, row.userID, row.key}, "\x00") // which none of them has
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
		_, err = h.Exec(ctx, s.insert(), row.args(s.db.Dialect)...)
		return err
	})
	switch {
	case errors.Is(err, errHeld):
		return holder, false, nil
	case err == nil:
		return row.kept(p), true, nil
	}
	if inserting {
		if other, lookup := s.other(ctx, row); lookup == nil {
			return other, false, nil // it has the ID
		}
	}
	return ledger.Purchase{}, false, failed(ctx, "create a purchase", err)
}
