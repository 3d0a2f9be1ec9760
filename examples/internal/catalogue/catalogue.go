// Package catalogue has the articles that the example shop sells.
package catalogue

// Kind tells where a bought article is kept.
type Kind int

const (
	// Product is kept by Gloebit. The merchant defines it there with its price,
	// and Gloebit counts how many each user owns.
	Product Kind = iota
	// Service is delivered by the shop, which sets the price. Gloebit only
	// moves the money, and calls such a purchase an asset.
	Service
)

// Article is an article for sale.
type Article struct {
	// Slug names the article in URLs, and at Gloebit.
	Slug string
	Kind Kind
	// Title is the article's name for people.
	Title string
	// Line is a description of one line.
	Line string
	// Story is a short paragraph for the article's page.
	Story string
	// Price is the price of one piece in whole gloebits. For a product it is
	// only shown; Gloebit charges the price defined there.
	Price int64
	// Use is the message after one piece was used up. It is empty for services.
	Use string
}

// IsService reports whether the shop itself delivers the article.
func (a Article) IsService() bool { return a.Kind == Service }

// Catalogue is the list of articles, in display order. The zero value is empty;
// New returns a filled one. It is immutable, and so safe for concurrent use.
type Catalogue struct {
	articles []Article
}

// New returns the hat shop's catalogue.
func New() *Catalogue {
	return &Catalogue{articles: append(products(), services()...)}
}

// All returns every article.
func (c *Catalogue) All() []Article { return append([]Article(nil), c.articles...) }

// Products returns the articles that Gloebit keeps.
func (c *Catalogue) Products() []Article { return c.of(Product) }

// Services returns the articles that the shop delivers.
func (c *Catalogue) Services() []Article { return c.of(Service) }

// Find returns the article with that slug, and whether there is one.
func (c *Catalogue) Find(slug string) (Article, bool) {
	for _, a := range c.articles {
		if a.Slug == slug {
			return a, true
		}
	}
	return Article{}, false
}

func (c *Catalogue) of(kind Kind) []Article {
	var found []Article
	for _, a := range c.articles {
		if a.Kind == kind {
			found = append(found, a)
		}
	}
	return found
}
