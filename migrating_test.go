package gloebit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// The examples of docs/migrating-from-gloebit-py.md. The guide shows of each
// what follows its first blank line.

// alice is the client of the connected user.
func alice(merchant *gloebit.Merchant) *gloebit.Client {
	client, err := merchant.Client(context.Background(), "alice")
	if err != nil {
		log.Fatal(err)
	}
	return client
}

// unconnected is an application at https://shop.example without connected
// users. At Gloebit, alice approves every request.
func unconnected(change func(*gloebit.Config)) (*gloebit.Merchant, *gloebittest.Server) {
	server := gloebittest.NewServer()
	app, err := server.AddApplication(gloebittest.Application{
		Name: "Hat Shop", RedirectPrefixes: []string{"https://shop.example/"},
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = server.AddUser(gloebittest.User{
		ID: "0a11ce", Name: "alice", Balance: "1000", Params: map[string]any{"level": 7},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := server.Approve("alice"); err != nil {
		log.Fatal(err)
	}
	config := gloebit.Config{
		ClientID: app.Key, ClientSecret: gloebit.Secret(app.Secret),
		RedirectURL: "https://shop.example/gloebit/callback",
		Provider:    gloebit.ProviderAt(server.URL),
	}
	change(&config)
	merchant, err := gloebit.New(config)
	if err != nil {
		log.Fatal(err)
	}
	return merchant, server
}

// signedIn stands for an application's own sign-in.
func signedIn(_ *http.Request) (gloebit.User, error) {
	return gloebit.User{ID: "17", Name: "alice of the hat shop"}, nil
}

// shopBrowser is a browser with its cookies, for which the handler is
// https://shop.example.
func shopBrowser(shop http.Handler) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	return &http.Client{Jar: jar, Transport: shopTransport{shop}}
}

type shopTransport struct{ shop http.Handler }

func (t shopTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Accept", "text/html")
	if r.URL.Host != "shop.example" {
		return http.DefaultTransport.RoundTrip(r)
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	t.shop.ServeHTTP(recorder, r)
	result := recorder.Result()
	result.Request = r
	return result, nil
}

// load loads a page, following redirects, and returns what it says.
func load(browser *http.Client, target string) string {
	resp, err := browser.Get(target)
	return textOf(resp, err)
}

func textOf(resp *http.Response, err error) string {
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	return string(body)
}

// redirect loads a page and returns where it redirects to.
func redirect(browser *http.Client, target string) *url.URL {
	stay := *browser
	stay.CheckRedirect = testkit.Stay
	resp, err := stay.Get(target)
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		log.Fatal(err)
	}
	return to
}

func secretsJSON() (name string, remove func()) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	name = filepath.Join(dir, "client_secrets.json")
	err = os.WriteFile(name, []byte(`{"web": {"client_id": "key", "client_secret": "secret",
		"redirect_uris": ["https://shop.example/gloebit/callback"],
		"auth_uri": "https://www.gloebit.com/oauth2/authorize",
		"token_uri": "https://www.gloebit.com/oauth2/access-token"}}`), 0o600)
	if err != nil {
		log.Fatal(err)
	}
	return name, func() { _ = os.RemoveAll(dir) }
}

func ExampleNew_clientSecrets() {
	config := gloebit.Config{
		ClientID:     "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
		ClientSecret: "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
		RedirectURL:  "https://shop.example/gloebit/callback",
		Provider:     gloebit.Sandbox(),
		Scopes:       []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeBalance, gloebit.ScopeTransact},
	}
	merchant, err := gloebit.New(config) // makes no network connection
	fmt.Println(merchant != nil, err)
	fmt.Println(config.ClientSecret) // a Secret is redacted
	// Output:
	// true <nil>
	// [redacted]
}

func ExampleNew_sandbox() {
	config := gloebit.Config{ClientID: "key", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback"}
	_, err := gloebit.New(config)
	fmt.Println(err)
	config.Provider = gloebit.Production()
	_, err = gloebit.New(config)
	fmt.Println(err)
	// Output:
	// gloebit: Config.Provider is empty: set it to gloebit.Production() or gloebit.Sandbox()
	// <nil>
}

func ExampleProviderAt_authURI() {
	provider := gloebit.ProviderAt("https://gloebit.example/")
	fmt.Println(provider.AuthURL)
	fmt.Println(provider.TokenURL)
	// Output:
	// https://gloebit.example/oauth2/authorize
	// https://gloebit.example/oauth2/access-token
}

func ExampleConfigFromFile_fromFile() {
	name, remove := secretsJSON()
	defer remove()

	config, err := gloebit.ConfigFromFile(name)
	if err != nil {
		log.Fatal(err)
	}
	config.Scopes = []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeTransact}
	config.Provider = gloebit.Sandbox() // what _sandbox=True did: it overrides the file
	fmt.Println(config.ClientID, config.RedirectURL)
	// Output: key https://shop.example/gloebit/callback
}

func ExampleConfig_scope() {
	merchant, server := unconnected(func(config *gloebit.Config) {
		config.Scopes = []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeBalance, gloebit.ScopeTransact}
	})
	defer server.Close()
	browser := shopBrowser(merchant.Handler())

	authorize := redirect(browser, "https://shop.example/gloebit/connect")
	fmt.Println(authorize.Query().Get("scope"))
	authorize = redirect(browser, "https://shop.example"+merchant.ConnectURL("/", gloebit.ScopeInventory))
	fmt.Println(authorize.Query().Get("scope"))
	// Output:
	// id balance transact
	// id balance transact inventory
}

func ExampleClient_PurchaseGloebitsURL_visitURI() {
	merchant, server := connected(gloebit.ScopeTransact)
	defer server.Close()
	client := alice(merchant)

	page, err := url.Parse(client.PurchaseGloebitsURL("/cart"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(page.Path, page.Query().Get("return-to"))
	// Output: /purchase https://shop.example/cart
}

func ExampleMerchant_RequireGloebit_gloebitRequired() {
	merchant, server := unconnected(func(config *gloebit.Config) {
		config.SignIn = true // the Gloebit identity is the user, as in Python's examples
		config.Scopes = []gloebit.Scope{gloebit.ScopeUser, gloebit.ScopeBalance, gloebit.ScopeTransact}
	})
	defer server.Close()

	index := func(w http.ResponseWriter, r *http.Request) {
		client := gloebit.MustFromContext(r.Context()) // RequireGloebit put it there
		balance, err := client.Balance(r.Context())
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		fmt.Fprintf(w, "%s has %s G$", client.User().Name, balance)
	}
	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler()) // connect, callback, disconnect
	mux.Handle("GET /{$}", merchant.RequireGloebit(http.HandlerFunc(index)))

	fmt.Println(load(shopBrowser(mux), "https://shop.example/")) // to Gloebit and back on the way
	// Output: alice has 1000 G$
}

func ExampleMerchant_ConnectURL_userAuthorizationURL() {
	merchant, server := unconnected(func(config *gloebit.Config) { config.User = signedIn })
	defer server.Close()

	link := merchant.ConnectURL("/cart") // for a page: <a href="{{.}}">Connect with Gloebit</a>
	fmt.Println(link)
	fmt.Println(redirect(shopBrowser(merchant.Handler()), "https://shop.example"+link).Path)
	// Output:
	// /gloebit/connect?return_to=%2Fcart
	// /oauth2/authorize
}

func ExampleMerchant_AuthorizationURL_userAuthorizationURL() {
	merchant, server := unconnected(func(config *gloebit.Config) { config.User = signedIn })
	defer server.Close()

	login := func(w http.ResponseWriter, r *http.Request) {
		to, err := merchant.AuthorizationURL(r, "/cart")
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /login", merchant.Optional(http.HandlerFunc(login)))

	query := redirect(shopBrowser(mux), "https://shop.example/login").Query()
	fmt.Println(query.Get("user"), query.Get("redirect_uri"))
	fmt.Println(query.Get("state") != "")
	// Output:
	// alice of the hat shop https://shop.example/gloebit/callback
	// true
}

func ExampleMerchant_Exchange_exchangeForUserCredential() {
	merchant, server := unconnected(func(config *gloebit.Config) { config.User = signedIn })
	defer server.Close()

	callback := func(w http.ResponseWriter, r *http.Request) {
		connection, err := merchant.Exchange(r) // reads the query, saves the credential
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		fmt.Fprintln(w, connection.User.ID, connection.Granted, connection.ReturnTo)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /gloebit/connect", merchant.ConnectHandler())
	mux.Handle("GET /gloebit/callback", merchant.Optional(http.HandlerFunc(callback)))

	fmt.Println(load(shopBrowser(mux), "https://shop.example/gloebit/connect?return_to=/cart"))
	// Output: 17 [id transact] /cart
}

func ExampleMerchant_Exchange_crossSiteError() {
	failure := func(w http.ResponseWriter, _ *http.Request, err error) {
		fmt.Fprint(w, "state refused: ", errors.Is(err, gloebit.ErrInvalidState))
	}
	merchant, server := unconnected(func(config *gloebit.Config) {
		config.ErrorHandler, config.HomePath = failure, "/home"
	})
	defer server.Close()
	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler())
	mux.HandleFunc("/home", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "connected") })
	browser, other := shopBrowser(mux), shopBrowser(mux)

	authorize := redirect(browser, "https://shop.example/gloebit/connect")
	callback := redirect(browser, authorize.String()).String()
	fmt.Println("no state:", load(browser, "https://shop.example/gloebit/callback?code=123"))
	fmt.Println("another browser:", load(other, callback))
	fmt.Println("the one that asked:", load(browser, callback))
	fmt.Println("a second time:", load(browser, callback))
	// Output:
	// no state: state refused: true
	// another browser: state refused: true
	// the one that asked: connected
	// a second time: connected
}

func ExampleMerchant_Exchange_userChanged() {
	signedInAs := "17"
	merchant, server := unconnected(func(config *gloebit.Config) {
		config.User = func(*http.Request) (gloebit.User, error) { return gloebit.User{ID: signedInAs}, nil }
		config.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
			fmt.Fprint(w, errors.Is(err, gloebit.ErrUserChanged))
		}
	})
	defer server.Close()
	browser := shopBrowser(merchant.Handler())

	callback := redirect(browser, redirect(browser, "https://shop.example/gloebit/connect").String())
	signedInAs = "18"
	fmt.Println(load(browser, callback.String()))
	// Output: true
}

func ExampleMerchant_Exchange_accessDenied() {
	merchant, server := unconnected(func(config *gloebit.Config) {
		config.User = signedIn
		config.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
			fmt.Fprint(w, errors.Is(err, gloebit.ErrAccessDenied))
		}
	})
	defer server.Close()
	browser := shopBrowser(merchant.Handler())

	state := redirect(browser, "https://shop.example/gloebit/connect").Query().Get("state")
	fmt.Println(load(browser, "https://shop.example/gloebit/callback?error=access_denied&state="+state))
	// Output: true
}

func ExampleMerchant_Exchange_flowExchangeError() {
	merchant, server := unconnected(func(config *gloebit.Config) {
		config.User = signedIn
		config.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
			fmt.Fprint(w, errors.Is(err, gloebit.ErrTokenExchange), " ", gloebit.StatusCode(err))
		}
	})
	defer server.Close()
	server.Inject(gloebittest.Fault{
		Path: "oauth2/access-token", Status: http.StatusBadRequest, Body: `{"error": "invalid_grant"}`,
	})

	fmt.Println(load(shopBrowser(merchant.Handler()), "https://shop.example/gloebit/connect"))
	// Output: true 502
}

func ExampleMerchant_Client_storage() {
	merchant, server := connected(gloebit.ScopeBalance)
	defer server.Close()
	ctx := context.Background()

	client, err := merchant.Client(ctx, "alice") // reads the credential from the TokenStore
	fmt.Println(client.User().ID, err)
	_, err = merchant.Client(ctx, "bob")
	fmt.Println(errors.Is(err, gloebit.ErrNotConnected))
	// Output:
	// alice <nil>
	// true
}

func ExampleMerchant_DisconnectHandler_storageDelete() {
	tokens := &gloebit.MemoryTokenStore{}
	merchant, server := unconnected(func(config *gloebit.Config) { config.User, config.Tokens = signedIn, tokens })
	defer server.Close()
	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler())
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	browser := shopBrowser(mux)

	load(browser, "https://shop.example/gloebit/connect")
	_, err := tokens.Load(context.Background(), connect.Key{Realm: merchant.Realm(), ID: "17"})
	fmt.Println(err)
	textOf(browser.PostForm("https://shop.example/gloebit/disconnect", nil))
	_, err = tokens.Load(context.Background(), connect.Key{Realm: merchant.Realm(), ID: "17"})
	fmt.Println(errors.Is(err, gloebit.ErrNotFound))
	// Output:
	// <nil>
	// true
}

func ExampleCredential_oauth2Credentials() {
	tokens := &gloebit.MemoryTokenStore{}
	merchant, server := unconnected(func(config *gloebit.Config) { config.User, config.Tokens = signedIn, tokens })
	defer server.Close()
	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler())
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	load(shopBrowser(mux), "https://shop.example/gloebit/connect")

	credential, err := tokens.Load(context.Background(), connect.Key{Realm: merchant.Realm(), ID: "17"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(credential.AccessToken, credential.AccessToken.Reveal() != "")
	fmt.Println(credential.RefreshToken == "", credential.TokenExpiry.IsZero()) // None and None
	fmt.Println(credential.Scopes, credential.Subject)
	// Output:
	// [redacted] true
	// true true
	// [id transact] 0a11ce
}

func ExampleClient_VerifyToken_invalid() {
	merchant, server := connected(gloebit.ScopeBalance)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)

	fmt.Println(client.VerifyToken(ctx))
	server.RevokeTokens("alice")
	fmt.Println(errors.Is(client.VerifyToken(ctx), gloebit.ErrNotConnected))
	// Output:
	// <nil>
	// true
}

func ExampleClient_Identity_userInfo() {
	merchant, server := unconnected(func(config *gloebit.Config) {
		config.User = signedIn
		config.Scopes = []gloebit.Scope{gloebit.ScopeID}
	})
	defer server.Close()
	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler())
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	load(shopBrowser(mux), "https://shop.example/gloebit/connect")
	ctx := context.Background()
	client, err := merchant.Client(ctx, "17")
	if err != nil {
		log.Fatal(err)
	}

	info, err := client.Identity(ctx)
	if err != nil {
		log.Fatal(err)
	}
	var params struct {
		Level int `json:"level"`
	}
	if err := info.Params.Decode(&params); err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.ID, info.Name, params.Level)
	// Output: 0a11ce alice 7
}

func ExampleClient_Balance_userBalance() {
	merchant, server := connected(gloebit.ScopeBalance)
	defer server.Close()
	if err := server.AddBalance("alice", "0.10"); err != nil {
		log.Fatal(err)
	}
	ctx, client := context.Background(), alice(merchant)

	balance, err := client.Balance(ctx)
	if err != nil {
		log.Fatal(err)
	}
	price, err := gloebit.ParseAmount("1000.2")
	if err != nil {
		log.Fatal(err)
	}
	whole, isWhole := balance.Int64()
	fmt.Println(balance, balance.Cmp(price) < 0, whole, isWhole)
	// Output: 1000.1 true 0 false
}

func ExampleClient_Products_userProducts() {
	merchant, server := connected(gloebit.ScopeInventory)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)
	if _, err := client.GrantProduct(ctx, "green-hat", 2); err != nil {
		log.Fatal(err)
	}

	products, err := client.Products(ctx)
	fmt.Println(products["green-hat"], products["red-hat"], err) // what is not there is zero
	// Output: 2 0 <nil>
}

func ExampleClient_PurchaseItem_purchaseItem() {
	merchant, server := connected(gloebit.ScopeTransact, gloebit.ScopeBalance)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)

	receipt, err := client.PurchaseItem(ctx, gloebit.ItemOrder{
		IdempotencyKey: uuid.NewString(), Item: "small item", Price: 1, Quantity: 1,
	})
	if err != nil {
		log.Fatal(err)
	}
	if receipt.Balance.Known() { // unknown is Python's None: ScopeBalance was not granted
		fmt.Println("left:", receipt.Balance)
	}
	// Output: left: 999
}

func ExampleClient_PurchaseItem_itemQuantity() {
	merchant, server := connected(gloebit.ScopeTransact, gloebit.ScopeBalance)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)

	receipt, err := client.PurchaseItem(ctx, gloebit.ItemOrder{
		IdempotencyKey: uuid.NewString(), Item: "sticker", Price: 3, Quantity: 4,
	})
	fmt.Println("four for 3 each:", receipt.Balance, err)
	receipt, err = client.Transact(ctx, gloebit.Transaction{
		IdempotencyKey: uuid.NewString(), Asset: "sticker", AssetQuantity: 4, Total: 3,
	})
	fmt.Println("four for 3 in all:", receipt.Balance, err)
	// Output:
	// four for 3 each: 988 <nil>
	// four for 3 in all: 985 <nil>
}

func ExampleClient_PurchaseItem_username() {
	merchant, server := unconnected(func(config *gloebit.Config) { config.User = signedIn })
	defer server.Close()
	buy := func(w http.ResponseWriter, r *http.Request) {
		client := gloebit.MustFromContext(r.Context())
		for _, username := range []string{"", "Alice L."} {
			_, err := client.PurchaseItem(r.Context(), gloebit.ItemOrder{
				IdempotencyKey: uuid.NewString(), Item: "sticker", Price: 3, Username: username, Quantity: 1,
			})
			if err != nil {
				log.Fatal(err)
			}
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler())
	mux.Handle("/", merchant.RequireGloebit(http.HandlerFunc(buy)))
	load(shopBrowser(mux), "https://shop.example/")

	for _, transaction := range server.Transactions() {
		fmt.Println(transaction.Username)
	}
	// Output:
	// alice
	// Alice L.
}

func ExampleClient_PurchaseProduct_purchaseProduct() {
	merchant, server := connected(gloebit.ScopeTransact, gloebit.ScopeBalance, gloebit.ScopeInventory)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)

	receipt, err := client.PurchaseProduct(ctx, gloebit.ProductOrder{
		IdempotencyKey: uuid.NewString(), Product: "green-hat", Quantity: 2,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.Balance, *receipt.ProductCount) // ProductCount is nil, and Balance unknown, if they are not sent
	// Output: 920 2
}

func ExampleClient_Transact_purchaseCharacterProduct() {
	merchant, server := connected(gloebit.ScopeTransact, gloebit.ScopeInventory, gloebit.ScopeCharacter)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)
	knight, err := client.CreateCharacter(ctx, "Sir Hat", nil)
	if err != nil {
		log.Fatal(err)
	}

	receipt, err := client.Transact(ctx, gloebit.Transaction{
		IdempotencyKey: uuid.NewString(), Product: "green-hat", ProductQuantity: 1, CharacterID: knight.ID,
	})
	if err != nil {
		log.Fatal(err)
	}
	products, err := client.CharacterProducts(ctx, knight.ID)
	fmt.Println(receipt.Outcome, products, err)
	// Output: queued map[green-hat:1] <nil>
}

func ExampleClient_PurchaseItem_transactionID() {
	merchant, server := connected(gloebit.ScopeTransact, gloebit.ScopeBalance)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)

	// The ID is your own, instead of an idempotency key.
	order := gloebit.ItemOrder{ID: "order-4711", Item: "sticker", Price: 3, Quantity: 1}
	for range 2 {
		receipt, err := client.PurchaseItem(ctx, order)
		fmt.Println(receipt.TransactionID, receipt.Outcome, receipt.Balance, err)
	}
	// Output:
	// order-4711 queued 997 <nil>
	// order-4711 resubmitted 997 <nil>
}

func ExampleClient_ConsumeProduct_consumeProduct() {
	merchant, server := connected(gloebit.ScopeInventory)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)
	if _, err := client.GrantProduct(ctx, "green-hat", 3); err != nil {
		log.Fatal(err)
	}

	left, err := client.ConsumeProduct(ctx, "green-hat", 1)
	fmt.Println(left, err)
	// Output: 2 <nil>
}

func ExampleClient_GrantProduct_grantProduct() {
	merchant, server := connected(gloebit.ScopeInventory)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)

	owned, err := client.GrantProduct(ctx, "green-hat", 3)
	fmt.Println(owned, err)
	// Output: 3 <nil>
}

func ExampleClient_GrantCharacterProduct_grantCharacterProduct() {
	merchant, server := connected(gloebit.ScopeInventory, gloebit.ScopeCharacter)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)
	knight, err := client.CreateCharacter(ctx, "Sir Hat", nil)
	if err != nil {
		log.Fatal(err)
	}

	owned, err := client.GrantCharacterProduct(ctx, knight.ID, "green-hat", 3)
	fmt.Println(owned, err)
	left, err := client.ConsumeCharacterProduct(ctx, knight.ID, "green-hat", 1)
	fmt.Println(left, err)
	products, err := client.CharacterProducts(ctx, knight.ID)
	fmt.Println(products, err)
	// Output:
	// 3 <nil>
	// 2 <nil>
	// map[green-hat:2] <nil>
}

func ExampleClient_CreateCharacter_createCharacter() {
	merchant, server := connected(gloebit.ScopeCharacter)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)

	type extra struct { // every key but id and name
		Level int `json:"level"`
	}
	knight, err := client.CreateCharacter(ctx, "Sir Hat", extra{Level: 1})
	if err != nil {
		log.Fatal(err)
	}
	if _, err = client.UpdateCharacter(ctx, knight.ID, "Sir Hat", extra{Level: 2}); err != nil {
		log.Fatal(err)
	}
	characters, err := client.Characters(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, character := range characters {
		fmt.Println(character.Name, character.Extra)
	}
	fmt.Println(client.DeleteCharacter(ctx, knight.ID))
	_, err = client.CreateCharacter(ctx, "", nil)
	fmt.Println(errors.Is(err, gloebit.ErrInvalidRequest)) // a character needs a name
	// Output:
	// Sir Hat {"level":2}
	// <nil>
	// true
}

func ExampleAPIError_accessTokenError() {
	merchant, server := connected(gloebit.ScopeTransact)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)

	server.RevokeTokens("alice")
	_, err := client.PurchaseItem(ctx, gloebit.ItemOrder{
		IdempotencyKey: uuid.NewString(), Item: "small item", Price: 1, Quantity: 1,
	})
	fmt.Println(errors.Is(err, gloebit.ErrNotConnected)) // merchant.HandleError leads the user to connect
	_, err = merchant.Client(ctx, "alice")
	fmt.Println(err) // the refused credential is forgotten
	// Output:
	// true
	// the user is not connected
}

func ExampleAPIError_merchantScopeError() {
	merchant, server := connected(gloebit.ScopeTransact)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)

	_, err := client.Balance(ctx)
	fmt.Println(errors.Is(err, gloebit.ErrScopeMissing), client.Scopes())
	// Output: true [transact]
}

func ExampleAPIError_badRequestError() {
	merchant, server := connected(gloebit.ScopeBalance)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)
	merchant.RetryWithin(time.Millisecond)

	for _, status := range []int{403, 429, 500} {
		server.Inject(gloebittest.Fault{Path: "balance", Status: status})
		_, err := client.Balance(ctx)
		var failure *gloebit.APIError
		if errors.As(err, &failure) {
			fmt.Println(failure.StatusCode, errors.Is(err, gloebit.ErrRefused),
				errors.Is(err, gloebit.ErrRateLimited), errors.Is(err, gloebit.ErrUnavailable))
		}
		server.ClearFaults()
	}
	// Output:
	// 403 true false false
	// 429 false true false
	// 500 false false true
}

func ExampleAPIError_balanceAccessError() {
	merchant, server := connected(gloebit.ScopeBalance)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)
	server.Inject(gloebittest.Fault{Path: "balance", Reason: "the moon is full"})

	_, err := client.Balance(ctx)
	var failure *gloebit.APIError
	if errors.As(err, &failure) {
		fmt.Println(failure.Call, "-", failure.Reason)
	}
	// Output: balance - the moon is full
}

func ExampleAPIError_keyError() {
	merchant, server := connected(gloebit.ScopeBalance)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)

	for _, body := range []string{`<html>`, `{"success": true}`, `{"balance": 1000}`} {
		server.Inject(gloebittest.Fault{Path: "balance", Times: 1, Body: body})
		_, err := client.Balance(ctx)
		fmt.Println(errors.Is(err, gloebit.ErrInvalidResponse))
	}
	// Output:
	// true
	// true
	// true
}

func ExampleAPIError_serverNotFoundError() {
	merchant, server := connected(gloebit.ScopeBalance)
	ctx, client := context.Background(), alice(merchant)
	merchant.RetryWithin(time.Millisecond)
	server.Close()

	_, err := client.Balance(ctx)
	fmt.Println(errors.Is(err, gloebit.ErrUnavailable))
	// Output: true
}

func ExampleReceipt_transactFailureError() {
	merchant, server := connected(gloebit.ScopeTransact)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)

	receipt, err := client.PurchaseItem(ctx, gloebit.ItemOrder{
		IdempotencyKey: uuid.NewString(), Item: "castle", Price: 5000, Quantity: 1,
	})
	switch {
	case errors.Is(err, gloebit.ErrInsufficientBalance):
		fmt.Println("can't pay:", receipt.Outcome, "-", receipt.Reason)
	case errors.Is(err, gloebit.ErrCannotSpend):
		fmt.Println("the account is locked")
	case errors.Is(err, gloebit.ErrOutcomeUnknown):
		fmt.Println("send the same order again: maybe charged as", receipt.TransactionID)
	case err != nil:
		fmt.Println("failed:", err)
	}
	// Output: can't pay: insufficient-balance - insufficient balance
}

func ExampleReceipt_outcomeUnknown() {
	merchant, server := connected(gloebit.ScopeTransact, gloebit.ScopeBalance)
	defer server.Close()
	ctx, client := context.Background(), alice(merchant)
	merchant.RetryWithin(time.Millisecond)
	server.Inject(gloebittest.Fault{Path: "transact", Drop: true, After: true}) // charges, and never answers

	order := gloebit.ItemOrder{IdempotencyKey: uuid.NewString(), Item: "sticker", Price: 3, Quantity: 1}
	_, err := client.PurchaseItem(ctx, order)
	fmt.Println(errors.Is(err, gloebit.ErrOutcomeUnknown))

	server.ClearFaults() // Gloebit answers again
	receipt, err := client.PurchaseItem(ctx, order)
	fmt.Println(receipt.Outcome, receipt.Balance, err)
	// Output:
	// true
	// resubmitted 997 <nil>
}

func ExampleTokenStore_fromJSON() {
	tokens := &gloebit.MemoryTokenStore{}
	merchant, server := unconnected(func(config *gloebit.Config) {
		config.User, config.Tokens = signedIn, tokens
	})
	defer server.Close()
	issued, err := server.IssueToken(server.Applications()[0].Key, "alice", "id", "balance")
	if err != nil {
		log.Fatal(err)
	}
	exported := `{"user": "17", "scope": "id balance", "credential": {"access_token": "` + issued + `",
		"refresh_token": null, "token_expiry": "2099-01-02T03:04:05Z", "invalid": false,
		"client_id": "key", "client_secret": "secret",
		"token_response": {"access_token": "` + issued + `", "app_user_id": "0a11ce"}, "_class": "OAuth2Credentials"}}`
	ctx := context.Background()

	var kept struct {
		User       string `json:"user"`
		Scope      string `json:"scope"`
		Credential struct {
			AccessToken   string     `json:"access_token"`
			RefreshToken  string     `json:"refresh_token"` // null becomes ""
			TokenExpiry   *time.Time `json:"token_expiry"`  // null becomes nil
			Invalid       bool       `json:"invalid"`
			TokenResponse struct {
				Subject string `json:"app_user_id"`
			} `json:"token_response"`
		} `json:"credential"`
	}
	if err := json.Unmarshal([]byte(exported), &kept); err != nil {
		log.Fatal(err)
	}
	imported := connect.Credential{
		AccessToken:  gloebit.Secret(kept.Credential.AccessToken),
		RefreshToken: gloebit.Secret(kept.Credential.RefreshToken),
		Subject:      kept.Credential.TokenResponse.Subject,
	}
	if kept.Credential.TokenExpiry != nil {
		imported.TokenExpiry = *kept.Credential.TokenExpiry
	}
	for _, name := range strings.Fields(kept.Scope) {
		imported.Scopes = append(imported.Scopes, gloebit.Scope(name))
	}
	key := connect.Key{Realm: merchant.Realm(), ID: kept.User}
	err = tokens.Update(ctx, key, func(_ context.Context, current *connect.Credential) (*connect.Credential, error) {
		if current != nil || kept.Credential.Invalid {
			return current, nil // connected in Go meanwhile, or worthless
		}
		return &imported, nil
	})
	if err != nil {
		log.Fatal(err)
	}

	client, err := merchant.Client(ctx, kept.User)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.VerifyToken(ctx)) // ErrNotConnected when it is stale: it is then forgotten
	balance, err := client.Balance(ctx)
	fmt.Println(balance, err)
	// Output:
	// <nil>
	// 1000 <nil>
}

const (
	migratingGuide = "docs/migrating-from-gloebit-py.md"
	migratingTests = "migrating_test.go"
)

// migratingExamples returns the bodies of this file's examples, without their
// outer indentation, and checks that each has an output.
func migratingExamples(t *testing.T) map[string]string {
	t.Helper()
	source, err := os.ReadFile(migratingTests)
	require.NoError(t, err)
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, migratingTests, source, parser.ParseComments)
	require.NoError(t, err)
	runs := map[string]bool{}
	for _, example := range doc.Examples(file) {
		runs["Example"+example.Name] = example.Output != ""
	}
	bodies := map[string]string{}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(f.Name.Name, "Example") {
			continue
		}
		require.True(t, runs[f.Name.Name], "%s has no output, so that it does not run", f.Name.Name)
		from, to := files.Position(f.Body.Lbrace).Offset+1, files.Position(f.Body.Rbrace).Offset
		body := strings.ReplaceAll(strings.Trim(string(source[from:to]), "\n"), "\n\t", "\n")
		bodies[f.Name.Name] = strings.TrimPrefix(body, "\t")
	}
	require.NotEmpty(t, bodies)
	return bodies
}

func TestMigrationGuideShowsTestedExamples(t *testing.T) {
	examples := migratingExamples(t)
	guide, err := os.ReadFile(migratingGuide)
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(string(guide), -1)
	require.NotEmpty(t, blocks)
	require.Len(t, blocks, strings.Count(string(guide), "```go"), "a block is not at the start of a line or has no end")
	for _, block := range blocks {
		shown := strings.TrimRight(block[1], "\n")
		var of []string
		for name, body := range examples {
			_, rest, _ := strings.Cut(body, "\n\n")
			if shown == strings.TrimRight(body, "\n") || shown == strings.TrimRight(rest, "\n") {
				of = append(of, name)
			}
		}
		require.Len(t, of, 1, "the guide shows what no example, or more than one, runs:\n%s", shown)
	}
}

func TestMigrationGuideRowsNameTestedExamples(t *testing.T) {
	examples := migratingExamples(t)
	guide, err := os.ReadFile(migratingGuide)
	require.NoError(t, err)
	named := regexp.MustCompile("`(Example\\w+)`")
	unnamed := maps.Clone(examples)
	rows, inTable := 0, false
	for line := range strings.Lines(string(guide)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			inTable = false
			continue
		}
		cells := strings.Split(strings.Trim(strings.ReplaceAll(line, `\|`, ""), "|"), "|")
		last := strings.TrimSpace(cells[len(cells)-1])
		if last == "Runs as" {
			inTable = true
			continue
		}
		if !inTable || strings.HasPrefix(last, "---") {
			continue
		}
		rows++
		require.Len(t, cells, 3, line)
		names := named.FindAllStringSubmatch(last, -1)
		if len(names) == 0 {
			require.True(t, strings.HasPrefix(strings.TrimSpace(cells[1]), "Nothing"), "the row names no example: %s", line)
		}
		for _, name := range names {
			require.Contains(t, examples, name[1], line)
			delete(unnamed, name[1])
		}
	}
	require.Greater(t, rows, 40)
	require.Empty(t, unnamed, "no row names these examples")
}

// TestMigrationGuideCoversPythonModule checks that the guide mentions the
// public names of all versions of gloebit.py: classes, methods, optional
// arguments, attributes and exceptions.
func TestMigrationGuideCoversPythonModule(t *testing.T) {
	guide, err := os.ReadFile(migratingGuide)
	require.NoError(t, err)
	var left strings.Builder // the first cells of all tables
	for line := range strings.Lines(string(guide)) {
		if cell, ok := strings.CutPrefix(line, "| "); ok {
			cell, _, _ = strings.Cut(cell, " |")
			left.WriteString(cell + "\n")
		}
	}
	for name := range strings.FieldsSeq(`
		Client_Secrets ClientSecrets client_id client_secret redirect_uri=None auth_uri=None token_uri=None _sandbox=True
		from_file cache=None from_server
		Merchant Gloebit scope= secret_key=None visit_uri ready_flow
		user_authorization_url user=None exchange_for_user_credential query_args
		user_info user_balance user_products character_products get_products user_characters
		purchase purchase_item item_quantity=1 username=None
		purchase_product product_quantity=1 purchase_user_product purchase_character_product
		consume_product consume_user_product consume_character_product
		grant_product grant_user_product grant_character_product
		create_character update_character delete_character
		Error CrossSiteError FlowMissingError BadRequestError MerchantScopeError GloebitScopeError AccessTokenError
		UserInfoError UserNameRequiredError BalanceAccessError ProductsAccessError CharacterAccessError
		TransactError TransactRequestError TransactFailureError`) {
		require.Regexp(t, "[`( .]"+regexp.QuoteMeta(name)+"[`(,)' =]", left.String(), name)
	}
}
