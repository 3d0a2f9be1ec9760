// Gin is the hat shop written with gin: the same pages, flags and sandbox as
// examples/shop, which says more about them.
//
//	go run ./examples/gin
package main

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-gloebit/gloebit"
	gloebitgin "github.com/go-gloebit/gloebit/adapters/gin"
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
	if err := csrf.AddTrustedOrigin(s.URL); err != nil { // a proxy may hide it
		return launch.Shop{}, err
	}
	gin.SetMode(gin.ReleaseMode) // prints nothing
	router := gin.New()
	router.UseRawPath, router.UnescapePathValues = true, true // a product's name may hold a slash
	router.Use(gin.Recovery())
	router.Any(launch.HoldPath+"/*callback", gin.WrapH(purchases.Handler())) // before the sessions: Gloebit has none
	router.Use(gloebitgin.Sessions(sessions), shop.sameOrigin(csrf))
	gloebitgin.Register(router, merchant) // connect, callback, disconnect
	router.GET("/assets/*file", gin.WrapH(pages.Assets()))
	shop.routes(router, merchant)
	return launch.Shop{Handler: views.Headers(s.Provider.AuthURL, router), Purchases: purchases}, nil
}
