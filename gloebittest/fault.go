package gloebittest

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault makes requests fail. A request is answered by the oldest matching
// fault, and by no other.
//
// If the fault has an answer of its own (Status, Body or Reason) or drops the
// connection without TruncateAt, the request is not processed: nothing is
// charged, and no code is used. With After it is processed first. To simulate a
// lost response to a successful charge, use Fault{Path: "transact", Times: 1,
// Drop: true, After: true}.
//
// An HTTP client may silently resend a GET when a kept-alive connection closes
// without a response. Its caller then doesn't notice a Fault with Drop and
// Times 1.
type Fault struct {
	// Path is the path of the requests, such as "transact" or
	// "oauth2/access-token". Paths below it match, too. If empty, every path
	// matches.
	Path string
	// Match further restricts the requests. It must not call the Gloebit. If
	// nil, every request matches.
	Match func(Request) bool
	// Times is how many requests the fault answers. If zero, it answers
	// requests until [Gloebit.ClearFaults].
	Times int

	// Latency delays the request before it is processed, in real time.
	Latency time.Duration
	// Drop closes the connection without a response.
	Drop bool
	// After processes the request before its response is replaced or dropped.
	After bool
	// Status is the response's status. The default is 200 if Body or Reason is
	// set.
	Status int
	// Header is added to the response, such as Retry-After or WWW-Authenticate.
	Header http.Header
	// Body is the response's body, in any format.
	Body string
	// ContentType is the Content-Type of Body. The default is application/json.
	ContentType string
	// Reason makes the response {"success": false, "reason": Reason}.
	Reason string
	// TruncateAt cuts the response's body off after that many bytes. With Drop
	// the connection then closes, so that the client can detect the loss.
	// Otherwise the truncated body is sent as a complete response.
	TruncateAt int
}

// Inject adds a fault after the present ones.
func (g *Gloebit) Inject(f Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f.Path = trimSlashes(f.Path)
	f.Header = f.Header.Clone()
	g.faults = append(g.faults, &f)
}

// ClearFaults removes all faults.
func (g *Gloebit) ClearFaults() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = nil
}

// pickFault returns the fault that matches a request, or nil, and counts it.
// The caller holds g.mu.
func (g *Gloebit) pickFault(request Request) *Fault {
	for i, f := range g.faults {
		if !f.fits(request) {
			continue
		}
		picked := *f
		if f.Times > 0 {
			f.Times--
			if f.Times == 0 {
				g.faults = slices.Delete(g.faults, i, i+1)
			}
		}
		return &picked
	}
	return nil
}

func (f *Fault) fits(request Request) bool {
	path := trimSlashes(request.Path)
	if f.Path != "" && path != f.Path && !strings.HasPrefix(path, f.Path+"/") {
		return false
	}
	return f.Match == nil || f.Match(request)
}

// replaces reports whether the fault has a response of its own.
func (f *Fault) replaces() bool { return f.Status != 0 || f.Body != "" || f.Reason != "" }

// works reports whether the request is processed.
func (f *Fault) works() bool {
	return f.After || !f.replaces() && (!f.Drop || f.TruncateAt > 0)
}

// answer is the fault's own response.
func (f *Fault) answer() *heldAnswer {
	got := &heldAnswer{header: make(http.Header), status: cmp.Or(f.Status, http.StatusOK)}
	switch {
	case f.Body != "":
		got.header.Set("Content-Type", cmp.Or(f.ContentType, "application/json"))
		got.body.WriteString(f.Body)
	case f.Reason != "":
		writeJSON(got, got.status, failure(f.Reason))
	default:
		got.header.Set("Content-Type", "text/plain; charset=utf-8")
		got.body.WriteString(http.StatusText(got.status) + "\n")
	}
	return got
}

// pause waits for d. It reports false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// heldAnswer is a response that has not been sent yet.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *heldAnswer) Header() http.Header { return a.header }

func (a *heldAnswer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *heldAnswer) Write(b []byte) (int, error) { return a.body.Write(b) }
