package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-gloebit/gloebit"
)

// Purchase stores the order and sends it to Gloebit, with the purchase's ID as
// the transaction's ID and with three signed hold URLs. It calls POST transact
// and needs gloebit.ScopeTransact.
//
// If the error is nil, the purchase is in progress or finished; see its State.
// The error is also nil if Gloebit does not answer: the purchase is then
// Created, and any replica that runs [Ledger.Run] sends it again for
// Config.SendWithin, so do not ask the user to order again. A second order with
// the same key returns the purchase of the first one. If Gloebit has not
// answered the first one yet, the second waits for that answer. If the first
// one was refused before, the order is sent again.
//
// The error is gloebit.ErrInsufficientBalance, gloebit.ErrCannotSpend,
// gloebit.ErrNotConnected and so on when the order was refused, and the
// purchase is Refused. Nothing is charged for it: Gloebit asks the ledger
// before it charges, and the ledger answers no. After ErrCanceled, the purchase
// with that key was canceled; order with a new key. After ErrKeyReused and
// gloebit.ErrInvalidRequest, nothing was ordered; the latter is also the error
// for a client of another realm's merchant. After gloebit.ErrStore the order
// may have been stored, and is then carried out: order again with the same key.
func (l *Ledger) Purchase(ctx context.Context, client *gloebit.Client, order Order) (Purchase, error) {
	l.warnWithoutRun(ctx)
	p, err := l.newPurchase(client, order)
	if err != nil {
		return Purchase{}, err
	}
	ctx, end := l.startOrder(ctx, &p)
	bought, err := l.order(ctx, client, p)
	end(bought.stepResult(err))
	return bought, err
}

// order stores a new purchase and sends it, unless it was ordered before.
func (l *Ledger) order(ctx context.Context, client *gloebit.Client, p Purchase) (Purchase, error) {
	kept, created, err := l.create(ctx, p)
	if err != nil {
		return Purchase{}, storeError("write the purchase", err)
	}
	if created {
		l.record(ctx, slog.LevelInfo, "written", kept, slog.Int64("gloebits", kept.Total()))
		return l.send(ctx, client, kept, true)
	}
	if kept.State != Refused && kept.UserID != "" && !kept.same(p.Order) {
		return kept, fmt.Errorf("%w: purchase %s", ErrKeyReused, kept.ID)
	}
	waited := l.firstIsSending(kept)
	kept = l.awaitAnswer(ctx, kept)
	switch {
	case kept.UserID == "" && !kept.Finished(): // a finished one was erased
		return l.adopt(ctx, kept, p)
	case kept.State == Refused && !(waited && kept.Outcome.Refused()): // otherwise the refusal is the answer
		return l.orderAgain(ctx, client, kept, p)
	}
	return kept, kept.Err()
}

// orderAgain sends a refused purchase again with the same ID, so that Gloebit
// charges once even if an earlier request was processed. A refused purchase of
// another account stays refused and has freed the key.
func (l *Ledger) orderAgain(ctx context.Context, client *gloebit.Client, kept, p Purchase) (Purchase, error) {
	if kept.ID != p.ID {
		return l.Purchase(ctx, client, p.Order)
	}
	saving, stop := l.within(ctx)
	defer stop()
	did, err := l.apply(saving, kept, event{kind: eventReorder, cause: "ordered again", order: &p})
	if err != nil {
		return Purchase{}, err
	}
	if did.moved() {
		return l.send(ctx, client, did.p, true)
	}
	now := l.awaitAnswer(ctx, did.p) // another request was faster
	return now, now.Err()
}

// adopt handles a purchase that was lost with its database and that Gloebit has
// reported as paid: it adds the order, which the user has repeated, and
// delivers it.
func (l *Ledger) adopt(ctx context.Context, kept, p Purchase) (Purchase, error) {
	saving, stop := l.within(ctx)
	defer stop()
	now, err := l.change(saving, kept.ID, func(_ context.Context, kept Purchase) (Purchase, error) {
		if kept.UserID != "" {
			return kept, nil
		}
		kept.UserID, kept.GloebitID, kept.ConnectedAt, kept.Order = p.UserID, p.GloebitID, p.ConnectedAt, p.Order
		kept.note(kept.State, l.now(), "the order is known again")
		kept.clearAttempts()
		kept.Cause, kept.NextAt = "", l.firstTry(kept.State, l.now())
		return kept, nil
	})
	if err != nil {
		return Purchase{}, storeError("save the order of a paid purchase", err)
	}
	l.record(ctx, slog.LevelInfo, "the order of a paid purchase is known again", now)
	done, err := l.finish(ctx, now)
	if err != nil {
		l.recordUnsaved(ctx, now, err)
	}
	return done, done.Err()
}

// newPurchase returns a purchase that is not stored yet.
func (l *Ledger) newPurchase(client *gloebit.Client, order Order) (Purchase, error) {
	invalid := func(format string, args ...any) (Purchase, error) {
		return Purchase{}, fmt.Errorf("%w: order: "+format, append([]any{gloebit.ErrInvalidRequest}, args...)...)
	}
	if client == nil {
		return invalid("no client to pay with")
	}
	if client.Realm() != l.realm {
		return invalid("the client is one of the realm %q, and the ledger's merchant of %q", client.Realm(), l.realm)
	}
	order, err := order.normal()
	if err != nil {
		return Purchase{}, err
	}
	if order.Item != "" && l.config.Fulfiller == nil {
		return invalid("%w: set it, or sell a Product", errNoFulfiller)
	}
	user := client.User()
	name := client.Name()
	if order.Username == "" && name == "" && !mayReadName(client) {
		return invalid("no name of the user is known: set Username, or ask for %s in Config.Scopes", gloebit.ScopeID)
	}
	if order.Username == "" && len(name) <= maxName && utf8.ValidString(name) && !strings.ContainsRune(name, 0) {
		order.Username = name
	}
	id, err := order.transactionID(client)
	if err != nil {
		return Purchase{}, err
	}
	now := l.now()
	p := Purchase{
		Realm: l.realm, ID: id, UserID: user.ID, GloebitID: account(client), ConnectedAt: connectedAt(client), Order: order,
		CreatedAt: now, NextAt: l.firstTry(Created, now),
	}
	p.move(Created, now, "ordered")
	return p, p.Check()
}

// transactionID returns the ID that the client derives for the same order.
func (o Order) transactionID(client *gloebit.Client) (string, error) {
	if o.Product != "" {
		return gloebit.ProductOrder{
			IdempotencyKey: o.IdempotencyKey, Product: o.Product, Quantity: o.Quantity, CharacterID: o.CharacterID,
		}.TransactionID(client)
	}
	return gloebit.ItemOrder{
		IdempotencyKey: o.IdempotencyKey, Item: o.Item, Price: o.Price, Quantity: o.Quantity,
	}.TransactionID(client)
}

// mayReadName reports whether the user granted a scope with which the client
// reads their name at Gloebit.
func mayReadName(client *gloebit.Client) bool {
	return slices.ContainsFunc(client.Scopes(), func(scope gloebit.Scope) bool {
		return scope == gloebit.ScopeID || scope == gloebit.ScopeUser || scope == gloebit.ScopeIdentity
	})
}

// account returns the user's ID at Gloebit if a purchase can keep it, and "" if
// it is unknown.
func account(client *gloebit.Client) string {
	id := client.GloebitID()
	if len(id) > maxAccount || !utf8.ValidString(id) || strings.ContainsRune(id, 0) {
		return ""
	}
	return id
}

// connectedAt returns when the user connected, in the precision that every
// store keeps.
func connectedAt(client *gloebit.Client) time.Time {
	at := client.ConnectedAt()
	if at.IsZero() {
		return time.Time{}
	}
	return at.UTC().Truncate(time.Microsecond)
}
