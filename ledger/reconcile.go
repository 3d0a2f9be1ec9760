package ledger

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit"
)

// Run makes passes of [Ledger.Reconcile], the first at once and the others
// Config.Interval apart, until ctx ends. It then finishes what it holds, each
// step within Config.WorkTimeout, and returns the context's error. Every replica
// may run it; none needs to be the only one. A pass that fails is logged.
func (l *Ledger) Run(ctx context.Context) error {
	for {
		if err := l.Reconcile(ctx); err != nil && ctx.Err() == nil {
			l.log.ErrorContext(ctx, "gloebit ledger: a pass has failed", "cause", words(err))
		}
		timer := time.NewTimer(l.config.Interval)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// Reconcile makes one pass: it picks up every purchase whose next step is due,
// and tries that step. What Gloebit has not answered is sent again under its
// id; what waits for its callback too long is asked about in the same way; what
// is paid is delivered; what is off is released. A purchase whose step fails
// again and again is parked as stuck, and logged.
//
// When ctx ends, nothing more is picked up and what it holds is finished. The
// error is gloebit.ErrStore when the store failed, or the context's. A
// purchase whose step failed is no error.
func (l *Ledger) Reconcile(ctx context.Context) error {
	now := l.now()
	errs := make([]error, l.config.Workers)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { errs[i] = l.pickUp(ctx, now) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// pickUp works on what was due at that time, one purchase after the other,
// until there is none.
func (l *Ledger) pickUp(ctx context.Context, due time.Time) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := l.store.Claim(ctx, due, l.now().Add(l.claimFor()))
		if errors.Is(err, gloebit.ErrNotFound) {
			return nil
		}
		if err != nil {
			return storeError("claim a purchase", err)
		}
		if err := l.work(context.WithoutCancel(ctx), p); err != nil {
			return err
		}
	}
}

// work tries the step that follows a purchase's state. The error is the store's.
func (l *Ledger) work(ctx context.Context, p Purchase) error {
	if p.State == Settled || p.State == Canceled {
		return l.finish(ctx, p)
	}
	loading, stop := l.within(ctx)
	client, err := l.config.Merchant.Client(loading, p.UserID)
	stop()
	if err != nil {
		_, err = l.tried(ctx, p, err)
		return err
	}
	_, _ = l.send(ctx, client, p, false) // the purchase itself says what came of it
	return nil
}
