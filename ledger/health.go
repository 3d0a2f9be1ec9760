package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// healthTimeout is how long Ready and Health wait for the store.
const healthTimeout = 5 * time.Second

// Ready returns an error unless this process can take orders and callbacks:
// [ErrNotRunning] if [Ledger.Run] does not run in it, and gloebit.ErrStore if
// the store does not answer within five seconds. Use it in
// gloebit.HealthHandler.
func (l *Ledger) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	_, err := l.store.Get(ctx, l.key("health"))
	if missing(err) {
		err = nil
	}
	return errors.Join(storeError("get a purchase", err), l.notRunning())
}

// Health is like [Ledger.Ready], and also returns an [ErrOverdue] if purchases
// of the ledger's realm are overdue. That is no reason to take a process out of
// service: when Gloebit is down, they are overdue on every replica.
func (l *Ledger) Health(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	counts, err := l.Counts(ctx)
	var overdue int64
	for _, count := range counts {
		if count.Realm == l.realm {
			overdue += count.Overdue
		}
	}
	if overdue > 0 {
		err = fmt.Errorf("%w: %d of the realm %q", ErrOverdue, overdue, l.realm)
	}
	return errors.Join(err, l.notRunning())
}

func (l *Ledger) notRunning() error {
	if l.running.Load() == 0 {
		return ErrNotRunning
	}
	return nil
}
