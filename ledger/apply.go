package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-gloebit/gloebit"
)

// happening is an event as it comes to a purchase.
type happening struct {
	event   event
	cause   string          // for the history
	outcome gloebit.Outcome // of transact's answers
	freeKey bool            // the key may be used again if the purchase is refused by this

	handedOver bool // whoever brings it there leaves the step that follows to others
}

// errUnchanged is what an fn returns that has nothing to save.
var errUnchanged = errors.New("ledger: nothing to save")

// apply lets an event happen to a purchase: one Change of the store, in which
// the Fulfiller is called if the table says so and the next state is saved. It
// returns the purchase as it is afterwards, and what the table said. The error
// is a *fulfillerError, not wrapped, when the Fulfiller's call failed and nothing
// else did; gloebit.ErrNotFound without a purchase; and gloebit.ErrStore when
// the store failed.
func (l *Ledger) apply(ctx context.Context, id string, h happening) (Purchase, rule, error) {
	var was Purchase
	var did rule
	var failure *fulfillerError
	p, err := l.store.Change(ctx, id, func(ctx context.Context, p Purchase) (Purchase, error) {
		was, did = p, decide(p.State, h.event)
		if failure = l.fulfil(ctx, did.call, p); failure != nil {
			return p, failure
		}
		next, changed := l.after(p, did, h)
		if !changed {
			return p, errUnchanged
		}
		return next, nil
	})
	switch {
	case errors.Is(err, errUnchanged):
		return was, did, nil
	case err != nil && failure.alone(err):
		return was, did, failure
	case err != nil && failure != nil: // whatever the Fulfiller's error may be
		return Purchase{}, rule{}, fmt.Errorf("%w: save the purchase: %w", gloebit.ErrStore, err)
	case err != nil:
		return Purchase{}, rule{}, storeError("save the purchase", err)
	}
	if p.State != was.State {
		l.record(ctx, slog.LevelInfo, "moved", p, slog.String("from", string(was.State)), slog.String("cause", h.cause))
	}
	return p, did, nil
}

// after is the purchase as an event leaves it, and whether that is another one.
func (l *Ledger) after(p Purchase, did rule, h happening) (Purchase, bool) {
	changed := false
	if h.event == eventAccepted && p.Outcome == gloebit.OutcomeUnknown {
		p.Outcome, changed = h.outcome, true
	}
	if did.next == p.State {
		return p, changed
	}
	now := l.now()
	if h.event == eventRefused {
		p.Outcome = h.outcome
		if h.freeKey && p.KeyUntil.After(now) {
			p.KeyUntil = now
		}
	}
	p.move(did.next, now, h.cause)
	p.NextAt = l.firstTry(did.next, now)
	if h.handedOver && !p.NextAt.IsZero() {
		p.NextAt = now
	}
	return p, true
}

// firstTry is when the step that follows a state is first tried, by others than
// who brought the purchase there. Zero is never.
func (l *Ledger) firstTry(state State, now time.Time) time.Time {
	switch state {
	case Created, Settled, Canceled: // who brought it there goes on by itself, unless it is stopped
		return now.Add(l.claimFor())
	case Accepted, Reserved:
		return now.Add(l.config.AskAfter)
	}
	return time.Time{}
}

// claimFor is how long a purchase is left to whoever works on it.
func (l *Ledger) claimFor() time.Duration { return 2 * l.config.WorkTimeout }

// tried records that the step that follows the purchase's state was tried in
// vain: it is tried again later, or the purchase is parked when the step has
// failed for too long. If it has moved meanwhile, nothing is recorded.
func (l *Ledger) tried(ctx context.Context, tried Purchase, why error) (Purchase, error) {
	ctx, stop := l.within(ctx)
	defer stop()
	var current Purchase
	p, err := l.store.Change(ctx, tried.ID, func(_ context.Context, p Purchase) (Purchase, error) {
		current = p
		if p.State != tried.State || p.Stuck() {
			return p, errUnchanged
		}
		return l.again(p, words(why)), nil
	})
	if errors.Is(err, errUnchanged) {
		return current, nil
	}
	if err != nil {
		return tried, storeError("record the try", err)
	}
	level, message := slog.LevelWarn, "to be tried again"
	if p.Stuck() {
		level, message = slog.LevelError, "stuck"
	}
	l.record(ctx, level, message, p, slog.Int("attempts", p.Attempts), slog.String("cause", p.Cause))
	return p, nil
}

// again is a purchase after a vain try.
func (l *Ledger) again(p Purchase, cause string) Purchase {
	now := l.now()
	first, shift := l.config.RetryAfter, p.Attempts
	if p.State == Accepted || p.State == Reserved { // the first wait was over before the first try
		first, shift = l.config.AskAfter, p.Attempts+1
	}
	p.Attempts++
	p.Cause = cause
	p.NextAt = now.Add(first << min(shift, 6))
	if p.FailingSince.IsZero() { // and not when it came to this state: nobody may have tried for days
		p.FailingSince = now
	}
	if now.Sub(p.FailingSince) >= l.config.StuckAfter {
		p.note(p.State, now, "stuck: "+cause)
		p.StuckAt, p.NextAt = now, time.Time{}
	}
	return p
}

// finish delivers a settled purchase, and releases a canceled one. What fails
// is tried again later. The error is the store's.
func (l *Ledger) finish(ctx context.Context, p Purchase) error {
	var h happening
	switch p.State {
	case Settled:
		h = happening{event: eventDeliver, cause: "delivered"}
	case Canceled:
		h = happening{event: eventRelease, cause: "released"}
	default:
		return nil
	}
	working, stop := l.within(ctx)
	_, _, err := l.apply(working, p.ID, h)
	stop()
	if err != nil { // the Fulfiller's, or the store's that could not keep what it did
		_, err = l.tried(ctx, p, err)
	}
	return err
}
