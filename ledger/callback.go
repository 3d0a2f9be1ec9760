package ledger

import (
	"context"
	"log/slog"
	"time"
)

// callback identifies the step and the purchase that Gloebit called.
type callback struct {
	id   string
	step eventKind
}

func (c callback) event() event { return event{kind: c.step, cause: string(c.step) + " called"} }

// respond processes a callback and returns the response. A response of 200
// means that the step has been saved. Each step continues if the caller
// disconnects.
func (l *Ledger) respond(ctx context.Context, c callback) answer {
	did, err := l.receive(ctx, c)
	if failure, ok := err.(*fulfillerError); ok { // not wrapped: the store has not failed
		did, err = l.notReserved(ctx, c, did, failure)
	} else if missing(err) {
		did, err = l.unknownPurchase(ctx, c)
	}
	if err != nil {
		return l.notSaved(ctx, c, err)
	}
	if l.breaksPromise(ctx, c, did) {
		return did.answer
	}
	// From here on nothing can be lost: the workers retry failed steps.
	if _, err := l.finish(ctx, did.p); err != nil {
		l.recordUnsaved(ctx, did.p, err)
	}
	return did.answer
}

// receive applies a callback. A consume or a cancel is tried until it is saved
// or Config.StepTimeout is over. An enact is tried once, since Gloebit asks
// again.
func (l *Ledger) receive(ctx context.Context, c callback) (did applied, err error) {
	working, stop := l.within(ctx)
	defer stop()
	if c.step == eventEnact {
		return l.apply(working, Purchase{ID: c.id}, c.event())
	}
	retry(working, func() error {
		known, unread := l.store.Get(working, l.key(c.id))
		if unread != nil { // apply finds out why
			known = Purchase{ID: c.id}
		}
		did, err = l.apply(working, known, c.event())
		return err
	})
	return did, err
}

// notReserved handles the Fulfiller's refusal. After enact, Gloebit asks again,
// or the purchase is canceled. After consume the purchase is paid nevertheless.
func (l *Ledger) notReserved(ctx context.Context, c callback, did applied, failure *fulfillerError) (applied, error) {
	if c.step == eventEnact && failure.passing() {
		l.record(ctx, slog.LevelInfo, "not reserved yet", did.p, slog.String("cause", words(failure)))
		did.answer = noPending
		return did, nil
	}
	ctx, stop := l.within(ctx)
	defer stop()
	return l.apply(ctx, did.p, event{kind: refusedBy(c.step), cause: words(failure)})
}

// refusedBy returns the event for a Reserve that fails after a callback.
func refusedBy(step eventKind) eventKind {
	if step == eventConsume {
		return eventUnreserved
	}
	return eventDecline
}

// breaksPromise reports whether Gloebit broke its promise with a callback that
// can have no effect, and logs it.
func (l *Ledger) breaksPromise(ctx context.Context, c callback, did applied) bool {
	switch {
	case did.answer == failed:
		l.record(
			ctx, slog.LevelError, "a callback for a purchase in a state that this version does not know", did.p,
			slog.String("step", string(c.step)),
		)
	case did.answer.conflict():
		l.record(ctx, slog.LevelError, "a cancel of what Gloebit has called paid", did.p, slog.String("step", string(c.step)))
	default:
		return false
	}
	return true
}

// unknownPurchase handles a signed callback for a purchase that the store does
// not have, because it was lost with its database. It refuses an enact and
// accepts a cancel. A consume means that the gloebits are paid, so it stores
// the purchase as stuck, with the known fields.
func (l *Ledger) unknownPurchase(ctx context.Context, c callback) (applied, error) {
	l.log.ErrorContext(
		ctx, "gloebit ledger: a callback for a purchase that the store does not have", "purchase", c.id, "step",
		string(c.step),
	)
	switch c.step {
	case eventEnact:
		return applied{rule: rule{answer: noUnknown}, p: Purchase{ID: c.id}}, nil
	case eventCancel:
		return applied{rule: rule{answer: yes}, p: Purchase{ID: c.id}}, nil
	}
	now := l.now()
	p := Purchase{Realm: l.realm, ID: c.id, CreatedAt: now}
	p.move(Settled, now, "consume called")
	p.park(now, "paid at Gloebit, and the store does not have the order")
	ctx, stop := l.within(ctx)
	defer stop()
	kept, created, err := l.create(ctx, p)
	switch {
	case err != nil:
		return applied{}, storeError("keep a payment", err)
	case !created: // it was created meanwhile
		return l.apply(ctx, kept, c.event())
	}
	return applied{rule: rule{answer: yes}, p: kept}, nil
}

// notSaved responds to a callback that could not be saved. If only the purchase
// is busy and the same callback was answered before, it repeats that response.
// Otherwise it keeps a consume or a cancel in memory and saves it later,
// because Gloebit may not send it again.
func (l *Ledger) notSaved(ctx context.Context, c callback, why error) answer {
	reading, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer stop()
	if p, err := l.store.Get(reading, l.key(c.id)); err == nil {
		if did := decide(p.State, c.step); did.next == p.State {
			return did.answer
		}
	}
	log := l.log.With("purchase", c.id, "step", string(c.step), "cause", words(why))
	switch {
	case c.step == eventEnact:
		log.ErrorContext(ctx, "gloebit ledger: a callback has to come again")
	case l.kept.keep(c):
		log.ErrorContext(ctx, "gloebit ledger: a callback can't be saved, and is kept in memory")
	default:
		log.ErrorContext(ctx, "gloebit ledger: a callback is lost, unless Gloebit repeats it: too many are kept in memory")
	}
	return failed
}
