package ledger

import (
	"context"
	"log/slog"
	"time"
)

// saveKept saves the kept callbacks. It does not deliver or release: the workers
// do that at once. A callback that fails again is kept. So is one whose Reserve
// hangs, which does not delay the others for long. The error is the store's.
func (l *Ledger) saveKept(ctx context.Context) error {
	var failures streak
	for _, c := range l.kept.all() {
		if ctx.Err() != nil || failures.over() {
			break
		}
		saved := make(chan error, 1)
		go func() { saved <- l.saveOne(ctx, c) }()
		select {
		case err := <-saved:
			failures.add(err)
		case <-time.After(l.config.StepTimeout + l.config.StepTimeout/4):
			l.kept.toTheEnd(c)
		}
	}
	return failures.first
}

func (l *Ledger) saveOne(ctx context.Context, c callback) error {
	working, stop := context.WithTimeout(ctx, l.config.StepTimeout)
	defer stop()
	e := c.event()
	e.due = true
	did, err := l.apply(working, Purchase{ID: c.id}, e)
	if failure, ok := err.(*fulfillerError); ok {
		did, err = l.notReserved(ctx, c, did, failure)
	} else if missing(err) {
		did, err = l.unknownPurchase(ctx, c)
	}
	switch {
	case err != nil:
		l.kept.toTheEnd(c)
		return err
	case !l.breaksPromise(ctx, c, did):
		l.record(ctx, slog.LevelInfo, "saved a callback that was kept in memory", did.p, slog.String("step", string(c.step)))
	}
	l.kept.remove(c)
	return nil
}

// saveKeptMeanwhile runs in a process that receives callbacks without
// [Ledger.Run]. After a callback was saved, it saves the kept ones, for at most
// Config.StepTimeout. Only one goroutine does so at a time.
func (l *Ledger) saveKeptMeanwhile(ctx context.Context) {
	if !l.kept.saving.TryLock() {
		return
	}
	defer l.kept.saving.Unlock()
	ctx, stop := l.within(ctx)
	defer stop()
	if err := l.saveKept(ctx); err != nil {
		l.log.ErrorContext(ctx, "gloebit ledger: callbacks kept in memory can't be saved yet", "cause", words(err))
	}
}

// keepSaving saves the kept callbacks every Config.PollInterval until ctx ends.
// Then it tries for Config.StepTimeout at most.
func (l *Ledger) keepSaving(ctx context.Context) {
	l.every(ctx, nil, func() {
		if err := l.saveKept(ctx); err != nil && ctx.Err() == nil {
			l.log.ErrorContext(ctx, "gloebit ledger: callbacks kept in memory can't be saved yet", "cause", words(err))
		}
	})
	ctx, stop := l.within(ctx)
	defer stop()
	retry(ctx, func() error { return l.saveKept(ctx) })
}

// logLost logs the callbacks that are lost when this process ends.
func (l *Ledger) logLost(ctx context.Context) {
	for _, c := range l.kept.all() {
		l.log.ErrorContext(ctx, "gloebit ledger: a callback is lost with this process, unless Gloebit repeats it",
			"purchase", c.id, "step", string(c.step))
	}
}
