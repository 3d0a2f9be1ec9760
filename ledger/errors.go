package ledger

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-gloebit/gloebit"
)

var (
	// ErrTryAgain is returned by [Fulfiller.Reserve] to be called again later.
	ErrTryAgain = errors.New("ledger: not yet")
	// ErrKeyReused is returned by [Ledger.Purchase], with the first purchase,
	// when the user has used the Order.IdempotencyKey for another order.
	// Nothing was charged for the second order.
	ErrKeyReused = gloebit.ErrKeyReused
	// ErrCanceled is returned by [Ledger.Purchase] when the purchase of the
	// order was canceled. It is gloebit.ErrOrderCanceled.
	ErrCanceled = gloebit.ErrOrderCanceled
	// ErrTooLate is returned by [Ledger.Cancel] when the ledger has answered
	// Gloebit's enact with true, or the purchase is paid, or only a newer
	// version of this package knows its state.
	ErrTooLate = errors.New("ledger: it is too late to cancel the purchase")
	// ErrChanged is returned by [Ledger.Retry], [Ledger.Cancel] and
	// [Ledger.MarkPaid] when the purchase has changed since Act.Seen. Nothing
	// was done.
	ErrChanged = errors.New("ledger: the purchase has changed meanwhile")
	// ErrNotStuck is returned by [Ledger.MarkPaid] when the purchase is not
	// stuck, or is already paid or canceled. Nothing was done.
	ErrNotStuck = errors.New("ledger: the purchase is not stuck, or is already paid or canceled")
	// ErrUnfinished is returned by [Ledger.Erase] when a purchase of the user is
	// not finished.
	ErrUnfinished = errors.New("ledger: a purchase is not finished")
	// ErrNotRunning is returned by [Ledger.Ready] and [Ledger.Health] when
	// [Ledger.Run] does not run in this process.
	ErrNotRunning = errors.New("ledger: Run does not run in this process")
	// ErrOverdue is returned by [Ledger.Health] when the next step of a
	// purchase should have been tried more than a minute ago.
	ErrOverdue = errors.New("ledger: purchases are overdue")
	// ErrUnreadable is returned by a [Store] when it can't read a purchase that
	// it keeps. The store itself works.
	ErrUnreadable = errors.New("ledger: the purchase can't be read")
)

// words returns the text of an error, clipped for a log or a purchase.
func words(err error) string { return clip(err.Error()) }

func clip(text string) string {
	const most = 300
	text = strings.ReplaceAll(text, "\x00", "")
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

// storeError marks an error as a failure of the store. A missing purchase is
// not a failure, and neither is one on which an operator must not act.
func storeError(doing string, err error) error {
	for _, known := range []error{nil, gloebit.ErrNotFound, ErrChanged, ErrNotStuck, ErrUnfinished} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %s: %w", gloebit.ErrStore, doing, err)
}

// missing reports whether the store works but has no such purchase.
func missing(err error) bool {
	return errors.Is(err, gloebit.ErrNotFound) && !errors.Is(err, gloebit.ErrStore)
}

// errUnchanged is returned by a Change's function that has nothing to save.
var errUnchanged = errors.New("ledger: nothing to save")
