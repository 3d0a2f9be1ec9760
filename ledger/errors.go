package ledger

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-gloebit/gloebit"
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

// storeError marks the failure of a store. That there is nothing is none.
func storeError(doing string, err error) error {
	if err == nil || errors.Is(err, gloebit.ErrNotFound) {
		return err
	}
	return fmt.Errorf("%w: %s: %w", gloebit.ErrStore, doing, err)
}

// missing reports whether an error says that the store has no such purchase,
// and not that the store failed.
func missing(err error) bool {
	return errors.Is(err, gloebit.ErrNotFound) && !errors.Is(err, gloebit.ErrStore)
}
