package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit"
)

// Act says who acts on a purchase and why, for its history and the log. The
// zero value is an act of the application itself. [Ledger.Erase] uses only By.
type Act struct {
	By     string // the operator's name
	Reason string // the operator's reason
	// Seen is the UpdatedAt of the purchase as the operator has seen it. If the
	// purchase has changed since, the act does nothing and returns
	// [ErrChanged]. Zero skips this check.
	Seen time.Time
}

// check returns an error if the operator has not seen the purchase as it is.
func (a Act) check(p Purchase) error {
	if a.Seen.IsZero() || a.Seen.Equal(p.UpdatedAt) {
		return nil
	}
	last := ""
	if n := len(p.History); n > 0 {
		last = strings.TrimSpace(p.History[n-1].Cause + " " + p.History[n-1].By)
	}
	return fmt.Errorf("%w: purchase %s: %s", ErrChanged, p.ID, last)
}

// cause returns what was done, and why.
func (a Act) cause(what string) string {
	if a.Reason == "" {
		return what
	}
	return what + ": " + clip(a.Reason)
}

// Retry resumes a stuck purchase: Run or Reconcile tries its step again, and
// retries it as often as that of any purchase. If Gloebit has not answered the
// stuck order, it is sent for another Config.SendWithin. The next step of a
// purchase in progress becomes due at once, too. Retry does not change a
// finished purchase, nor one in a state that only a newer version of this
// package knows, nor a paid one whose user is unknown: there is nothing to
// deliver until the user repeats the order with its key. If a clock that was
// ahead has put off a report to Config.OnChange for hours, Retry makes it due.
// The error is [ErrChanged], or one of [Ledger.Get].
func (l *Ledger) Retry(ctx context.Context, id string, act Act) (Purchase, error) {
	var was Purchase
	resumed := false
	p, err := l.change(ctx, id, func(_ context.Context, p Purchase) (Purchase, error) {
		was = p
		if err := act.check(p); err != nil {
			return p, err
		}
		if !p.State.known() {
			return p, errUnchanged
		}
		if p.Finished() || p.UserID == "" && p.State != Canceled {
			return p, nil
		}
		now := l.now()
		// A new UpdatedAt gives an unanswered order more time to be sent. Only
		// a stuck one may get it.
		if p.Stuck() || act.By != "" && p.State != Created {
			p.note(p.State, now, act.cause("taken up again"))
			p.sign(act.By)
		}
		p.clearAttempts()
		p.NextAt, resumed = now, true
		return p, nil
	})
	if errors.Is(err, errUnchanged) {
		return was, nil
	}
	if err == nil && resumed {
		l.record(ctx, slog.LevelInfo, "taken up again", p, slog.String("by", act.By))
	}
	return p, storeError("take the purchase up again", err)
}

// Cancel cancels a purchase if the ledger has not yet answered Gloebit's enact
// with true. If Gloebit has the transaction, the ledger refuses its enact, and
// Gloebit gives the gloebits back. The purchase is then released. Cancel does
// not change a purchase that was already canceled or refused. The error is
// [ErrTooLate] when the purchase is Reserved (Gloebit may take the gloebits at
// any time), Settled, Delivered or in a state that only a newer version of this
// package knows. The other errors are [ErrChanged] and those of [Ledger.Get].
func (l *Ledger) Cancel(ctx context.Context, id string, act Act) (Purchase, error) {
	p, err := l.withdraw(ctx, id, event{cause: act.cause("canceled by the application"), by: act.By, only: act.check})
	if err != nil {
		return Purchase{}, err
	}
	if !slices.Contains([]State{Canceled, Released, Refused}, p.State) {
		return p, fmt.Errorf("%w: purchase %s is %s", ErrTooLate, p.ID, p.State)
	}
	return p, nil
}

// withdraw cancels a purchase, and releases it.
func (l *Ledger) withdraw(ctx context.Context, id string, e event) (Purchase, error) {
	working, stop := l.within(ctx)
	defer stop()
	e.kind = eventWithdraw
	did, err := l.apply(working, Purchase{ID: id}, e)
	if err != nil {
		return Purchase{}, err
	}
	if !did.moved() {
		return did.p, nil
	}
	return l.finish(ctx, did.p)
}

// MarkPaid settles a purchase that is stuck in Created, Accepted or Reserved,
// and delivers it. Use it when Gloebit's merchant page shows that the purchase
// was paid. It does what Gloebit's consume would do. Act.Reason must be set. If
// Reserve is called and returns ErrTryAgain or panics, or its context ends,
// nothing has changed and the error is [ErrTryAgain]. After any other error of
// Reserve, the purchase is settled and stays stuck. The other errors are
// [ErrNotStuck], [ErrChanged], gloebit.ErrInvalidRequest without a reason, or
// one of [Ledger.Get].
func (l *Ledger) MarkPaid(ctx context.Context, id string, act Act) (Purchase, error) {
	if strings.TrimSpace(act.Reason) == "" {
		return Purchase{}, fmt.Errorf(
			"%w: no reason to mark purchase %.40q as paid: set Act.Reason", gloebit.ErrInvalidRequest, id,
		)
	}
	e := event{kind: eventConsume, cause: act.cause("marked as paid"), by: act.By, only: func(p Purchase) error {
		if !p.Stuck() || !slices.Contains(toSend(), p.State) {
			return fmt.Errorf("%w: purchase %s is %s", ErrNotStuck, p.ID, p.State)
		}
		return act.check(p)
	}}
	working, stop := l.within(ctx)
	defer stop()
	did, err := l.apply(working, Purchase{ID: id}, e)
	failure, ok := err.(*fulfillerError)
	switch {
	case ok && failure.passing(): // nothing has changed, so the operator can try again
		return Purchase{}, fmt.Errorf("%w: mark as paid: %w", ErrTryAgain, failure)
	case ok:
		e.kind, e.cause = eventUnreserved, e.cause+"; "+words(failure)
		saving, stop := l.within(ctx)
		defer stop()
		did, err = l.apply(saving, Purchase{ID: id}, e)
	}
	if err != nil {
		return Purchase{}, err
	}
	return l.finish(ctx, did.p)
}
