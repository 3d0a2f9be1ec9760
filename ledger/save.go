package ledger

import (
	"context"
	"log/slog"
)

// saveUnsaved saves what callbacks told and the store could not take then. It
// calls no Fulfiller, since one that hangs would keep the rest from being saved:
// what is saved is due at once for whoever claims it. What fails again is kept.
// The error is the store's.
func (l *Ledger) saveUnsaved(ctx context.Context) error {
	var trouble streak
	for _, n := range l.unsaved.all() {
		if ctx.Err() != nil || trouble.over() {
			break
		}
		trouble.met(l.saveOne(ctx, n))
	}
	return trouble.err()
}

func (l *Ledger) saveOne(ctx context.Context, n notice) error {
	working, stop := context.WithTimeout(ctx, l.config.WorkTimeout)
	defer stop()
	h := n.happening()
	h.handedOver = true
	p, did, err := l.apply(working, n.id, h)
	switch {
	case missing(err):
		l.stranger(ctx, n)
	case err != nil:
		l.unsaved.toTheEnd(n)
		return err
	case l.impossible(ctx, n, p, did.answer):
	default:
		l.record(ctx, slog.LevelInfo, "saved what was kept in memory", p, slog.String("step", string(n.step)))
	}
	l.unsaved.forget(n)
	return nil
}

// saveMeanwhile is for a process that takes callbacks and has no [Ledger.Run]:
// the next callback that can be saved saves what waits, for Config.WorkTimeout
// at most. Others that come meanwhile do not.
func (l *Ledger) saveMeanwhile(ctx context.Context) {
	if !l.unsaved.asking.TryLock() {
		return
	}
	defer l.unsaved.asking.Unlock()
	ctx, stop := l.within(ctx)
	defer stop()
	if err := l.saveUnsaved(ctx); err != nil {
		l.log.ErrorContext(ctx, "gloebit ledger: what is kept in memory can't be saved yet", "cause", words(err))
	}
}

// keepSaving saves what is kept in memory every Config.Interval until ctx ends.
// It then insists on what is left, for Config.WorkTimeout at most.
func (l *Ledger) keepSaving(ctx context.Context) {
	l.every(ctx, func() {
		if err := l.saveUnsaved(ctx); err != nil && ctx.Err() == nil {
			l.log.ErrorContext(ctx, "gloebit ledger: what is kept in memory can't be saved yet", "cause", words(err))
		}
	})
	ctx, stop := l.within(ctx)
	defer stop()
	insist(ctx, func() error { return l.saveUnsaved(ctx) })
}

// lose logs what ends with this process. Whoever goes on in it still has it.
func (l *Ledger) lose(ctx context.Context) {
	for _, n := range l.unsaved.all() {
		l.log.ErrorContext(ctx, "gloebit ledger: a callback is lost with this process, unless Gloebit repeats it",
			"purchase", n.id, "step", string(n.step))
	}
}
