package ledger

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-gloebit/gloebit/connect"
)

// Ledger makes purchases and completes them. Make it with [New]. It is safe for
// concurrent use. Processes with the same Store, Keys, CallbackURL and realm
// form one ledger.
type Ledger struct {
	config    Config // with its defaults
	realm     string
	store     Store
	fulfiller Fulfiller
	log       *slog.Logger
	base      string // CallbackURL without a slash at its end
	trace     Trace  // zero without Config.Trace

	kept      keptCallbacks
	polls     polls
	waiting   waiting
	reported  reportsInProgress
	pause     pause         // of sending
	finishing chan struct{} // one slot for each worker that delivers or releases
	sending   chan struct{} // one slot for each worker that sends
	reporting chan struct{} // one slot for each worker that calls Config.OnChange
	changed   chan struct{} // receives when there is something to report
	held      inProgress    // purchases that the workers are processing
	failing   rarely        // limits the log of Config.OnChange's failures
	overdue   inProgress    // purchases with a Fulfiller call that runs longer than its time

	running atomic.Int32 // calls of Run
	warned  sync.Once    // logs once that Run is not running
}

// New checks the configuration and returns a Ledger. Its error names every
// field that can't be used. It makes no network connection and starts no
// goroutine: purchases are picked up by [Ledger.Run] or [Ledger.Reconcile].
func New(config Config) (*Ledger, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	setDefault(&config.SendWithin, 10*time.Minute)
	setDefault(&config.StepTimeout, 30*time.Second)
	setDefault(&config.RetryAfter, 5*time.Second)
	setDefault(&config.ConfirmAfter, time.Minute)
	setDefault(&config.StuckAfter, 24*time.Hour)
	setDefault(&config.PollInterval, 5*time.Second)
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
		reporting: make(chan struct{}, config.Workers),
		changed:   make(chan struct{}, 1),
	}
	if l.store == nil {
		l.store = &MemoryStore{}
	}
	if config.Trace != nil {
		l.trace = *config.Trace
	}
	if l.trace.StoreFailed != nil {
		l.store = tracedStore{l.store, l.trace.StoreFailed}
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

// Format writes the type's name for every verb. Package fmt calls no methods of
// unexported fields, so Config.Keys would show without it.
func (l *Ledger) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "ledger.Ledger") }

// key returns the key of a purchase in the store.
func (l *Ledger) key(id string) connect.Key { return connect.Key{Realm: l.realm, ID: id} }

// warnWithoutRun logs once if Run is not running in this process.
func (l *Ledger) warnWithoutRun(ctx context.Context) {
	if l.running.Load() > 0 {
		return
	}
	l.warned.Do(func() {
		l.log.WarnContext(ctx, "gloebit ledger: Run does not run in this process: it does not retry interrupted or failed "+
			"steps; start it with: go ledger.Run(ctx)")
	})
}

// now returns the time in the precision that every store keeps.
func (l *Ledger) now() time.Time { return l.config.Clock().UTC().Truncate(time.Microsecond) }

// within returns a context for one step, which continues if the caller
// disconnects.
func (l *Ledger) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), l.config.StepTimeout)
}

// record logs what happened to a purchase.
func (l *Ledger) record(ctx context.Context, level slog.Level, message string, p Purchase, more ...slog.Attr) {
	attrs := append(
		[]slog.Attr{slog.String("purchase", p.ID), slog.String("user", p.UserID), slog.String("state", string(p.State))},
		more...,
	)
	l.log.LogAttrs(ctx, level, "gloebit ledger: "+message, attrs...)
}
