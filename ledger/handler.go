package ledger

import (
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
