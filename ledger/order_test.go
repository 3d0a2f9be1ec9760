package ledger_test

import (
	"math"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

func TestOrderTotal(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		price, quantity, want int64
		refused               bool
	}{
		"one":                 {40, 1, 40, false},
		"three":               {30, 3, 90, false},
		"none":                {40, 0, 0, true},
		"a negative price":    {-5, 3, -1, true},
		"a negative quantity": {5, -3, -1, true},
		"both negative":       {math.MinInt64, math.MinInt64, -1, true},
		"beyond int64":        {math.MaxInt64, 2, math.MaxInt64, true},
		"beyond all":          {math.MaxInt64, math.MaxInt64, math.MaxInt64, true},
		"the largest price":   {math.MaxInt64, 1, math.MaxInt64, true},
	} {
		t.Run(name, func(t *testing.T) {
			order := ledger.Order{Item: "hat", Price: test.price, Quantity: test.quantity}
			require.Equal(t, test.want, order.Total())
			_, err := w.buy(order)
			require.Equal(t, test.refused, err != nil)
			if test.refused {
				require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
			}
		})
	}
}

func TestOrderNeedsKeyAndQuantity(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		order ledger.Order
		want  string
	}{
		"no key": {ledger.Order{Item: "hat", Price: 1, Quantity: 1},
			"set IdempotencyKey to a value that the form carries, or to a new uuid.NewString() to make every call a " +
				"purchase of its own"},
		"no quantity": {ledger.Order{IdempotencyKey: "k", Item: "hat", Price: 1}, "the quantity is 0: set it to at least 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.ledger.Purchase(t.Context(), w.client("alice"), test.order)
			require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
			require.ErrorContains(t, err, test.want)
			require.Zero(t, w.store.calls)
			require.Empty(t, w.gloebit.Transactions())
		})
	}
}
