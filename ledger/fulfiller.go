package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// Fulfiller hands out what was bought. The ledger calls it for one purchase by
// one goroutine at a time, here or on another replica, for different purchases
// at once.
//
// Each call and the purchase's next state are one unit: when the call fails,
// the purchase stays where it was. With a store in the application's own
// database, such as sqlledger, the context carries the transaction in which the
// state is saved. What is written in that transaction happens exactly once. All
// else happens at least once: after a crash or a lost commit the call is made
// again for the same purchase, with Purchase.ID as the idempotency key to pass
// on. It must not call the Ledger.
//
// A call has Config.WorkTimeout, after which its context ends, and must return
// then. One that does not holds the worker or the request that made it, and its
// purchase in this process. A store in a database takes its transaction back
// after a while, so that another replica may make the call beside it. While as
// many hang as Config.Workers, this process makes no more calls.
type Fulfiller interface {
	// Reserve may refuse: Gloebit has the gloebits on hold and asks whether to
	// take them. Nil goes on. ErrPending makes Gloebit ask
	// again later, as does the end of the context or a panic. Any other error
	// cancels the purchase: its text goes into Purchase.Cause and the log, and
	// Gloebit is told "canceled". So a failure that may pass, such as a
	// database that is busy, must be ErrPending, or wrap it. A store that knows
	// its database's passing errors, as sqlledger does, takes them for that by
	// itself when they come from its transaction. If the database lost the
	// commit of an earlier Reserve, it is called again when Gloebit says that
	// the purchase is paid; any error then marks the purchase stuck.
	Reserve(ctx context.Context, p Purchase) error
	// Deliver hands out what is now paid. An error has it called again, with
	// growing waits, until it returns nil or the purchase is stuck.
	Deliver(ctx context.Context, p Purchase) error
	// Release takes back what Reserve has done, for a purchase that is off. It
	// is called for every purchase that was canceled, so also when Reserve
	// never ran or failed. An error has it called again, as with Deliver.
	Release(ctx context.Context, p Purchase) error
}

// productsOnly is the Fulfiller where Gloebit delivers all. An item that another
// replica has sold is not taken for delivered.
type productsOnly struct{}

var errNoFulfiller = errors.New("ledger: an item, and no Config.Fulfiller to hand it out")

func (productsOnly) Reserve(_ context.Context, p Purchase) error { return checkProduct(p) }
func (productsOnly) Deliver(_ context.Context, p Purchase) error { return checkProduct(p) }
func (productsOnly) Release(_ context.Context, p Purchase) error { return checkProduct(p) }

func checkProduct(p Purchase) error {
	if p.Product == "" {
		return fmt.Errorf("%w: %w", ErrPending, errNoFulfiller)
	}
	return nil
}

// fulfillerError is a call of the Fulfiller that failed.
type fulfillerError struct {
	call  call
	err   error
	ended bool // the call's context has, which may be why it failed
}

func (e *fulfillerError) Error() string { return string(e.call) + ": " + e.err.Error() }
func (e *fulfillerError) Unwrap() error { return e.err }

// passing reports whether another call may go well, whatever the error says: a
// Fulfiller whose database connection was lost or whose time is over may call
// that by any name.
func (e *fulfillerError) passing() bool {
	if e.ended {
		return true
	}
	for _, passing := range []error{ErrPending, context.Canceled, context.DeadlineExceeded, errPanic} {
		if errors.Is(e.err, passing) {
			return true
		}
	}
	return false
}

// alone reports whether an error of the store's Change is this failure and no
// other. A store that failed as well, such as one that lost its connection
// meanwhile, joins its own error with this one.
func (e *fulfillerError) alone(err error) bool {
	for e != nil && err != nil {
		if err == error(e) {
			return true
		}
		err = errors.Unwrap(err) // nil for errors that were joined
	}
	return false
}

var (
	errPanic = errors.New("panic")
	errHangs = errors.New("ledger: too many calls of the Fulfiller do not return")
)

// fulfil calls the Fulfiller, if there is something to call.
func (l *Ledger) fulfil(ctx context.Context, call call, p Purchase) (failure *fulfillerError) {
	if call == callNothing {
		return nil
	}
	if len(l.overdue.all()) >= l.config.Workers {
		return &fulfillerError{call: call, err: fmt.Errorf("%w: %w", ErrPending, errHangs)}
	}
	inTime := context.AfterFunc(ctx, func() { l.overdue.add(p.ID, 1) })
	defer func() {
		if !inTime() {
			l.overdue.add(p.ID, -1)
		}
		if recovered := recover(); recovered != nil {
			l.log.LogAttrs(ctx, slog.LevelError, "gloebit ledger: the Fulfiller panicked",
				slog.String("purchase", p.ID), slog.String("call", string(call)), slog.Any("panic", recovered))
			failure = &fulfillerError{call: call, err: errPanic}
		}
	}()
	if err := l.ask(ctx, call, p.Clone()); err != nil {
		return &fulfillerError{call: call, err: err, ended: ctx.Err() != nil}
	}
	return nil
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
