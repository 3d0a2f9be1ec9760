package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-gloebit/gloebit"
)

const (
	maxDoublings = 6  // a wait grows to at most 64 times the first one
	minAttempts  = 10 // before a purchase is marked stuck, however much time has passed, because clocks may jump
)

// recordFailure records that the next step of a purchase has failed. The step
// is retried later. If it has failed too often and for too long, the purchase
// is marked stuck. If the purchase has since moved to another state, nothing is
// recorded.
func (l *Ledger) recordFailure(ctx context.Context, failed Purchase, why error) (Purchase, error) {
	ctx, stop := l.within(ctx)
	defer stop()
	var current Purchase
	p, err := l.swap(ctx, failed, func(_ context.Context, p Purchase) (Purchase, error) {
		current = p
		if p.State != failed.State || p.Stuck() {
			return p, errUnchanged
		}
		return l.reschedule(p, why), nil
	})
	if errors.Is(err, errUnchanged) {
		return current, nil
	}
	if err != nil {
		return failed, storeError("record the attempt", err)
	}
	l.waiting.wake(p)
	level, message := slog.LevelWarn, "to be tried again"
	if p.Stuck() {
		level, message = slog.LevelError, "stuck"
	}
	l.record(ctx, level, message, p, slog.Int("attempts", p.Attempts), slog.String("cause", p.Cause))
	return p, nil
}

// reschedule returns a purchase after a failed attempt.
func (l *Ledger) reschedule(p Purchase, why error) Purchase {
	now := l.now()
	first, doublings := l.config.RetryAfter, p.Attempts
	if p.State == Accepted || p.State == Reserved { // the first wait was over before the first attempt
		first, doublings = l.config.ConfirmAfter, p.Attempts+1
	}
	p.Attempts++
	p.Cause = words(why)
	p.NextAt = now.Add(max(doubled(first, doublings), l.askedToWait(why)))
	if p.State == Created {
		if until := l.sendUntil(p); p.NextAt.After(until) && until.After(now) {
			p.NextAt = until // when it is canceled
		}
	}
	if p.FailingSince.IsZero() { // not from UpdatedAt: there may have been no attempt for days
		p.FailingSince = now
	}
	if p.Attempts >= minAttempts && now.Sub(p.FailingSince) >= l.config.StuckAfter {
		p.park(now, p.Cause)
	}
	return p
}

// doubled returns a wait, doubled the given number of times.
func doubled(wait time.Duration, times int) time.Duration {
	return wait << min(max(times, 0), maxDoublings) // a stored number may have any value
}

// askedToWait returns how long Gloebit asks to wait (RFC 9110 section 10.2.3),
// limited to the longest wait after a failure. It returns zero if Gloebit does
// not ask.
func (l *Ledger) askedToWait(err error) time.Duration {
	var failure *gloebit.APIError
	if !errors.As(err, &failure) {
		return 0
	}
	return min(failure.RetryAfter, doubled(l.config.RetryAfter, maxDoublings))
}

// tooLate reports whether Gloebit has not answered an order in time. The order
// is then not sent again, and is not charged even if Gloebit has received it.
func (l *Ledger) tooLate(p Purchase) bool {
	return p.State == Created && !l.now().Before(l.sendUntil(p))
}

func (l *Ledger) whyTooLate() string {
	return fmt.Sprintf("Gloebit has not answered within %v", l.config.SendWithin)
}

// sendUntil returns when an unanswered order is canceled.
func (l *Ledger) sendUntil(p Purchase) time.Time { return p.UpdatedAt.Add(l.config.SendWithin) }
