package ledger

import (
	"context"
	"log/slog"
	"net/http"
)

// Handler answers Gloebit's hold callbacks. Mount it at the path of
// Config.CallbackURL and all below it:
//
//	mux.Handle("/gloebit/hold/", ledger.Handler())
//
// It rejects URLs that this ledger did not sign for its realm before it touches
// the store, and needs no session. A repeated callback gets the answer of the
// first one. It answers GET alone, and goes on when the caller has gone. For a
// rate limit, put one around the handler.
//
// A consume or a cancel that the store can't take is kept in this process's
// memory, and Gloebit may never repeat it. [Ledger.Run] saves it when the store
// is back, and so does Reconcile, but only in this same process. Without either
// here, the next callback that this process can save saves it too, and what is
// left when the process ends is lost. So run Run wherever the Handler is
// mounted.
func (l *Ledger) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, step, signed := l.readHoldURL(r)
		switch {
		case !signed: // before all else, so that nothing can be told from the answer
			l.log.WarnContext(r.Context(), "gloebit ledger: a callback that is not signed", "remote", r.RemoteAddr)
			http.Error(w, http.StatusText(http.StatusNotFound), http.StatusNotFound)
		case r.Method != http.MethodGet:
			w.Header().Set("Allow", http.MethodGet)
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		default:
			l.warnWithoutRun(r.Context())
			answer := l.respond(r.Context(), callback{id, step})
			answer.write(w)
			if answer != failed && len(l.kept.all()) > 0 {
				_ = http.NewResponseController(w).Flush() // so that Gloebit need not wait, where the server can
				l.saveKeptMeanwhile(r.Context())
			}
		}
	})
}

// respond works on a callback and answers it. What is answered with 200 has
// been saved. Each step goes on when the caller has gone.
func (l *Ledger) respond(ctx context.Context, c callback) answer {
	did, err := l.receive(ctx, c)
	if failure, ok := err.(*fulfillerError); ok { // and nothing around it: the store has not failed
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
	// From here on nothing can be lost: what fails is picked up.
	if _, err := l.finish(ctx, did.p); err != nil {
		l.recordUnsaved(ctx, did.p, err)
	}
	return did.answer
}

// breaksPromise reports whether nothing can come of a callback, and logs why.
func (l *Ledger) breaksPromise(ctx context.Context, c callback, did applied) bool {
	switch {
	case did.answer == failed:
		l.record(ctx, slog.LevelError, "a callback for a purchase in a state that this version does not know", did.p, slog.String("step", string(c.step)))
	case did.answer.conflict():
		l.record(ctx, slog.LevelError, "a cancel of what Gloebit has called paid", did.p, slog.String("step", string(c.step)))
	default:
		return false
	}
	return true
}

// notReserved takes the Fulfiller's refusal. After enact, Gloebit asks again, or
// the purchase is canceled. After consume the purchase is paid all the same.
func (l *Ledger) notReserved(ctx context.Context, c callback, did applied, failure *fulfillerError) (applied, error) {
	if c.step == eventEnact && failure.passing() {
		l.record(ctx, slog.LevelInfo, "not reserved yet", did.p, slog.String("cause", words(failure)))
		did.answer = noPending
		return did, nil
	}
	ctx, stop := l.within(ctx)
	defer stop()
	return l.apply(ctx, c.id, event{kind: refusedBy(c.step), cause: words(failure)})
}

// refusedBy is the event of a Reserve that fails after a callback.
func refusedBy(step eventKind) eventKind {
	if step == eventConsume {
		return eventUnreserved
	}
	return eventDecline
}

// unknownPurchase answers a signed callback for a purchase that the store does
// not have: it was lost with its database. The gloebits go back where they can.
// Where they are paid, the purchase is kept, stuck, with what is known of it.
func (l *Ledger) unknownPurchase(ctx context.Context, c callback) (applied, error) {
	l.log.ErrorContext(ctx, "gloebit ledger: a callback for a purchase that the store does not have", "purchase", c.id, "step", string(c.step))
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
	kept, created, err := l.store.Create(ctx, p)
	switch {
	case err != nil:
		return applied{}, storeError("keep a payment", err)
	case !created: // it has come meanwhile
		return l.apply(ctx, c.id, c.event())
	}
	return applied{rule: rule{answer: yes}, p: kept}, nil
}
