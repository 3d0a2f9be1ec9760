package gloebittest

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"time"
)

// Request is a received request. It contains the client's secrets and tokens.
type Request struct {
	Time     time.Time
	Method   string
	Path     string // as sent, with escapes and slashes
	RawQuery string
	Header   http.Header
	Body     string // its first 64 KiB
}

// Requests returns the last requests, oldest first, including those answered by
// a fault. It returns up to Config.RequestLog requests, fewer if their bodies
// are large.
func (g *Gloebit) Requests() []Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.requests)
}

// ResetRequests drops the recorded requests.
func (g *Gloebit) ResetRequests() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests, g.requestBytes = nil, 0
}

const (
	maxRecordedBody  = 64 << 10 // of one request
	maxRecordedTotal = 64 << 20 // of all requests
)

// admit records a request and returns the fault that matches it, or nil.
func (g *Gloebit) admit(r *http.Request) *Fault {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	request := Request{
		Method: r.Method, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery,
		Header: r.Header.Clone(), Body: string(body[:min(len(body), maxRecordedBody)]),
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	request.Time = g.now()
	g.record(request)
	return g.pickFault(request)
}

// record records a request and drops the oldest ones beyond the limits. The
// caller holds g.mu.
func (g *Gloebit) record(request Request) {
	limit := g.cfg.RequestLog
	switch {
	case limit < 0:
		return
	case limit == 0:
		limit = 10_000
	}
	g.requests = append(g.requests, request)
	g.requestBytes += len(request.Body)
	for len(g.requests) > limit || g.requestBytes > maxRecordedTotal {
		g.requestBytes -= len(g.requests[0].Body)
		g.requests[0] = Request{}
		g.requests = g.requests[1:]
	}
}
