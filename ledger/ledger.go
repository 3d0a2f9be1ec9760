package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
)

// Config says where purchases are kept and who delivers them. Merchant,
// CallbackURL and Keys must be set; with nothing else it is a ledger for tests.
type Config struct {
	// Merchant gives the clients of users whose purchases are picked up.
	Merchant *gloebit.Merchant
	// Store keeps the purchases. Nil means a MemoryStore, which a restart
	// empties.
	Store Store
	// Fulfiller reserves, delivers and releases what was bought. Nil is for
	// those who sell products alone, which Gloebit hands out by itself: an
	// Order of an Item is then refused.
	Fulfiller Fulfiller
	// CallbackURL is the absolute URL of Handler as Gloebit reaches it, such as
	// https://shop.example/gloebit/hold. It is https, or http on a loopback
	// address, without a query. Every hold URL is made from it, and nothing of
	// a request is. Changing it orphans the callbacks of what is under way, so
	// keep the old path served for a day.
	CallbackURL string
	// Keys sign the hold URLs: random, of at least 32 bytes each, and the same
	// on every replica. The first signs, all are believed. To rotate, append a
	// new one on all replicas, then move it to the front on all, and drop the
	// old one when nothing that it signed is under way or stuck.
	Keys []gloebit.Secret

	// KeepKeys is how long an Order.Key is remembered. Zero means a day.
	KeepKeys time.Duration
	// WorkTimeout is how long one try may take: a transact with its repeats,
	// or a call of the Fulfiller. What a stopped process held is picked up
	// after twice that. Zero means 30 seconds.
	WorkTimeout time.Duration
	// RetryAfter is the wait after a failed try. It doubles with each, up to 64
	// times itself. Zero means 5 seconds.
	RetryAfter time.Duration
	// AskAfter is how long a purchase waits for its callback before Gloebit is
	// asked about it, by sending it again. It doubles with each, up to 64 times
	// itself. Zero means a minute.
	AskAfter time.Duration
	// StuckAfter is how long the step that a purchase waits for may fail, from
	// its first vain try on, before the purchase is parked. Zero means a day.
	StuckAfter time.Duration
	// Interval is how long Run waits when there is nothing to do. Zero means 5
	// seconds.
	Interval time.Duration
	// Workers is how many purchases Run and Reconcile work on at once in this
	// process. Zero means 4.
	Workers int

	// Logger gets a record for each change and each failure, with ids and
	// never with a secret. Nil means silence.
	Logger *slog.Logger
	// Clock tells the time. Nil means time.Now.
	Clock func() time.Time
}

// Ledger makes purchases and sees them through. Make it with [New]. It is safe
// for concurrent use; any number of processes with the same Store, Keys and
// CallbackURL are one ledger.
type Ledger struct {
	config    Config // with its defaults
	store     Store
	fulfiller Fulfiller
	log       *slog.Logger
	base      string // CallbackURL without a slash at its end

	unsaved unsaved       // callbacks that wait for the store
	slots   chan struct{} // one for each worker
	held    inHand        // what the workers have
	overdue inHand        // what has a call of the Fulfiller that goes on although its time is over
}

const shortestKey = 32

// New checks the configuration and makes a Ledger of it. Its error names every
// field that can't be used. It makes no network connection and starts no
// goroutine: what is to be picked up waits for [Ledger.Run] or
// [Ledger.Reconcile].
func New(config Config) (*Ledger, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	setDefault(&config.KeepKeys, 24*time.Hour)
	setDefault(&config.WorkTimeout, 30*time.Second)
	setDefault(&config.RetryAfter, 5*time.Second)
	setDefault(&config.AskAfter, time.Minute)
	setDefault(&config.StuckAfter, 24*time.Hour)
	setDefault(&config.Interval, 5*time.Second)
	setDefault(&config.Workers, 4)
	l := &Ledger{
		config:    config,
		store:     config.Store,
		fulfiller: config.Fulfiller,
		log:       config.Logger,
		base:      strings.TrimSuffix(config.CallbackURL, "/"),
		slots:     make(chan struct{}, config.Workers),
	}
	if l.store == nil {
		l.store = &MemoryStore{}
	}
	if l.fulfiller == nil {
		l.fulfiller = nobody{}
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if config.Clock == nil {
		l.config.Clock = time.Now
	}
	return l, nil
}

func (c Config) check() error {
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("ledger: Config."+format, args...))
	}
	if c.Merchant == nil {
		bad("Merchant is nil: set it to what gloebit.New returned")
	}
	if err := checkURL(c.CallbackURL); err != nil {
		bad("CallbackURL: %w", err)
	}
	if len(c.Keys) == 0 {
		bad("Keys is empty: make a key with: openssl rand -base64 32")
	}
	for i, key := range c.Keys {
		if len(key) < shortestKey {
			bad("Keys: the key at %d is of %d bytes, fewer than %d: make one with: openssl rand -base64 32", i, len(key), shortestKey)
		}
	}
	for _, field := range []struct {
		name  string
		value time.Duration
	}{
		{"KeepKeys", c.KeepKeys}, {"WorkTimeout", c.WorkTimeout}, {"RetryAfter", c.RetryAfter}, {"AskAfter", c.AskAfter},
		{"StuckAfter", c.StuckAfter}, {"Interval", c.Interval}, {"Workers", time.Duration(c.Workers)},
	} {
		if field.value < 0 {
			bad("%s is negative", field.name)
		}
	}
	for name, value := range map[string]any{"Store": c.Store, "Fulfiller": c.Fulfiller} {
		if v := reflect.ValueOf(value); v.IsValid() && v.Kind() == reflect.Pointer && v.IsNil() {
			bad("%s holds a nil %T: leave the field out for the default", name, value)
		}
	}
	return errors.Join(problems...)
}

// checkURL returns an error unless Gloebit can be given URLs below this one.
// They carry a signature.
func checkURL(raw string) error {
	if _, err := connect.CheckEndpoint(raw); err != nil {
		return err
	}
	if strings.Contains(raw, "?") {
		return fmt.Errorf("%q must not have a query", raw)
	}
	return nil
}

func setDefault[T time.Duration | int](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Get returns a purchase, whoever's it is: compare its UserID before showing it
// to a user. When there is none, the error is gloebit.ErrNotFound; it is
// gloebit.ErrStore when the store fails.
func (l *Ledger) Get(ctx context.Context, id string) (Purchase, error) {
	p, err := l.store.Get(ctx, id)
	return p, storeError("get the purchase", err)
}

// Format writes the type's name, whatever the verb: package fmt calls no methods
// on unexported fields, so that Config.Keys would show.
func (l *Ledger) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "ledger.Ledger") }

// List returns the purchases that the query asks for, newest first. The error
// is gloebit.ErrStore when the store fails.
func (l *Ledger) List(ctx context.Context, q Query) ([]Purchase, error) {
	purchases, err := l.store.List(ctx, q)
	return purchases, storeError("list purchases", err)
}

// Retry takes a stuck purchase up again, from the next pass on, with a fresh
// age. A purchase that is under way is tried at the next pass; a finished one
// stays as it is. The errors are those of [Ledger.Get].
func (l *Ledger) Retry(ctx context.Context, id string) (Purchase, error) {
	p, err := l.store.Change(ctx, id, func(_ context.Context, p Purchase) (Purchase, error) {
		if p.Finished() {
			return p, nil
		}
		now := l.now()
		if p.Stuck() { // else whoever asks often makes the history longer than a store takes
			p.note(p.State, now, "taken up again")
		}
		p.fresh()
		p.NextAt = now
		return p, nil
	})
	if err == nil {
		l.record(ctx, slog.LevelInfo, "taken up again", p)
	}
	return p, storeError("take the purchase up again", err)
}

// now is the time as every store can keep it.
func (l *Ledger) now() time.Time { return l.config.Clock().UTC().Truncate(time.Microsecond) }

// within is a context for one step, which goes on when whoever asked for it has
// gone.
func (l *Ledger) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), l.config.WorkTimeout)
}

// record logs what happened to a purchase.
func (l *Ledger) record(ctx context.Context, level slog.Level, message string, p Purchase, more ...slog.Attr) {
	attrs := append([]slog.Attr{slog.String("purchase", p.ID), slog.String("user", p.UserID), slog.String("state", string(p.State))}, more...)
	l.log.LogAttrs(ctx, level, "gloebit ledger: "+message, attrs...)
}
