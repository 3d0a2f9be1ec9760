package storefront

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/go-gloebit/gloebit"
	"github.com/google/uuid"

	"github.com/go-gloebit/gloebit/examples/internal/catalogue"
	"github.com/go-gloebit/gloebit/examples/internal/purchases"
	"github.com/go-gloebit/gloebit/examples/internal/views"
)

// Form is what the buy and use forms send, as it came.
type Form struct {
	Order    string // the form's key
	Quantity string
}

// Buy charges the visitor for an article and sends them to their things. Who
// can't pay is sent to the page that says so. When Gloebit gives no answer, the
// page offers to send the same order again.
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
	purchase := purchases.Purchase{
		Order: purchases.Order{Key: key, UserID: client.User().ID, Article: slug, Quantity: quantity, Price: article.Price},
		Title: article.Title, At: s.now(),
	}
	_, err = charge(ctx, client, article, purchase.Order)
	if err != nil {
		return s.notPaid(ctx, purchase, err)
	}
	purchase.Outcome = purchases.Paid
	text := "You bought " + counted(purchase) + " for " + views.Gloebits(purchase.Total()) + " G$."
	if s.book.Record(purchase) {
		text = "That order was paid already: " + counted(purchase) + " for " + views.Gloebits(purchase.Total()) + " G$. It was charged only once."
	}
	return s.leave(ctx, PathThings, views.Good, text), nil
}

// charge makes the purchase at Gloebit. The transaction id comes from the
// order, so the same order sent again is the same transaction.
func charge(ctx context.Context, client *gloebit.Client, article catalogue.Article, order purchases.Order) (gloebit.Receipt, error) {
	if article.IsService() {
		return client.PurchaseItem(ctx, gloebit.ItemOrder{
			ID: order.TransactionID(), Item: order.Article, Price: order.Price, Quantity: order.Quantity,
		})
	}
	return client.PurchaseProduct(ctx, gloebit.ProductOrder{
		ID: order.TransactionID(), Product: order.Article, Quantity: order.Quantity,
	})
}

// notPaid writes down an order that was not paid, as far as anyone knows.
func (s *Storefront) notPaid(ctx context.Context, purchase purchases.Purchase, err error) (Reply, error) {
	switch {
	case unanswered(err):
		purchase.Outcome = purchases.Unanswered
		s.book.Record(purchase)
		s.log.WarnContext(ctx, "shop: no answer to a purchase", "transaction", purchase.TransactionID(), "error", err)
		return s.resend(ctx, purchase, err), nil
	case errors.Is(err, gloebit.ErrNotConnected), errors.Is(err, gloebit.ErrScopeMissing), errors.Is(err, gloebit.ErrInvalidRequest):
		return Reply{}, err // Gloebit never heard of it
	case errors.Is(err, gloebit.ErrInsufficientBalance):
		purchase.Outcome = purchases.Refused
		s.book.Record(purchase)
		return Reply{Status: http.StatusSeeOther, Location: notEnoughPath(purchase.Article, purchase.Quantity)}, nil
	default:
		purchase.Outcome = purchases.Refused
		s.book.Record(purchase)
		return Reply{}, err
	}
}

// unanswered reports whether the same order may succeed when it is sent again.
func unanswered(err error) bool {
	for _, temporary := range []error{
		gloebit.ErrOutcomeUnknown, gloebit.ErrUnavailable, gloebit.ErrBadReply, gloebit.ErrRateLimited,
		gloebit.ErrPending, gloebit.ErrQueuingFailed, context.DeadlineExceeded, context.Canceled,
	} {
		if errors.Is(err, temporary) {
			return true
		}
	}
	return false
}

// resend is the page of an order without an answer.
func (s *Storefront) resend(ctx context.Context, p purchases.Purchase, err error) Reply {
	return Reply{Status: gloebit.StatusCode(err), Page: views.Trouble{
		Frame: s.quietFrame(ctx, "Gloebit is not answering", articlePath(p.Article, p.Quantity)),
		Words: []string{
			"The shop sent your order of " + counted(p) + " to Gloebit, and no answer came back. We can’t tell yet whether it was paid.",
			"Wait a moment and send it again. It stays the same order, so it is never charged twice.",
		},
		Resend: &views.Resend{Slug: p.Article, Order: p.Key, Quantity: p.Quantity},
	}}
}

// Use uses up one piece of a product. The form's key makes a double click one.
func (s *Storefront) Use(ctx context.Context, slug string, form Form) (Reply, error) {
	client := gloebit.MustFromContext(ctx)
	key, err := uuid.Parse(form.Order)
	if err != nil {
		return s.badForm(ctx, PathThings)
	}
	if !s.used.First(key, s.now()) {
		return s.leave(ctx, PathThings, views.Warn, "That button was pressed twice; only one was used."), nil
	}
	left, err := client.ConsumeProduct(ctx, slug, 1)
	var refused *gloebit.APIError
	switch {
	case err == nil:
	case errors.Is(err, gloebit.ErrNotConnected), errors.Is(err, gloebit.ErrScopeMissing):
		return Reply{}, err
	case unanswered(err):
		s.log.WarnContext(ctx, "shop: no answer to a use", "product", slug, "error", err)
		return s.leave(ctx, PathThings, views.Warn, "Gloebit did not say whether it took the "+s.title(slug)+". Count below before you try again."), nil
	case errors.As(err, &refused):
		s.log.InfoContext(ctx, "shop: not used", "product", slug, "error", err)
		return s.leave(ctx, PathThings, views.Bad, "You have no "+s.title(slug)+" to use."), nil
	default:
		return Reply{}, err
	}
	text := "You used one " + slug + "."
	if article, ok := s.config.Catalogue.Find(slug); ok && article.Use != "" {
		text = article.Use
	}
	return s.leave(ctx, PathThings, views.Good, text+" "+leftover(left)), nil
}

func leftover(left int64) string {
	if left == 0 {
		return "That was the last one."
	}
	return "You have " + strconv.FormatInt(left, 10) + " left."
}

// counted writes the quantity and the title, as in "2 × Green hat".
func counted(p purchases.Purchase) string {
	return strconv.FormatInt(p.Quantity, 10) + " × " + p.Title
}
