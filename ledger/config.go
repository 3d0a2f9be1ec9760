package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
)

// Config configures a [Ledger]. Merchant, CallbackURL and Keys must be set.
// Without a Store, the ledger is for tests only.
type Config struct {
	// Merchant is the merchant that is paid. The ledger works only on the
	// purchases of the merchant's realm. It resumes a purchase with a client
	// from Merchant.Client.
	Merchant *gloebit.Merchant
	// Store keeps the purchases. Merchants can share it. The default is a
	// MemoryStore, whose purchases are lost at a restart.
	Store Store
	// Fulfiller reserves, delivers and releases what was bought. If nil, the
	// ledger sells only products, which Gloebit delivers itself, and refuses an
	// Order of an Item.
	Fulfiller Fulfiller
	// CallbackURL is the absolute URL of Handler as Gloebit reaches it, such as
	// https://shop.example/gloebit/hold. It is https, or http on a loopback
	// address, without a query. Every hold URL is made from it, never from a
	// request. If you change it, keep serving the old path for a day, because
	// purchases in progress are called back there.
	CallbackURL string
	// Keys sign the hold URLs. Each is random and at least 32 bytes long, and
	// all replicas must have the same. For several keys in an environment
	// variable, split it with strings.Fields. The first key signs, and every
	// key verifies. To rotate, append a new key on all replicas, then move it
	// to the front on all, and remove the old key when no purchase whose hold
	// URLs it signed is in progress or stuck.
	Keys []gloebit.Secret

	// SendWithin is how long an unanswered order is retried before it is
	// canceled, because a user does not expect to be charged later. The default
	// is 10 minutes.
	SendWithin time.Duration
	// StepTimeout is how long one attempt may take: a transact with its
	// retries, or a call of the Fulfiller. Another process picks up the work of
	// a stopped process after twice StepTimeout. The default is 30 seconds.
	StepTimeout time.Duration
	// RetryAfter is the wait after a failed attempt. It doubles with each
	// attempt, up to 64 times RetryAfter. The default is 5 seconds.
	RetryAfter time.Duration
	// ConfirmAfter is how long a purchase waits for its callback before the
	// ledger asks Gloebit about it by sending it again. The wait doubles with
	// each attempt, up to 64 times ConfirmAfter. The default is a minute.
	ConfirmAfter time.Duration
	// StuckAfter is how long a step may keep failing before its purchase is
	// marked stuck. The step must also have failed at least ten times. The
	// default is a day.
	StuckAfter time.Duration
	// PollInterval is how long Run waits when there is nothing to do. The
	// default is 5 seconds.
	PollInterval time.Duration
	// Workers is the number of goroutines of Run and Reconcile in this process
	// for each kind of work: to deliver and release, to send, and to report to
	// OnChange. The default is 4.
	Workers int

	// OnChange is called after each change of a purchase has been saved, to send
	// a receipt, a mail or a webhook. Set it in every process that calls
	// Purchase or mounts Handler. p is the purchase as it is now, and change is
	// the reported entry of its History. Run and Reconcile call it, on any
	// replica: for one purchase in the order of its changes and one call at a
	// time, for different purchases concurrently. Each change is reported at
	// least once: if the process ends or the store fails before the ledger has
	// saved that OnChange returned nil, OnChange is called again. Some may be
	// dropped only if a purchase has a hundred or more unreported changes. Use
	// p.ID, change.From, change.To and change.At as the idempotency key. A row
	// in the application's own database belongs in Deliver's transaction
	// instead. The default is none.
	//
	// After an error or a panic it is called again, for as long as it fails.
	// The next wait is as long as the change is old, but at least RetryAfter
	// and at most 64 times RetryAfter. The later changes of that purchase wait
	// for it. [Ledger.Counts] counts the purchases with changes that OnChange
	// has not accepted.
	//
	// The context ends after StepTimeout, and the call must return then. If it
	// returns an error after that, the next wait is 64 times RetryAfter. A call
	// that does not return is logged as an error. It blocks one of the
	// goroutines that report. Reconcile waits for the call, but for at most 5/4
	// of StepTimeout after Reconcile's context has ended. Another replica may
	// call OnChange for the purchase concurrently.
	//
	// Give each mail or request in OnChange a timeout of a few seconds. Slow calls
	// occupy the goroutines that report, and then the reports of all purchases
	// wait.
	//
	// OnChange may call the Ledger, except Run and Reconcile. After
	// [Ledger.Erase], p and change lack what was erased; a call that began
	// before the erasure still has it. Return nil if p.UserID is empty and
	// nothing can be sent without it, because an error is retried and the
	// purchase is not pruned.
	//
	// Once a process with an OnChange has changed a purchase, the changes that
	// other processes make are reported too, such as those of an operator's
	// command without an OnChange. Earlier changes are not reported.
	// [Ledger.Prune] keeps purchases with unreported changes, so to stop
	// reporting set an OnChange that returns nil.
	OnChange func(ctx context.Context, p Purchase, change Change) error

	// Logger gets a record for each change and each failure, with ids and
	// never with a secret. If nil, nothing is logged.
	Logger *slog.Logger
	// Clock tells the time. The default is time.Now.
	Clock func() time.Time
	// Trace is called at stages of the work, for traces and metrics. It must not
	// be changed after New. The default is none.
	Trace *Trace
}

const minKey = 32

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
		if len(key) < minKey {
			bad("Keys: the key at %d is of %d bytes, fewer than %d: make one with: openssl rand -base64 32", i, len(key), minKey)
		}
		// a replica that does not trim its key would reject the callbacks
		if text := key.Reveal(); strings.TrimSpace(strings.Trim(text, "\uFEFF")) != text {
			bad("Keys: the key at %d has white space or a byte order mark at an end: trim what was read from the file", i)
		}
	}
	for _, field := range []struct {
		name  string
		value time.Duration
	}{
		{"SendWithin", c.SendWithin}, {"StepTimeout", c.StepTimeout}, {"RetryAfter", c.RetryAfter},
		{"ConfirmAfter", c.ConfirmAfter},
		{"StuckAfter", c.StuckAfter}, {"PollInterval", c.PollInterval}, {"Workers", time.Duration(c.Workers)},
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

// checkURL returns an error if this URL can't be the base of hold URLs, which
// contain a signature.
func checkURL(raw string) error {
	u, err := connect.CheckEndpoint(raw)
	if err != nil {
		return err
	}
	if strings.Contains(raw, "?") {
		return fmt.Errorf("%q must not have a query", raw)
	}
	if clean := path.Clean("/" + u.Path); clean != "/"+strings.Trim(u.Path, "/") || strings.Contains(u.Path, "//") {
		return fmt.Errorf(
			"%q has an empty or a dot segment in its path, which servers redirect: Gloebit's callbacks would not arrive", raw,
		)
	}
	return nil
}

func setDefault[T time.Duration | int](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}
