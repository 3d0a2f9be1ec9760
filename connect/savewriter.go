package connect

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
)

// SavedSession is a session that a [SaveWriter] saves.
type SavedSession interface {
	// Save saves the session if it has changed, and sets its cookie in the
	// header of w.
	Save(w http.ResponseWriter) error
	// Fail writes the response to a request whose session could not be saved.
	// The error is that of Save.
	Fail(w http.ResponseWriter, err error)
}

// ErrNotSaved is returned by the writes of a [SaveWriter] when the session
// could not be saved.
var ErrNotSaved = errors.New("the session was not saved")

// SaveWriter is an http.ResponseWriter that saves a session before the first
// byte, status or flush of the response is sent. If saving fails, nothing of
// the handler's response is sent: SavedSession.Fail writes the response
// instead. It is for packages that implement [SessionStore], as
// adapters/gorilla does.
//
// Both fields must be set. Like any http.ResponseWriter, a SaveWriter is not
// safe for concurrent use.
type SaveWriter struct {
	http.ResponseWriter
	Session SavedSession

	begun  bool
	failed bool // the session could not be saved
}

// Begin saves the session if no write has done so yet, and reports whether the
// handler's response may be sent. Call it once the handler has returned, since
// a handler may write nothing.
func (w *SaveWriter) Begin() bool {
	if !w.begun {
		w.begun = true
		if err := w.Session.Save(w.ResponseWriter); err != nil {
			w.failed = true
			// These headers describe the replaced response.
			for _, name := range []string{
				"Location", "Refresh", "Hx-Redirect", "Hx-Location", "Content-Length", "Content-Encoding", "Content-Range",
				"Content-Disposition", "Etag", "Last-Modified",
			} {
				w.Header().Del(name)
			}
			w.Session.Fail(w.ResponseWriter, err)
		}
	}
	return !w.failed
}

// WriteHeader implements http.ResponseWriter.
func (w *SaveWriter) WriteHeader(status int) {
	informational := status < http.StatusOK && status != http.StatusSwitchingProtocols
	if informational && !w.begun || w.Begin() {
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (w *SaveWriter) Write(b []byte) (int, error) {
	if !w.Begin() {
		return 0, ErrNotSaved
	}
	return w.ResponseWriter.Write(b)
}

// WriteString implements io.StringWriter.
func (w *SaveWriter) WriteString(s string) (int, error) {
	if !w.Begin() {
		return 0, ErrNotSaved
	}
	return io.WriteString(w.ResponseWriter, s)
}

// ReadFrom implements io.ReaderFrom, with which net/http sends files without
// copying them.
func (w *SaveWriter) ReadFrom(r io.Reader) (int64, error) {
	if !w.Begin() {
		return 0, ErrNotSaved
	}
	return io.Copy(w.ResponseWriter, r)
}

// Flush implements http.Flusher.
func (w *SaveWriter) Flush() { _ = w.FlushError() } // http.Flusher reports no error

// FlushError flushes the response for http.ResponseController.
func (w *SaveWriter) FlushError() error {
	if !w.Begin() {
		return ErrNotSaved
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack implements http.Hijacker. It saves the session first; the caller has
// to write the session's cookie, which is in Header, into its own response.
func (w *SaveWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if !w.Begin() {
		return nil, nil, ErrNotSaved
	}
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// CloseNotify implements http.CloseNotifier, which gin's Context.Stream needs.
// If the underlying writer does not implement it, the channel never receives.
func (w *SaveWriter) CloseNotify() <-chan bool {
	for under := w.ResponseWriter; ; {
		if notifier, ok := under.(interface{ CloseNotify() <-chan bool }); ok {
			return notifier.CloseNotify()
		}
		wrapped, ok := under.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		under = wrapped.Unwrap()
	}
}

// Unwrap returns the underlying writer, for http.ResponseController.
func (w *SaveWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
