package drivertest_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// reporter is an OnChange that notes each change, in a transaction of its
// own, and blocks from that call on.
func reporter(db *sql.DB, halt int) func(context.Context, ledger.Purchase, ledger.Change) error {
	var calls atomic.Int64
	return func(ctx context.Context, p ledger.Purchase, change ledger.Change) error {
		_, err := db.ExecContext(ctx, insertNote(p.ID, "report "+string(change.To)))
		for err != nil && ctx.Err() == nil && strings.Contains(err.Error(), "SQLITE_BUSY") {
			<-time.After(5 * time.Millisecond)
			_, err = db.ExecContext(ctx, insertNote(p.ID, "report "+string(change.To)))
		}
		if err != nil {
			return err
		}
		n := int(calls.Add(1))
		if n == halt {
			fmt.Println("halted")
		}
		if halt > 0 && n >= halt {
			select {} // until the process is killed
		}
		return nil
	}
}

// Shops are killed one after the other after a report and before it is saved.
func TestKilledShopsReportEveryChange(t *testing.T) {
	each(t, withWAL, func(t *testing.T, d database) {
		const many, kills = 20, 5
		store := d.store(t)
		for i := range many {
			created(t, store, purchase(i, ledger.Settled))
		}
		clock := ordered
		for i := range kills {
			clock = clock.Add(time.Hour)
			s := startShop(t, d, shopPlan{Clock: clock, Deliver: true, HaltReport: 1 + i})
			require.True(t, s.lines.Scan())
			require.Equal(t, "halted", s.lines.Text())
			s.kill()
		}
		config := newConfig(store, &warehouse{}, clock.Add(time.Hour))
		config.OnChange = reporter(d.connect(t), 0)
		require.NoError(t, must(ledger.New(config)).Reconcile(t.Context()))
		wantEachOnce(t, d, "delivered", many)
		reports, calls := noted(t, d, "report delivered"), 0
		require.Len(t, reports, many, "every delivery was reported")
		for _, n := range reports {
			calls += n
		}
		require.Greater(t, calls, many, "those that were not saved again")
		require.LessOrEqual(t, calls, many+4*kills, "at most one for each worker and kill")
		all, err := store.List(t.Context(), ledger.Query{Realm: realm})
		require.NoError(t, err)
		for _, p := range all {
			require.Equal(t, ledger.Delivered, p.State)
			require.Equal(t, 1, p.Reported)
			require.Zero(t, p.ReportAt)
		}
	})
}

func TestReplicasReportEachChangeOnce(t *testing.T) {
	each(t, kinds, func(t *testing.T, d database) {
		const many = 40
		store := d.store(t)
		for i := range many {
			created(t, store, purchase(i, ledger.Settled))
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, replicas)
		for range replicas {
			stores, notes := d.connect(t), d.connect(t)
			stores.SetMaxOpenConns(3) // with those of all replicas far below the server's limit
			notes.SetMaxOpenConns(1)
			config := newConfig(newStore(stores, d.dialect), &warehouse{}, time.Time{})
			config.OnChange, config.PollInterval = reporter(notes, 0), 250*time.Millisecond
			purchases := must(ledger.New(config))
			go func() { ended <- purchases.Run(ctx) }()
		}
		require.Eventually(t, func() bool {
			all, err := store.List(t.Context(), ledger.Query{Realm: realm})
			if err != nil {
				return false
			}
			for _, p := range all {
				if p.Reported == 0 {
					return false
				}
			}
			return true
		}, 3*time.Minute, 100*time.Millisecond)
		cancel()
		for range replicas {
			require.ErrorIs(t, <-ended, context.Canceled)
		}
		wantEachOnce(t, d, "report delivered", many)
	})
}
