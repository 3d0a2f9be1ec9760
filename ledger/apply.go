package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-gloebit/gloebit"
)

// event is something that happens to a purchase.
type event struct {
	kind    eventKind
	cause   string               // for the history
	outcome gloebit.Outcome      // from Transact's response
	order   *Purchase            // of eventReorder: the purchase with the repeated order
	due     bool                 // the workers take the next step, at once
	by      string               // the operator who caused it
	only    func(Purchase) error // returns an error if the event does not apply to the purchase; may be nil
}

// applied is the result of an event.
type applied struct {
	rule
	from State    // the state before
	p    Purchase // the purchase afterwards
	end  func(StepResult)
}

// moved reports whether the event changed the purchase's state.
func (a applied) moved() bool { return a.from != a.p.State }

// apply applies an event to a purchase as it is in the store, and saves the
// next state. known is the purchase as it was last read, or has only its ID. If
// the table says so, apply calls the Fulfiller in the Change of the store that
// saves the next state. The error is a *fulfillerError, not wrapped, if only the
// Fulfiller's call failed; gloebit.ErrNotFound if there is no such purchase; that
// of event.only; or gloebit.ErrStore if the store failed.
func (l *Ledger) apply(ctx context.Context, known Purchase, e event) (applied, error) {
	var did applied
	var failure *fulfillerError
	fn := func(ctx context.Context, p Purchase) (Purchase, error) {
		if did.end != nil { // fn is called again
			did.end(did.p.stepResult(nil))
			did = applied{}
		}
		if e.only != nil {
			if err := e.only(p); err != nil {
				return p, err
			}
		}
		if e.kind == eventEnact && l.tooLate(p) {
			e.kind, e.cause = eventDecline, l.whyTooLate()
		}
		ctx, end := l.startStep(ctx, string(e.kind), p)
		did = applied{decide(p.State, e.kind), p.State, p, end}
		if failure = l.fulfil(ctx, did.call, p); failure != nil {
			return p, failure
		}
		next, changed := l.after(p, did.rule, e)
		if !changed {
			return p, errUnchanged
		}
		return next, nil
	}
	var p Purchase
	var err error
	if r := decide(known.State, e.kind); r.call == callNothing && r.next != known.State {
		p, err = l.swap(ctx, known, fn)
	} else {
		p, err = l.change(ctx, known.ID, fn)
	}
	l.endStep(did, p, err)
	switch {
	case errors.Is(err, errUnchanged):
		return did, nil
	case err != nil && failure.alone(err):
		return did, failure
	case err != nil && failure != nil: // whatever the Fulfiller's error is
		return applied{}, fmt.Errorf("%w: save the purchase: %w", gloebit.ErrStore, err)
	case err != nil:
		return applied{}, storeError("save the purchase", err)
	}
	did.p = p
	l.waiting.wake(p)
	if did.moved() {
		l.record(ctx, levelOf(did.rule), "moved", p, slog.String("from", string(did.from)), slog.String("cause", e.cause))
	}
	return did, nil
}

// endStep ends the step of an event after the store's Change.
func (l *Ledger) endStep(did applied, p Purchase, err error) {
	switch {
	case did.end == nil: // the store did not call the function
	case err == nil:
		did.end(p.stepResult(nil))
	case errors.Is(err, errUnchanged):
		did.end(did.p.stepResult(nil))
	default:
		did.end(did.p.stepResult(err))
	}
}

// levelOf returns the level at which an event is logged.
func levelOf(did rule) slog.Level {
	if did.stuck {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// after returns the purchase after an event, and whether it has changed.
func (l *Ledger) after(p Purchase, did rule, e event) (Purchase, bool) {
	changed := false
	if e.kind == eventAccepted && p.Outcome == gloebit.OutcomeUnknown {
		p.Outcome, changed = e.outcome, true
	}
	if did.next == p.State {
		return p, changed
	}
	now := l.now()
	switch e.kind {
	case eventRefused:
		p.Outcome = e.outcome
	case eventReorder:
		if p.UserID == "" { // erased
			p.GloebitID = e.order.GloebitID
		}
		// The same account may have another user ID in another session.
		p.UserID, p.ConnectedAt = e.order.UserID, e.order.ConnectedAt
		p.Order, p.Outcome = e.order.Order, gloebit.OutcomeUnknown
	}
	was := p.State
	p.move(did.next, now, e.cause)
	p.sign(e.by)
	p.NextAt = l.firstTry(did.next, now)
	if e.due && !p.NextAt.IsZero() {
		p.NextAt = now
	}
	if did.stuck {
		p.park(now, fmt.Sprintf("paid at Gloebit while the purchase was %s: %s", was, e.cause))
	}
	return p, true
}

// firstTry returns when the workers first try the step that follows a state;
// until then the caller does it. The zero time means never.
func (l *Ledger) firstTry(state State, now time.Time) time.Time {
	switch state {
	case Created, Settled, Canceled:
		return now.Add(l.claimFor())
	case Accepted, Reserved:
		return now.Add(l.config.ConfirmAfter)
	}
	return time.Time{}
}

// claimFor returns how long a purchase is reserved for the goroutine that works
// on it.
func (l *Ledger) claimFor() time.Duration { return 2 * l.config.StepTimeout }

// finish delivers a settled purchase, and releases a canceled one. A failure is
// recorded, and the step is tried again later. The error is the store's.
func (l *Ledger) finish(ctx context.Context, p Purchase) (Purchase, error) {
	var e event
	switch {
	case p.Stuck():
		return p, nil
	case p.State == Settled:
		e = event{kind: eventDeliver, cause: "delivered"}
	case p.State == Canceled:
		e = event{kind: eventRelease, cause: "released"}
	default:
		return p, nil
	}
	working, stop := l.within(ctx)
	did, err := l.apply(working, p, e)
	stop()
	if err != nil { // from the Fulfiller, or from the store that could not save its result
		return l.recordFailure(ctx, p, err)
	}
	return did.p, nil
}
