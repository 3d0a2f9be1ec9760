// Shop is a hat shop that charges in gloebits. It is the example to copy from.
// It also starts a sandbox, which is a Gloebit with play money, so you need
// neither an account nor the internet to try it:
//
//	go run ./examples/shop
//
// The flags are:
//
//	-addr HOST:PORT
//		The address of the shop. The default is 127.0.0.1:8080. Port 0
//		selects a free port.
//	-sandbox-addr HOST:PORT
//		The address of the sandbox. The default is 127.0.0.1:8081. Port 0
//		selects a free port.
//	-gloebit production|sandbox|URL
//		Instead of starting a sandbox, use Gloebit's production server,
//		Gloebit's own sandbox or the Gloebit at URL. The key is read from
//		GLOEBIT_CLIENT_ID and the secret from GLOEBIT_CLIENT_SECRET. The
//		products must be defined on the merchant page of that Gloebit.
//	-url URL
//		The shop's public URL behind a proxy, such as https://shop.example.
//		The default is the address of the shop.
//	-db FILE
//		Keep tokens, purchases and delivered services in the database FILE,
//		the keys that seal the tokens and sign the hold URLs in FILE-keys,
//		and the state of the sandbox in FILE-sandbox. The default is
//		brim-and-feather.db in the working directory. With -db '', all of it
//		is kept in memory.
//
// The shop prints its URL, the URL of the sandbox if it starts one, and where
// the data is kept, one line each. It runs until it gets an interrupt or a
// termination signal. After a restart, it continues with the same data. Only
// sessions are lost, because they are in memory: visitors connect again. To run
// two shops at once, give each its own FILE and ports. With the same FILE, each
// sandbox overwrites what the other has saved.
//
// Every purchase goes through package ledger: it is saved before it is sent to
// Gloebit, and delivered when Gloebit reports that it is paid. /purchases shows
// visitors the progress of their purchases. /merchant is the ledger's console,
// where an operator finds all purchases and resolves stuck ones. If the shop
// has started a sandbox, every visitor may look at the console, and connected
// users may act; otherwise the console is closed.
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

// newShop builds the shop: sessions, gloebit, the ledger, the routes and the
// middleware around them.
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
		Tokens:       s.Books.Tokens, // encrypted; in the database, like states and purchases
		States:       s.Books.Store,
		SignIn:       true, // a user who connects is signed in with the ID at Gloebit
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
		Fulfiller:    s.Books.Bench, // delivers services, in the transaction that saves the purchase
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
	if err := csrf.AddTrustedOrigin(s.URL); err != nil { // a proxy may change the Host header
		return launch.Shop{}, err
	}
	outside := http.NewServeMux()
	outside.Handle(launch.HoldPath+"/", purchases.Handler()) // Gloebit has no session
	outside.Handle("/", sessions.LoadAndSave(csrf.Handler(mux)))
	return launch.Shop{Handler: views.Headers(s.Provider.AuthURL, outside), Purchases: purchases}, nil
}
