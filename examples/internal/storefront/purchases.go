package storefront

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"

	"github.com/go-gloebit/gloebit/examples/internal/books"
	"github.com/go-gloebit/gloebit/examples/internal/views"
)

// receiptWait is how long a receipt waits for its purchase. Ledger.Wait returns
// as soon as this process finishes it.
const receiptWait = 10 * time.Second

// Purchases is the page of the visitor's newest hundred purchases, including
// failed ones.
func (s *Storefront) Purchases(ctx context.Context) (Reply, error) {
	list, err := s.config.Purchases.List(ctx, ledger.Query{UserID: gloebit.MustFromContext(ctx).User().ID})
	if err != nil {
		return Reply{}, err
	}
	page := views.Purchases{Frame: s.frame(ctx, "My purchases", PathPurchases, PathPurchases)}
	for _, p := range list {
		page.Lines = append(page.Lines, s.line(p))
	}
	return show(page), nil
}

// Receipt is the page of one purchase. While the purchase is in progress, the
// page makes the browser load the receipt again with wait set. It stays visible
// until the response to that request, which comes when the purchase is finished
// or after receiptWait.
func (s *Storefront) Receipt(ctx context.Context, id string, wait bool) (Reply, error) {
	p, err := s.config.Purchases.Get(ctx, id)
	if errors.Is(err, gloebit.ErrNotFound) || err == nil && p.UserID != gloebit.MustFromContext(ctx).User().ID {
		return s.NotFound(ctx)
	}
	if err != nil {
		return Reply{}, err
	}
	path := receiptPath(id)
	if wait {
		waiting, cancel := context.WithTimeout(ctx, receiptWait)
		defer cancel()
		if _, err := s.config.Purchases.Wait(waiting, id); err != nil && waiting.Err() == nil {
			return Reply{}, err
		}
		return Reply{Status: http.StatusSeeOther, Location: path}, nil
	}
	line := s.line(p)
	page := views.Receipt{Frame: s.frame(ctx, line.Outcome, PathPurchases, path), Line: line, Price: p.Price}
	if !p.Finished() && !p.Stuck() {
		page.Next = path + "?wait=1"
	}
	return show(page), nil
}

func receiptPath(id string) string { return PathPurchases + "/" + url.PathEscape(id) }

func (s *Storefront) line(p ledger.Purchase) views.Line {
	l := views.Line{
		Slug: article(p), Title: s.title(article(p)), Quantity: p.Quantity, Total: p.Total(), At: p.CreatedAt,
		TransactionID: p.ID, Receipt: receiptPath(p.ID),
	}
	l.Outcome, l.Tone, l.Words = progress(p)
	return l
}

// article returns the slug of what is bought.
func article(p ledger.Purchase) string { return cmp.Or(p.Product, p.Item) }

// progress explains how far a purchase has come, and what is next.
func progress(p ledger.Purchase) (outcome string, tone views.Tone, words string) {
	if p.Stuck() {
		return "Held up", views.Bad, "This takes far too long. The shop is looking after it, and nothing of yours is lost."
	}
	switch p.State {
	case ledger.Created:
		return "Sent to Gloebit", views.Warn, "No answer from Gloebit yet. The shop asks again automatically, and " +
			"the order is charged once at most."
	case ledger.Accepted:
		return "On its way", views.Warn, "Gloebit holds your gloebits and is about to ask the shop."
	case ledger.Reserved:
		return "On its way", views.Warn, "The shop has set it aside, and Gloebit is about to hand the gloebits over."
	case ledger.Settled:
		return "Paid", views.Warn, "The shop is finishing it right now."
	case ledger.Delivered:
		return "Paid and delivered", views.Good, ""
	case ledger.Refused:
		return "Refused, nothing charged", views.Bad, ""
	default:
		return "Canceled, nothing charged", views.Bad, whyOff(p)
	}
}

// whyOff explains why a purchase was canceled.
func whyOff(p ledger.Purchase) string {
	if books.Full(p) {
		return "The workbench has no room for it today. Your gloebits stay yours."
	}
	return "Gloebit has called it off. Your gloebits stay yours."
}
