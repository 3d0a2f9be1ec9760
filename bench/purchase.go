package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// purchasePair makes a purchase through the ledger, from the order to the
// delivery, on PostgreSQL. The peer runs the statements that one such purchase
// ran, as they were recorded, with another id and key: on one connection, with
// nothing decided, signed, encoded or read but the rows.
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
	var ready []sold
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
					ready = append(ready, bought.again())
				}
				return nil
			},
			Do: func() error {
				next := ready[len(ready)-1]
				ready, id = ready[:len(ready)-1], next.id
				return next.tape.play(ctx, conn)
			},
			Answer: func() string { return d.outcome(ctx, id) },
		},
		Close: func() error { return errors.Join(conn.Close(), d.close()) },
	}, nil
}

// sold is a purchase with what it ran.
type sold struct {
	id, key string
	tape    tape
}

func (d *database) recordPurchase(ctx context.Context) (s sold, err error) {
	s.key = newKey()
	s.tape, err = d.record(func(db *sql.DB) error {
		recorded, err := newShop(ctx, d, db)
		if err == nil {
			s.id, err = recorded.buy(ctx, s.key)
		}
		return err
	})
	return s, err
}

// again is the same of another purchase.
func (s sold) again() sold {
	next := sold{id: uuid.Must(uuid.NewV7()).String(), key: newKey()}
	next.tape = s.tape.with(s.id, next.id, s.key, next.key)
	return next
}

// outcome is what the database has of a purchase.
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
