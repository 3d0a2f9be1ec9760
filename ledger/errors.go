package ledger

import (
	"errors"
	"strings"
)

var (
	// ErrPending is what [Fulfiller.Reserve] returns to be asked again later.
	ErrPending = errors.New("ledger: not yet")
	// ErrKeyReused says that an Order.Key came with another order than the
	// first time. Nothing was charged for the second one.
	ErrKeyReused = errors.New("ledger: the key belongs to another order")
)

// words is an error as a log and a purchase keep it.
func words(err error) string {
	const most = 300
	text := err.Error()
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}
