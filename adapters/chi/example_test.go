package gloebitchi_test

import (
	"fmt"
	"net/http"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-gloebit/gloebit"
	gloebitchi "github.com/go-gloebit/gloebit/adapters/chi"
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
			receipt, err := client.PurchaseProduct(r.Context(), gloebit.ProductOrder{IdempotencyKey: r.FormValue("order"), Product: chi.URLParam(r, "product"), Quantity: 1})
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
