package sqlledger

import (
	"context"
	"fmt"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// A purchase holds its user's key while that is in held_key, which is unique
// for a user. There it stays when its time is over, until another purchase
// wants it.

const (
	insertPurchase = "INSERT INTO gloebit_purchases (" + purchaseColumns + ", held_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	selectHolder   = "SELECT " + purchaseColumns + " FROM gloebit_purchases WHERE user_id = ? AND held_key = ?"
	freeKey        = "UPDATE gloebit_purchases SET held_key = NULL WHERE id = ? AND held_key = ?"
)

// Create implements [ledger.Store]. The error is ErrInvalidRequest when the
// purchase is refused by [ledger.Purchase.Check]; that of the context when it
// has ended; or the database's, also when the id is in use. After an error of
// the database the purchase may have been created.
func (s *Store) Create(ctx context.Context, p ledger.Purchase) (ledger.Purchase, error) {
	row, err := newPurchaseRow(p)
	if err != nil {
		return ledger.Purchase{}, err
	}
	create := s.createIfFree
	if s.db.Dialect == sqldb.MySQL && p.Key != "" {
		create = s.createLocked
	}
	created, err := create(ctx, row, p)
	if err != nil {
		return ledger.Purchase{}, err
	}
	return created, nil
}

// held is the value of held_key: NULL without a key.
func (r *purchaseRow) held() any {
	if len(r.key) == 0 {
		return nil
	}
	return r.key
}

// createIfFree lets the database tell whether the key is free.
func (s *Store) createIfFree(ctx context.Context, row purchaseRow, p ledger.Purchase) (ledger.Purchase, error) {
	insert := insertPurchase
	if s.db.Dialect != sqldb.MySQL {
		insert += " ON CONFLICT (user_id, held_key) DO NOTHING"
	}
	for {
		inserted, err := s.exec(ctx, "create a purchase", insert, append(row.args(), row.held())...)
		if err != nil {
			return ledger.Purchase{}, err
		}
		if inserted == 1 {
			return row.kept(p), nil
		}
		holders, err := s.purchases(ctx, "look for the purchase of a key", (*purchaseRow).read, selectHolder, row.userID, row.key)
		if err != nil {
			return ledger.Purchase{}, err
		}
		for _, holder := range holders {
			if holder.KeyUntil.After(p.CreatedAt) {
				return holder, nil
			}
			if _, err := s.exec(ctx, "free a key", freeKey, sqldb.Stored(holder.ID), row.key); err != nil {
				return ledger.Purchase{}, err
			}
		}
	}
}

// createLocked locks the key by name: in InnoDB several that insert the same
// value of a unique index lock what the others wait for, and deadlock.
func (s *Store) createLocked(ctx context.Context, row purchaseRow, p ledger.Purchase) (ledger.Purchase, error) {
	name := fmt.Sprintf("key %d %s%s", len(p.UserID), p.UserID, p.Key)
	leave, err := s.db.Enter(ctx, name)
	if err != nil {
		return ledger.Purchase{}, failed(ctx, "wait for a key", err)
	}
	defer leave()
	h, err := s.db.Hold(ctx, s.shortLease())
	if err != nil {
		return ledger.Purchase{}, failed(ctx, "begin", err)
	}
	defer h.End()
	if err := h.LockName(ctx, name); err != nil {
		return ledger.Purchase{}, failed(ctx, "lock a key", err)
	}
	holder, found, err := s.purchase(ctx, h, selectHolder, []any{row.userID, row.key})
	if err != nil {
		return ledger.Purchase{}, failed(ctx, "look for the purchase of a key", err)
	}
	if found {
		if holder.KeyUntil.After(p.CreatedAt) {
			return holder, nil
		}
		if _, err := h.Exec(ctx, freeKey, sqldb.Stored(holder.ID), row.key); err != nil {
			return ledger.Purchase{}, failed(ctx, "free a key", err)
		}
	}
	if _, err := h.Exec(ctx, insertPurchase, append(row.args(), row.held())...); err != nil {
		return ledger.Purchase{}, failed(ctx, "create a purchase", err)
	}
	if err := h.Commit(ctx); err != nil {
		return ledger.Purchase{}, failed(ctx, "commit a purchase", err)
	}
	return row.kept(p), nil
}
