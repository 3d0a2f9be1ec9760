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
//
// A consume or a cancel that the store can't take is kept in this process's
// memory, and Gloebit may never repeat it. [Ledger.Run] saves it when the store
// is back, and so does Reconcile, but only in this same process: what another
// process or a cron job runs knows nothing of it. Without either here, the next
// callback that this process can save saves it too, and what is left when the
// process ends is lost. So run Run wherever the Handler is mounted.
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
			answer := l.callback(r.Context(), notice{id, step})
			answer.write(w)
			if answer != failed && len(l.unsaved.all()) > 0 {
				_ = http.NewResponseController(w).Flush() // so that Gloebit need not wait, where the server can
				l.saveMeanwhile(r.Context())
			}
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
	if l.impossible(ctx, n, p, did.answer) {
		return did.answer
	}
	// From here on nothing can be lost: what fails is picked up.
	if err := l.finish(ctx, p); err != nil {
		l.record(ctx, slog.LevelError, "to be picked up", p, slog.String("cause", words(err)))
	}
	return did.answer
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
