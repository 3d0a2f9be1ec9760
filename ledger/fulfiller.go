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
// database, such as sqlstore, the context carries the transaction in which the
// state is saved. What is written in that transaction happens exactly once. All
// else happens at least once: after a crash or a lost commit the call is made
// again for the same purchase, with Purchase.ID as the idempotency key to pass
// on. It must not call the Ledger.
//
// A call has Config.WorkTimeout, after which its context ends.
type Fulfiller interface {
	// Reserve is the last chance to say no: Gloebit has the gloebits on hold
	// and asks whether to take them. Nil goes on. ErrPending makes Gloebit ask
	// again later, as does the end of the context or a panic. Any other error
	// cancels the purchase: its text goes into Purchase.Cause and the log, and
	// Gloebit is told "canceled". So a failure that may pass, such as a
	// database that is busy, must be ErrPending, or wrap it.
	Reserve(ctx context.Context, p Purchase) error
	// Deliver hands out what is now paid. An error has it called again, with
	// growing waits, until it returns nil or the purchase is stuck.
	Deliver(ctx context.Context, p Purchase) error
	// Release takes back what Reserve has done, for a purchase that is off. It
	// is called for every purchase that was canceled, so also when Reserve
	// never ran or failed. An error has it called again, as with Deliver.
	Release(ctx context.Context, p Purchase) error
}

// nobody is the Fulfiller where there is nothing to do.
type nobody struct{}

func (nobody) Reserve(context.Context, Purchase) error { return nil }
func (nobody) Deliver(context.Context, Purchase) error { return nil }
func (nobody) Release(context.Context, Purchase) error { return nil }

// fulfillerError is a call of the Fulfiller that failed.
type fulfillerError struct {
	call call
	err  error
}

func (e *fulfillerError) Error() string { return string(e.call) + ": " + e.err.Error() }
func (e *fulfillerError) Unwrap() error { return e.err }

var errPanic = errors.New("panic")

// fulfil calls the Fulfiller.
func (l *Ledger) fulfil(ctx context.Context, call call, p Purchase) (err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			l.log.LogAttrs(ctx, slog.LevelError, "gloebit ledger: the Fulfiller panicked",
				slog.String("purchase", p.ID), slog.String("call", string(call)), slog.Any("panic", recovered))
			err = &fulfillerError{call, errPanic}
		}
	}()
	p = p.Clone()
	switch call {
	case callReserve:
		err = l.fulfiller.Reserve(ctx, p)
	case callDeliver:
		err = l.fulfiller.Deliver(ctx, p)
	case callRelease:
		err = l.fulfiller.Release(ctx, p)
	default:
		return fmt.Errorf("ledger: no call %q", call)
	}
	if err != nil {
		return &fulfillerError{call, err}
	}
	return nil
}
