package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// Fulfiller delivers what was bought. For one purchase, only one call runs at a
// time, across all replicas. Calls for different purchases are concurrent.
//
// Each call and the change of the purchase's state are one unit: if the call
// fails, the state does not change. With a store in the application's own
// database, such as sqlledger, the context carries the transaction in which the
// state is saved. What is written in that transaction happens exactly once.
// Everything else happens at least once: after a crash or a lost commit the
// call is repeated for the same purchase. Pass Purchase.ID on as the
// idempotency key. A Fulfiller must not call the Ledger.
//
// The context of a call ends after Config.StepTimeout, and the call must return
// then. A call that does not return blocks the worker or request that made it,
// and its purchase in this process. A store in a database rolls its transaction
// back after a while, so another replica may then call the Fulfiller for that
// purchase concurrently. While Config.Workers calls still run after their
// contexts have ended, this process makes no new ones.
type Fulfiller interface {
	// Reserve is called when Gloebit has the gloebits on hold and asks whether
	// to take them. Return nil to continue. After ErrTryAgain,
	// context.Canceled, context.DeadlineExceeded, the end of the context or a
	// panic, Gloebit asks again later. Any other error cancels the purchase:
	// its text goes into Purchase.Cause and the log, and Gloebit is sent
	// "canceled". So for a temporary failure, such as a busy database, return
	// ErrTryAgain or wrap it. After any error, what Reserve has written in the
	// transaction is rolled back. A store that knows the temporary errors of
	// its database, as sqlledger does, treats them as ErrTryAgain if they come
	// from its transaction. If the database lost the commit of an earlier
	// Reserve, Reserve is called again when Gloebit reports the purchase as
	// paid; any error then marks the purchase stuck.
	Reserve(ctx context.Context, p Purchase) error
	// Deliver delivers the purchase, which is now paid. After an error it is
	// called again, with growing waits, until it returns nil or the purchase is
	// stuck.
	Deliver(ctx context.Context, p Purchase) error
	// Release undoes Reserve for a canceled purchase. It is called for every
	// canceled purchase, even if Reserve was never called or failed. After an
	// error it is called again, as with Deliver.
	Release(ctx context.Context, p Purchase) error
}

// productsOnly is the Fulfiller when Gloebit delivers everything. It rejects an
// item that another replica has sold, rather than treat it as delivered.
type productsOnly struct{}

var errNoFulfiller = errors.New("ledger: an item, and no Config.Fulfiller to hand it out")

func (productsOnly) Reserve(_ context.Context, p Purchase) error { return checkProduct(p) }
func (productsOnly) Deliver(_ context.Context, p Purchase) error { return checkProduct(p) }
func (productsOnly) Release(_ context.Context, p Purchase) error { return checkProduct(p) }

func checkProduct(p Purchase) error {
	if p.Product == "" {
		return fmt.Errorf("%w: %w", ErrTryAgain, errNoFulfiller)
	}
	return nil
}

// fulfillerError is the error of a failed call of the Fulfiller.
type fulfillerError struct {
	call  call
	err   error
	ended bool // the call's context has ended, which may be why it failed
}

func (e *fulfillerError) Error() string { return string(e.call) + ": " + e.err.Error() }
func (e *fulfillerError) Unwrap() error { return e.err }

// passing reports whether another call may succeed, regardless of the error: a
// Fulfiller may return any error when its database connection was lost or its
// context has ended.
func (e *fulfillerError) passing() bool {
	if e.ended {
		return true
	}
	for _, passing := range []error{ErrTryAgain, context.Canceled, context.DeadlineExceeded, errPanic} {
		if errors.Is(e.err, passing) {
			return true
		}
	}
	return false
}

// alone reports whether err, the error of the store's Change, consists only of
// this failure. A store that failed as well joins its own error with it.
func (e *fulfillerError) alone(err error) bool {
	for e != nil && err != nil {
		if err == error(e) {
			return true
		}
		err = errors.Unwrap(err) // nil for joined errors
	}
	return false
}

var (
	errPanic = errors.New("panic")
	errHangs = errors.New("ledger: too many calls of the Fulfiller do not return")
)

// fulfil calls the Fulfiller, unless there is nothing to call.
func (l *Ledger) fulfil(ctx context.Context, call call, p Purchase) (failure *fulfillerError) {
	if call == callNothing {
		return nil
	}
	if len(l.overdue.all()) >= l.config.Workers {
		return &fulfillerError{call: call, err: fmt.Errorf("%w: %w", ErrTryAgain, errHangs)}
	}
	ctx, end := l.startCall(ctx, call, p)
	inTime := context.AfterFunc(ctx, func() { l.overdue.add(p.ID, 1) })
	defer func() {
		if !inTime() {
			l.overdue.add(p.ID, -1)
		}
		if recovered := recover(); recovered != nil {
			l.log.LogAttrs(ctx, slog.LevelError, "gloebit ledger: the Fulfiller panicked",
				slog.String("purchase", p.ID), slog.String("call", string(call)), slog.Any("panic", recovered),
				slog.String("stack", string(debug.Stack())))
			failure = &fulfillerError{call: call, err: errPanic}
		}
		if failure != nil {
			end(failure.err)
		} else {
			end(nil)
		}
	}()
	if err := l.ask(ctx, call, p.Clone()); err != nil {
		probe(err)
		return &fulfillerError{call: call, err: err, ended: ctx.Err() != nil}
	}
	return nil
}

// probe panics if the methods of err do, for example because err is a nil
// pointer in an interface. It is called where the panic is recovered, so that
// err can be used anywhere afterwards.
func probe(err error) {
	_ = err.Error()
	_ = errors.Is(err, errPanic)
}

func (l *Ledger) ask(ctx context.Context, call call, p Purchase) error {
	switch call {
	case callReserve:
		return l.fulfiller.Reserve(ctx, p)
	case callDeliver:
		return l.fulfiller.Deliver(ctx, p)
	case callRelease:
		return l.fulfiller.Release(ctx, p)
	}
	return fmt.Errorf("ledger: no call %q", call)
}
