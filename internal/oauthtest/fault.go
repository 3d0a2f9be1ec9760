package oauthtest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
)

// Fault responds to a request instead of the server's handler, which it may
// call.
type Fault = func(next http.Handler) http.Handler

// fault is a Fault that was injected.
type fault struct {
	path  string
	times int
	Fault
}

// Inject replaces the server's response to the next requests to a path, as
// often as times says. An empty path matches every path. Faults for the same
// path are used in the order of their injection.
func (s *Server) Inject(path string, times int, f func(next http.Handler) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault{path, times, f})
}

// take returns the fault for a request to that path, or nil.
func (s *Server) take(path string) Fault {
	for _, fault := range s.faults {
		if fault.times > 0 && (fault.path == "" || fault.path == path) {
			fault.times--
			return fault.Fault
		}
	}
	return nil
}

// Answer returns a fault that responds with a status, a body, and header fields
// given as names and values.
func Answer(status int, body string, header ...string) Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { Write(w, status, body, header...) })
	}
}

// Page returns a fault that responds with an HTML page.
func Page(status int, text string) Fault {
	body := "<!doctype html>\n<html><head><title>" + text + "</title></head><body><h1>" + text + "</h1></body></html>\n"
	return Answer(status, body, "Content-Type", "text/html; charset=utf-8")
}

// JSON returns a fault that responds with JSON.
func JSON(status int, body string, header ...string) Fault {
	return Answer(status, body, append([]string{"Content-Type", "application/json"}, header...)...)
}

// Empty returns a fault that responds with an empty body.
func Empty(status int) Fault { return Answer(status, "") }

// Moved returns a fault that redirects to another address, as servers do for a
// missing slash.
func Moved(to string) Fault { return Answer(http.StatusMovedPermanently, "", "Location", to) }

// Unauthorized returns a fault that responds with 401 and a challenge. An empty
// challenge omits the header.
func Unauthorized(challenge, body string) Fault {
	if challenge == "" {
		return JSON(http.StatusUnauthorized, body)
	}
	return JSON(http.StatusUnauthorized, body, "WWW-Authenticate", challenge)
}

// TooMany returns a fault that responds with 429 and a Retry-After header.
func TooMany(seconds int) Fault {
	return JSON(http.StatusTooManyRequests, `{}`, "Retry-After", strconv.Itoa(seconds))
}

// CutOff returns a fault that calls the handler, sends that many bytes of its
// response's body, and closes the connection.
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
			_ = http.NewResponseController(w).Flush() // must arrive before the connection closes
			panic(http.ErrAbortHandler)
		})
	}
}

// Drop returns a fault that calls the handler and closes the connection without
// a response. A client of net/http repeats a GET once if the connection was
// used before, so inject two faults.
func Drop() Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		})
	}
}

// Write writes a response, with header fields given as names and values.
func Write(w http.ResponseWriter, status int, body string, header ...string) {
	for i := 0; i+1 < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // an error means that the client has disconnected
}
