package sandbox

import "net/http"

// durable holds each answer back until the state that it speaks of is on disk.
func (s *Sandbox) durable(next http.Handler) http.Handler {
	if s.file == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := &durableWriter{ResponseWriter: w, s: s, r: r}
		// An answer that is dropped on purpose is never written, but what was done stays done.
		defer d.ready()
		next.ServeHTTP(d, r)
	})
}

// durableWriter saves the state before the first byte goes out. When that fails, the answer is 503 in
// place of what the handler says: a client that asks again finds out what holds.
type durableWriter struct {
	http.ResponseWriter
	s      *Sandbox
	r      *http.Request
	asked  bool
	failed bool
}

// ready saves once per answer and reports whether the answer may go out.
func (d *durableWriter) ready() bool {
	if d.asked {
		return !d.failed
	}
	d.asked = true
	if err := d.s.persist(); err != nil {
		d.failed = true
		d.s.log.ErrorContext(d.r.Context(), "sandbox: state can't be saved", "error", err)
		clear(d.Header())
		http.Error(
			d.ResponseWriter, "The sandbox can't write its state file, so nothing can be relied on.",
			http.StatusServiceUnavailable,
		)
	}
	return !d.failed
}

func (d *durableWriter) WriteHeader(status int) {
	if d.ready() {
		d.ResponseWriter.WriteHeader(status)
	}
}

func (d *durableWriter) Write(b []byte) (int, error) {
	if d.ready() {
		return d.ResponseWriter.Write(b)
	}
	return len(b), nil
}

// Unwrap lets http.ResponseController reach what is below, to flush or to take the connection over.
func (d *durableWriter) Unwrap() http.ResponseWriter { return d.ResponseWriter }
