// Package catalogue is what the example shop sells.
package catalogue

// Kind says who keeps what was bought.
type Kind int

const (
	// Product is kept by Gloebit: the merchant defines it there with its price,
	// and Gloebit counts how many of it each user owns.
	Product Kind = iota
	// Service is the shop's own: the shop sets the price and delivers. Gloebit
	// only moves the money, and calls such a purchase an asset.
	Service
)

// Article is one thing on the shelf.
type Article struct {
	// Slug names the article in URLs, and to Gloebit.
	Slug string
	Kind Kind
	// Title is the article's name for people.
	Title string
	// Line says what it is in one line.
	Line string
	// Story is a short paragraph for the article's own page.
	Story string
	// Price is that of one piece in whole gloebits. Of a product it is what the
	// shop shows; what Gloebit charges is the price defined there.
	Price int64
	// Use is what using up one piece says afterwards. Services have none.
	Use string
}

// IsService reports whether the shop itself delivers the article.
func (a Article) IsService() bool { return a.Kind == Service }

// Catalogue is everything on the shelf, in the order in which it is shown. The
// zero value is an empty shelf; New fills one. It is safe for concurrent use
// because nothing changes it.
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
