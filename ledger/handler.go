package ledger

import (
	"net/http"
)

// Handler answers Gloebit's hold callbacks. Mount it at the path of
// Config.CallbackURL and all below it:
//
//	mux.Handle("/gloebit/hold/", purchases.Handler()) // purchases is the Ledger
//
// Before it touches the store, it rejects URLs that this ledger did not sign
// for its realm. It needs no session. Repeating a saved callback changes
// nothing, and gets the same answer unless a consume or cancel that contradicts
// it was saved in between. It answers only GET, and continues if the caller
// disconnects. To limit the rate of requests, wrap the handler.
//
// A consume or a cancel that can't be saved is kept in this process's memory,
// because Gloebit may never repeat it. [Ledger.Run] or Reconcile in the same
// process saves it when the store works again. If neither runs in this process,
// it is saved after the next callback that can be saved. Callbacks still in
// memory when the process ends are lost. So call Run in every process that
// mounts the Handler.
func (l *Ledger) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, step, signed := l.readHoldURL(r)
		if !signed { // first, so that the response reveals nothing about purchases
			_, end := l.startCallback(r.Context(), "", "")
			defer end(http.StatusNotFound, "")
			l.log.WarnContext(r.Context(), "gloebit ledger: a callback that is not signed", "remote", r.RemoteAddr)
			http.Error(w, http.StatusText(http.StatusNotFound), http.StatusNotFound)
			return
		}
		ctx, end := l.startCallback(r.Context(), id, string(step))
		if r.Method != http.MethodGet {
			defer end(http.StatusMethodNotAllowed, "")
			w.Header().Set("Allow", http.MethodGet)
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		l.warnWithoutRun(ctx)
		answer := l.respond(ctx, callback{id, step})
		answer.write(w)
		end(answer.status, answer.no)
		if answer != failed && len(l.kept.all()) > 0 {
			_ = http.NewResponseController(w).Flush() // so that Gloebit need not wait, if the server supports it
			l.saveKeptMeanwhile(r.Context())
		}
	})
}
