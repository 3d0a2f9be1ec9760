package bench

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit/stores/sqlstore"
)

// Sales is a number of purchases per second, through the ledger and with bare
// statements.
type Sales struct{ Ledger, Bare float64 }

// SalesOnPostgres has that many concurrent buyers buy through the ledger, and
// then runs the bare statements of purchases on as many connections, each for
// the given time. If the server does not respond, the error is ErrNoServer.
func SalesOnPostgres(ctx context.Context, buyers int, lasts time.Duration) (Sales, error) {
	d, err := openPostgres(ctx)
	if err != nil {
		return Sales{}, err
	}
	sales, err := d.sell(ctx, buyers, lasts)
	return sales, errors.Join(err, d.close())
}

// SalesOnSQLite is the same with a SQLite file. Its bare statements run one
// purchase at a time, because SQLite has one writer.
func SalesOnSQLite(ctx context.Context, buyers int, lasts time.Duration) (Sales, error) {
	d, err := openSQLite(ctx)
	if err != nil {
		return Sales{}, err
	}
	sales, err := d.sell(ctx, buyers, lasts)
	return sales, errors.Join(err, d.close())
}

func (d *database) sell(ctx context.Context, buyers int, lasts time.Duration) (s Sales, err error) {
	open, err := newShop(ctx, d, d.DB)
	if err != nil {
		return s, err
	}
	bought, err := d.recordPurchase(ctx)
	if err != nil {
		return s, err
	}
	const turns = 5
	for range turns {
		ledger, err := rate(ctx, buyers, lasts/turns, func(ctx context.Context) error {
			_, err := open.buy(ctx, newKey())
			return err
		})
		if err != nil {
			return s, err
		}
		bare, err := rate(ctx, buyers, lasts/turns, d.player(bought))
		if err != nil {
			return s, err
		}
		s.Ledger, s.Bare = s.Ledger+ledger/turns, s.Bare+bare/turns
	}
	return s, nil
}

// player returns a function that runs the statements of one purchase on a
// connection of the pool.
func (d *database) player(bought recordedPurchase) func(context.Context) error {
	var writer sync.Mutex
	return func(ctx context.Context) (err error) {
		next := bought.fresh()
		if d.dialect == sqlstore.SQLite {
			writer.Lock()
			defer writer.Unlock()
		}
		var conn *sql.Conn
		if conn, err = d.Conn(ctx); err != nil {
			return err
		}
		return errors.Join(next.recording.replay(ctx, conn), conn.Close())
	}
}

// rate returns how often per second that many goroutines complete do.
func rate(ctx context.Context, together int, lasts time.Duration, do func(context.Context) error) (float64, error) {
	counts, start := make([]int, together), time.Now()
	workers := make([]*int, together)
	for i := range workers {
		workers[i] = &counts[i]
	}
	err := all(workers, func(count *int) error {
		for time.Since(start) < lasts {
			if err := do(ctx); err != nil {
				return err
			}
			*count++
		}
		return nil
	})
	total := 0
	for _, count := range counts {
		total += count
	}
	return float64(total) / time.Since(start).Seconds(), err
}
