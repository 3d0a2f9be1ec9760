package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
)

// Trace holds functions that a [Ledger] calls at stages of its work, for traces
// and metrics. Any of them may be nil. The rules of [connect.Trace] hold: an
// operation's context must be derived from the one that the function is given,
// the function for the operation's end must not be nil, and all of them must
// return quickly. Package github.com/go-gloebit/gloebit/otel makes a Trace for
// OpenTelemetry.
type Trace struct {
	// Order is called by [Ledger.Purchase] before the purchase is stored. The
	// name is "order". Order returns the traceparent of W3C Trace Context to
	// store with the purchase, so that later steps, on any replica, join the
	// trace. The traceparent is not stored if it is invalid, or if the purchase
	// already exists.
	Order func(context.Context, StepInfo) (ctx context.Context, traceParent string, end func(StepResult))
	// Step is called for each step of a purchase. The name is "send" when the
	// ledger asks Gloebit to charge. The others change the purchase: "accepted"
	// and "refused" for Gloebit's response; "enact", "consume" and "cancel" for
	// its callbacks; "decline" when the ledger refuses an enact; "unreserved"
	// when Reserve failed after a consume; "withdraw" when the order is
	// canceled; "reorder" when it is ordered again; "deliver" and "release". A
	// step that changes nothing ends in the state it began in. If the purchase
	// has changed meanwhile, or saving it fails, the step may be tried again.
	// Step is then called for each attempt. An attempt that is repeated ends in
	// the state it began in, without an error.
	Step func(context.Context, StepInfo) (context.Context, func(StepResult))
	// Fulfill is called for each call of the [Fulfiller], within a step. The
	// name is "Reserve", "Deliver" or "Release".
	Fulfill func(context.Context, StepInfo) (context.Context, func(error))
	// Callback is called for each request to [Ledger.Handler]. The name is
	// "enact", "consume" or "cancel"; it and the purchase's ID are empty if the
	// URL is not signed. The function for the end gets the status of the response
	// and the reason that was sent to Gloebit, such as "pending". The reason is
	// empty if the answer was true.
	Callback func(context.Context, StepInfo) (context.Context, func(status int, reason string))
	// StoreFailed is called when the store has failed, unless the caller's
	// context was canceled. The operation is "purchases." followed by one of
	// create, get, change, claim, list, counts, tally and prune.
	StoreFailed func(ctx context.Context, realm, operation string, err error)
}

// StepInfo identifies a step and its purchase.
type StepInfo struct {
	Name        string
	Realm       string
	PurchaseID  string
	UserID      string // empty in Trace.Callback
	State       State  // before the step; empty in Trace.Order and Trace.Callback
	TraceParent string // of the purchase; empty in Trace.Order and Trace.Callback
}

// StepResult is the result of a step.
type StepResult struct {
	State   State // the new one if the step was saved, otherwise the old one; empty if a new order was not saved
	Outcome gloebit.Outcome
	Stuck   bool
	Err     error
}

func (p Purchase) stepInfo(name string) StepInfo {
	return StepInfo{
		Name: name, Realm: p.Realm, PurchaseID: p.ID, UserID: p.UserID, State: p.State, TraceParent: p.TraceParent,
	}
}

func (p Purchase) stepResult(err error) StepResult {
	return StepResult{State: p.State, Outcome: p.Outcome, Stuck: p.Stuck(), Err: err}
}

// startOrder calls Trace.Order, if it is set, and keeps the traceparent.
func (l *Ledger) startOrder(ctx context.Context, p *Purchase) (context.Context, func(StepResult)) {
	if l.trace.Order == nil {
		return ctx, func(StepResult) {}
	}
	info := p.stepInfo("order")
	info.State = "" // it is not stored yet
	ctx, traceParent, end := l.trace.Order(ctx, info)
	if isTraceParent(traceParent) {
		p.TraceParent = traceParent
	}
	return ctx, end
}

// startStep calls Trace.Step, if it is set.
func (l *Ledger) startStep(ctx context.Context, name string, p Purchase) (context.Context, func(StepResult)) {
	if l.trace.Step == nil {
		return ctx, func(StepResult) {}
	}
	return l.trace.Step(ctx, p.stepInfo(name))
}

// startCall calls Trace.Fulfill, if it is set.
func (l *Ledger) startCall(ctx context.Context, call call, p Purchase) (context.Context, func(error)) {
	if l.trace.Fulfill == nil {
		return ctx, func(error) {}
	}
	return l.trace.Fulfill(ctx, p.stepInfo(string(call)))
}

// startCallback calls Trace.Callback, if it is set.
func (l *Ledger) startCallback(ctx context.Context, id, step string) (context.Context, func(int, string)) {
	if l.trace.Callback == nil {
		return ctx, func(int, string) {}
	}
	return l.trace.Callback(ctx, StepInfo{Name: step, Realm: l.realm, PurchaseID: id})
}

// traceParentLength is the length of a traceparent of version 00.
const traceParentLength = len("00-") + 32 + len("-") + 16 + len("-00")

// isTraceParent reports whether a text is a traceparent of version 00 (W3C
// Trace Context, section 3.2).
func isTraceParent(text string) bool {
	if len(text) != traceParentLength || text[:3] != "00-" {
		return false
	}
	for i, c := range []byte(text) {
		dash := i == 2 || i == 35 || i == 52
		if dash != (c == '-') || !dash && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// tracedStore is a Store that reports its failures to Trace.
type tracedStore struct {
	Store
	failed func(ctx context.Context, realm, operation string, err error)
}

func (s tracedStore) see(ctx context.Context, realm, operation string, err error) {
	if err == nil || missing(err) || errors.Is(err, ErrUnreadable) ||
		errors.Is(err, gloebit.ErrInvalidRequest) || errors.Is(err, context.Canceled) {
		return
	}
	s.failed(ctx, realm, "purchases."+operation, err)
}

func (s tracedStore) Create(ctx context.Context, p Purchase) (Purchase, bool, error) {
	kept, created, err := s.Store.Create(ctx, p)
	s.see(ctx, p.Realm, "create", err)
	return kept, created, err
}

func (s tracedStore) Get(ctx context.Context, key connect.Key) (Purchase, error) {
	p, err := s.Store.Get(ctx, key)
	s.see(ctx, key.Realm, "get", err)
	return p, err
}

func (s tracedStore) Change(
	ctx context.Context, key connect.Key, fn func(context.Context, Purchase) (Purchase, error),
) (Purchase, error) {
	var refused error // by fn; not a failure of the store
	p, err := s.Store.Change(ctx, key, func(ctx context.Context, p Purchase) (next Purchase, err error) {
		next, refused = fn(ctx, p)
		return next, refused
	})
	if refused == nil || !errors.Is(err, refused) {
		s.see(ctx, key.Realm, "change", err)
	}
	return p, err
}

func (s tracedStore) CompareAndSwap(ctx context.Context, old, next Purchase) (Purchase, bool, error) {
	saved, swapped, err := s.Store.CompareAndSwap(ctx, old, next)
	s.see(ctx, old.Realm, "change", err)
	return saved, swapped, err
}

func (s tracedStore) Claim(ctx context.Context, realm string, state State, now, until time.Time) (Purchase, error) {
	p, err := s.Store.Claim(ctx, realm, state, now, until)
	s.see(ctx, realm, "claim", err)
	return p, err
}

func (s tracedStore) ClaimUnreported(ctx context.Context, realm string, now, until time.Time) (Purchase, error) {
	p, err := s.Store.ClaimUnreported(ctx, realm, now, until)
	s.see(ctx, realm, "claim", err)
	return p, err
}

func (s tracedStore) List(ctx context.Context, q Query) ([]Purchase, error) {
	list, err := s.Store.List(ctx, q)
	s.see(ctx, q.Realm, "list", err)
	return list, err
}

func (s tracedStore) Counts(ctx context.Context, before time.Time) ([]Count, error) {
	counts, err := s.Store.Counts(ctx, before)
	s.see(ctx, "", "counts", err)
	return counts, err
}

func (s tracedStore) Tally(ctx context.Context, realm string, by Grouping, from, until time.Time) ([]Tally, error) {
	tallies, err := s.Store.Tally(ctx, realm, by, from, until)
	s.see(ctx, realm, "tally", err)
	return tallies, err
}

func (s tracedStore) Prune(ctx context.Context, realm string, before time.Time) (int64, error) {
	removed, err := s.Store.Prune(ctx, realm, before)
	s.see(ctx, realm, "prune", err)
	return removed, err
}
