package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"
)

const maxHistory = 100

// create is the store's Create. The history of a new purchase is to be
// reported.
func (l *Ledger) create(ctx context.Context, p Purchase) (kept Purchase, created bool, err error) {
	l.enqueue(&p, len(p.History))
	kept, created, err = l.store.Create(ctx, p)
	if created && err == nil {
		l.announce(kept)
	}
	return kept, created, err
}

// change is the store's Change for everything that a ledger does to a purchase.
// It limits the history. What fn adds to it is to be reported, and is saved
// together with the rest of the purchase: that is the outbox.
func (l *Ledger) change(
	ctx context.Context, id string, fn func(context.Context, Purchase) (Purchase, error),
) (Purchase, error) {
	p, err := l.store.Change(ctx, l.key(id), func(ctx context.Context, p Purchase) (Purchase, error) {
		next, err := fn(ctx, p)
		if err == nil {
			l.enqueue(&next, len(next.History)-len(p.History))
		}
		return next, err
	})
	if err == nil {
		l.announce(p)
	}
	return p, err
}

// enqueue records that the last n entries of the history are to be reported, if
// Config.OnChange is set here, or was where the purchase was changed before. It
// then limits the history: an entry that does not fit is not reported.
func (l *Ledger) enqueue(p *Purchase, n int) {
	if n > 0 && (l.config.OnChange != nil || p.Changes > 0) {
		p.Changes += n
		if p.ReportAt.IsZero() {
			p.ReportAt = l.now()
		}
	}
	for len(p.History) > maxHistory {
		if len(p.unreported()) >= len(p.History)-1 {
			p.Reported++
		}
		p.History = slices.Delete(p.History, 1, 2)
	}
}

// unreported returns the entries of the history that are not reported yet.
func (p Purchase) unreported() []Change {
	n := max(p.Changes-p.Reported, 0) // a row may say anything
	return p.History[len(p.History)-min(n, len(p.History)):]
}

// announce wakes a worker of this process if the purchase has changes to report.
func (l *Ledger) announce(p Purchase) {
	if l.config.OnChange == nil || p.ReportAt.IsZero() || p.ReportAt.After(l.now()) {
		return
	}
	select {
	case l.changed <- struct{}{}:
	default: // a worker is about to look
	}
}

// report reports the changes of a claimed purchase in their order, and saves
// how many OnChange has accepted. The error is the store's.
func (l *Ledger) report(ctx context.Context, p Purchase) error {
	if l.reported.has(p.ID) { // a call does not return, so the claim has lapsed
		return nil
	}
	l.reported.add(p.ID, 1)
	defer l.reported.add(p.ID, -1)
	changes := p.unreported()
	done := p.Changes - len(changes)
	lastCall := p.ReportAt.Add(-l.config.StepTimeout) // so that the claim outlasts the call
	var failure error
	var retryAt time.Time
	for i, change := range changes {
		if i > 0 && l.now().After(lastCall) {
			break
		}
		if failure = l.onChange(ctx, p, change); failure != nil {
			// The wait since the change doubles, up to that of any other step.
			waited := l.now().Sub(change.At)
			retryAt = l.now().Add(min(max(waited, l.config.RetryAfter), doubled(l.config.RetryAfter, maxDoublings)))
			l.record(ctx, slog.LevelWarn, "OnChange has failed, to be called again", p, slog.Time("changed", change.At),
				slog.String("to", string(change.To)), slog.Time("next", retryAt), slog.String("cause", words(failure)))
			break
		}
		done++
	}
	saving, stop := l.within(ctx)
	defer stop()
	now, err := l.store.Change(saving, l.key(p.ID), func(_ context.Context, now Purchase) (Purchase, error) {
		now.Reported = max(now.Reported, done)
		switch {
		case len(now.unreported()) == 0:
			now.ReportAt = time.Time{}
		case failure != nil:
			now.ReportAt = retryAt
		default: // it has changed meanwhile
			now.ReportAt = l.now()
		}
		return now, nil
	})
	if err != nil {
		return storeError("save what was reported", err)
	}
	l.announce(now)
	return nil
}

// onChange calls Config.OnChange.
func (l *Ledger) onChange(ctx context.Context, p Purchase, change Change) (err error) {
	ctx, stop := context.WithTimeout(ctx, l.config.StepTimeout)
	defer stop()
	defer func() {
		if recovered := recover(); recovered != nil {
			l.log.LogAttrs(ctx, slog.LevelError, "gloebit ledger: OnChange panicked", slog.String("purchase", p.ID),
				slog.Any("panic", recovered), slog.String("stack", string(debug.Stack())))
			err = fmt.Errorf("OnChange: %w", errPanic)
		}
	}()
	return l.config.OnChange(ctx, p.Clone(), change)
}
