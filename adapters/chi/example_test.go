package gloebitchi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-gloebit/gloebit"
	gloebitchi "github.com/go-gloebit/gloebit/adapters/chi"
	"github.com/go-gloebit/gloebit/ledger"
)

// config stands for the application's configuration.
func config(sessions *scs.SessionManager) gloebit.Config {
	return gloebit.Config{
		ClientID: "key", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
		Provider: gloebit.Sandbox(), Sessions: sessions, SignIn: true,
	}
}

func Example() {
	sessions := scs.New()
	merchant, err := gloebit.New(config(sessions))
	if err != nil {
		panic(err)
	}

	r := chi.NewRouter()
	r.Use(sessions.LoadAndSave)
	gloebitchi.Register(r, merchant) // connect, callback, disconnect

	r.With(merchant.Optional).Get("/", func(w http.ResponseWriter, r *http.Request) {
		if client, ok := gloebit.FromContext(r.Context()); ok {
			fmt.Fprintln(w, "Hello,", client.User().Name)
		}
	})
	r.Group(func(r chi.Router) {
		r.Use(gloebitchi.Require(merchant, gloebit.ScopeTransact)) // from here on, all are connected
		r.Post("/buy/{product}", func(w http.ResponseWriter, r *http.Request) {
			client := gloebit.MustFromContext(r.Context())
			receipt, err := client.PurchaseProduct(r.Context(), gloebit.ProductOrder{
				IdempotencyKey: r.FormValue("order"), Product: chi.URLParam(r, "product"), Quantity: 1,
			})
			if err != nil {
				merchant.HandleError(w, r, err)
				return
			}
			fmt.Fprintf(w, "Thank you! Transaction %s.", receipt.TransactionID)
		})
	})

	fmt.Println(r.Match(chi.NewRouteContext(), http.MethodGet, "/gloebit/callback"))
	// Output: true
}

// A prefix that the proxy keeps: docs/proxies.md.
func Example_prefix() {
	sessions := scs.New()
	config := config(sessions)
	config.RedirectURL, config.HomePath = "https://shop.example/shop/gloebit/callback", "/shop/cart"
	merchant, err := gloebit.New(config)
	if err != nil {
		panic(err)
	}
	purchases, err := ledger.New(ledger.Config{
		Merchant: merchant, CallbackURL: "https://shop.example/shop/gloebit/hold",
		Keys: []gloebit.Secret{"an authentication key: 32 bytes."},
	})
	if err != nil {
		panic(err)
	}
	cart := func(http.ResponseWriter, *http.Request) {}

	r := chi.NewRouter()
	r.Route("/shop", func(r chi.Router) {
		r.Handle("/gloebit/hold/*", purchases.Handler())
		r.Group(func(r chi.Router) {
			r.Use(sessions.LoadAndSave)
			gloebitchi.Register(r, merchant) // connect, callback, disconnect
			r.With(gloebitchi.Require(merchant)).Get("/cart", cart)
		})
	})

	for _, path := range []string{"/shop/cart", "/shop/gloebit/callback", "/shop/gloebit/hold/unsigned", "/cart"} {
		visit, answer := httptest.NewRequest(http.MethodGet, "https://shop.example"+path, nil), httptest.NewRecorder()
		visit.Header.Set("Accept", "text/html")
		r.ServeHTTP(answer, visit)
		fmt.Printf("%s %d %q\n", path, answer.Code, answer.Header().Get("Location"))
	}
	// Output:
	// /shop/cart 303 "/shop/gloebit/connect?return_to=%2Fshop%2Fcart"
	// /shop/gloebit/callback 400 ""
	// /shop/gloebit/hold/unsigned 404 ""
	// /cart 404 ""
}
