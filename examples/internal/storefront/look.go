package storefront

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-gloebit/gloebit"

	"github.com/go-gloebit/gloebit/examples/internal/catalogue"
	"github.com/go-gloebit/gloebit/examples/internal/views"
)

// The paths on which the storefront's pages link to each other. A shop mounts
// the method of the same name on each.
const (
	PathShelf     = "/"
	PathThings    = "/things"
	PathPurchases = "/purchases"
	PathGoodbye   = "/goodbye"
	pathArticle   = "/shelf/"
	pathNotEnough = "/not-enough/"
)

// most is how many of an article one order may have.
const most = 99

// Shelf is the front page: everything there is to buy.
func (s *Storefront) Shelf(ctx context.Context) (Reply, error) {
	page := views.Catalogue{Frame: s.frame(ctx, "The shelf", PathShelf)}
	connected := page.Visitor != nil
	page.Products = cards(s.config.Catalogue.Products(), connected)
	page.Services = cards(s.config.Catalogue.Services(), connected)
	return show(page), nil
}

// Article is the page of one article. The quantity comes from the page's query,
// and may be empty.
func (s *Storefront) Article(ctx context.Context, slug, quantity string) (Reply, error) {
	article, ok := s.config.Catalogue.Find(slug)
	if !ok {
		return s.NotFound(ctx)
	}
	count, ok := parseQuantity(quantity)
	if !ok {
		count = 1
	}
	page := views.Article{Frame: s.frame(ctx, article.Title, articlePath(slug, count))}
	page.Article = card(article, page.Visitor != nil)
	page.Article.Quantity, page.Article.Most = count, most
	return show(page), nil
}

// Things is the page of what the visitor owns: products that Gloebit keeps, and
// what the shop has done.
func (s *Storefront) Things(ctx context.Context) (Reply, error) {
	client := gloebit.MustFromContext(ctx)
	owned, err := client.Products(ctx)
	if err != nil {
		return Reply{}, err
	}
	page := views.Things{Frame: s.frame(ctx, "My things", PathThings)}
	for slug, count := range owned {
		page.Products = append(page.Products, views.Thing{Slug: slug, Title: s.title(slug), Count: count, Order: newKey()})
	}
	slices.SortFunc(page.Products, func(a, b views.Thing) int { return cmp.Compare(a.Title, b.Title) })
	page.Services, err = s.services(ctx, client.User().ID)
	return show(page), err
}

// services are what the bench has done for the visitor, in catalogue order.
func (s *Storefront) services(ctx context.Context, userID string) ([]views.Thing, error) {
	counts, err := s.config.Books.Bench.Done(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("%w: count what was done: %w", gloebit.ErrStore, err)
	}
	var things []views.Thing
	for _, a := range s.config.Catalogue.Services() {
		if count := counts[a.Slug]; count > 0 {
			things = append(things, views.Thing{Slug: a.Slug, Title: a.Title, Count: count})
		}
	}
	return things, nil
}

// NotEnough is the page for a visitor whose gloebits don't suffice, with the
// way to Gloebit and back to the article. The quantity comes from its query.
func (s *Storefront) NotEnough(ctx context.Context, slug, quantity string) (Reply, error) {
	client := gloebit.MustFromContext(ctx)
	article, ok := s.config.Catalogue.Find(slug)
	count, countOK := parseQuantity(quantity)
	if !ok || !countOK {
		return s.NotFound(ctx)
	}
	page := views.NotEnough{
		Frame: s.frame(ctx, "Not quite enough gloebits", notEnoughPath(slug, count)),
		Slug:  slug, Article: article.Title, Quantity: count, Total: article.Price * count,
		MoreURL: client.PurchaseGloebitsURL(articlePath(slug, count)),
	}
	return show(page), nil
}

// Goodbye follows a disconnect.
func (s *Storefront) Goodbye(ctx context.Context) (Reply, error) {
	frame := s.frame(ctx, "Until next time", PathGoodbye)
	frame.ConnectURL = s.config.ConnectURL(PathShelf)
	return show(views.Goodbye{Frame: frame, AccountURL: s.config.AccountURL}), nil
}

// title is the article's name, or, for a product that the merchant defined at
// Gloebit but the shop doesn't sell, the name it has there.
func (s *Storefront) title(slug string) string {
	if article, ok := s.config.Catalogue.Find(slug); ok {
		return article.Title
	}
	return slug
}

func cards(articles []catalogue.Article, connected bool) []views.Card {
	list := make([]views.Card, len(articles))
	for i, a := range articles {
		list[i] = card(a, connected)
	}
	return list
}

// card shows an article, with a form to buy it for users who can.
func card(a catalogue.Article, connected bool) views.Card {
	c := views.Card{Slug: a.Slug, Title: a.Title, Line: a.Line, Story: a.Story, Price: a.Price, Service: a.IsService()}
	if connected {
		key := newKey()
		c.Order = &key
	}
	return c
}

func articlePath(slug string, quantity int64) string {
	path := pathArticle + url.PathEscape(slug)
	if quantity > 1 {
		path += "?quantity=" + strconv.FormatInt(quantity, 10)
	}
	return path
}

func notEnoughPath(slug string, quantity int64) string {
	return pathNotEnough + url.PathEscape(slug) + "?quantity=" + strconv.FormatInt(quantity, 10)
}

func parseQuantity(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 1 && n <= most
}
