package gloebit_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/google/uuid"
)

// connected returns an application whose user "alice" is connected, with 1,000
// gloebits, to a Gloebit in memory.
func connected(scopes ...gloebit.Scope) (merchant *gloebit.Merchant, server *gloebittest.Server) {
	server = gloebittest.NewServer()
	app, err := server.AddApplication(gloebittest.Application{
		Name:     "Hat Shop",
		Products: []gloebittest.Product{{Name: "green-hat", Price: 40}},
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err = server.AddUser(gloebittest.User{Name: "alice", Balance: "1000"}); err != nil {
		log.Fatal(err)
	}
	names := make([]string, len(scopes))
	for i, scope := range scopes {
		names[i] = string(scope)
	}
	token, err := server.IssueToken(app.Key, "alice", names...)
	if err != nil {
		log.Fatal(err)
	}
	tokens := &gloebit.MemoryTokenStore{}
	merchant, err = gloebit.New(gloebit.Config{
		ClientID: app.Key, ClientSecret: gloebit.Secret(app.Secret),
		RedirectURL: "https://shop.example/gloebit/callback",
		Provider:    gloebit.ProviderAt(server.URL),
		Tokens:      tokens,
	})
	if err != nil {
		log.Fatal(err)
	}
	err = tokens.Update(context.Background(), connect.Key{
		Realm: merchant.Realm(), ID: "alice",
	}, func(context.Context, *connect.Credential) (*connect.Credential, error) {
		return &connect.Credential{AccessToken: gloebit.Secret(token), Scopes: scopes}, nil
	})
	if err != nil {
		log.Fatal(err)
	}
	return merchant, server
}

// A whole application: the handlers, a protected purchase, and what to do when
// it fails.
func Example() {
	merchant, err := gloebit.New(gloebit.Config{
		ClientID:     "key from the merchant page",
		ClientSecret: gloebit.Secret("secret from the merchant page"),
		RedirectURL:  "https://shop.example/gloebit/callback",
		Scopes:       []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeBalance, gloebit.ScopeTransact},
		Provider:     gloebit.Sandbox(),
	})
	if err != nil {
		log.Fatal(err)
	}
	buy := func(w http.ResponseWriter, r *http.Request) { // runs only for connected users
		client := gloebit.MustFromContext(r.Context())
		receipt, err := client.PurchaseProduct(r.Context(), gloebit.ProductOrder{
			IdempotencyKey: r.FormValue("order"), // a new UUID in each form: a double click is one purchase
			Product:        r.PathValue("product"),
			Quantity:       1,
		})
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		fmt.Fprintf(w, "Thank you! Transaction %s, %s G$ left.", receipt.TransactionID, receipt.Balance)
	}
	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler())
	mux.Handle("POST /buy/{product}", merchant.RequireGloebit(http.HandlerFunc(buy)))
	protected := http.NewCrossOriginProtection().Handler(mux) // refuses forms from other sites
	fmt.Println(protected != nil)
	// Output: true
}

func ExampleClient_Balance() {
	merchant, server := connected(gloebit.ScopeBalance)
	defer server.Close()
	ctx := context.Background()

	client, err := merchant.Client(ctx, "alice")
	if err != nil {
		log.Fatal(err)
	}
	balance, err := client.Balance(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(balance, "G$")
	// Output: 1000 G$
}

func ExampleClient_PurchaseProduct() {
	merchant, server := connected(gloebit.ScopeTransact, gloebit.ScopeBalance, gloebit.ScopeInventory)
	defer server.Close()
	ctx := context.Background()

	client, err := merchant.Client(ctx, "alice")
	if err != nil {
		log.Fatal(err)
	}
	order := gloebit.ProductOrder{
		IdempotencyKey: "ec8d8f47-2648-4378-8734-bba45852a60f", // a new UUID in each form
		Product:        "green-hat",
		Quantity:       1,
	}
	for range 2 { // a double click sends the same form twice, and is charged once
		receipt, err := client.PurchaseProduct(ctx, order)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(receipt.Reason, receipt.Balance)
	}
	products, err := client.Products(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(products)
	// Output:
	// success 960
	// resubmitted 960
	// map[green-hat:1]
}

func ExampleClient_PurchaseItem() {
	merchant, server := connected(gloebit.ScopeTransact, gloebit.ScopeBalance)
	defer server.Close()
	ctx := context.Background()

	client, err := merchant.Client(ctx, "alice")
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.PurchaseItem(ctx, gloebit.ItemOrder{
		IdempotencyKey: uuid.NewString(), Item: "castle", Price: 5000, Quantity: 1,
	})
	if errors.Is(err, gloebit.ErrInsufficientBalance) {
		fmt.Println("not enough gloebits")
	}
	receipt, err := client.PurchaseItem(ctx, gloebit.ItemOrder{
		IdempotencyKey: uuid.NewString(), Item: "sticker", Price: 3, Quantity: 4,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.Balance, "G$ left")
	// Output:
	// not enough gloebits
	// 988 G$ left
}

func ExampleClient_ConsumeProduct() {
	merchant, server := connected(gloebit.ScopeTransact, gloebit.ScopeInventory)
	defer server.Close()
	ctx := context.Background()

	client, err := merchant.Client(ctx, "alice")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.PurchaseProduct(ctx, gloebit.ProductOrder{
		IdempotencyKey: uuid.NewString(), Product: "green-hat", Quantity: 3,
	}); err != nil {
		log.Fatal(err)
	}
	left, err := client.ConsumeProduct(ctx, "green-hat", 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(left, "left")
	// Output: 2 left
}

func ExampleMerchant_Client() {
	merchant, server := connected(gloebit.ScopeTransact)
	defer server.Close()

	// Outside a request, such as in a job that runs at night.
	_, err := merchant.Client(context.Background(), "bob")
	fmt.Println(errors.Is(err, gloebit.ErrNotConnected), err)
	// Output: true the user is not connected
}

// A page for users who let the application see what they own. Others are sent
// to connect again, with that asked for too.
func ExampleMerchant_RequireScopes() {
	merchant, server := connected(gloebit.ScopeBalance)
	defer server.Close()
	inventory := func(w http.ResponseWriter, r *http.Request) {
		products, err := gloebit.MustFromContext(r.Context()).Products(r.Context())
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		fmt.Fprintln(w, products)
	}
	mux := http.NewServeMux()
	requireInventory := merchant.RequireScopes(gloebit.ScopeInventory)
	mux.Handle("GET /inventory", requireInventory(http.HandlerFunc(inventory)))

	r := httptest.NewRequest(http.MethodGet, "/inventory", nil)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("Location"))
	// Output: 303 /gloebit/connect?return_to=%2Finventory
}

// Handlers of one's own in place of connect and callback.
func ExampleMerchant_Exchange() {
	merchant, server := connected(gloebit.ScopeID)
	defer server.Close()
	mux := http.NewServeMux()
	mux.Handle("GET /begin", merchant.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, err := merchant.AuthorizationURL(r, "/welcome")
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})))
	mux.Handle("GET /gloebit/callback", merchant.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connection, err := merchant.Exchange(r)
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		http.Redirect(w, r, connection.ReturnTo, http.StatusSeeOther)
	})))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/begin", nil))
	to, err := w.Result().Location()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.Code, to.Path)
	// Output: 303 /oauth2/authorize
}

// One user pays another, who is known by their address at Gloebit.
func ExampleClient_TransactU2U() {
	merchant, server := connected(gloebit.ScopeTransact)
	defer server.Close()
	if _, err := server.AddUser(gloebittest.User{Name: "bob", Email: "bob@example.com", Balance: "0"}); err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	client, err := merchant.Client(ctx, "alice")
	if err != nil {
		log.Fatal(err)
	}
	receipt, err := client.TransactU2U(
		ctx, gloebit.Transaction{IdempotencyKey: uuid.NewString(), Asset: "painting", AssetQuantity: 1, Total: 25},
		gloebit.Seller{Email: "bob@example.com"},
	)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.Outcome, server.Balance("bob"))
	// Output: queued 25
}

// What the application keeps with an item comes back as it was, digit by digit.
func ExampleClient_CreateInventoryItem() {
	merchant, server := connected(gloebit.ScopeInventory)
	defer server.Close()
	ctx := context.Background()
	client, err := merchant.Client(ctx, "alice")
	if err != nil {
		log.Fatal(err)
	}
	type sword struct {
		Forged string `json:"forged"`
		Kills  uint64 `json:"kills"`
	}
	id, err := client.CreateInventoryItem(ctx, gloebit.Item{Type: "sword", Params: sword{"Toledo", 18446744073709551615}})
	if err != nil {
		log.Fatal(err)
	}
	item, err := client.InventoryItem(ctx, id)
	if err != nil {
		log.Fatal(err)
	}
	var found sword
	if err := item.Decode(&found); err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Forged, found.Kills)
	// Output: Toledo 18446744073709551615
}

// A user of the application: here one that its own sign-in has put into the
// request's context.
func ExampleConfig_user() {
	type userKey struct{}
	config := gloebit.Config{
		User: func(r *http.Request) (gloebit.User, error) {
			name, ok := r.Context().Value(userKey{}).(string)
			if !ok {
				return gloebit.User{}, gloebit.ErrNoUser
			}
			return gloebit.User{ID: name, Name: name}, nil
		},
	}
	fmt.Println(config.User != nil)
	// Output: true
}

// Each network may start or complete a hundred connections a minute: an address,
// or the 64 bits of an IPv6 address that are one customer's. It stands for a
// limiter of the application's own, such as golang.org/x/time/rate.
func ExampleConfig_limit() {
	var mu sync.Mutex
	var minute time.Time
	seen := map[netip.Prefix]int{}
	config := gloebit.Config{
		RateLimit: func(r *http.Request) error {
			remote, err := netip.ParseAddrPort(r.RemoteAddr) // behind a proxy: what the proxy says
			if err != nil {
				return err
			}
			address := remote.Addr().Unmap()
			network, err := address.WithZone("").Prefix(min(address.BitLen(), 64))
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if now := time.Now(); now.Sub(minute) >= time.Minute {
				minute = now
				clear(seen)
			}
			if n, known := seen[network]; n == 100 || !known && len(seen) == 100_000 {
				return &gloebit.RateLimitError{RetryAfter: time.Until(minute.Add(time.Minute))}
			}
			seen[network]++
			return nil
		},
	}

	r := httptest.NewRequest(http.MethodGet, "/gloebit/connect", nil)
	for range 100 {
		if err := config.RateLimit(r); err != nil {
			fmt.Println(err)
		}
	}
	err := config.RateLimit(r)
	fmt.Println(gloebit.StatusCode(err), err)
	// Output: 429 too many attempts to connect
}

// An application's own page for what goes wrong.
func ExampleStatusCode() {
	config := gloebit.Config{
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			message := "Something went wrong."
			switch {
			case errors.Is(err, gloebit.ErrAccessDenied):
				message = "You did not connect your account. That's fine."
			case errors.Is(err, gloebit.ErrInsufficientBalance):
				message = "You need more gloebits for this."
			}
			http.Error(w, message, gloebit.StatusCode(err))
		},
	}
	fmt.Println(gloebit.StatusCode(gloebit.ErrInsufficientBalance), config.ErrorHandler != nil)
	// Output: 402 true
}

func ExampleSecret() {
	secret := gloebit.Secret("yyyyyyyy-yyyy")
	fmt.Printf("%s %v %+v %#v\n", secret, secret, secret, secret)
	fmt.Println(secret.Reveal())
	// Output:
	// [redacted] [redacted] [redacted] [redacted]
	// yyyyyyyy-yyyy
}
