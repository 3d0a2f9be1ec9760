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

	"github.com/go-gloebit/gloebit/examples/internal/catalogue"
	"github.com/go-gloebit/gloebit/examples/internal/desk"
	"github.com/go-gloebit/gloebit/examples/internal/launch"
	"github.com/go-gloebit/gloebit/examples/internal/storefront"
	"github.com/go-gloebit/gloebit/examples/internal/views"
)

func main() { launch.Main(newShop) }

// newShop is the shop's wiring: sessions, gloebit, routes, and what is around
// them all.
func newShop(s launch.Settings) (http.Handler, error) {
	pages, err := views.New()
	if err != nil {
		return nil, err
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
		SignIn:       true, // who connects is signed in, as who they are at Gloebit
		Logger:       s.Logger,
		OnConnect:    shop.Connected,
		ErrorHandler: shop.Fail,
	})
	if err != nil {
		return nil, err
	}
	shop.Front = storefront.New(storefront.Config{
		Catalogue:  catalogue.New(),
		Sessions:   sessions,
		ConnectURL: merchant.ConnectURL,
		AccountURL: s.Provider.AccountURL,
		Logger:     s.Logger,
	})

	csrf := http.NewCrossOriginProtection()
	csrf.SetDenyHandler(http.HandlerFunc(shop.CrossOrigin))
	if err := csrf.AddTrustedOrigin(s.URL); err != nil { // a proxy may hide it
		return nil, err
	}
	r := chi.NewRouter()
	r.Use(secured(s.Provider.AuthURL), sessions.LoadAndSave, csrf.Handler)
	gloebitchi.Mount(r, merchant) // connect, callback, disconnect
	r.Handle("/assets/*", pages.Assets())
	shop.routes(r, merchant)
	return r, nil
}

// secured is middleware that sets the headers of the shop's pages.
func secured(gloebitURL string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return views.Headers(gloebitURL, next) }
}
