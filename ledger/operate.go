package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Get returns a purchase of any user: compare its UserID with the user's before
// you show it. When there is none in the ledger's realm, the error is
// gloebit.ErrNotFound; it is gloebit.ErrStore when the store fails.
func (l *Ledger) Get(ctx context.Context, id string) (Purchase, error) {
	p, err := l.store.Get(ctx, l.key(id))
	return p, storeError("get the purchase", err)
}

// List returns the purchases of the ledger's realm that the query asks for,
// newest first. It sets Query.Realm. The error is gloebit.ErrStore when the
// store fails.
func (l *Ledger) List(ctx context.Context, q Query) ([]Purchase, error) {
	q.Realm = l.realm
	purchases, err := l.store.List(ctx, q)
	return purchases, storeError("list purchases", err)
}

// Counts returns how many unfinished purchases there are by realm and state,
// for a dashboard and alerts. It counts all realms in the store, because
// purchases of a realm without a ledger, such as that of a former client ID,
// are never finished. A purchase is overdue when its step should have been
// tried a minute ago. The error is gloebit.ErrStore when the store fails.
func (l *Ledger) Counts(ctx context.Context) ([]Count, error) {
	counts, err := l.store.Counts(ctx, l.now().Add(-time.Minute))
	return counts, storeError("count purchases", err)
}

// Retry resumes a stuck purchase: its step is tried at the next pass, and
// retried as often as for any purchase. The step of a purchase in progress is
// tried at the next pass, too. Retry does not change a finished purchase, nor
// one whose order is unknown: there is nothing to deliver until the user orders
// the same again. The errors are those of [Ledger.Get].
func (l *Ledger) Retry(ctx context.Context, id string) (Purchase, error) {
	p, err := l.store.Change(ctx, l.key(id), func(_ context.Context, p Purchase) (Purchase, error) {
		if p.Finished() || p.UserID == "" {
			return p, nil
		}
		now := l.now()
		if p.Stuck() { // else many calls would make the history longer than a store takes
			p.note(p.State, now, "taken up again")
		}
		p.clearAttempts()
		p.NextAt = now
		return p, nil
	})
	if err == nil {
		l.record(ctx, slog.LevelInfo, "taken up again", p)
	}
	return p, storeError("take the purchase up again", err)
}

// Cancel cancels a purchase if the ledger has not yet told Gloebit to go on
// with it. If Gloebit has the transaction, the ledger answers no to its enact,
// and Gloebit gives the gloebits back. The purchase is then released. Cancel
// does not change a purchase that was already canceled or refused. The error is
// [ErrTooLate] when the purchase is Reserved (Gloebit may take the gloebits at
// any time), Settled or Delivered. The other errors are those of [Ledger.Get].
func (l *Ledger) Cancel(ctx context.Context, id string) (Purchase, error) {
	p, err := l.withdraw(ctx, id, "canceled by the application")
	if err != nil {
		return Purchase{}, err
	}
	if slices.Contains([]State{Reserved, Settled, Delivered}, p.State) {
		return p, fmt.Errorf("%w: purchase %s is %s", ErrTooLate, p.ID, p.State)
	}
	return p, nil
}

// withdraw cancels a purchase, and releases it.
func (l *Ledger) withdraw(ctx context.Context, id, cause string) (Purchase, error) {
	working, stop := l.within(ctx)
	defer stop()
	did, err := l.apply(working, id, event{kind: eventWithdraw, cause: cause})
	if err != nil {
		return Purchase{}, err
	}
	if !did.moved() {
		return did.p, nil
	}
	return l.finish(ctx, did.p)
}
