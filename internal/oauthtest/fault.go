package oauthtest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
)

// Fault answers a request in place of the server's handler, which it may call.
type Fault = func(next http.Handler) http.Handler

// fault is a Fault that is still to come.
type fault struct {
	path  string
	times int
	Fault
}

// Inject lets a fault answer the next requests to a path, as many as times
// says. An empty path means every path. Faults for the same path follow each
// other in the order in which they were injected.
func (s *Server) Inject(path string, times int, f func(next http.Handler) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault{path, times, f})
}

// take returns the fault that a request meets, or nil.
func (s *Server) take(path string) Fault {
	for _, fault := range s.faults {
		if fault.times > 0 && (fault.path == "" || fault.path == path) {
			fault.times--
			return fault.Fault
		}
	}
	return nil
}

// Answer is a fault that answers with a status, a body and pairs of a header's
// name and value.
func Answer(status int, body string, header ...string) Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { Write(w, status, body, header...) })
	}
}

// Page is a fault that answers with an HTML page.
func Page(status int, text string) Fault {
	body := "<!doctype html>\n<html><head><title>" + text + "</title></head><body><h1>" + text + "</h1></body></html>\n"
	return Answer(status, body, "Content-Type", "text/html; charset=utf-8")
}

// JSON is a fault that answers with a body of JSON.
func JSON(status int, body string, header ...string) Fault {
	return Answer(status, body, append([]string{"Content-Type", "application/json"}, header...)...)
}

// Empty is a fault that answers with an empty body.
func Empty(status int) Fault { return Answer(status, "") }

// Moved is a fault that redirects to another address, as servers do where a
// slash is missing.
func Moved(to string) Fault { return Answer(http.StatusMovedPermanently, "", "Location", to) }

// Unauthorized is a fault that answers with 401 and a challenge. An empty
// challenge leaves the header out.
func Unauthorized(challenge, body string) Fault {
	if challenge == "" {
		return JSON(http.StatusUnauthorized, body)
	}
	return JSON(http.StatusUnauthorized, body, "WWW-Authenticate", challenge)
}

// TooMany is a fault that answers with 429 and says after how many seconds to
// come again.
func TooMany(seconds int) Fault {
	return JSON(http.StatusTooManyRequests, `{}`, "Retry-After", strconv.Itoa(seconds))
}

// CutOff is a fault that lets the handler do its work, sends that many bytes of
// its response's body, and closes the connection.
func CutOff(bytes int) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			whole := httptest.NewRecorder()
			next.ServeHTTP(whole, r)
			body := whole.Body.Bytes()
			for name, values := range whole.Header() {
				w.Header()[name] = values
			}
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			w.WriteHeader(whole.Code)
			_, _ = w.Write(body[:min(bytes, len(body))])
			_ = http.NewResponseController(w).Flush() // what was sent has to arrive before the connection closes
			panic(http.ErrAbortHandler)
		})
	}
}

// Drop is a fault that lets the handler do its work and closes the connection
// without a response. A client of net/http repeats a GET once if the connection
// was used before, so inject two faults.
func Drop() Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		})
	}
}

// Write writes a response with pairs of a header's name and value.
func Write(w http.ResponseWriter, status int, body string, header ...string) {
	for i := 0; i+1 < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the client has gone if this fails
}
