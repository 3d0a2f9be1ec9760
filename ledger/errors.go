package ledger

import (
	"errors"
	"strings"

	"github.com/go-gloebit/gloebit"
)

var (
	// ErrPending is returned by [Fulfiller.Reserve] to be asked again later.
	ErrPending = errors.New("ledger: not yet")
	// ErrKeyReused is returned by [Ledger.Purchase] when the user has used the
	// Order.Key for another order, whose purchase it returns. Nothing was charged
	// for the second order.
	ErrKeyReused = gloebit.ErrKeyReused
	// ErrCanceled is returned by [Ledger.Purchase] when the purchase of the
	// order was canceled.
	ErrCanceled = gloebit.ErrOrderCanceled
	// ErrTooLate is returned by [Ledger.Cancel] when Gloebit was told to go on,
	// or the purchase is paid.
	ErrTooLate = errors.New("ledger: it is too late to cancel the purchase")
	// ErrUnreadable is returned by a [Store] when it can't read a purchase that
	// it keeps. The store itself works.
	ErrUnreadable = errors.New("ledger: the purchase can't be read")
)

// words is an error as a log and a purchase keep it.
func words(err error) string {
	const most = 300
	text := strings.ReplaceAll(err.Error(), "\x00", "")
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}
