// Echo is the hat shop written with echo: the same pages, flags and sandbox as
// examples/shop, which says more about them.
//
//	go run ./examples/echo
package main

import (
	"net/http"

	"github.com/go-gloebit/gloebit"
	gloebitecho "github.com/go-gloebit/gloebit/adapters/echo"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

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
	e := echo.NewWithConfig(echo.Config{
		Router: echo.NewRouter(echo.RouterConfig{UnescapePathParamValues: true}), // a product's name may hold a slash
	})
	e.Logger = s.Logger
	e.Use(middleware.Recover(), gloebitecho.Sessions(sessions), shop.sameOrigin(csrf))
	gloebitecho.Register(e, merchant) // connect, callback, disconnect
	e.GET("/assets/*", echo.WrapHandler(pages.Assets()))
	shop.routes(e, merchant)
	return views.Headers(s.Provider.AuthURL, e), nil
}
