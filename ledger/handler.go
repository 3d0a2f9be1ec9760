package ledger

import (
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
