package ledger

import (
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

// Config says where purchases are kept and who delivers them. Merchant,
// CallbackURL and Keys must be set; with nothing else it is a ledger for tests.
type Config struct {
	// Merchant is who is paid. The ledger works on the purchases of its realm
	// alone, and gets from it the clients of users whose purchases are picked
	// up.
	Merchant *gloebit.Merchant
	// Store keeps the purchases. It may be shared with other merchants. The
	// default is a MemoryStore, which a restart empties.
	Store Store
	// Fulfiller reserves, delivers and releases what was bought. If nil, only
	// products are sold, which Gloebit hands out itself, and an Order of an
	// Item is refused.
	Fulfiller Fulfiller
	// CallbackURL is the absolute URL of Handler as Gloebit reaches it, such as
	// https://shop.example/gloebit/hold. It is https, or http on a loopback
	// address, without a query. Every hold URL is made from it, and nothing of
	// a request is. Changing it orphans the callbacks of what is under way, so
	// keep the old path served for a day.
	CallbackURL string
	// Keys sign the hold URLs: random, of at least 32 bytes each, and the same
	// on every replica. The first signs, and every one verifies. To rotate,
	// append a new one on all replicas, then move it to the front on all, and
	// drop the old one when nothing that it signed is under way or stuck.
	Keys []gloebit.Secret

	// SendWithin is how long an order is sent again and again while Gloebit
	// does not answer, before it is canceled: a user does not expect to be
	// charged later. The default is 10 minutes.
	SendWithin time.Duration
	// WorkTimeout is how long one attempt may take: a transact with its repeats,
	// or a call of the Fulfiller. The work of a stopped process is picked up
	// after twice that. The default is 30 seconds.
	WorkTimeout time.Duration
	// RetryAfter is the wait after a failed attempt. It doubles with each, up to
	// 64 times itself. The default is 5 seconds.
	RetryAfter time.Duration
	// AskAfter is how long a purchase waits for its callback before Gloebit is
	// asked about it, by sending it again. It doubles with each, up to 64 times
	// itself. The default is a minute.
	AskAfter time.Duration
	// StuckAfter is how long the step that a purchase waits for may fail, and
	// ten times at least, before the purchase is marked stuck. The default is a
	// day.
	StuckAfter time.Duration
	// Interval is how long Run waits when there is nothing to do. The default is
	// 5 seconds.
	Interval time.Duration
	// Workers is how many purchases Run and Reconcile deliver or release at once
	// in this process, and how many they send at once beside these. The default
	// is 4.
	Workers int

	// Logger gets a record for each change and each failure, with ids and
	// never with a secret. If nil, nothing is logged.
	Logger *slog.Logger
	// Clock tells the time. The default is time.Now.
	Clock func() time.Time
}

const shortestKey = 32

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
		if text := key.Reveal(); strings.TrimSpace(strings.Trim(text, "\uFEFF")) != text { // a replica that reads it otherwise would reject the callbacks
			bad("Keys: the key at %d has white space or a byte order mark at an end: trim what was read from the file", i)
		}
	}
	for _, field := range []struct {
		name  string
		value time.Duration
	}{
		{"SendWithin", c.SendWithin}, {"WorkTimeout", c.WorkTimeout}, {"RetryAfter", c.RetryAfter}, {"AskAfter", c.AskAfter},
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
	u, err := connect.CheckEndpoint(raw)
	if err != nil {
		return err
	}
	if strings.Contains(raw, "?") {
		return fmt.Errorf("%q must not have a query", raw)
	}
	if clean := path.Clean("/" + u.Path); clean != "/"+strings.Trim(u.Path, "/") || strings.Contains(u.Path, "//") {
		return fmt.Errorf("%q has an empty or a dot segment in its path, which servers redirect: Gloebit's callbacks would not arrive", raw)
	}
	return nil
}

func setDefault[T time.Duration | int](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}
