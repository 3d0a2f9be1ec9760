package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
)

// Ledger makes purchases and sees them through. Make it with [New]. It is safe
// for concurrent use; any number of processes with the same Store, Keys,
// CallbackURL and realm are one ledger.
type Ledger struct {
	config    Config // with its defaults
	realm     string
	store     Store
	fulfiller Fulfiller
	log       *slog.Logger
	base      string // CallbackURL without a slash at its end

	kept      keptCallbacks
	polls     polls
	pause     pause         // of sending
	finishing chan struct{} // a slot for each worker that delivers or releases
	sending   chan struct{} // and for each that sends
	held      inProgress    // by the workers
	overdue   inProgress    // has a call of the Fulfiller that goes on although its time is over

	running atomic.Int32 // calls of Run
	warned  sync.Once    // that there is none
}

// New checks the configuration and makes a Ledger of it. Its error names every
// field that can't be used. It makes no network connection and starts no
// goroutine: purchases are picked up by [Ledger.Run] or [Ledger.Reconcile].
func New(config Config) (*Ledger, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	setDefault(&config.SendWithin, 10*time.Minute)
	setDefault(&config.WorkTimeout, 30*time.Second)
	setDefault(&config.RetryAfter, 5*time.Second)
	setDefault(&config.AskAfter, time.Minute)
	setDefault(&config.StuckAfter, 24*time.Hour)
	setDefault(&config.Interval, 5*time.Second)
	setDefault(&config.Workers, 4)
	l := &Ledger{
		config:    config,
		realm:     config.Merchant.Realm(),
		store:     config.Store,
		fulfiller: config.Fulfiller,
		log:       config.Logger,
		base:      strings.TrimSuffix(config.CallbackURL, "/"),
		finishing: make(chan struct{}, config.Workers),
		sending:   make(chan struct{}, config.Workers),
	}
	if l.store == nil {
		l.store = &MemoryStore{}
	}
	if l.fulfiller == nil {
		l.fulfiller = productsOnly{}
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if config.Clock == nil {
		l.config.Clock = time.Now
	}
	return l, nil
}

// Format writes the type's name, whatever the verb: package fmt calls no methods
// on unexported fields, so that Config.Keys would show.
func (l *Ledger) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "ledger.Ledger") }

// key is the key of a purchase in the store.
func (l *Ledger) key(id string) connect.Key { return connect.Key{Realm: l.realm, ID: id} }

// Get returns a purchase of any user: compare its UserID before showing it to
// one. When there is none in the ledger's realm, the error is
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

// Counts returns how many unfinished purchases there are, for a dashboard and
// alerts, by realm and state: of all realms in the store, since those of a realm
// that no ledger serves, such as that of a former client ID, are never finished.
// A purchase is overdue when its step should have been tried a minute ago. The
// error is gloebit.ErrStore when the store fails.
func (l *Ledger) Counts(ctx context.Context) ([]Count, error) {
	counts, err := l.store.Counts(ctx, l.now().Add(-time.Minute))
	return counts, storeError("count purchases", err)
}

// Retry takes a stuck purchase up again: its step is tried at the next pass, and
// as often as that of another. For a purchase that is under way it is the next
// pass, too; a finished one stays as it is. The errors are those of [Ledger.Get].
func (l *Ledger) Retry(ctx context.Context, id string) (Purchase, error) {
	p, err := l.store.Change(ctx, l.key(id), func(_ context.Context, p Purchase) (Purchase, error) {
		if p.Finished() {
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

// Cancel cancels a purchase that Gloebit was not told to go on with. If Gloebit
// has it, it answers no to enact, and Gloebit gives the gloebits back. What is
// canceled already, or was refused, stays as it is. The purchase is then to be
// released. The error is [ErrTooLate] when the purchase is Reserved, whose
// gloebits may be taken at any time, Settled or Delivered; or as those of
// [Ledger.Get].
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

// warnWithoutRun logs once if no Run works in this process.
func (l *Ledger) warnWithoutRun(ctx context.Context) {
	if l.running.Load() > 0 {
		return
	}
	l.warned.Do(func() {
		l.log.WarnContext(ctx, "gloebit ledger: Run does not run in this process: what is cut off or fails here is not tried again by it; "+
			"start it with: go ledger.Run(ctx)")
	})
}

// now is the time as every store can keep it.
func (l *Ledger) now() time.Time { return l.config.Clock().UTC().Truncate(time.Microsecond) }

// storeError marks the failure of a store. A purchase that is not there is no
// failure.
func storeError(doing string, err error) error {
	if err == nil || errors.Is(err, gloebit.ErrNotFound) {
		return err
	}
	return fmt.Errorf("%w: %s: %w", gloebit.ErrStore, doing, err)
}

// missing reports whether an error says that the store has no such purchase,
// and not that the store failed.
func missing(err error) bool {
	return errors.Is(err, gloebit.ErrNotFound) && !errors.Is(err, gloebit.ErrStore)
}
