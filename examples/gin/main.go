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
	if err := csrf.AddTrustedOrigin(s.URL); err != nil { // a proxy may hide it
		return nil, err
	}
	gin.SetMode(gin.ReleaseMode) // prints nothing
	router := gin.New()
	router.UseRawPath, router.UnescapePathValues = true, true // a product's name may hold a slash
	router.Use(gin.Recovery(), gloebitgin.Sessions(sessions), shop.sameOrigin(csrf))
	gloebitgin.Register(router, merchant) // connect, callback, disconnect
	router.GET("/assets/*file", gin.WrapH(pages.Assets()))
	shop.routes(router, merchant)
	return views.Headers(s.Provider.AuthURL, router), nil
}
