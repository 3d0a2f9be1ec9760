package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// purchasePair runs a purchase through the ledger, from order to delivery, on
// PostgreSQL. The peer runs the statements that were recorded from such a
// purchase, with another ID and key, on one connection. It decides, signs and
// encodes nothing, and reads only the rows.
func purchasePair(ctx context.Context) (*Pair, error) {
	d, err := openPostgres(ctx)
	if err != nil {
		return nil, err
	}
	pair, err := d.purchases(ctx)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return pair, nil
}

func (d *database) purchases(ctx context.Context) (*Pair, error) {
	s, err := newShop(ctx, d, d.DB)
	if err != nil {
		return nil, err
	}
	bought, err := d.recordPurchase(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := d.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var id string
	var ready []recordedPurchase
	return &Pair{
		Ours: Side{
			Do: func() (err error) {
				id, err = s.buy(ctx, newKey())
				return err
			},
			Answer: func() string { return d.outcome(ctx, id) },
		},
		Peer: Side{
			Prepare: func(n int) error {
				for range n {
					ready = append(ready, bought.fresh())
				}
				return nil
			},
			Do: func() error {
				next := ready[len(ready)-1]
				ready, id = ready[:len(ready)-1], next.id
				return next.recording.replay(ctx, conn)
			},
			Answer: func() string { return d.outcome(ctx, id) },
		},
		Close: func() error { return errors.Join(conn.Close(), d.close()) },
	}, nil
}

// recordedPurchase is a purchase with its recorded statements.
type recordedPurchase struct {
	id, key   string
	recording recording
}

func (d *database) recordPurchase(ctx context.Context) (s recordedPurchase, err error) {
	s.key = newKey()
	s.recording, err = d.record(func(db *sql.DB) error {
		recorded, err := newShop(ctx, d, db)
		if err == nil {
			s.id, err = recorded.buy(ctx, s.key)
		}
		return err
	})
	return s, err
}

// fresh returns the same for a new purchase.
func (s recordedPurchase) fresh() recordedPurchase {
	next := recordedPurchase{id: uuid.Must(uuid.NewV7()).String(), key: newKey()}
	next.recording = s.recording.with(s.id, next.id, s.key, next.key)
	return next
}

// outcome returns the result of a purchase as the database has it.
func (d *database) outcome(ctx context.Context, id string) string {
	var state string
	var goods int
	err := errors.Join(
		d.QueryRowContext(ctx, "SELECT state FROM gloebit_purchases WHERE id = $1", id).Scan(&state),
		d.QueryRowContext(ctx, "SELECT COUNT(*) FROM goods WHERE purchase = $1", id).Scan(&goods),
	)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s, and %d delivered", state, goods)
}
