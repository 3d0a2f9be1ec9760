// Package storefront is the example shop without its routing: what happens when
// a visitor looks at the shelf, buys, or uses something up. Each method takes
// the request's context, in which the shop's middleware has put the visitor's
// gloebit.Client, and returns the reply; a shop in any framework needs only to
// read the form and write the reply.
package storefront

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/google/uuid"

	"github.com/go-gloebit/gloebit/examples/internal/books"
	"github.com/go-gloebit/gloebit/examples/internal/catalogue"
	"github.com/go-gloebit/gloebit/examples/internal/views"
)

// balanceWait is how long a page waits for the balance in its corner. A page
// without a balance is better than no page.
const balanceWait = 3 * time.Second

// Sessions keeps the message that the next page shows. An *scs.SessionManager
// is one.
type Sessions interface {
	Put(ctx context.Context, key string, value any)
	PopString(ctx context.Context, key string) string
}

// Config is what a storefront needs. All fields but Logger and Clock must be set.
type Config struct {
	Catalogue *catalogue.Catalogue
	Sessions  Sessions
	// Purchases make every purchase, and Books know what the shop did for them.
	Purchases *ledger.Ledger
	Books     *books.Books
	// ConnectURL returns the link that connects a visitor and comes back to a
	// local path: gloebit.Merchant.ConnectURL.
	ConnectURL func(returnTo string, scopes ...gloebit.Scope) string
	// AccountURL is Gloebit's page where users revoke: gloebit.Provider.AccountURL.
	AccountURL string
	// Logger gets the failures that visitors only see in words. Nil means silence.
	Logger *slog.Logger
	// Clock tells the time. Nil means time.Now.
	Clock func() time.Time
	// SettleWait is how long the answer to a purchase waits for Gloebit's
	// callbacks, which mostly come at once. The receipt tells of those that take
	// longer. The default is 2 seconds.
	SettleWait time.Duration
}

// Storefront is a shop. Make one with New; it is safe for concurrent use.
type Storefront struct {
	config Config
	log    *slog.Logger
	now    func() time.Time
}

// New returns the shop that the configuration describes.
func New(config Config) *Storefront {
	s := &Storefront{config: config, log: config.Logger, now: config.Clock}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// Reply is what the visitor's browser gets: a page with its status, or, when
// Location is set, a redirect there with status 303.
type Reply struct {
	Status   int
	Page     views.Page
	Location string
}

func show(page views.Page) Reply { return Reply{Status: http.StatusOK, Page: page} }

// frame is what a page has around it. The page belongs to the tab, and the links
// back from Gloebit lead to path.
func (s *Storefront) frame(ctx context.Context, title, tab, path string) views.Frame {
	f := views.Frame{
		Title:      title,
		Tab:        tab,
		Here:       path,
		ConnectURL: s.config.ConnectURL(path),
		Notice:     s.notice(ctx),
	}
	client, ok := gloebit.FromContext(ctx)
	if !ok {
		return f
	}
	balance, err := s.balance(ctx, client)
	if errors.Is(err, gloebit.ErrNotConnected) {
		f.Notice = &views.Notice{
			Tone: views.Warn,
			Text: "Gloebit no longer lets the shop charge you. Connect again when you want to buy something.",
		}
		return f
	}
	f.Visitor = visitor(client, path)
	f.Visitor.Balance = balance
	return f
}

// visitor is who is connected, with a balance that isn't known yet.
func visitor(client *gloebit.Client, path string) *views.Visitor {
	return &views.Visitor{Name: client.User().Name, MoreURL: client.PurchaseGloebitsURL(path)}
}

// balance is the user's balance. It is unknown when it can't be had.
func (s *Storefront) balance(ctx context.Context, client *gloebit.Client) (gloebit.Amount, error) {
	ctx, cancel := context.WithTimeout(ctx, balanceWait)
	defer cancel()
	balance, err := client.Balance(ctx)
	if err != nil {
		s.log.WarnContext(ctx, "shop: no balance", "user", client.User().ID, "error", err)
	}
	return balance, err
}

// newKey is the key of a form: who sends the same form twice sends it once.
func newKey() uuid.UUID { return uuid.New() }
