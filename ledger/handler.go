package ledger

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/go-gloebit/gloebit"
)

// Handler answers Gloebit's hold callbacks. Mount it at the path of
// Config.CallbackURL and all below it:
//
//	mux.Handle("/gloebit/hold/", ledger.Handler())
//
// It believes no callback whose URL it did not sign, and needs no session. A
// callback that comes again gets the answer that it got. It answers GET alone,
// and goes on when the caller has gone.
func (l *Ledger) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, step, signed := l.readHoldURL(r)
		switch {
		case r.Method != http.MethodGet:
			w.Header().Set("Allow", http.MethodGet)
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		case !signed:
			l.log.WarnContext(r.Context(), "gloebit ledger: a callback that is not signed", "remote", r.RemoteAddr)
			http.Error(w, http.StatusText(http.StatusNotFound), http.StatusNotFound)
		default:
			l.callback(r.Context(), id, step).write(w)
		}
	})
}

// callback works on a callback and answers it. What is answered has been saved.
// Each step goes on when the caller has gone.
func (l *Ledger) callback(ctx context.Context, id string, step event) answer {
	working, stop := l.within(ctx)
	p, did, err := l.apply(working, id, happening{event: step, cause: string(step) + " called"})
	stop()
	var failure *fulfillerError
	switch {
	case errors.As(err, &failure):
		p, did.answer, err = l.notReserved(ctx, p, failure)
	case errors.Is(err, gloebit.ErrNotFound):
		return l.stranger(ctx, id, step)
	}
	if err != nil {
		l.log.ErrorContext(ctx, "gloebit ledger: a callback has to come again", "purchase", id, "step", string(step), "cause", words(err))
		return failed
	}
	if did.answer.conflict() {
		l.record(ctx, slog.LevelError, "a callback that can't be", p, slog.String("step", string(step)))
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
	for _, passing := range []error{ErrPending, context.Canceled, context.DeadlineExceeded, errPanic} {
		if errors.Is(failure, passing) {
			l.record(ctx, slog.LevelInfo, "not reserved yet", p, slog.String("cause", words(failure)))
			return p, noPending, nil
		}
	}
	ctx, stop := l.within(ctx)
	defer stop()
	now, did, err := l.apply(ctx, p.ID, happening{event: eventDecline, cause: words(failure)})
	return now, did.answer, err
}

// stranger answers a signed callback for a purchase that the store does not
// have: it was lost with its database. The gloebits go back where they can.
func (l *Ledger) stranger(ctx context.Context, id string, step event) answer {
	l.log.ErrorContext(ctx, "gloebit ledger: a callback for a purchase that the store does not have", "purchase", id, "step", string(step))
	switch step {
	case eventEnact:
		return noUnknown
	case eventCancel:
		return yes
	}
	return conflictUnknown
}
