// Package oauthtest is the base of the test servers beside the packages below
// servers. It provides an [http.Handler] that records requests, injects faults,
// keeps grants, and asks for a user's consent. Each test server adds its paths
// and their handlers.
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

// Request is a recorded request.
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
	work  sync.Mutex // held while a handler runs

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

// maxBody limits a request's body, in bytes.
const maxBody = 1 << 20

// ServeHTTP implements [http.Handler]. It records the request, and responds
// with a fault if one was injected for its path, or else with the handler's
// response.
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
		request.Form, _ = url.ParseQuery(string(body)) // keeps what can be parsed
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
