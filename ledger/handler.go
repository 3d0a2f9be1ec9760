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
// It believes no callback whose URL it did not sign, and needs no session. A
// callback that comes again gets the answer that it got. It answers GET alone,
// and goes on when the caller has gone. A URL that is not signed costs no store
// anything; whoever wants a rate limit puts one around the handler.
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
			l.callback(r.Context(), notice{id, step}).write(w)
		}
	})
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
	if did.answer.conflict() {
		l.record(ctx, slog.LevelError, "a callback that can't be", p, slog.String("step", string(n.step)))
		return did.answer
	}
	// From here on nothing can be lost: what fails is picked up.
	if err := l.finish(ctx, p); err != nil {
		l.record(ctx, slog.LevelError, "to be picked up", p, slog.String("cause", words(err)))
	}
	return did.answer
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
