// Gin is a small shop on gin. A visitor signs in with a name, connects to
// Gloebit, and buys hats. Package ledger charges and delivers each hat once.
//
// Run it against the sandbox. In one terminal:
//
//	go run ./cmd/gloebit-sandbox
//
// In another, paste the two export lines that it prints, and then:
//
//	go run ./examples/gin
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
	"github.com/gin-gonic/gin"
	"github.com/go-gloebit/gloebit"
	gloebitgin "github.com/go-gloebit/gloebit/adapters/gin"
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

	home := func(c *gin.Context) {
		user := sessions.GetString(c.Request.Context(), "user")
		data := gin.H{"User": user, "ConnectURL": merchant.ConnectURL("/"), "Hats": hats.of(user)}
		if client, ok := gloebitgin.FromContext(c); ok {
			balance, err := client.Balance(c.Request.Context())
			if err != nil {
				gloebitgin.Error(c, err) // merchant.HandleError, and aborts the chain
				return
			}
			data["Balance"], data["Order"] = balance, uuid.NewString()
		}
		c.HTML(http.StatusOK, "page", data)
	}
	signIn := func(c *gin.Context) { // your own checks a password
		if err := sessions.RenewToken(c.Request.Context()); err != nil {
			c.String(http.StatusServiceUnavailable, "You are not signed in. Try again.")
			return
		}
		sessions.Put(c.Request.Context(), "user", c.PostForm("name"))
		c.Redirect(http.StatusSeeOther, "/")
	}
	buy := func(c *gin.Context) {
		order := ledger.Order{IdempotencyKey: c.PostForm("order"), Item: "green-hat", Price: 40, Quantity: 1}
		if _, err := purchases.Purchase(c.Request.Context(), gloebitgin.Client(c), order); err != nil {
			gloebitgin.Error(c, err)
			return
		}
		c.Redirect(http.StatusSeeOther, "/")
	}

	router := gin.New()
	router.SetHTMLTemplate(page)
	router.Use(gin.Recovery())
	router.Any("/gloebit/hold/*callback", gin.WrapH(purchases.Handler())) // Gloebit's callbacks have no session
	router.Use(gloebitgin.Sessions(sessions))
	gloebitgin.Register(router, merchant) // connect, callback, disconnect
	router.GET("/", gloebitgin.Optional(merchant), home)
	router.POST("/sign-in", signIn)
	router.POST("/buy", gloebitgin.Require(merchant, gloebit.ScopeTransact), buy)
	return http.NewCrossOriginProtection().Handler(router), purchases, nil
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
