// Package oauthtest is the base of the test servers beside the packages below
// servers: an [http.Handler] that records requests, fails on demand, keeps
// grants, and asks for a user's consent. What a server does with them is its
// own: its paths, and one short handler for each.
package oauthtest

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Request is a request as it came.
type Request struct {
	Method, Path string
	Query        url.Values
	Header       http.Header
	Body         []byte
	Form         url.Values // of Body, if it is a form
}

// Server is the base of a test server. Its methods are safe for concurrent use;
// handlers that were registered with Handle run one at a time, and use Grants.
// They must not call Do.
type Server struct {
	Grants *Grants

	clock func() time.Time
	mux   *http.ServeMux
	work  sync.Mutex // held by the handler at work

	mu       sync.Mutex
	consent  consent
	faults   []*fault
	requests []Request
}

// New returns a server without paths. A nil clock is time.Now.
func New(clock func() time.Time) *Server {
	if clock == nil {
		clock = time.Now
	}
	return &Server{clock: clock, mux: http.NewServeMux(), Grants: &Grants{clock: clock}}
}

// Now returns the server's time.
func (s *Server) Now() time.Time { return s.clock() }

// Handle registers a handler for a pattern of [http.ServeMux].
func (s *Server) Handle(pattern string, handler http.HandlerFunc) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		s.work.Lock()
		defer s.work.Unlock()
		handler(w, r)
	})
}

// Do runs fn while no handler runs.
func (s *Server) Do(fn func()) {
	s.work.Lock()
	defer s.work.Unlock()
	fn()
}

// maxBody is the most bytes that are read of a request's body.
const maxBody = 1 << 20

// ServeHTTP implements [http.Handler]. It records the request, lets a fault
// that was injected for its path answer, and otherwise calls the handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the body can't be read", http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	request := Request{
		Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: r.Header.Clone(), Body: body, Form: url.Values{},
	}
	if isForm(r.Header) {
		request.Form, _ = url.ParseQuery(string(body)) // what can be read
	}
	handler := http.Handler(s.mux)
	s.mu.Lock()
	s.requests = append(s.requests, request)
	r = r.WithContext(withArrival(r.Context(), len(s.requests)))
	if fault := s.take(r.URL.Path); fault != nil {
		handler = fault(handler)
	}
	s.mu.Unlock()
	handler.ServeHTTP(w, r)
}

// Requests returns the requests to a path so far, the oldest first. An empty
// path means all.
func (s *Server) Requests(path string) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Request
	for _, request := range s.requests {
		if path == "" || request.Path == path {
			request.Query, request.Form = maps.Clone(request.Query), maps.Clone(request.Form)
			request.Header, request.Body = request.Header.Clone(), slices.Clone(request.Body)
			found = append(found, request)
		}
	}
	return found
}
