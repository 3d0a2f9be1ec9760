package gloebittest

import (
	"context"
	"math/big"
	"strings"

	"github.com/google/uuid"
)

// transact serves transact and v2/transact.
func (g *Gloebit) transact(c *call) reply {
	o, reason := readOrder(c.body, c.request.Header.Get("Content-Type"), g.cfg.APIVersion)
	o.seller = seller{}
	return g.charge(c, o, reason)
}

// transactU2U serves transact-u2u, which pays another user.
func (g *Gloebit) transactU2U(c *call) reply {
	o, reason := readOrder(c.body, c.request.Header.Get("Content-Type"), g.cfg.APIVersion)
	if reason == "" && o.seller.id == "" && o.seller.email == "" {
		reason = "transaction is missing parameters needed to identify Gloebit account of seller - " +
			"supply at least one of seller-email-address or seller-id-from-gloebit."
	}
	return g.charge(c, o, reason)
}

// charge puts the order's gloebits on hold and starts the transaction, unless
// reason or a check refuses it.
func (g *Gloebit) charge(c *call, o order, reason string) reply {
	if reason == "" && o.consumer != c.app.Key {
		reason = "unknown consumer"
	}
	if reason != "" {
		return o.refused("", reason)
	}
	first := g.transactionIndex[transactionKey{c.app.Key, o.id}]
	if first != nil && first.User != c.user.id {
		return o.refused("", "the transaction id is another user's")
	}
	if first != nil && first.State != StateFailed {
		return g.resubmitted(c, first)
	}
	payee, status, reason := g.parties(c, o)
	if reason != "" {
		if g.cfg.Strict {
			status = "" // the document has none of these
		}
		return o.refused(status, reason)
	}
	amount, reason := g.price(c, o)
	if reason != "" {
		return o.refused("", reason)
	}
	if o.id == "" {
		o.id = uuid.NewString()
	}
	t := g.newRecord(c, o, amount, payee)
	cost := new(big.Rat).SetInt64(amount)
	if c.user.balance.Cmp(cost) < 0 {
		t.State = StateFailed
		t.note(g.now(), "hold", "insufficient balance")
		return o.refused("queued", "insufficient balance")
	}
	c.user.balance = new(big.Rat).Sub(c.user.balance, cost)
	t.State = StateQueued
	t.note(g.now(), "hold", "true")
	answer := g.transactReply(c, t, "success")
	g.start(c, t)
	return answer
}

// parties returns the seller to pay, empty for the application's owner, or the
// reason why the buyer or the seller is refused.
func (g *Gloebit) parties(c *call, o order) (payee, status, reason string) {
	if o.subscription != "" {
		if status, reason := g.subscribed(c, o.subscription); reason != "" {
			return "", status, reason
		}
	}
	if c.user.locked {
		return "", "cannot-spend", "the payer's account is locked"
	}
	paid := g.userByID(c.app.Owner)
	if o.seller != (seller{}) {
		if paid = g.seller(o.seller); paid == nil {
			return "", "unknown-merchant", "the seller can't be identified"
		}
		payee = paid.id
	}
	if paid != nil && paid.locked {
		return "", "cannot-receive", "the payee's account is locked"
	}
	return payee, "", ""
}

// seller returns the user that the ID and the address name, or nil.
func (g *Gloebit) seller(s seller) *account {
	var found *account
	for _, a := range g.users {
		if s.id != "" && a.id != s.id || s.email != "" && !strings.EqualFold(a.email, s.email) {
			continue
		}
		if found != nil {
			return nil // the address is ambiguous
		}
		found = a
	}
	return found
}

// price returns what the order costs, or the reason why it is refused.
func (g *Gloebit) price(c *call, o order) (amount int64, reason string) {
	if o.character != "" && c.user.character(o.character) == nil {
		return 0, reasonUnknownCharacter
	}
	if o.product == "" {
		return o.change, ""
	}
	p, ok := c.app.product(o.product)
	switch {
	case !ok:
		return 0, "unknown product"
	case p.Price > 0 && o.quantity > maxAmount/p.Price:
		return 0, "invalid product-quantity"
	case p.PerUserLimit > 0 && o.quantity > p.PerUserLimit-g.ownedOrQueued(c, o.product):
		return 0, "product limit reached"
	}
	amount = p.Price * o.quantity
	if g.cfg.Strict && o.offered != nil && *o.offered != amount {
		return 0, "gloebit-balance-change is not the product's price"
	}
	return amount, ""
}

// ownedOrQueued counts a product that the user owns or has in queued
// transactions.
func (g *Gloebit) ownedOrQueued(c *call, product string) int64 {
	count := c.user.total(c.app.Key, product)
	for _, t := range g.transactions {
		if t.State == StateQueued && t.Application == c.app.Key && t.User == c.user.id && t.Product == product {
			count += t.Quantity
		}
	}
	return count
}

// newRecord stores a transaction. It replaces a failed one with the same ID.
func (g *Gloebit) newRecord(c *call, o order, amount int64, payee string) *record {
	key := transactionKey{c.app.Key, o.id}
	now := g.now()
	t := g.transactionIndex[key]
	if t == nil {
		t = &record{Transaction: Transaction{Created: now}}
		g.transactions = append(g.transactions, t)
		g.transactionIndex[key] = t
	}
	t.Transaction = Transaction{
		ID: o.id, Application: c.app.Key, User: c.user.id, Username: o.username,
		Product: o.product, Asset: o.asset, Quantity: o.quantity, Amount: amount, Hold: o.hold,
		Character: o.character, Seller: payee, SellerID: o.seller.idThere, SellerName: o.seller.nameThere,
		Subscription: o.subscription, Automated: o.automated,
		BuyerID: o.buyerID, AppUserID: o.appUserID, Details: o.details,
		Created: t.Created, Updated: now, Steps: t.Steps,
	}
	return t
}

// start starts a transaction. With Queue.EnactFirst its enact URL is called
// before the request is answered.
func (g *Gloebit) start(c *call, t *record) {
	if t.Hold.Enact == "" {
		g.commit(t)
		return
	}
	g.await(t, "enact")
	d := &delivery{record: t, step: "enact", url: t.Hold.Enact, due: t.Due}
	if !g.cfg.Queue.EnactFirst {
		g.schedule(d)
		return
	}
	g.inFlight++
	ctx := context.WithoutCancel(c.request.Context())
	c.afterwards = func() { g.perform(ctx, d) }
}

// resubmitted answers a transaction ID that was sent before. The first
// transaction stands, whatever the second request says.
func (g *Gloebit) resubmitted(c *call, t *record) reply {
	t.note(g.now(), "resubmitted", "")
	return g.transactReply(c, t, "resubmitted")
}

// transactReply is the answer to a transaction with a hold. Its product count
// includes the product that is being bought.
func (g *Gloebit) transactReply(c *call, t *record, reason string) reply {
	status := "queued"
	if t.State != StateQueued {
		status = "in-progress"
	}
	answer := reply{"success": true, "reason": reason, "status": status, "id": t.ID}
	if g.cfg.Strict {
		return answer // the document has no other keys
	}
	if hasScope(c.token.Scopes, "balance") {
		answer["balance"] = c.user.jsonBalance()
	}
	if t.Product != "" && hasScope(c.token.Scopes, "inventory") {
		count := g.receiver(t)[c.app.Key][t.Product]
		if t.State == StateQueued {
			count += t.Quantity
		}
		answer["product-count"] = count
	}
	return answer
}

// refused is the answer to an order without a hold.
func (o order) refused(status, reason string) reply {
	answer := failure(reason)
	if o.id != "" {
		answer["id"] = o.id
	}
	if status != "" {
		answer["status"] = status
	}
	return answer
}
