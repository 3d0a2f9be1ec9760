package storefront

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/google/uuid"

	"github.com/go-gloebit/gloebit/examples/internal/catalogue"
	"github.com/go-gloebit/gloebit/examples/internal/views"
)

// Form is the unparsed content of the buy and use forms.
type Form struct {
	Order    string // the form's key
	Quantity string
	Total    string // as shown to the visitor
}

// Checkout is the page that shows the total before anything is charged, and how
// much the balance lacks. The quantity comes from the page's query; empty means
// one.
func (s *Storefront) Checkout(ctx context.Context, slug, quantity string) (Reply, error) {
	article, ok := s.config.Catalogue.Find(slug)
	if !ok {
		return s.NotFound(ctx)
	}
	count, ok := parseQuantity(cmp.Or(quantity, "1"))
	if !ok {
		return s.badForm(ctx, articlePath(slug, 1))
	}
	page := views.Checkout{
		Frame:   s.frame(ctx, "Your order", PathShelf, checkoutPath(slug, count)),
		Article: article, Quantity: count, Total: article.Price * count,
		Back: articlePath(slug, count), Order: newKey(),
	}
	if page.Visitor != nil {
		page.Left, page.Missing = remainder(page.Visitor.Balance, page.Total)
	}
	if page.Missing != "" {
		page.Title = "Not quite enough gloebits"
	}
	return show(page), nil
}

// remainder returns what is left of a balance after a payment, or what it
// lacks. Both are empty if the balance is unknown.
func remainder(balance gloebit.Amount, total int64) (left, missing string) {
	rest, ok := new(big.Rat).SetString(balance.String())
	if !ok {
		return "", ""
	}
	rest.Sub(rest, new(big.Rat).SetInt64(total))
	digits, _ := rest.FloatPrec() // exact, because a balance is a decimal
	if rest.Sign() < 0 {
		return "", rest.Neg(rest).FloatString(digits)
	}
	return rest.FloatString(digits), ""
}

// Buy charges the visitor for an article and redirects to their things, or to the
// receipt if the purchase is not finished yet. A visitor with too few gloebits is
// redirected to the page that says what is missing.
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
	if form.Total != "" && form.Total != strconv.FormatInt(article.Price*quantity, 10) { // the price has changed since
		return Reply{Status: http.StatusSeeOther, Location: checkoutPath(slug, quantity)}, nil
	}
	began := s.now().Truncate(time.Microsecond) // as precise as the ledger's times
	purchase, err := s.config.Purchases.Purchase(ctx, client, order(article, key, quantity))
	if err != nil && !errors.Is(err, ledger.ErrCanceled) {
		return s.notBought(ctx, article, key, quantity, err)
	}
	again := purchase.CreatedAt.Before(began)
	waiting, cancel := context.WithTimeout(ctx, cmp.Or(s.config.SettleWait, 2*time.Second))
	defer cancel()
	if now, err := s.config.Purchases.Wait(waiting, purchase.ID); err == nil {
		purchase = now // otherwise the receipt waits for it
	}
	return s.bought(ctx, purchase, again), nil
}

// order returns the order for the ledger. Gloebit delivers a product, and the
// shop an item. The key contains everything that matters: a form that is sent
// twice is one order, and a form with another quantity is a different order.
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

// bought redirects to what was bought, or to the receipt if it is not delivered.
func (s *Storefront) bought(ctx context.Context, p ledger.Purchase, again bool) Reply {
	path := receiptPath(p.ID)
	if p.State != ledger.Delivered {
		return Reply{Status: http.StatusSeeOther, Location: path}
	}
	text := counted(p.Quantity, s.title(article(p))) + " for " + views.Gloebits(p.Total()) + " G$."
	if again {
		text = "That order was paid already: " + text + " It was charged only once."
	} else {
		text = "You bought " + text
	}
	s.note(ctx, views.Good, text, path)
	return Reply{Status: http.StatusSeeOther, Location: PathThings}
}

// notBought explains why nothing was bought, as far as it is known.
func (s *Storefront) notBought(
	ctx context.Context, article catalogue.Article, key uuid.UUID, quantity int64, err error,
) (Reply, error) {
	switch {
	case errors.Is(err, gloebit.ErrInsufficientBalance):
		return s.leave(
			ctx, checkoutPath(article.Slug, quantity), views.Bad, "Your gloebits did not suffice. Nothing was charged.",
		), nil
	case errors.Is(err, gloebit.ErrStore):
		s.log.ErrorContext(ctx, "shop: an order may not have been saved", "error", err)
		return Reply{Status: gloebit.StatusCode(err), Page: views.Trouble{
			Frame: s.quietFrame(ctx, "The shop can’t find its own books", articlePath(article.Slug, quantity)),
			Words: []string{
				"We can’t tell whether your order of " + counted(quantity, article.Title) + " was saved.",
				"Wait a moment and send it again. It stays the same order, so it is never charged twice.",
			},
			Resend: &views.Resend{Slug: article.Slug, Order: key, Quantity: quantity},
		}}, nil
	default:
		return Reply{}, err
	}
}

// counted formats a quantity and a title, such as "2 × Green hat".
func counted(quantity int64, title string) string {
	return strconv.FormatInt(quantity, 10) + " × " + title
}
