package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-gloebit/gloebit"
	"github.com/google/uuid"
)

// Purchase writes the order down and sends it to Gloebit, with the purchase's
// id as the transaction's and three signed hold URLs. It calls POST transact,
// and needs gloebit.ScopeTransact.
//
// Without an error the purchase is under way or done; its State says how far it
// has come. No answer from Gloebit is no error either: the purchase is Created
// and will be sent again, by whichever replica runs [Ledger.Run], so the user
// must not be asked to order again. A second order with the same Key is
// answered with the first one's purchase and refusal; it waits for an answer
// that is still to come.
//
// The error is gloebit.ErrInsufficientBalance, gloebit.ErrCannotSpend,
// gloebit.ErrNotConnected and so on when the order was refused, and the purchase
// is Refused. Nothing is charged for it: Gloebit asks the ledger before it
// charges, and the ledger answers no. After a refusal that
// was not about the order itself, such as gloebit.ErrNotConnected, the key is
// free again. ErrKeyReused and gloebit.ErrInvalidRequest say that nothing was
// ordered. After gloebit.ErrStore the order may have been written, and is then
// carried out: order again with the same Key.
func (l *Ledger) Purchase(ctx context.Context, client *gloebit.Client, order Order) (Purchase, error) {
	for {
		p, err := l.newPurchase(client, order)
		if err != nil {
			return Purchase{}, err
		}
		kept, err := l.store.Create(ctx, p)
		if err != nil {
			return Purchase{}, storeError("write the purchase", err)
		}
		if kept.ID == p.ID {
			l.record(ctx, slog.LevelInfo, "written", kept, slog.Int64("gloebits", kept.Total()))
			return l.send(ctx, client, kept, true)
		}
		kept, err = l.sameAnswer(ctx, kept, p.Order)
		if kept.State != Refused || kept.KeyUntil.After(l.now()) {
			return kept, err
		}
		// The first order's refusal was not about the order and has freed the
		// key, so this one is the first now, and hears for itself.
	}
}

// newPurchase is a purchase that nobody knows of yet.
func (l *Ledger) newPurchase(client *gloebit.Client, order Order) (Purchase, error) {
	if client == nil {
		return Purchase{}, fmt.Errorf("%w: order: no client to pay with", gloebit.ErrInvalidRequest)
	}
	order, err := order.normal()
	if err != nil {
		return Purchase{}, err
	}
	if order.Item != "" && l.config.Fulfiller == nil {
		return Purchase{}, fmt.Errorf("%w: order: %w: set it, or sell a Product", gloebit.ErrInvalidRequest, errNobody)
	}
	user := client.User()
	name := client.Name()
	if order.Username == "" && name == "" && !mayReadName(client) {
		return Purchase{}, fmt.Errorf("%w: order: no name of the user is known: set Username, or ask for %s in Config.Scopes",
			gloebit.ErrInvalidRequest, gloebit.ScopeID)
	}
	if order.Username == "" && len(name) <= longestName && utf8.ValidString(name) {
		order.Username = name
	}
	id, err := uuid.NewV7() // in the order of time, which databases like in a primary key
	if err != nil {
		return Purchase{}, fmt.Errorf("ledger: make an id: %w", err)
	}
	now := l.now()
	p := Purchase{
		ID: id.String(), UserID: user.ID, GloebitID: account(client), Order: order, CreatedAt: now,
		NextAt: l.firstTry(Created, now), KeyUntil: now.Add(l.config.KeepKeys),
	}
	p.move(Created, now, "ordered")
	return p, p.Check()
}

// mayReadName reports whether the user granted a scope with which the client
// reads their name at Gloebit.
func mayReadName(client *gloebit.Client) bool {
	return slices.ContainsFunc(client.Scopes(), func(scope gloebit.Scope) bool {
		return scope == gloebit.ScopeID || scope == gloebit.ScopeUser || scope == gloebit.ScopeIdentity
	})
}

// account is the user's id at Gloebit as a purchase can keep it, or "" when it
// is not known.
func account(client *gloebit.Client) string {
	id := client.GloebitID()
	if len(id) > longestAccount || !utf8.ValidString(id) {
		return ""
	}
	return id
}

// send asks Gloebit to charge a purchase, and takes the answer. Only the first
// time a refusal of the call itself, such as that of the token, means that
// Gloebit does not know of the purchase. The error says why it was refused.
func (l *Ledger) send(ctx context.Context, client *gloebit.Client, p Purchase, first bool) (Purchase, error) {
	sending, stop := context.WithTimeout(ctx, l.config.WorkTimeout)
	receipt, err := client.Transact(sending, p.transaction(l.holdURLs(p.ID)))
	stop()
	if errors.Is(err, gloebit.ErrPriceChanged) {
		l.record(ctx, slog.LevelWarn, "Gloebit charges another price", p, slog.String("charged", receipt.Charged.String()))
	}
	h, answered := readReceipt(receipt, err, first)
	if !answered {
		return l.unheard(ctx, p, err), nil
	}
	saving, stop := l.within(ctx)
	defer stop()
	now, _, failure := l.apply(saving, p.ID, h)
	switch {
	case failure != nil:
		l.notSaved(ctx, p, failure)
		return p, nil
	case h.event == eventRefused && now.State == Refused:
		return now, err
	case h.event == eventRefused: // what Gloebit called back says more
		l.record(ctx, slog.LevelWarn, "a refusal came too late", now, slog.String("cause", h.cause))
	}
	if now.State == p.State {
		return l.unheard(ctx, now, errNoCallback), nil
	}
	return now, nil
}

var errNoCallback = errors.New("ledger: Gloebit knows the transaction and has not called back")

// unheard records that Gloebit was asked and there is nothing new.
func (l *Ledger) unheard(ctx context.Context, p Purchase, why error) Purchase {
	now, err := l.tried(ctx, p, why)
	if err != nil {
		l.notSaved(ctx, p, err)
	}
	return now
}

// notSaved is for what is no trouble of the user's: the purchase is written, so
// it will be picked up, and the answer asked for again.
func (l *Ledger) notSaved(ctx context.Context, p Purchase, err error) {
	l.record(ctx, slog.LevelError, "the answer could not be saved", p, slog.String("cause", words(err)))
}

// readReceipt tells what Transact's answer means for a purchase, and whether it
// means anything.
func readReceipt(receipt gloebit.Receipt, err error, first bool) (h happening, answered bool) {
	if err == nil || errors.Is(err, gloebit.ErrPriceChanged) { // the transaction stands
		cause := "transact: " + string(receipt.Outcome)
		if err != nil {
			cause = words(err)
		}
		return happening{event: eventAccepted, cause: cause, outcome: receipt.Outcome}, true
	}
	if receipt.Outcome.Refused() {
		return happening{event: eventRefused, cause: words(err), outcome: receipt.Outcome}, true
	}
	for _, unknown := range []error{
		gloebit.ErrOutcomeUnknown, gloebit.ErrPending, gloebit.ErrQueuingFailed, gloebit.ErrUnavailable, gloebit.ErrRateLimited,
		gloebit.ErrBadReply, gloebit.ErrStore, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, unknown) {
			return happening{}, false
		}
	}
	return happening{event: eventRefused, cause: words(err), freeKey: true}, first
}

// sameAnswer answers a second order under one key. While the first one's first
// answer is still to come, it looks again and again.
func (l *Ledger) sameAnswer(ctx context.Context, p Purchase, order Order) (Purchase, error) {
	if !p.same(order) {
		return p, fmt.Errorf("%w: purchase %s", ErrKeyReused, p.ID)
	}
	waiting, stop := context.WithTimeout(ctx, l.config.WorkTimeout)
	defer stop()
	for wait := 10 * time.Millisecond; l.firstIsSending(p); wait = min(2*wait, time.Second/2) {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-waiting.Done():
			timer.Stop()
			return p, nil
		}
		now, err := l.store.Get(waiting, p.ID)
		if err != nil {
			return p, nil // it is under way, which is an answer
		}
		p = now
	}
	return p, p.Err()
}

// firstIsSending reports whether the goroutine that wrote the purchase may
// still be waiting for Gloebit's answer.
func (l *Ledger) firstIsSending(p Purchase) bool {
	return p.State == Created && p.Attempts == 0 && l.now().Before(p.CreatedAt.Add(l.config.WorkTimeout))
}
