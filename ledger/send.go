package ledger

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit"
)

// send asks Gloebit to charge a purchase, and saves the response. If the
// request itself is rejected, for example because of the token, the purchase
// becomes refused only if it is sent for the first time since the user ordered.
// The error says why it was refused, or that it has since been canceled.
func (l *Ledger) send(ctx context.Context, client *gloebit.Client, p Purchase, first bool) (now Purchase, err error) {
	ctx, end := l.startStep(ctx, "send", p)
	defer func() { end(now.stepResult(err)) }()
	sending, stop := context.WithTimeout(ctx, l.config.StepTimeout)
	receipt, err := client.Transact(sending, p.transaction(l.holdURLs(p.ID)))
	stop()
	if errors.Is(err, gloebit.ErrPriceChanged) {
		l.record(ctx, slog.LevelWarn, "Gloebit charges another price", p, slog.String("charged", receipt.Charged.String()))
	}
	if ctx.Err() == nil { // otherwise the caller has disconnected, which says nothing about Gloebit
		l.pause.saw(l.now(), err, l.config.RetryAfter, l.askedToWait(err))
	}
	e, answered := readReceipt(receipt, err, first)
	if !answered {
		return l.sentInVain(ctx, p, err)
	}
	saving, stop := l.within(ctx)
	defer stop()
	did, failure := l.apply(saving, p, e)
	switch {
	case failure != nil:
		l.recordUnsaved(ctx, p, failure)
		return p, nil
	case e.kind == eventRefused && did.p.State == Refused:
		return did.p, err
	case e.kind == eventRefused: // a callback has been received, so the refusal is outdated
		l.record(ctx, slog.LevelWarn, "a refusal came too late", did.p, slog.String("cause", e.cause))
	}
	if did.p.State == p.State {
		return l.sentInVain(ctx, did.p, errNoCallback)
	}
	return did.p, did.p.Err()
}

// sentInVain records that sending again had no new result.
func (l *Ledger) sentInVain(ctx context.Context, p Purchase, why error) (Purchase, error) {
	now, err := l.recordFailure(ctx, p, why)
	if err != nil {
		l.recordUnsaved(ctx, p, err)
	}
	return now, now.Err()
}

// recordUnsaved logs a failure of the store instead of returning it: the
// purchase is stored, so the workers resume it later.
func (l *Ledger) recordUnsaved(ctx context.Context, p Purchase, err error) {
	l.record(ctx, slog.LevelError, "what came of it could not be saved", p, slog.String("cause", words(err)))
}

// readReceipt returns the event for Transact's response, and whether the
// response is an answer.
func readReceipt(receipt gloebit.Receipt, err error, first bool) (e event, answered bool) {
	if err == nil || errors.Is(err, gloebit.ErrPriceChanged) { // the transaction was accepted
		cause := "transact: " + string(receipt.Outcome)
		if err != nil {
			cause = words(err)
		}
		return event{kind: eventAccepted, cause: cause, outcome: receipt.Outcome}, true
	}
	refused := event{kind: eventRefused, cause: words(err), outcome: receipt.Outcome}
	if receipt.Outcome.Refused() {
		return refused, true
	}
	for _, unknown := range append(unavailable(),
		gloebit.ErrOutcomeUnknown, gloebit.ErrTransactionPending, gloebit.ErrQueuingFailed, gloebit.ErrInvalidResponse,
		gloebit.ErrStore, context.Canceled) {
		if errors.Is(err, unknown) {
			return event{}, false
		}
	}
	return refused, first
}

// unavailable returns the errors that mean that Gloebit is down or busy.
func unavailable() []error {
	return []error{gloebit.ErrUnavailable, gloebit.ErrRateLimited, context.DeadlineExceeded}
}

// pause keeps the workers from sending while Gloebit is down.
type pause struct {
	mu       sync.Mutex
	failures int // in a row
	since    time.Time
	until    time.Time
}

const failuresToPause = 3 // in a row

// saw records whether Gloebit responded. After a few failures in a row, sending
// pauses for a time that doubles with each further failure, or for as long as
// Gloebit asks.
func (p *pause) saw(now time.Time, err error, wait, asked time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, down := range unavailable() {
		if errors.Is(err, down) {
			if p.failures++; p.failures >= failuresToPause {
				p.since, p.until = now, now.Add(max(asked, doubled(wait, p.failures-failuresToPause)))
			}
			return
		}
	}
	p.failures, p.until = 0, time.Time{}
}

// on reports whether sending is paused. A time before the pause means that a
// clock was ahead when it began.
func (p *pause) on(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !now.Before(p.since) && now.Before(p.until)
}

var errNoCallback = errors.New("ledger: Gloebit knows the transaction and has not called back: " +
	"is Handler mounted at Config.CallbackURL, and does Gloebit reach it there?")
