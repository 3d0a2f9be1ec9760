package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestNewNamesEveryInvalidField(t *testing.T) {
	t.Parallel()
	good := newWorld(t).config
	for name, c := range map[string]struct {
		spoil func(*ledger.Config)
		want  string
	}{
		"no merchant":           {func(c *ledger.Config) { c.Merchant = nil }, "Config.Merchant is nil"},
		"no URL":                {func(c *ledger.Config) { c.CallbackURL = "" }, "CallbackURL"},
		"a path for a URL":      {func(c *ledger.Config) { c.CallbackURL = "/gloebit/hold" }, "not an absolute URL"},
		"an invalid URL":        {func(c *ledger.Config) { c.CallbackURL = "https://a b/%zz" }, "not a URL"},
		"a URL over plain http": {func(c *ledger.Config) { c.CallbackURL = "http://shop.example/hold" }, "is plain http"},
		"a URL of another scheme": {
			func(c *ledger.Config) { c.CallbackURL = "ftp://localhost/hold" }, "must begin with https",
		},
		"a URL with a query":    {func(c *ledger.Config) { c.CallbackURL += "?" }, "must not have"},
		"a URL with a fragment": {func(c *ledger.Config) { c.CallbackURL += "#a" }, "must not have"},
		"a URL with a user": {
			func(c *ledger.Config) { c.CallbackURL = "https://me@shop.example/hold" }, "user information",
		},
		"a URL with two slashes":  {func(c *ledger.Config) { c.CallbackURL = "https://shop.example//hold" }, "dot segment"},
		"a URL with slashes last": {func(c *ledger.Config) { c.CallbackURL = "https://shop.example/hold//" }, "dot segment"},
		"a URL with a dot":        {func(c *ledger.Config) { c.CallbackURL = "https://shop.example/./hold" }, "dot segment"},
		"a URL with two dots": {
			func(c *ledger.Config) { c.CallbackURL = "https://shop.example/a/%2e%2e/hold" }, "dot segment",
		},
		"a key with a line feed": {
			func(c *ledger.Config) { c.Keys = []gloebit.Secret{key + "\n"} }, "the key at 0 has white space",
		},
		"a key with a BOM": {func(c *ledger.Config) { c.Keys = []gloebit.Secret{"\uFEFF" + key} }, "byte order mark"},
		"no keys": {
			func(c *ledger.Config) { c.Keys = nil }, "Config.Keys is empty: make a key with: openssl rand -base64 32",
		},
		"a short key": {
			func(c *ledger.Config) { c.Keys = append(c.Keys[:1:1], "short secret") }, "the key at 1 is of 12 bytes",
		},
		"a negative time to send": {func(c *ledger.Config) { c.SendWithin = -1 }, "Config.SendWithin is negative"},
		"a negative timeout":      {func(c *ledger.Config) { c.StepTimeout = -1 }, "Config.StepTimeout is negative"},
		"a negative wait":         {func(c *ledger.Config) { c.RetryAfter = -1 }, "Config.RetryAfter is negative"},
		"a negative ConfirmAfter": {func(c *ledger.Config) { c.ConfirmAfter = -1 }, "Config.ConfirmAfter is negative"},
		"a negative age":          {func(c *ledger.Config) { c.StuckAfter = -1 }, "Config.StuckAfter is negative"},
		"a negative pause":        {func(c *ledger.Config) { c.PollInterval = -1 }, "Config.PollInterval is negative"},
		"negative workers":        {func(c *ledger.Config) { c.Workers = -1 }, "Config.Workers is negative"},
		"a nil store": {
			func(c *ledger.Config) { c.Store = (*ledger.MemoryStore)(nil) }, "Config.Store holds a nil *ledger.MemoryStore",
		},
		"a nil fulfiller": {func(c *ledger.Config) { c.Fulfiller = (*goods)(nil) }, "Config.Fulfiller holds a nil"},
	} {
		t.Run(name, func(t *testing.T) {
			config := good
			c.spoil(&config)
			l, err := ledger.New(config)
			require.Nil(t, l)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "short secret")
		})
	}
	_, err := ledger.New(ledger.Config{PollInterval: -1})
	for _, field := range []string{"Merchant", "CallbackURL", "Keys", "PollInterval"} {
		require.ErrorContains(t, err, "Config."+field)
	}
}

func TestNewNeedsOnlyMerchantURLAndKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, url := range []string{
		"https://shop.example/gloebit/hold", "http://127.0.0.1:80/hold", "http://[::1]/hold", "http://localhost",
		"http://localhost/", "https://shop.example/a/hold/",
	} {
		l, err := ledger.New(ledger.Config{Merchant: w.config.Merchant, CallbackURL: url, Keys: []gloebit.Secret{key}})
		require.NoError(t, err)
		p, err := l.Purchase(t.Context(), w.client("alice"), ledger.Order{
			IdempotencyKey: uuid.NewString(), Product: "green-hat", Quantity: 1,
		})
		require.NoError(t, err)
		require.Equal(t, ledger.Accepted, p.State)
		require.WithinDuration(t, time.Now(), p.CreatedAt, time.Minute)
		require.NoError(t, l.Reconcile(t.Context()))
	}
}

func TestAPrintedLedgerShowsNoKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		require.Equal(t, "ledger.Ledger", fmt.Sprintf(verb, w.ledger))
	}
}
