package storefront

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/google/uuid"

	"github.com/go-gloebit/gloebit/examples/internal/catalogue"
	"github.com/go-gloebit/gloebit/examples/internal/views"
)

// settleWait is how long the answer to a purchase waits for Gloebit's callbacks,
// which mostly come at once. The purchases page tells of those that take longer.
const settleWait = 2 * time.Second

// Form is what the buy and use forms send, as it came.
type Form struct {
	Order    string // the form's key
	Quantity string
}

// Buy charges the visitor for an article and sends them to their things, or to
// their purchases while it is on its way. Who can't pay is sent to the page that
// says so.
func (s *Storefront) Buy(ctx context.Context, slug string, form Form) (Reply, error) {
	client := gloebit.MustFromContext(ctx)
	article, ok := s.config.Catalogue.Find(slug)
	if !ok {
		return s.NotFound(ctx)
	}
	key, err := uuid.Parse(form.Order)
	quantity, ok := parseQuantity(form.Quantity)
	if err != nil || !ok {
		return s.badForm(ctx, articlePath(slug, 1))
	}
	began := s.now().Truncate(time.Microsecond) // as precise as the ledger
	purchase, err := s.config.Purchases.Purchase(ctx, client, order(article, key, quantity))
	if err != nil && !errors.Is(err, ledger.ErrCanceled) {
		return s.notBought(ctx, article, key, quantity, err)
	}
	again := purchase.CreatedAt.Before(began)
	return s.bought(ctx, s.settle(ctx, purchase), again), nil
}

// order is what the ledger is to buy. A product is Gloebit's to hand out, an item
// the shop's. The key is of everything that matters, so that a form that is sent
// twice is one order, and one that comes back with another quantity is another.
func order(article catalogue.Article, key uuid.UUID, quantity int64) ledger.Order {
	o := ledger.Order{
		IdempotencyKey: fmt.Sprintf("%s %s %d %d", key, article.Slug, quantity, article.Price),
		Price:          article.Price, Quantity: quantity,
	}
	if article.IsService() {
		o.Item = article.Slug
	} else {
		o.Product = article.Slug
	}
	return o
}

// settle waits a moment for the purchase to be done, and returns how far it came.
func (s *Storefront) settle(ctx context.Context, p ledger.Purchase) ledger.Purchase {
	ctx, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !p.Finished() && !p.Stuck() {
		select {
		case <-look.C:
		case <-ctx.Done():
			return p
		}
		now, err := s.config.Purchases.Get(ctx, p.ID)
		if err != nil {
			return p // it is under way, which is all that there is to tell
		}
		p = now
	}
	return p
}

// bought tells what became of an order.
func (s *Storefront) bought(ctx context.Context, p ledger.Purchase, again bool) Reply {
	what := counted(p.Quantity, s.title(article(p)))
	price := " for " + views.Gloebits(p.Total()) + " G$"
	switch {
	case p.State == ledger.Delivered && again:
		return s.leave(ctx, PathThings, views.Good, "That order was paid already: "+what+price+". It was charged only once.")
	case p.State == ledger.Delivered:
		return s.leave(ctx, PathThings, views.Good, "You bought "+what+price+".")
	case p.State == ledger.Canceled || p.State == ledger.Released:
		return s.leave(ctx, PathPurchases, views.Bad, "The order of "+what+" is off. "+whyOff(p))
	default:
		return s.leave(
			ctx, PathPurchases, views.Warn, "Your order of "+what+" is on its way. This page tells when it is there.",
		)
	}
}

// notBought tells why nothing was bought, as far as anyone knows.
func (s *Storefront) notBought(
	ctx context.Context, article catalogue.Article, key uuid.UUID, quantity int64, err error,
) (Reply, error) {
	switch {
	case errors.Is(err, gloebit.ErrInsufficientBalance):
		return Reply{Status: http.StatusSeeOther, Location: notEnoughPath(article.Slug, quantity)}, nil
	case errors.Is(err, gloebit.ErrStore):
		s.log.ErrorContext(ctx, "shop: an order may not have been written down", "error", err)
		return Reply{Status: gloebit.StatusCode(err), Page: views.Trouble{
			Frame: s.quietFrame(ctx, "The shop can’t find its own books", articlePath(article.Slug, quantity)),
			Words: []string{
				"We can’t tell whether your order of " + counted(quantity, article.Title) + " was written down.",
				"Wait a moment and send it again. It stays the same order, so it is never charged twice.",
			},
			Resend: &views.Resend{Slug: article.Slug, Order: key, Quantity: quantity},
		}}, nil
	default:
		return Reply{}, err
	}
}

// counted writes the quantity and the title, as in "2 × Green hat".
func counted(quantity int64, title string) string {
	return strconv.FormatInt(quantity, 10) + " × " + title
}
