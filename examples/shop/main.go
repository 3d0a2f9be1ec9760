// Shop is a hat shop that charges in gloebits: the example to copy from. It
// starts a whole Gloebit beside itself, so that trying it takes no account and
// no internet:
//
//	go run ./examples/shop
//
// The flags are:
//
//	-addr HOST:PORT
//		The shop listens there. The default is 127.0.0.1:8080; port 0 takes a free one.
//	-sandbox-addr HOST:PORT
//		The Gloebit beside it listens there. The default is 127.0.0.1:8081.
//	-gloebit production|sandbox|URL
//		Use that Gloebit instead, with the key in GLOEBIT_CLIENT_ID and the secret in
//		GLOEBIT_CLIENT_SECRET. The products must be defined on its merchant page.
//	-url URL
//		The public address when a proxy is before the shop, such as https://shop.example.
//	-db FILE
//		Everything is kept there: tokens, purchases, what the workbench has done. The keys
//		that seal the tokens and sign the hold URLs are kept beside it, in FILE-keys, and what
//		the sandbox knows in FILE-sandbox. The default is brim-and-feather.db in the working
//		directory; -db '' keeps all of it in memory.
//
// It prints one line with the shop's address, one with the sandbox's and one that
// says where everything is kept, and runs until an interrupt or a termination
// signal. Started again, it goes on where it was; only who is signed in is
// forgotten: sessions are in memory, and visitors connect again. Two shops at once
// need a FILE and two ports each: on one FILE, each sandbox overwrites what the other
// has kept.
//
// Every purchase goes through package ledger: it is saved before it is sent
// to Gloebit, and delivered when Gloebit reports that it is paid. /purchases shows a
// visitor how far theirs have come. /merchant is the ledger's console, where an
// operator finds all of them and frees what is stuck: in front of the sandbox every
// visitor may look, and who is connected may act; elsewhere it is closed.
package main

import (
	"net/http"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/ledger/console"

	"github.com/go-gloebit/gloebit/examples/internal/catalogue"
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
	shop := &shop{pages: pages, url: s.URL, trial: s.Trial, log: s.Logger}
	sessions := newSessions(s.URL) // an *scs.SessionManager

	merchant, err := gloebit.New(gloebit.Config{
		ClientID:     s.ClientID,
		ClientSecret: s.ClientSecret,
		RedirectURL:  s.URL + launch.CallbackPath,
		Scopes:       []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeBalance, gloebit.ScopeTransact, gloebit.ScopeInventory},
		Provider:     s.Provider,
		Sessions:     sessions,
		Tokens:       s.Books.Tokens, // sealed, in the database, as are states and purchases
		States:       s.Books.Store,
		SignIn:       true, // who connects is signed in, as who they are at Gloebit
		Logger:       s.Logger,
		OnConnect:    shop.greet,
		ErrorHandler: shop.fail,
	})
	if err != nil {
		return launch.Shop{}, err
	}
	purchases, err := ledger.New(ledger.Config{
		Merchant:     merchant,
		Store:        s.Books.Purchases,
		Fulfiller:    s.Books.Bench, // does the services, and writes that down in the same transaction
		CallbackURL:  s.URL + launch.HoldPath,
		Keys:         s.Books.Keys,
		RetryAfter:   s.RetryAfter,
		PollInterval: s.RetryAfter,
		StuckAfter:   s.StuckAfter,
		Logger:       s.Logger,
	})
	if err != nil {
		return launch.Shop{}, err
	}
	office, err := console.New(console.Config{Ledger: purchases, Authorize: shop.operator, Logger: s.Logger})
	if err != nil {
		return launch.Shop{}, err
	}
	shop.front = storefront.New(storefront.Config{
		Catalogue:  catalogue.New(),
		Sessions:   sessions,
		Purchases:  purchases,
		Books:      s.Books,
		ConnectURL: merchant.ConnectURL,
		AccountURL: s.Provider.AccountURL,
		Logger:     s.Logger,
		SettleWait: s.SettleWait,
	})

	anyone, connected := merchant.Optional, merchant.RequireGloebit
	owner := merchant.RequireScopes(gloebit.ScopeInventory)
	buyer := merchant.RequireScopes(gloebit.ScopeTransact)

	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler()) // connect, callback, disconnect
	mux.Handle("GET /assets/", pages.Assets())
	mux.Handle("GET /{$}", anyone(shop.page(shop.front.Shelf)))
	mux.Handle("GET /shelf/{article}", anyone(http.HandlerFunc(shop.article)))
	mux.Handle("GET /buy/{article}", buyer(http.HandlerFunc(shop.checkout)))
	mux.Handle("POST /buy/{article}", buyer(http.HandlerFunc(shop.buy)))
	mux.Handle("GET /things", owner(shop.page(shop.front.Things)))
	mux.Handle("GET /use/{article}", owner(http.HandlerFunc(shop.askUse)))
	mux.Handle("POST /use/{article}", owner(http.HandlerFunc(shop.use)))
	mux.Handle("GET /purchases", connected(shop.page(shop.front.Purchases)))
	mux.Handle("GET /purchases/{id}", connected(http.HandlerFunc(shop.receipt)))
	mux.Handle("/merchant", anyone(office))
	mux.Handle("GET /goodbye", anyone(shop.page(shop.front.Goodbye)))
	mux.Handle("/", anyone(shop.page(shop.front.NotFound)))

	csrf := http.NewCrossOriginProtection()
	csrf.SetDenyHandler(http.HandlerFunc(shop.crossOrigin))
	if err := csrf.AddTrustedOrigin(s.URL); err != nil { // a proxy may hide it
		return launch.Shop{}, err
	}
	outside := http.NewServeMux()
	outside.Handle(launch.HoldPath+"/", purchases.Handler()) // Gloebit has no session
	outside.Handle("/", sessions.LoadAndSave(csrf.Handler(mux)))
	return launch.Shop{Handler: views.Headers(s.Provider.AuthURL, outside), Purchases: purchases}, nil
}
