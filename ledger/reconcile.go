package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit"
)

// Run picks up what [Ledger.Reconcile] does, with Config.Workers at once, each
// of which looks for work, and looks again Config.Interval after there was none,
// until ctx ends. Beside them it saves what callbacks told while the store had
// failed. It then finishes what it holds and saves what is left, within 5/4 of
// Config.WorkTimeout, and returns the context's error. A Fulfiller that does not
// return holds its worker and no other; when ctx has ended it is left, and its
// purchase logged, whether a worker called it or a callback. Every replica may
// run it; none needs to be the only one. What fails is logged.
func (l *Ledger) Run(ctx context.Context) error {
	var saving sync.WaitGroup
	saving.Go(func() { l.keepSaving(ctx) })
	l.crew(ctx, func() {
		l.every(ctx, func() {
			if err := l.round(ctx, l.now()); err != nil {
				l.log.ErrorContext(ctx, "gloebit ledger: a pass has failed", "cause", words(err))
			}
		})
	})
	saving.Wait()
	l.lose(ctx)
	return ctx.Err()
}

// Reconcile makes one pass: it saves what callbacks told while the store had
// failed, picks up every purchase whose next step is due, and tries that step.
// What Gloebit has not answered is sent again under its id; what waits for its
// callback too long is asked about in the same way; what is paid is delivered;
// what is off is released. A purchase whose step fails again and again is parked
// as stuck, and logged.
//
// When ctx ends, nothing more is picked up and what it holds is finished, within
// about Config.WorkTimeout. A Fulfiller that does not return holds Reconcile
// until then, so call it with a context that ends. The error is gloebit.ErrStore
// when the store failed, or the context's. A purchase whose step failed is no
// error.
func (l *Ledger) Reconcile(ctx context.Context) error {
	var mu sync.Mutex
	errs := []error{l.saveUnsaved(ctx)}
	now := l.now() // after what was saved, which is due now
	l.crew(ctx, func() {
		err := l.round(ctx, now)
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err)
	})
	mu.Lock()
	defer mu.Unlock()
	return errors.Join(append(slices.Clone(errs), ctx.Err())...)
}

// crew has as many workers work as there may be, and waits for them. Those that
// go on for too long after ctx has ended are left. What they hold is logged then,
// and what callbacks hold for too long.
func (l *Ledger) crew(ctx context.Context, work func()) {
	var group sync.WaitGroup
	for range l.config.Workers {
		group.Go(work)
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	select {
	case <-done:
		if ctx.Err() == nil {
			return
		}
	case <-ctx.Done():
	}
	var left []string
	select {
	case <-done:
	case <-time.After(l.config.WorkTimeout + l.config.WorkTimeout/4): // a step, and the saving of what came of it
		left = l.held.all()
	}
	left = append(left, l.overdue.all()...)
	slices.Sort(left)
	for _, id := range slices.Compact(left) {
		l.log.LogAttrs(ctx, slog.LevelError, "gloebit ledger: left a purchase whose step does not end", slog.String("purchase", id))
	}
}

// round works on what was due at that time, one purchase after the other, until
// there is none, the store is down or ctx ends. A worker that hangs keeps its slot, so
// that there are never more than Config.Workers, whoever calls Run or Reconcile
// how often.
func (l *Ledger) round(ctx context.Context, due time.Time) error {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	defer func() { <-l.slots }()
	var trouble streak
	for !trouble.over() && ctx.Err() == nil {
		p, err := l.store.Claim(ctx, due, l.now().Add(l.claimFor()))
		if errors.Is(err, gloebit.ErrNotFound) {
			break
		}
		if err != nil {
			trouble.met(storeError("claim a purchase", err))
			continue
		}
		trouble.met(l.pickUp(context.WithoutCancel(ctx), p))
	}
	return trouble.err()
}

// pickUp tries the step that follows a purchase's state. The error is the
// store's.
func (l *Ledger) pickUp(ctx context.Context, p Purchase) error {
	l.held.add(p.ID, 1)
	defer l.held.add(p.ID, -1)
	if !slices.Contains(States(), p.State) {
		l.record(ctx, slog.LevelError, "left a purchase in a state that this version does not know", p)
		return nil
	}
	if p.State == Settled || p.State == Canceled {
		return l.finish(ctx, p)
	}
	loading, stop := l.within(ctx)
	client, err := l.config.Merchant.Client(loading, p.UserID)
	stop()
	if err == nil {
		err = sameAccount(client, p)
	}
	if err != nil {
		_, err = l.tried(ctx, p, err)
		return err
	}
	_, _ = l.send(ctx, client, p, false) // the purchase itself says what came of it
	return nil
}

var errOtherAccount = errors.New("ledger: the user is connected with another Gloebit account")

// sameAccount returns an error when another account would pay than the one with
// which the purchase was ordered.
func sameAccount(client *gloebit.Client, p Purchase) error {
	if now := account(client); now != "" && p.GloebitID != "" && now != p.GloebitID {
		return fmt.Errorf("%w than the one that ordered", errOtherAccount)
	}
	return nil
}
