// Package saving has the response writer that saves a session before the header
// of the response leaves.
package saving

import (
	"errors"
	"io"
	"net/http"
)

// Session is what a Writer saves.
type Session interface {
	// Save saves the session if it was changed, and sets its cookie.
	Save(w http.ResponseWriter) error
	// Fail answers when Save has failed.
	Fail(w http.ResponseWriter, err error)
}

// ErrNotSaved is what a handler's writes return when Session.Fail has answered
// in its place.
var ErrNotSaved = errors.New("the session was not saved")

// Writer saves the session before the first byte, status or flush of the
// response. When that fails, nothing of the handler's answer is sent. Both fields
// must be set. Like any http.ResponseWriter it is not safe for concurrent use.
type Writer struct {
	http.ResponseWriter
	Session Session

	begun  bool
	failed bool // the session could not be saved, and that is the answer
}

// Begin saves the session unless that was done, and reports whether the handler's
// response may go on. It is to be called once the handler has returned: that may
// have written nothing.
func (w *Writer) Begin() bool {
	if !w.begun {
		w.begun = true
		if err := w.Session.Save(w.ResponseWriter); err != nil {
			w.failed = true
			for _, name := range []string{"Location", "Content-Length", "Content-Encoding", "Etag", "Last-Modified"} { // of the answer that is not sent
				w.Header().Del(name)
			}
			w.Session.Fail(w.ResponseWriter, err)
		}
	}
	return !w.failed
}

// WriteHeader implements http.ResponseWriter.
func (w *Writer) WriteHeader(status int) {
	informational := status < http.StatusOK && status != http.StatusSwitchingProtocols
	if informational && !w.begun || w.Begin() {
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (w *Writer) Write(b []byte) (int, error) {
	if !w.Begin() {
		return 0, ErrNotSaved
	}
	return w.ResponseWriter.Write(b)
}

// WriteString implements io.StringWriter.
func (w *Writer) WriteString(s string) (int, error) {
	if !w.Begin() {
		return 0, ErrNotSaved
	}
	return io.WriteString(w.ResponseWriter, s)
}

// ReadFrom implements io.ReaderFrom, by which net/http sends files without
// copying them.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	if !w.Begin() {
		return 0, ErrNotSaved
	}
	return io.Copy(w.ResponseWriter, r)
}

// Flush implements http.Flusher.
func (w *Writer) Flush() { _ = w.FlushError() } // as http.Flusher, it can't tell

// FlushError is for http.ResponseController.
func (w *Writer) FlushError() error {
	if !w.Begin() {
		return ErrNotSaved
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *Writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
