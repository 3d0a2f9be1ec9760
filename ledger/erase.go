package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-gloebit/gloebit/connect"
)

// Prune removes the finished purchases of the ledger's realm whose UpdatedAt is
// before the given time, and whose changes are all reported to Config.OnChange.
// It removes a few hundred at a time, and returns how many it removed, even
// with an error. Any number of replicas may call it, repeatedly.
//
// After Prune, nothing is charged twice: a purchase's ID is derived from its
// key and order, and Gloebit charges once for it. But the ledger no longer
// knows the key. If a user sends the form of a pruned purchase again, the same
// order is sent to Gloebit, which does not charge it and does not call back, so
// the purchase becomes stuck. A different order under that key is a new
// purchase instead of [ErrKeyReused]. So keep purchases for longer than a form
// can be sent, such as a year. The error is gloebit.ErrStore when the store
// fails.
func (l *Ledger) Prune(ctx context.Context, before time.Time) (removed int64, err error) {
	removed, err = l.store.Prune(ctx, l.realm, before)
	l.log.InfoContext(ctx, "gloebit ledger: pruned", "purchases", removed, "before", before)
	return removed, storeError("remove finished purchases", err)
}

// Erase removes a user's personal data from the store: the credential, and from
// the user's purchases the IDs of user, account and character, the key, the
// name, the Data, Cause, ConnectedAt, TraceParent and the texts of the history.
// Items, amounts, states and all other times stay, except UpdatedAt, which
// becomes the time of the erasure. It returns the number of purchases that it
// erased. Changes that are not yet reported to Config.OnChange are reported
// without what was erased. Erase finds purchases by [Purchase].UserID: if a
// user has several IDs, call it for each. A pending connection keeps the user's
// ID until it expires, and can still be completed. To prevent that, sign the
// user out first. After an error, call Erase again.
//
// The error is [ErrUnfinished] if a purchase of the user is not finished:
// nothing was erased, unless the user ordered while Erase ran. It is
// gloebit.ErrInvalidRequest for an ID that [connect.Key.Check] refuses, and
// gloebit.ErrStore when a store fails or a purchase can't be read.
func (l *Ledger) Erase(ctx context.Context, userID string, act Act) (purchases int, err error) {
	if err := (connect.Key{Realm: l.realm, ID: userID}).Check(); err != nil {
		return 0, err
	}
	for p, err := range l.All(ctx, Query{UserID: userID}) { // in any state, even a newer version's
		if err != nil {
			return 0, err
		}
		if !p.Finished() {
			return 0, fmt.Errorf("%w: purchase %s is %s", ErrUnfinished, p.ID, p.State)
		}
	}
	if err := l.config.Merchant.Disconnect(ctx, userID); err != nil {
		return 0, err
	}
	for {
		list, err := l.List(ctx, Query{UserID: userID})
		if err != nil || len(list) == 0 {
			return purchases, err
		}
		for _, p := range list {
			if err := l.eraseOne(ctx, p.ID, userID, act.By); err != nil {
				return purchases, err
			}
			purchases++
		}
	}
}

func (l *Ledger) eraseOne(ctx context.Context, id, userID, by string) error {
	p, err := l.change(ctx, id, func(_ context.Context, p Purchase) (Purchase, error) {
		switch {
		case p.UserID != userID: // another call has erased it
			return p, errUnchanged
		case !p.Finished():
			return p, fmt.Errorf("%w: purchase %s is %s", ErrUnfinished, p.ID, p.State)
		}
		p.erase(l.now(), by)
		return p, nil
	})
	if missing(err) || errors.Is(err, errUnchanged) {
		return nil
	}
	if err == nil {
		l.record(ctx, slog.LevelInfo, "erased", p, slog.String("by", by))
	}
	return storeError("erase a purchase", err)
}
