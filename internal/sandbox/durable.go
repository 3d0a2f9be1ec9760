package sandbox

import "net/http"

// durable sends each response only after the state that it reports is on disk.
func (s *Sandbox) durable(next http.Handler) http.Handler {
	if s.file == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := &durableWriter{ResponseWriter: w, s: s, r: r}
		// A handler may abort the response on purpose; its changes must be
		// saved anyway.
		defer d.ready()
		next.ServeHTTP(d, r)
	})
}

// durableWriter saves the state before it sends the first byte. If that fails,
// it responds 503 instead.
type durableWriter struct {
	http.ResponseWriter
	s      *Sandbox
	r      *http.Request
	asked  bool
	failed bool
}

// ready saves once per response and reports whether the response may be sent.
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

// Unwrap lets http.ResponseController flush or hijack the connection.
func (d *durableWriter) Unwrap() http.ResponseWriter { return d.ResponseWriter }
