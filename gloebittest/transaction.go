package gloebittest

import (
	"fmt"
	"slices"
	"time"
)

// State is the state of a transaction.
type State string

const (
	// StateQueued means that the user's gloebits are on hold. The transaction
	// can still be cancelled.
	StateQueued State = "queued"
	// StateInProgress means committed: the gloebits are spent and the product
	// is granted. The consume URL is still to be called.
	StateInProgress State = "in-progress"
	// StateSettled means committed and complete.
	StateSettled State = "settled"
	// StateCanceled means rolled back: the gloebits were returned.
	StateCanceled State = "canceled"
	// StateFailed means that the balance was too small and there was never a
	// hold. The same ID may be sent again.
	StateFailed State = "failed"
)

// Transaction is a purchase in Gloebit's history.
type Transaction struct {
	ID          string `json:"id"`                 // chosen by the application and unique within it
	Application string `json:"application"`        // the application's key
	User        string `json:"user"`               // the payer's id
	Username    string `json:"username,omitempty"` // the application's name for the user
	Product     string `json:"product,omitempty"`  // the product's name, if it is a product purchase
	Asset       string `json:"asset,omitempty"`    // the asset code, if it is an asset purchase
	Quantity    int64  `json:"quantity"`
	Amount      int64  `json:"amount"` // G$ in total
	// Character is the id of the character that the product is for. Empty
	// means the user.
	Character string `json:"character,omitempty"`
	// Seller is the ID of the user who is paid. Empty means the application's
	// owner.
	Seller string `json:"seller,omitempty"`
	// SellerID and SellerName are the application's ID and name for the seller.
	SellerID   string `json:"seller_id,omitempty"`
	SellerName string `json:"seller_name,omitempty"`
	// Subscription is the ID of the subscription that it was charged under.
	Subscription string `json:"subscription,omitempty"`
	Automated    bool   `json:"automated,omitempty"` // without the user's presence
	// BuyerID and AppUserID are buyer-id-on-application and app-user-id.
	BuyerID   string  `json:"buyer_id,omitempty"`
	AppUserID string  `json:"app_user_id,omitempty"`
	Details   Details `json:"details,omitzero"`

	Hold    Hold      `json:"hold"`
	State   State     `json:"state"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Steps   []Step    `json:"steps"`
}

// Hold holds the URLs to call as a transaction proceeds. An empty URL is not
// called, and its step counts as answered with true.
type Hold struct {
	Enact   string `json:"enact,omitempty"`
	Consume string `json:"consume,omitempty"`
	Cancel  string `json:"cancel,omitempty"`
}

// Step is an event of a transaction.
type Step struct {
	Time time.Time `json:"time"`
	// Name is "hold", "enact", "commit", "consume", "refund", "cancel" or
	// "resubmitted".
	Name string `json:"name"`
	// Outcome is a short result, such as "true", "pending" or "http 500".
	Outcome string `json:"outcome,omitempty"`
}

// record is a stored transaction.
type record struct {
	Transaction
	// Next is the next callback: "enact", "consume" or "cancel". It is empty
	// when the transaction is complete.
	Next string `json:"next,omitempty"`
	// Due is the earliest time of that callback.
	Due time.Time `json:"due"`
	// Since is when the transaction began to wait for that callback.
	Since time.Time `json:"since"`
	// Attempts counts the callback's failures.
	Attempts int `json:"attempts,omitempty"`
}

// Transactions returns all transactions, oldest first.
func (g *Gloebit) Transactions() []Transaction {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]Transaction, 0, len(g.transactions))
	for _, t := range g.transactions {
		list = append(list, t.export())
	}
	return list
}

// Transaction returns the application's transaction with the ID, and whether it
// exists.
func (g *Gloebit) Transaction(appKey, id string) (Transaction, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.transactionIndex[transactionKey{appKey, id}]
	if t == nil {
		return Transaction{}, false
	}
	return t.export(), true
}

// CancelTransaction rolls a queued transaction back, as Gloebit may do on its
// own: it returns the gloebits and calls the cancel URL, even if the enact URL
// was never called. It fails if the transaction is not queued.
func (g *Gloebit) CancelTransaction(appKey, id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.transactionIndex[transactionKey{appKey, id}]
	if t == nil || t.State != StateQueued {
		return fmt.Errorf("gloebittest: no queued transaction %q", id)
	}
	g.rollBack(t)
	g.revision++
	return nil
}

type transactionKey struct{ application, id string }

func (t *record) export() Transaction {
	c := t.Transaction
	c.Steps, c.Details = slices.Clone(t.Steps), t.Details.clone()
	return c
}

// note adds a step to the transaction's history.
func (t *record) note(now time.Time, name, outcome string) {
	t.Steps = append(t.Steps, Step{Time: now, Name: name, Outcome: outcome})
	t.Updated = now
}
