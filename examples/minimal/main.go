// Minimal is the smallest application that charges gloebits: a page with a
// button, and its handler.
package main

import (
	"fmt"
	"html/template"
	"log"
	"log/slog"
	"net/http"
	"os"

	"github.com/go-gloebit/gloebit"
	"github.com/google/uuid"
)

func main() {
	id, secret := os.Getenv("GLOEBIT_CLIENT_ID"), os.Getenv("GLOEBIT_CLIENT_SECRET") // from Gloebit's merchant page
	if id == "" || secret == "" {
		log.Fatal("GLOEBIT_CLIENT_ID or GLOEBIT_CLIENT_SECRET is not set: paste the export lines that gloebit-sandbox prints")
	}
	shop, err := newShop(gloebit.Config{
		ClientID:     id,
		ClientSecret: gloebit.Secret(secret),
		RedirectURL:  "http://127.0.0.1:8080/gloebit/callback",
		Scopes:       []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeBalance, gloebit.ScopeTransact},
		Provider:     gloebit.ProviderAt("http://127.0.0.1:8081"), // gloebit-sandbox; later Sandbox() and Production()
		Logger:       slog.Default(),
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Print("listening on http://127.0.0.1:8080")
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", shop))
}

func newShop(config gloebit.Config) (http.Handler, error) {
	merchant, err := gloebit.New(config)
	if err != nil {
		return nil, err
	}
	home := func(w http.ResponseWriter, r *http.Request) { // runs only for connected users
		balance, err := gloebit.MustFromContext(r.Context()).Balance(r.Context())
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		_ = page.Execute(w, map[string]any{"Balance": balance, "Order": uuid.NewString()})
	}
	buy := func(w http.ResponseWriter, r *http.Request) {
		client := gloebit.MustFromContext(r.Context())
		receipt, err := client.PurchaseProduct(r.Context(), gloebit.ProductOrder{
			IdempotencyKey: r.FormValue("order"), // a double click or a resent form is one purchase
			Product:        r.PathValue("product"),
			Quantity:       1,
		})
		if err != nil {
			merchant.HandleError(w, r, err) // not connected any more, not enough gloebits, Gloebit down, ...
			return
		}
		fmt.Fprintf(w, "Thank you! Transaction %s, %s G$ left.", receipt.TransactionID, receipt.Balance)
	}
	left := func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!DOCTYPE html><title>Hats</title><p>You are disconnected. <a href="/">Connect again</a></p>`)
	}
	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler()) // connect, callback, disconnect
	mux.HandleFunc("GET /left", left)           // shown after disconnecting; a protected page would reconnect
	mux.Handle("GET /{$}", merchant.RequireGloebit(http.HandlerFunc(home)))
	mux.Handle("POST /buy/{product}", merchant.RequireGloebit(http.HandlerFunc(buy))) // refuses forms of other sites
	return mux, nil
}

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><meta name="viewport" content="width=device-width"><title>Hats</title>
<style>button, input { min-height: 44px }</style>
<main><h1>Hats</h1>
<p>You have {{.Balance}} G$.</p>
<form method="post" action="/buy/green-hat">
	<input type="hidden" name="order" value="{{.Order}}">
	<button>Buy a green hat</button>
</form>
<form method="post" action="/gloebit/disconnect">
	<input type="hidden" name="return_to" value="/left">
	<button>Disconnect</button>
</form></main>
`))
