package gloebitgin

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
)

// writer is gin's response writer on top of a net/http middleware's writer,
// through which it writes everything. Like gin's it delays the status until the
// first byte or flush, so the middleware sees the header as late as possible.
type writer struct {
	gin.ResponseWriter
	through http.ResponseWriter
	begun   bool
}

// begin shows the middleware the status before the header is written.
func (w *writer) begin() {
	if !w.begun {
		w.begun = true
		w.through.WriteHeader(w.Status())
	}
}

// Write implements io.Writer.
func (w *writer) Write(b []byte) (int, error) {
	w.begin()
	return w.through.Write(b)
}

// WriteString implements io.StringWriter.
func (w *writer) WriteString(s string) (int, error) {
	w.begin()
	return io.WriteString(w.through, s)
}

// WriteHeaderNow implements gin.ResponseWriter.
func (w *writer) WriteHeaderNow() {
	w.begin()
	w.ResponseWriter.WriteHeaderNow()
}

// Flush implements http.Flusher.
func (w *writer) Flush() {
	w.begin()
	w.ResponseWriter.Flush()
}

// Hijack implements http.Hijacker.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.through).Hijack()
}

// Unwrap lets http.ResponseController reach the middleware's writer.
func (w *writer) Unwrap() http.ResponseWriter { return w.through }
