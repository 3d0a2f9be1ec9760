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

// Fault makes requests fail. A request meets the oldest fault that fits it,
// and at most one.
//
// Without After, the request is not worked: nothing is charged, no code is
// used up. A lost answer, where the work is done and the caller never hears of
// it, is Fault{Path: "transact", Times: 1, Drop: true, After: true}.
//
// An HTTP client may send a GET again by itself, and silently, when a kept-alive
// connection closes without an answer; a Fault with Drop and Times 1 then goes
// unseen by its caller.
type Fault struct {
	// Path is the path it is for, such as "transact" or "oauth2/access-token",
	// and everything below it. Empty means every path.
	Path string
	// Match narrows it further. It must not call the Gloebit. Nil means every
	// request.
	Match func(Request) bool
	// Times is how many requests it is good for. Zero means until
	// [Gloebit.ClearFaults].
	Times int

	// Latency passes, in real time, before anything else happens.
	Latency time.Duration
	// Drop closes the connection without an answer.
	Drop bool
	// After works the request first and then replaces its answer.
	After bool
	// Status is the answer's status. Zero means 200 with Body or Reason.
	Status int
	// Header is added to the answer: Retry-After, WWW-Authenticate.
	Header http.Header
	// Body is the answer's body, whatever it is.
	Body string
	// ContentType is Body's. Empty means application/json.
	ContentType string
	// Reason answers {"success": false, "reason": Reason}.
	Reason string
	// TruncateAt cuts the answer off after that many bytes: of the true
	// answer, or of Body. With Drop the connection then closes, so that the
	// reader sees the loss; without, it is a complete answer with half a body.
	TruncateAt int
}

// Inject adds a fault. Faults stay in the order they came.
func (g *Gloebit) Inject(f Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f.Path = trimSlashes(f.Path)
	f.Header = f.Header.Clone()
	g.faults = append(g.faults, &f)
}

// ClearFaults takes all faults away.
func (g *Gloebit) ClearFaults() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = nil
}

// pickFault finds the fault that a request meets and counts it. The caller
// holds g.mu.
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

// replaces reports whether the fault has an answer of its own.
func (f *Fault) replaces() bool { return f.Status != 0 || f.Body != "" || f.Reason != "" }

// works reports whether the request is worked at all.
func (f *Fault) works() bool {
	return f.After || !f.replaces() && (!f.Drop || f.TruncateAt > 0)
}

// answer is the fault's own answer.
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

// pause waits, and reports false when the caller has gone meanwhile.
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

// heldAnswer is an answer that has not been sent yet.
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
