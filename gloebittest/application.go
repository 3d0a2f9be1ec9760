package gloebittest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// maxAmount is the largest number of gloebits of a price or a charge. Larger
// JSON numbers are not exact in every language.
const maxAmount = 1 << 53

// Application is a merchant's application.
type Application struct {
	Key    string `json:"key"`    // the OAuth client_id; a new UUID if empty
	Secret string `json:"secret"` // the OAuth client_secret; a new UUID if empty
	Name   string `json:"name"`   // shown to users
	// HomeURL is the target of links back to the application. If empty, it is
	// the root of the redirect URI's site.
	HomeURL string `json:"home_url,omitempty"`
	// RedirectPrefixes are absolute URLs. A redirect URI must have the scheme,
	// host and port of one of them, and a path at or below its path.
	RedirectPrefixes []string  `json:"redirect_prefixes,omitempty"`
	Products         []Product `json:"products,omitempty"`
	// Owner is the ID of the user who receives the payments. If empty, no user
	// receives them.
	Owner string `json:"owner,omitempty"`
}

// Product is something that an application sells by name. Gloebit sets its
// price.
type Product struct {
	Name         string `json:"name"`
	Description  string `json:"description,omitempty"`
	Price        int64  `json:"price"`                    // G$ for one, not negative
	PerUserLimit int64  `json:"per_user_limit,omitempty"` // how many a user may own; 0 means no limit
}

// AddApplication registers an application and returns it with its key and
// secret. It fails if the key is taken, a redirect prefix is not an absolute
// URL, the owner is unknown, or a product has no name, a repeated name, or a
// price or limit out of range.
func (g *Gloebit) AddApplication(app Application) (Application, error) {
	if app.Key == "" {
		app.Key = uuid.NewString()
	}
	if app.Secret == "" {
		app.Secret = uuid.NewString()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.application(app.Key) != nil {
		return Application{}, fmt.Errorf("gloebittest: application %q exists already", app.Key)
	}
	if err := g.checkApplication(&app); err != nil {
		return Application{}, err
	}
	stored := app.clone()
	g.applications = append(g.applications, &stored)
	g.revision++
	return app, nil
}

// SetApplication replaces the application with the same key. If the secret is
// empty, the current secret is kept. Tokens stay valid, and users keep their
// products.
func (g *Gloebit) SetApplication(app Application) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	stored := g.application(app.Key)
	if stored == nil {
		return fmt.Errorf("gloebittest: no application %q", app.Key)
	}
	if app.Secret == "" {
		app.Secret = stored.Secret
	}
	if err := g.checkApplication(&app); err != nil {
		return err
	}
	*stored = app.clone()
	g.revision++
	return nil
}

// SetProducts replaces the products that the application sells.
func (g *Gloebit) SetProducts(appKey string, products ...Product) error {
	app, ok := g.Application(appKey)
	if !ok {
		return fmt.Errorf("gloebittest: no application %q", appKey)
	}
	app.Products = products
	return g.SetApplication(app)
}

// Application returns the application with the key, and whether it exists.
func (g *Gloebit) Application(key string) (Application, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	app := g.application(key)
	if app == nil {
		return Application{}, false
	}
	return app.clone(), true
}

// Applications returns all applications, in the order they were added.
func (g *Gloebit) Applications() []Application {
	g.mu.Lock()
	defer g.mu.Unlock()
	apps := make([]Application, 0, len(g.applications))
	for _, app := range g.applications {
		apps = append(apps, app.clone())
	}
	return apps
}

// application returns the application with the key, or nil. The caller holds
// g.mu.
func (g *Gloebit) application(key string) *Application {
	for _, app := range g.applications {
		if app.Key == key {
			return app
		}
	}
	return nil
}

// checkApplication reports the first invalid value of an application. The
// caller holds g.mu.
func (g *Gloebit) checkApplication(app *Application) error {
	for _, prefix := range app.RedirectPrefixes {
		if _, err := parseRedirect(prefix); err != nil {
			return fmt.Errorf("gloebittest: application %q: redirect prefix %q: %w", app.Name, prefix, err)
		}
	}
	if app.Owner != "" && g.userByID(app.Owner) == nil {
		return fmt.Errorf("gloebittest: application %q: no user with the id %q", app.Name, app.Owner)
	}
	seen := make(map[string]bool, len(app.Products))
	for _, p := range app.Products {
		if err := p.check(); err != nil {
			return fmt.Errorf("gloebittest: application %q: product %q: %w", app.Name, p.Name, err)
		}
		if seen[p.Name] {
			return fmt.Errorf("gloebittest: application %q: product %q is there twice", app.Name, p.Name)
		}
		seen[p.Name] = true
	}
	return nil
}

func (p Product) check() error {
	switch {
	case p.Name == "":
		return errors.New("the name is empty")
	case p.Price < 0 || p.Price > maxAmount:
		return fmt.Errorf("the price %d is out of range", p.Price)
	case p.PerUserLimit < 0:
		return fmt.Errorf("the limit %d is negative", p.PerUserLimit)
	}
	return nil
}

// clone returns a deep copy of app.
func (app *Application) clone() Application {
	c := *app
	c.RedirectPrefixes = slices.Clone(app.RedirectPrefixes)
	c.Products = slices.Clone(app.Products)
	return c
}

// product returns the product with the name, and whether it exists.
func (app *Application) product(name string) (Product, bool) {
	i := slices.IndexFunc(app.Products, func(p Product) bool { return p.Name == name })
	if i < 0 {
		return Product{}, false
	}
	return app.Products[i], true
}
