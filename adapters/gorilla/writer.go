package gloebitgorilla

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/go-gloebit/gloebit"
)

// errNotSaved is what a handler's writes return when Config.ErrorHandler has
// answered in its place.
var errNotSaved = errors.New("gloebitgorilla: the session was not saved")

// writer saves the session before the header leaves.
type writer struct {
	http.ResponseWriter
	visit  *visit
	begun  bool
	failed bool // the session could not be saved, and that is the answer
}

// begin saves the session and reports whether the handler's response may go on.
func (w *writer) begin() bool {
	if !w.begun {
		w.begun = true
		if err := w.visit.save(w.ResponseWriter); err != nil {
			w.failed = true
			w.Header().Del("Location")
			w.visit.sessions.config.ErrorHandler(w.ResponseWriter, w.visit.request, fmt.Errorf("%w: save the session: %w", gloebit.ErrStore, err))
		}
	}
	return !w.failed
}

// WriteHeader implements http.ResponseWriter.
func (w *writer) WriteHeader(status int) {
	informational := status < http.StatusOK && status != http.StatusSwitchingProtocols
	if informational && !w.begun || w.begin() {
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (w *writer) Write(b []byte) (int, error) {
	if !w.begin() {
		return 0, errNotSaved
	}
	return w.ResponseWriter.Write(b)
}

// Flush implements http.Flusher.
func (w *writer) Flush() { _ = w.FlushError() } // as http.Flusher, it can't tell

// FlushError is for http.ResponseController.
func (w *writer) FlushError() error {
	if !w.begin() {
		return errNotSaved
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
