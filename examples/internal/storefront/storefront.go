// Package storefront is the example shop without its routing: it handles a
// visitor's requests to look at articles, to buy, and to use up a product. Each
// method takes the request's context, in which the shop's middleware has put
// the visitor's gloebit.Client, and returns the reply. A shop in any framework
// only has to parse the form and write the reply.
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

// balanceWait is how long a page waits for the balance in its corner. After
// that it is shown without the balance.
const balanceWait = 3 * time.Second

// Sessions keeps the message that the next page shows. An *scs.SessionManager
// is one.
type Sessions interface {
	Put(ctx context.Context, key string, value any)
	PopString(ctx context.Context, key string) string
}

// Config configures a Storefront. All fields except Logger, Clock and
// SettleWait must be set.
type Config struct {
	Catalogue *catalogue.Catalogue
	Sessions  Sessions
	// Purchases makes the purchases, and Books has what the shop delivered for
	// them.
	Purchases *ledger.Ledger
	Books     *books.Books
	// ConnectURL returns the link with which a visitor connects and then
	// returns to a local path. Set it to gloebit.Merchant.ConnectURL.
	ConnectURL func(returnTo string, scopes ...gloebit.Scope) string
	// AccountURL is Gloebit's page where users revoke access:
	// gloebit.Provider.AccountURL.
	AccountURL string
	// Logger gets the errors that visitors see only as explanations. If nil,
	// nothing is logged.
	Logger *slog.Logger
	// Clock tells the time. The default is time.Now.
	Clock func() time.Time
	// SettleWait is how long the response to a purchase waits for Gloebit's
	// callbacks, which usually come at once. After that, the receipt shows the
	// progress. The default is 2 seconds.
	SettleWait time.Duration
}

// Storefront is a shop without its routing. Make it with New. It is safe for
// concurrent use.
type Storefront struct {
	config Config
	log    *slog.Logger
	now    func() time.Time
}

// New returns a Storefront.
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

// Reply is the response to the browser: a page with its status or, if Location
// is set, a redirect there with status 303.
type Reply struct {
	Status   int
	Page     views.Page
	Location string
}

func show(page views.Page) Reply { return Reply{Status: http.StatusOK, Page: page} }

// frame returns the layout of a page. The page belongs to the tab, and links to
// Gloebit return to path.
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

// visitor returns the connected user, without the balance.
func visitor(client *gloebit.Client, path string) *views.Visitor {
	return &views.Visitor{Name: client.User().Name, MoreURL: client.PurchaseGloebitsURL(path)}
}

// balance returns the user's balance, or an error if it is not available.
func (s *Storefront) balance(ctx context.Context, client *gloebit.Client) (gloebit.Amount, error) {
	ctx, cancel := context.WithTimeout(ctx, balanceWait)
	defer cancel()
	balance, err := client.Balance(ctx)
	if err != nil {
		s.log.WarnContext(ctx, "shop: no balance", "user", client.User().ID, "error", err)
	}
	return balance, err
}

// newKey returns the key of a form, which makes repeated submissions one order.
func newKey() uuid.UUID { return uuid.New() }
