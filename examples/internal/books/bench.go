package books

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
)

// PiecesADay is how many pieces of each service the bench can do per day.
const PiecesADay = 40

// Bench is the workbench where services are done. It is the shop's
// ledger.Fulfiller. It writes each step in the transaction that saves the
// purchase, so each happens once. It does nothing for products, which Gloebit
// delivers.
type Bench struct{ db *sql.DB }

var _ ledger.Fulfiller = (*Bench)(nil)

var errFull = errors.New("the bench has no room for it today")

// Full reports whether the purchase was canceled because the bench had no
// capacity.
func Full(p ledger.Purchase) bool { return strings.Contains(p.Cause, errFull.Error()) }

// Reserve reserves capacity for the job today.
func (b *Bench) Reserve(ctx context.Context, p ledger.Purchase) error {
	if p.Item == "" {
		return nil
	}
	tx, err := transaction(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrTryAgain, err)
	}
	day := time.Now().UTC().Format(time.DateOnly)
	var promised int64
	const sum = "SELECT COALESCE(SUM(pieces), 0) FROM shop_jobs WHERE service = $1 AND day = $2"
	if err := tx.QueryRowContext(ctx, sum, p.Item, day).Scan(&promised); err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrTryAgain, err) // the database may work next time
	}
	if promised+p.Quantity > PiecesADay {
		return errFull
	}
	const insert = "INSERT INTO shop_jobs (purchase, visitor, service, pieces, day) VALUES ($1, $2, $3, $4, $5)"
	if _, err := tx.ExecContext(ctx, insert, p.ID, p.UserID, p.Item, p.Quantity, day); err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrTryAgain, err)
	}
	return nil
}

// Deliver marks the job done.
func (b *Bench) Deliver(ctx context.Context, p ledger.Purchase) error {
	if p.Item == "" {
		return nil
	}
	changed, err := write(ctx, "UPDATE shop_jobs SET done = 1 WHERE purchase = $1", p.ID)
	if err == nil && changed != 1 {
		return fmt.Errorf("%d jobs for one purchase", changed)
	}
	return err
}

// Release removes the job, if it was reserved.
func (b *Bench) Release(ctx context.Context, p ledger.Purchase) error {
	if p.Item == "" {
		return nil
	}
	_, err := write(ctx, "DELETE FROM shop_jobs WHERE purchase = $1", p.ID)
	return err
}

// Done returns how many pieces the bench has done for a visitor, by service.
func (b *Bench) Done(ctx context.Context, visitor string) (map[string]int64, error) {
	rows, err := b.db.QueryContext(
		ctx, "SELECT service, SUM(pieces) FROM shop_jobs WHERE visitor = $1 AND done = 1 GROUP BY service", visitor,
	)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := make(map[string]int64)
	for rows.Next() {
		var service string
		var pieces int64
		if err := rows.Scan(&service, &pieces); err != nil {
			return nil, err
		}
		counts[service] = pieces
	}
	return counts, rows.Err()
}

// transaction returns the transaction in which the purchase is saved.
func transaction(ctx context.Context) (sqlledger.Querier, error) {
	tx, ok := sqlledger.Tx(ctx)
	if !ok {
		return nil, errors.New("the ledger's store is not in the shop's database")
	}
	return tx, nil
}

func write(ctx context.Context, statement, purchase string) (changed int64, err error) {
	tx, err := transaction(ctx)
	if err != nil {
		return 0, err
	}
	result, err := tx.ExecContext(ctx, statement, purchase)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
