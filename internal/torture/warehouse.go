package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
)

// A row of torture_goods is one action for a purchase, such as its delivery.
// The purchase ID is not unique, so an action that happened twice has two rows.
const (
	createGoods = "CREATE TABLE IF NOT EXISTS torture_goods (id VARCHAR(36) PRIMARY KEY, shop VARCHAR(36) NOT NULL, " +
		"purchase VARCHAR(36) NOT NULL, what VARCHAR(16) NOT NULL)"
	selectGoods = "SELECT purchase, what, COUNT(*) FROM torture_goods WHERE shop = '%s' GROUP BY purchase, what"
)

const (
	whatReserved  = "reserved"
	whatDelivered = "delivered"
	whatReleased  = "released"
	whatReported  = "reported" // delivered, according to OnChange
)

// done counts the actions for a purchase.
type done map[string]int

// readGoods returns the actions of a merchant's shop processes by purchase ID.
func readGoods(ctx context.Context, db *sql.DB, clientID string) (map[string]done, error) {
	rows, err := db.QueryContext(ctx, fmt.Sprintf(selectGoods, clientID))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	goods := map[string]done{}
	for rows.Next() {
		var purchase, what string
		var count int
		if err := rows.Scan(&purchase, &what, &count); err != nil {
			return nil, err
		}
		if goods[purchase] == nil {
			goods[purchase] = done{}
		}
		goods[purchase][what] = count
	}
	return goods, rows.Err()
}

// allReported reports whether OnChange has received all changes of a realm.
func allReported(ctx context.Context, db *sql.DB, realm string) (bool, error) {
	var left int
	query := "SELECT COUNT(*) FROM gloebit_purchases WHERE realm = '" + realm + "' AND report_at IS NOT NULL"
	err := db.QueryRowContext(ctx, query).Scan(&left)
	return left == 0, err
}

// A warehouse that is wrong in one of these ways must be detected.
const (
	loses   = "loses"   // reports some purchases as delivered without delivering them
	doubles = "doubles" // delivers some purchases twice
	fails   = "fails"   // delivers nothing
)

// warehouse is the shop's Fulfiller. It records its actions in the ledger's
// transaction.
type warehouse struct {
	db     *sql.DB
	insert string
	plan   shopPlan

	mu     sync.Mutex
	random *mathrand.Rand
}

func newWarehouse(plan shopPlan, db *sql.DB) *warehouse {
	marks := "?, ?, ?, ?"
	if plan.Place.dialect() == sqlstore.Postgres {
		marks = "$1, $2, $3, $4"
	}
	return &warehouse{
		db:     db,
		insert: "INSERT INTO torture_goods (id, shop, purchase, what) VALUES (" + marks + ")",
		plan:   plan,
		random: mathrand.New(mathrand.NewPCG(plan.Seed, plan.Life)),
	}
}

// calmDown ends the faults of the warehouse.
func (w *warehouse) calmDown() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.plan.Faulty = false
}

func (w *warehouse) chance(percent int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.plan.Faulty && w.random.IntN(100) < percent
}

// rarely decides on faults that block all writers of a database with a single
// lock.
func (w *warehouse) rarely() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.plan.Faulty && w.random.IntN(200) == 0
}

// some reports whether a purchase is among the given percent of the purchases.
// The result depends only on the seed and the idempotency key.
func (w *warehouse) some(p ledger.Purchase, percent uint64) bool {
	sum := fnv.New64a()
	_, _ = fmt.Fprintf(sum, "%d %s", w.plan.Seed, p.IdempotencyKey)
	return sum.Sum64()%100 < percent
}

func (w *warehouse) write(ctx context.Context, p ledger.Purchase, what string) error {
	tx, ok := sqlledger.Tx(ctx)
	if !ok {
		return errors.New("the context has no transaction")
	}
	_, err := tx.ExecContext(ctx, w.insert, rand.Text(), w.plan.ClientID, p.ID, what)
	return err
}

// Reserve implements [ledger.Fulfiller].
func (w *warehouse) Reserve(ctx context.Context, p ledger.Purchase) error {
	if w.plan.Declines && w.some(p, 3) {
		return errors.New("sold out")
	}
	if err := w.write(ctx, p, whatReserved); err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrTryAgain, err)
	}
	if w.chance(5) {
		return ledger.ErrTryAgain
	}
	if w.chance(1) {
		panic("a mistake at Reserve")
	}
	return nil
}

// Deliver implements [ledger.Fulfiller].
func (w *warehouse) Deliver(ctx context.Context, p ledger.Purchase) error {
	if w.plan.Broken == loses && w.some(p, 30) {
		return nil
	}
	if w.plan.Broken == fails {
		return errors.New("the warehouse is closed")
	}
	if w.chance(3) {
		return errors.New("it did not work at all")
	}
	if w.rarely() {
		time.Sleep(3 * tryFor / 2) // longer than StepTimeout, and ignores the context
	}
	if err := w.write(ctx, p, whatDelivered); err != nil {
		return err
	}
	if w.plan.Broken == doubles && w.some(p, 30) {
		return w.write(ctx, p, whatDelivered)
	}
	return w.unreliable()
}

// Release implements [ledger.Fulfiller].
func (w *warehouse) Release(ctx context.Context, p ledger.Purchase) error {
	if err := w.write(ctx, p, whatReleased); err != nil {
		return err
	}
	return w.unreliable()
}

// onChange is the ledger's Config.OnChange. It writes outside of the ledger's
// transaction.
func (w *warehouse) onChange(ctx context.Context, p ledger.Purchase, change ledger.Change) error {
	if change.To != ledger.Delivered {
		return w.unreliable()
	}
	if _, err := w.db.ExecContext(ctx, w.insert, rand.Text(), w.plan.ClientID, p.ID, whatReported); err != nil {
		return err
	}
	return w.unreliable()
}

// unreliable fails or panics at times. It is called after all writes.
func (w *warehouse) unreliable() error {
	if w.chance(5) {
		return errors.New("it did not work after all")
	}
	if w.chance(2) {
		panic("a mistake after all was written")
	}
	return nil
}
