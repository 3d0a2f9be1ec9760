package purchases

import (
	"slices"
	"sync"
	"time"
)

// Outcome says how a purchase went.
type Outcome string

const (
	// Paid means that Gloebit took the order and holds the gloebits.
	Paid Outcome = "paid"
	// Refused means that Gloebit said no, and nothing was charged.
	Refused Outcome = "refused"
	// Unanswered means that no answer came: it may have been charged or not.
	// Sending the same order again settles it and never charges twice.
	Unanswered Outcome = "unanswered"
)

// Purchase is one line of a visitor's purchases.
type Purchase struct {
	Order
	// Title is the article's name when it was bought.
	Title string
	// At is when the order was first sent.
	At      time.Time
	Outcome Outcome
}

// Book keeps the purchases of all visitors in memory, until the process ends.
// The zero value is an empty book. It is safe for concurrent use.
type Book struct {
	mu     sync.Mutex
	byUser map[string][]Purchase
}

// Record writes the purchase down, or, when its transaction is there already,
// brings its outcome up to date. What is paid stays paid. It reports whether
// the transaction had been paid before.
func (b *Book) Record(p Purchase) (paidBefore bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byUser == nil {
		b.byUser = make(map[string][]Purchase)
	}
	lines := b.byUser[p.UserID]
	for i := range lines {
		if lines[i].TransactionID() != p.TransactionID() {
			continue
		}
		paidBefore = lines[i].Outcome == Paid
		if !paidBefore {
			lines[i].Outcome = p.Outcome
		}
		return paidBefore
	}
	b.byUser[p.UserID] = append(lines, p)
	return false
}

// List returns the visitor's purchases, the newest first.
func (b *Book) List(userID string) []Purchase {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := slices.Clone(b.byUser[userID])
	slices.Reverse(lines)
	return lines
}
