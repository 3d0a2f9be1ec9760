package storefront

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-gloebit/gloebit"

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
	pathCheckout  = "/buy/"
	pathUse       = "/use/"
)

// most is the largest quantity of one order.
const most = 99

// Shelf is the front page with all articles.
func (s *Storefront) Shelf(ctx context.Context) (Reply, error) {
	return show(views.Catalogue{
		Frame:    s.frame(ctx, "The shelf", PathShelf, PathShelf),
		Products: s.config.Catalogue.Products(), Services: s.config.Catalogue.Services(),
	}), nil
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
	return show(views.Article{
		Frame:   s.frame(ctx, article.Title, PathShelf, articlePath(slug, count)),
		Article: article, Quantity: count, Most: most,
	}), nil
}

// Things is the page of what the visitor owns: products at Gloebit, and
// services that the shop has done.
func (s *Storefront) Things(ctx context.Context) (Reply, error) {
	client := gloebit.MustFromContext(ctx)
	owned, err := client.Products(ctx)
	if err != nil {
		return Reply{}, err
	}
	page := views.Things{Frame: s.frame(ctx, "My things", PathThings, PathThings)}
	for slug, count := range owned {
		if count > 0 { // a product that is used up may still be listed
			page.Products = append(page.Products, views.Thing{Slug: slug, Title: s.title(slug), Count: count})
		}
	}
	slices.SortFunc(page.Products, func(a, b views.Thing) int { return cmp.Compare(a.Title, b.Title) })
	page.Services, err = s.services(ctx, client.User().ID)
	return show(page), err
}

// services returns what the bench has done for the visitor, in catalogue order.
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

// Goodbye is the page after a disconnect.
func (s *Storefront) Goodbye(ctx context.Context) (Reply, error) {
	if _, connected := gloebit.FromContext(ctx); connected { // the page says that the visitor is not connected
		return Reply{Status: http.StatusSeeOther, Location: PathShelf}, nil
	}
	frame := s.frame(ctx, "Until next time", "", PathShelf)
	frame.Here = "" // no tab
	return show(views.Goodbye{Frame: frame, AccountURL: s.config.AccountURL}), nil
}

// title returns the article's name or, for a product that the shop does not
// sell, its name at Gloebit.
func (s *Storefront) title(slug string) string {
	if article, ok := s.config.Catalogue.Find(slug); ok {
		return article.Title
	}
	return slug
}

func articlePath(slug string, quantity int64) string {
	return withQuantity(pathArticle, slug, quantity)
}

func checkoutPath(slug string, quantity int64) string {
	return withQuantity(pathCheckout, slug, quantity)
}

func withQuantity(path, slug string, quantity int64) string {
	path += url.PathEscape(slug)
	if quantity > 1 {
		path += "?quantity=" + strconv.FormatInt(quantity, 10)
	}
	return path
}

func parseQuantity(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 1 && n <= most
}
