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

// create calls the store's Create. The history of a new purchase will be
// reported.
func (l *Ledger) create(ctx context.Context, p Purchase) (kept Purchase, created bool, err error) {
	l.enqueue(&p, len(p.History))
	kept, created, err = l.store.Create(ctx, p)
	if created && err == nil {
		l.announce(kept)
	}
	return kept, created, err
}

// change calls the store's Change. Every change of a purchase goes through it
// or through swap. It limits the history. Entries that fn adds will be
// reported; they are saved together with the purchase, which makes it an
// outbox.
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

// swap is change for an fn that has no effect but its result. It first calls fn
// with the purchase as it was last read, without a lock. If fn or the store
// fails, or if the purchase is no longer like that, it calls fn again in a
// change.
func (l *Ledger) swap(
	ctx context.Context, p Purchase, fn func(context.Context, Purchase) (Purchase, error),
) (Purchase, error) {
	next, err := fn(ctx, p.Clone())
	if err != nil {
		return l.change(ctx, p.ID, fn)
	}
	l.enqueue(&next, len(next.History)-len(p.History))
	saved, swapped, err := l.store.CompareAndSwap(ctx, p, next)
	if err != nil || !swapped { // after an error, next may have been saved, which fn then sees
		return l.change(ctx, p.ID, fn)
	}
	l.announce(saved)
	return saved, nil
}

// enqueue marks the last n entries of the history as unreported, if
// Config.OnChange is set here or was set where the purchase was changed before.
// It then limits the history: an entry that does not fit is not reported. A
// ReportAt later than any wait, because a clock was ahead, becomes now. It
// allows an hour for processes with other settings, such as an operator's
// command.
func (l *Ledger) enqueue(p *Purchase, n int) {
	now := l.now()
	if n > 0 && (l.config.OnChange != nil || p.Changes > 0) {
		p.Changes += n
		if p.ReportAt.IsZero() {
			p.ReportAt = now
		}
	}
	if p.ReportAt.After(now.Add(l.longestReportWait() + l.claimFor() + time.Hour)) {
		p.ReportAt = now
	}
	for len(p.History) > maxHistory {
		if len(p.unreported()) >= len(p.History)-1 {
			p.Reported++
		}
		p.History = slices.Delete(p.History, 1, 2)
	}
}

// longestReportWait is the longest wait after OnChange has failed.
func (l *Ledger) longestReportWait() time.Duration { return doubled(l.config.RetryAfter, maxDoublings) }

// unreported returns the entries of the history that are not reported yet.
func (p Purchase) unreported() []Change {
	n := max(p.Changes-p.Reported, 0) // a stored number may have any value
	return p.History[len(p.History)-min(n, len(p.History)):]
}

// announce wakes a worker of this process if the purchase has changes to
// report.
func (l *Ledger) announce(p Purchase) {
	if l.config.OnChange == nil || p.ReportAt.IsZero() || p.ReportAt.After(l.now()) {
		return
	}
	select {
	case l.changed <- struct{}{}:
	default: // a worker is about to look
	}
}

// report reports the changes of a claimed purchase in their order, until ctx
// ends, and saves how many OnChange has accepted. The error is the store's.
func (l *Ledger) report(ctx context.Context, p Purchase) error {
	if !p.State.known() { // a newer version reports it
		return nil
	}
	claimed := p.ReportAt
	begun, hanging := l.reported.begin(p.ID, claimed, l.now())
	if begun == nil {
		problem := "OnChange still does not return"
		if hanging.saving {
			problem = "what OnChange has accepted is still not saved"
		}
		l.record(ctx, slog.LevelWarn, problem, p)
		return nil
	}
	defer l.reported.end(p.ID, begun)
	l.held.add(p.ID, 1)
	defer l.held.add(p.ID, -1)
	read, p, retryAt := l.callOnChange(ctx, p)
	l.reported.save(begun)
	saving, stop := l.within(ctx)
	defer stop()
	_, err := l.swap(saving, read, func(_ context.Context, now Purchase) (Purchase, error) {
		now.Reported = min(max(now.Reported, p.Reported), now.Changes) // the database may have lost a change
		switch {
		case len(now.unreported()) == 0:
			now.ReportAt = time.Time{}
		case now.ReportAt.After(claimed): // another worker has claimed it since, and reports
		case !retryAt.IsZero():
			now.ReportAt = retryAt
		default: // it has changed meanwhile
			now.ReportAt = l.now()
		}
		return now, nil
	})
	if err != nil {
		return storeError("save what was reported", err)
	}
	return nil
}

// callOnChange calls OnChange with each unreported change of a claimed
// purchase, in order, until a call fails, the purchase can't be read again, the
// claim leaves no time for another call, or ctx ends. It returns the purchase
// as it was last read, a copy in which Reported counts the accepted changes,
// and the time of the next try, which is zero if no call failed.
func (l *Ledger) callOnChange(ctx context.Context, p Purchase) (read, reported Purchase, retryAt time.Time) {
	read = p
	lastCall := p.ReportAt.Add(-l.config.StepTimeout) // so that the claim outlasts the call
	for changes := p.unreported(); len(changes) > 0; changes = p.unreported() {
		late, err := l.onChange(ctx, p, changes[0])
		if err != nil {
			retryAt = l.reportAgain(ctx, p, changes[0], late, err)
			break
		}
		p.Reported = p.Changes - len(changes) + 1
		if len(changes) > 1 { // The next call gets the purchase as it is then: it may have been erased.
			next, err := l.store.Get(ctx, l.key(p.ID))
			if err != nil || l.now().After(lastCall) {
				break
			}
			read = next
			next.Reported = max(next.Reported, p.Reported)
			p = next
		}
	}
	return read, p, retryAt
}

// reportAgain returns when to call OnChange again after it has failed. The wait
// is the time since the change, so it doubles, up to the longest wait of any
// step. After a call that was late, it is the longest at once, because such
// calls occupy the workers.
func (l *Ledger) reportAgain(ctx context.Context, p Purchase, change Change, late bool, failure error) time.Time {
	now, wait := l.now(), l.longestReportWait()
	if !late {
		wait = min(max(now.Sub(change.At), l.config.RetryAfter), wait)
	}
	if l.failing.due(l.config.PollInterval) {
		l.record(ctx, slog.LevelWarn, "OnChange has failed, to be called again", p, slog.Time("changed", change.At),
			slog.String("to", string(change.To)), slog.Time("next", now.Add(wait)), slog.String("cause", words(failure)))
	}
	return now.Add(wait)
}

// onChange calls Config.OnChange, and reports whether the call took longer than
// its context.
func (l *Ledger) onChange(ctx context.Context, p Purchase, change Change) (late bool, err error) {
	ctx, stop := l.within(ctx)
	defer stop()
	hangs := time.AfterFunc(l.config.StepTimeout+l.config.StepTimeout/4, func() {
		l.record(ctx, slog.LevelError, "OnChange does not return", p)
	})
	defer func() {
		hangs.Stop()
		late = ctx.Err() != nil
		if recovered := recover(); recovered != nil {
			l.log.LogAttrs(ctx, slog.LevelError, "gloebit ledger: OnChange panicked", slog.String("purchase", p.ID),
				slog.Any("panic", recovered), slog.String("stack", string(debug.Stack())))
			err = fmt.Errorf("OnChange: %w", errPanic)
		}
	}()
	if err = l.config.OnChange(ctx, p.Clone(), change); err != nil {
		probe(err)
	}
	return false, err
}
