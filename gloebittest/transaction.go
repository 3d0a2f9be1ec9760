package gloebittest

import (
	"fmt"
	"slices"
	"time"
)

// State is how far a transaction has come.
type State string

const (
	// StateQueued has the user's gloebits on hold and can still be cancelled.
	StateQueued State = "queued"
	// StateInProgress is committed: the gloebits are spent, the product is
	// granted, and the consume URL is still to be told.
	StateInProgress State = "in-progress"
	// StateSettled is committed and over.
	StateSettled State = "settled"
	// StateCanceled was rolled back and the gloebits returned.
	StateCanceled State = "canceled"
	// StateFailed never had a hold: the balance was too small. The same id
	// may be sent again.
	StateFailed State = "failed"
)

// Transaction is one purchase as Gloebit's history shows it.
type Transaction struct {
	ID          string `json:"id"`                 // the application's id for it, unique within the application
	Application string `json:"application"`        // the application's key
	User        string `json:"user"`               // the payer's id
	Username    string `json:"username,omitempty"` // what the application calls the user
	Product     string `json:"product,omitempty"`  // the product's name, if it is a product purchase
	Asset       string `json:"asset,omitempty"`    // the asset code, if it is an asset purchase
	Quantity    int64  `json:"quantity"`
	Amount      int64  `json:"amount"` // G$ in total
	// Character is the id of the character that the product is for. Empty
	// means the user.
	Character string `json:"character,omitempty"`
	// Seller is the id of the user who is paid. Empty means the application's
	// owner.
	Seller string `json:"seller,omitempty"`
	// SellerID and SellerName are what the application calls the seller.
	SellerID   string `json:"seller_id,omitempty"`
	SellerName string `json:"seller_name,omitempty"`
	// Subscription is the id of the subscription that it was charged under.
	Subscription string `json:"subscription,omitempty"`
	Automated    bool   `json:"automated,omitempty"` // the user was not there
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

// Hold is the URLs that are called as a transaction moves on. An empty one is
// not called, and its step counts as answered with true.
type Hold struct {
	Enact   string `json:"enact,omitempty"`
	Consume string `json:"consume,omitempty"`
	Cancel  string `json:"cancel,omitempty"`
}

// Step is something that happened to a transaction.
type Step struct {
	Time time.Time `json:"time"`
	// Name is "hold", "enact", "commit", "consume", "refund", "cancel" or
	// "resubmitted".
	Name string `json:"name"`
	// Outcome says in a few words how it went: "true", "pending", "http 500".
	Outcome string `json:"outcome,omitempty"`
}

// record is a transaction as it is kept.
type record struct {
	Transaction
	// Next is the callback still to be made: "enact", "consume", "cancel", or
	// empty when the transaction is over.
	Next string `json:"next,omitempty"`
	// Due is the earliest time of that callback.
	Due time.Time `json:"due"`
	// Since is when the transaction began to wait for that callback.
	Since time.Time `json:"since"`
	// Attempts counts how often that callback failed.
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

// Transaction returns the application's transaction with that id, and whether
// there is one.
func (g *Gloebit) Transaction(appKey, id string) (Transaction, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.transactionIndex[transactionKey{appKey, id}]
	if t == nil {
		return Transaction{}, false
	}
	return t.export(), true
}

// CancelTransaction rolls a queued transaction back, as Gloebit may for
// reasons of its own: the gloebits return and the cancel URL is called, also
// when the enact URL never was. It fails when the transaction is not queued.
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
