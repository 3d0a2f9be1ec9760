// Package purchases remembers what the example shop's visitors bought.
package purchases

import (
	"fmt"

	"github.com/google/uuid"
)

// Order is what a visitor asks for with one form.
type Order struct {
	// Key comes from the form. Each form that the shop shows carries a new one,
	// so a form that is sent twice is one order.
	Key uuid.UUID
	// UserID is the visitor who pays.
	UserID string
	// Article is the slug of what is bought.
	Article  string
	Quantity int64
	// Price is that of one piece in whole gloebits.
	Price int64
}

// TransactionID is the id under which Gloebit hears of the order. Gloebit
// charges an id once, however often it is sent, and lets the first request
// stand. So the id is made from everything that matters about the order: the
// same form sent twice is paid once, and a key that is used again for another
// article, another quantity or by another visitor is another transaction, which
// costs what it costs.
func (o Order) TransactionID() string {
	about := fmt.Sprintf("%q %q %d %d", o.UserID, o.Article, o.Quantity, o.Price)
	return uuid.NewSHA1(o.Key, []byte(about)).String()
}

// Total is the price of the whole order in gloebits.
func (o Order) Total() int64 { return o.Price * o.Quantity }
