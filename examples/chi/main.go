// Chi is a small shop on chi. A visitor signs in with a name, connects to
// Gloebit, and buys hats. Package ledger charges and delivers each hat once.
//
// Run it against the sandbox. In one terminal:
//
//	go run ./cmd/gloebit-sandbox
//
// In another, paste the two export lines that it prints, and then:
//
//	go run ./examples/chi
package main

import (
	"context"
	"crypto/rand"
	"html/template"
	"log"
	"log/slog"
	"net/http"
	"os"
	"sync"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-gloebit/gloebit"
	gloebitchi "github.com/go-gloebit/gloebit/adapters/chi"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/google/uuid"
)

func main() {
	id, secret := os.Getenv("GLOEBIT_CLIENT_ID"), os.Getenv("GLOEBIT_CLIENT_SECRET")
	if id == "" || secret == "" {
		log.Fatal("GLOEBIT_CLIENT_ID or GLOEBIT_CLIENT_SECRET is not set: paste the export lines that gloebit-sandbox prints")
	}
	shop, purchases, err := newShop("http://127.0.0.1:8080", gloebit.Config{
		ClientID:     id,
		ClientSecret: gloebit.Secret(secret),
		Provider:     gloebit.ProviderAt("http://127.0.0.1:8081"), // the sandbox
		Logger:       slog.Default(),
	})
	if err != nil {
		log.Fatal(err)
	}
	go purchases.Run(context.Background()) // retries what failed
	log.Print("listening on http://127.0.0.1:8080")
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", shop))
}

// newShop returns the shop at the URL site and the ledger of its purchases.
func newShop(site string, config gloebit.Config) (http.Handler, *ledger.Ledger, error) {
	sessions := scs.New()
	config.RedirectURL = site + "/gloebit/callback"
	config.Scopes = []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeBalance, gloebit.ScopeTransact}
	config.Sessions = sessions
	config.User = func(r *http.Request) (gloebit.User, error) {
		return gloebit.User{ID: sessions.GetString(r.Context(), "user")}, nil // no ID: no user is signed in
	}
	merchant, err := gloebit.New(config)
	if err != nil {
		return nil, nil, err
	}
	hats := &hats{owners: map[string]string{}}
	purchases, err := ledger.New(ledger.Config{ // without a Store, purchases are kept in memory
		Merchant:    merchant,
		Fulfiller:   hats,
		CallbackURL: site + "/gloebit/hold",
		Keys:        []gloebit.Secret{gloebit.Secret(rand.Text() + rand.Text())}, // keep the key with a lasting Store
		Logger:      config.Logger,
	})
	if err != nil {
		return nil, nil, err
	}

	home := func(w http.ResponseWriter, r *http.Request) {
		user := sessions.GetString(r.Context(), "user")
		data := map[string]any{"User": user, "ConnectURL": merchant.ConnectURL("/"), "Hats": hats.of(user)}
		if client, ok := gloebit.FromContext(r.Context()); ok {
			balance, err := client.Balance(r.Context())
			if err != nil {
				merchant.HandleError(w, r, err)
				return
			}
			data["Balance"], data["Order"] = balance, uuid.NewString()
		}
		_ = page.Execute(w, data)
	}
	signIn := func(w http.ResponseWriter, r *http.Request) { // your own checks a password
		if err := sessions.RenewToken(r.Context()); err != nil {
			http.Error(w, "You are not signed in. Try again.", http.StatusServiceUnavailable)
			return
		}
		sessions.Put(r.Context(), "user", r.FormValue("name"))
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
	buy := func(w http.ResponseWriter, r *http.Request) {
		order := ledger.Order{IdempotencyKey: r.FormValue("order"), Item: "green-hat", Price: 40, Quantity: 1}
		if _, err := purchases.Purchase(r.Context(), gloebit.MustFromContext(r.Context()), order); err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}

	r := chi.NewRouter()
	r.Handle("/gloebit/hold/*", purchases.Handler()) // Gloebit's callbacks have no session
	r.Group(func(r chi.Router) {
		r.Use(sessions.LoadAndSave, http.NewCrossOriginProtection().Handler)
		gloebitchi.Register(r, merchant) // connect, callback, disconnect
		r.With(merchant.Optional).Get("/", home)
		r.Post("/sign-in", signIn)
		r.With(gloebitchi.Require(merchant, gloebit.ScopeTransact)).Post("/buy", buy)
	})
	return r, purchases, nil
}

// hats is the Fulfiller. It knows the owner of each hat by the ID of the purchase.
type hats struct {
	mu     sync.Mutex
	owners map[string]string
}

func (h *hats) Reserve(context.Context, ledger.Purchase) error { return nil }
func (h *hats) Release(context.Context, ledger.Purchase) error { return nil }

// Deliver hands over one hat, also when it is called again for the same purchase.
func (h *hats) Deliver(_ context.Context, p ledger.Purchase) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.owners[p.ID] = p.UserID
	return nil
}

// of returns how many hats the user has.
func (h *hats) of(user string) (count int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, owner := range h.owners {
		if owner == user {
			count++
		}
	}
	return count
}

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><meta name="viewport" content="width=device-width"><title>Hats</title>
<style>button, input { min-height: 44px }</style>
<main><h1>Hats</h1>
{{if not .User}}<form method="post" action="/sign-in">
	<label>Name <input name="name" required maxlength="40"></label>
	<button>Sign in</button>
</form>
{{else if not .Order}}<p>Hello, {{.User}}. <a href="{{.ConnectURL}}">Connect to Gloebit</a></p>
{{else}}<p>Hello, {{.User}}. You have {{.Balance}} G$. Hats: {{.Hats}}.
A hat arrives a moment after you buy it: <a href="/">reload</a>.</p>
<form method="post" action="/buy">
	<input type="hidden" name="order" value="{{.Order}}">
	<button>Buy a green hat for 40 G$</button>
</form>{{end}}</main>
`))
