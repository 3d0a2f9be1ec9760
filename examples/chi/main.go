// Chi is the hat shop written with chi: the same pages, flags and sandbox as
// examples/shop, which says more about them.
//
//	go run ./examples/chi
package main

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-gloebit/gloebit"
	gloebitchi "github.com/go-gloebit/gloebit/adapters/chi"
	"github.com/go-gloebit/gloebit/ledger"

	"github.com/go-gloebit/gloebit/examples/internal/catalogue"
	"github.com/go-gloebit/gloebit/examples/internal/desk"
	"github.com/go-gloebit/gloebit/examples/internal/launch"
	"github.com/go-gloebit/gloebit/examples/internal/storefront"
	"github.com/go-gloebit/gloebit/examples/internal/views"
)

func main() { launch.Main(newShop) }

// newShop is the shop's wiring: sessions, gloebit, the ledger, routes, and what is
// around them all.
func newShop(s launch.Settings) (launch.Shop, error) {
	pages, err := views.New()
	if err != nil {
		return launch.Shop{}, err
	}
	shop := &shop{&desk.Desk{Pages: pages, URL: s.URL, Log: s.Logger}}
	sessions := desk.NewSessions(s.URL) // an *scs.SessionManager

	merchant, err := gloebit.New(gloebit.Config{
		ClientID:     s.ClientID,
		ClientSecret: s.ClientSecret,
		RedirectURL:  s.URL + launch.CallbackPath,
		Scopes:       []gloebit.Scope{gloebit.ScopeUser, gloebit.ScopeBalance, gloebit.ScopeTransact, gloebit.ScopeInventory},
		Provider:     s.Provider,
		Sessions:     sessions,
		Tokens:       s.Books.Tokens, // sealed, in the database, as are states and purchases
		States:       s.Books.Store,
		SignIn:       true, // who connects is signed in, as who they are at Gloebit
		Logger:       s.Logger,
		OnConnect:    shop.Connected,
		ErrorHandler: shop.Fail,
	})
	if err != nil {
		return launch.Shop{}, err
	}
	purchases, err := ledger.New(ledger.Config{
		Merchant:    merchant,
		Store:       s.Books.Store,
		Fulfiller:   s.Books.Bench, // does the services, and writes that down in the same transaction
		CallbackURL: s.URL + launch.HoldPath,
		Keys:        s.Books.Keys,
		RetryAfter:  s.RetryAfter,
		Interval:    s.RetryAfter,
		StuckAfter:  s.StuckAfter,
		Logger:      s.Logger,
	})
	if err != nil {
		return launch.Shop{}, err
	}
	shop.Front = storefront.New(storefront.Config{
		Catalogue:  catalogue.New(),
		Sessions:   sessions,
		Purchases:  purchases,
		Books:      s.Books,
		ConnectURL: merchant.ConnectURL,
		AccountURL: s.Provider.AccountURL,
		Logger:     s.Logger,
	})

	csrf := http.NewCrossOriginProtection()
	csrf.SetDenyHandler(http.HandlerFunc(shop.CrossOrigin))
	if err := csrf.AddTrustedOrigin(s.URL); err != nil { // a proxy may hide it
		return launch.Shop{}, err
	}
	r := chi.NewRouter()
	r.Use(secured(s.Provider.AuthURL))
	r.Handle(launch.HoldPath+"/*", purchases.Handler()) // Gloebit has no session
	r.Group(func(r chi.Router) {
		r.Use(sessions.LoadAndSave, csrf.Handler)
		gloebitchi.Mount(r, merchant) // connect, callback, disconnect
		r.Handle("/assets/*", pages.Assets())
		shop.routes(r, merchant)
	})
	return launch.Shop{Handler: r, Purchases: purchases}, nil
}

// secured is middleware that sets the headers of the shop's pages.
func secured(gloebitURL string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return views.Headers(gloebitURL, next) }
}
