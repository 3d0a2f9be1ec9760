package ledger

import (
	"context"
	"iter"
	"time"
)

// Realm returns the realm of the ledger's merchant.
func (l *Ledger) Realm() string { return l.realm }

// Get returns a purchase of any user: compare its UserID with the user's before
// you show it. When there is none in the ledger's realm, the error is
// gloebit.ErrNotFound; it is gloebit.ErrStore when the store fails.
func (l *Ledger) Get(ctx context.Context, id string) (Purchase, error) {
	p, err := l.store.Get(ctx, l.key(id))
	return p, storeError("get the purchase", err)
}

// List returns the purchases of the ledger's realm that the query selects,
// newest first. It sets Query.Realm. The error is gloebit.ErrStore when the
// store fails.
func (l *Ledger) List(ctx context.Context, q Query) ([]Purchase, error) {
	q.Realm = l.realm
	purchases, err := l.store.List(ctx, q)
	return purchases, storeError("list purchases", err)
}

// All iterates over all purchases of the ledger's realm that the query selects,
// in the order of [Ledger.List]. It lists Query.Limit of them at a time, and
// uses no store while the caller's loop body runs. A purchase that is created
// during the iteration may be left out. It ends after an error, which is that
// of List.
func (l *Ledger) All(ctx context.Context, q Query) iter.Seq2[Purchase, error] {
	return func(yield func(Purchase, error) bool) {
		for {
			page, err := l.List(ctx, q)
			if err != nil {
				yield(Purchase{}, err)
				return
			}
			for _, p := range page {
				if !yield(p, nil) {
					return
				}
			}
			if len(page) < q.PageSize() {
				return
			}
			q.After = page[len(page)-1].Cursor()
		}
	}
}

// Counts returns how many unfinished and unreported purchases there are by
// realm and state, for a dashboard and alerts. It counts all realms in the
// store, because purchases of a realm without a ledger, such as that of a
// former client ID, are never finished. A purchase is overdue when its step
// should have been tried a minute ago. It is unreported when it changed more
// than a minute ago and Config.OnChange has not accepted the change, because it
// fails or because no process with an OnChange runs. The error is
// gloebit.ErrStore when the store fails.
func (l *Ledger) Counts(ctx context.Context) ([]Count, error) {
	counts, err := l.store.Counts(ctx, l.now().Add(-time.Minute))
	return counts, storeError("count purchases", err)
}

// Tally adds up the purchases of the ledger's realm between from and until,
// such as the income of each day; see [Grouping]. From is inclusive, until is
// exclusive, and zero means no limit. Tally reads every purchase of that
// period, so keep the period short. The error is gloebit.ErrStore when the
// store fails.
func (l *Ledger) Tally(ctx context.Context, by Grouping, from, until time.Time) ([]Tally, error) {
	tallies, err := l.store.Tally(ctx, l.realm, by, from, until)
	return tallies, storeError("add purchases up", err)
}
