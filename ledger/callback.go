package ledger

import (
	"context"
	"log/slog"
	"time"
)

// notice is what a callback tells: of which purchase, and which step.
type notice struct {
	id   string
	step event
}

func (n notice) happening() happening {
	return happening{event: n.step, cause: string(n.step) + " called"}
}

// callback works on a callback and answers it. What is answered with 200 has
// been saved. Each step goes on when the caller has gone.
func (l *Ledger) callback(ctx context.Context, n notice) answer {
	p, did, err := l.hear(ctx, n)
	if failure, ok := err.(*fulfillerError); ok { // and nothing around it: the store has not failed
		p, did.answer, err = l.notReserved(ctx, p, failure)
	} else if missing(err) {
		return l.stranger(ctx, n)
	}
	if err != nil {
		return l.notHeard(ctx, n, err)
	}
	if l.impossible(ctx, n, p, did.answer) {
		return did.answer
	}
	// From here on nothing can be lost: what fails is picked up.
	if err := l.finish(ctx, p); err != nil {
		l.record(ctx, slog.LevelError, "to be picked up", p, slog.String("cause", words(err)))
	}
	return did.answer
}

// hear lets happen what a callback tells. A consume or a cancel is tried until
// it is saved or Config.WorkTimeout is over. An enact is tried once, since
// Gloebit asks again.
func (l *Ledger) hear(ctx context.Context, n notice) (p Purchase, did rule, err error) {
	working, stop := l.within(ctx)
	defer stop()
	if n.step == eventEnact {
		return l.apply(working, n.id, n.happening())
	}
	insist(working, func() error {
		p, did, err = l.apply(working, n.id, n.happening())
		return err
	})
	return p, did, err
}

// notReserved takes the Fulfiller's no: Gloebit asks again, or the purchase is
// off.
func (l *Ledger) notReserved(ctx context.Context, p Purchase, failure *fulfillerError) (Purchase, answer, error) {
	if failure.passing() {
		l.record(ctx, slog.LevelInfo, "not reserved yet", p, slog.String("cause", words(failure)))
		return p, noPending, nil
	}
	ctx, stop := l.within(ctx)
	defer stop()
	now, did, err := l.apply(ctx, p.ID, happening{event: eventDecline, cause: words(failure)})
	return now, did.answer, err
}

// impossible reports whether nothing can come of a callback, and logs why.
func (l *Ledger) impossible(ctx context.Context, n notice, p Purchase, answer answer) bool {
	switch {
	case answer == failed:
		l.record(ctx, slog.LevelError, "a callback for a purchase in a state that this version does not know", p, slog.String("step", string(n.step)))
	case answer.conflict():
		l.record(ctx, slog.LevelError, "a callback that can't be", p, slog.String("step", string(n.step)))
	default:
		return false
	}
	return true
}

// stranger answers a signed callback for a purchase that the store does not
// have: it was lost with its database. The gloebits go back where they can.
func (l *Ledger) stranger(ctx context.Context, n notice) answer {
	l.log.ErrorContext(ctx, "gloebit ledger: a callback for a purchase that the store does not have", "purchase", n.id, "step", string(n.step))
	switch n.step {
	case eventEnact:
		return noUnknown
	case eventCancel:
		return yes
	}
	return conflictUnknown
}

// notHeard answers a callback that could not be saved: as it was answered
// before, when it was and only the purchase is busy. Otherwise it may come again
// or not, so a consume or a cancel is kept, to be saved later.
func (l *Ledger) notHeard(ctx context.Context, n notice, why error) answer {
	reading, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer stop()
	if p, err := l.store.Get(reading, n.id); err == nil {
		if did := decide(p.State, n.step); did.next == p.State {
			return did.answer
		}
	}
	log := l.log.With("purchase", n.id, "step", string(n.step), "cause", words(why))
	switch {
	case n.step == eventEnact:
		log.ErrorContext(ctx, "gloebit ledger: a callback has to come again")
	case l.unsaved.keep(n):
		log.ErrorContext(ctx, "gloebit ledger: a callback can't be saved, and is kept in memory")
	default:
		log.ErrorContext(ctx, "gloebit ledger: a callback is lost, unless Gloebit repeats it: too many are kept in memory")
	}
	return failed
}
