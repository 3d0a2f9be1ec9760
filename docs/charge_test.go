package docs_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// prices are those of the items that only this shop knows.
var prices = map[string]int64{"sticker": 3, "castle": 5000} // in whole gloebits, for each

// newHatShop sells a product of Gloebit's merchant page, and items of its own.
func newHatShop(config gloebit.Config) (http.Handler, error) {
	config.Scopes = []gloebit.Scope{
		gloebit.ScopeID, gloebit.ScopeBalance, gloebit.ScopeTransact, gloebit.ScopeInventory,
	}
	merchant, err := gloebit.New(config)
	if err != nil {
		return nil, err
	}

	shelf := func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `<form method="post" action="/buy/green-hat">
			<input type="hidden" name="order" value="%s"><button>Buy a green hat</button></form>`, uuid.NewString())
	}
	buyProduct := func(w http.ResponseWriter, r *http.Request) {
		client := gloebit.MustFromContext(r.Context())
		receipt, err := client.PurchaseProduct(r.Context(), gloebit.ProductOrder{
			IdempotencyKey: r.FormValue("order"),
			Product:        r.PathValue("product"),
			Price:          40, // what the page said; Gloebit charges its own price
			Quantity:       1,
		})
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		fmt.Fprintf(w, "Thank you! %s G$ left.", receipt.Balance) // "unknown" without ScopeBalance
	}
	buyItem := func(w http.ResponseWriter, r *http.Request) {
		item := r.PathValue("item")
		price, found := prices[item] // never from the form
		if !found {
			http.NotFound(w, r)
			return
		}
		client := gloebit.MustFromContext(r.Context())
		receipt, err := client.PurchaseItem(r.Context(), gloebit.ItemOrder{
			IdempotencyKey: r.FormValue("order"), Item: item, Price: price, Quantity: 1,
		})
		switch {
		case errors.Is(err, gloebit.ErrInsufficientBalance): // final: nothing was charged
			w.WriteHeader(http.StatusPaymentRequired)
			fmt.Fprintf(w, `It costs %d G$. <a href="%s">Buy gloebits</a>`, price,
				html.EscapeString(client.PurchaseGloebitsURL("/")))
		case err != nil:
			merchant.HandleError(w, r, err)
		default:
			fmt.Fprintf(w, "%s: transaction %s", receipt.Outcome, receipt.TransactionID)
		}
	}
	wear := func(w http.ResponseWriter, r *http.Request) {
		left, err := gloebit.MustFromContext(r.Context()).ConsumeProduct(r.Context(), r.PathValue("product"), 1)
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		fmt.Fprintf(w, "%d left", left)
	}

	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler())
	mux.Handle("GET /{$}", merchant.RequireGloebit(http.HandlerFunc(shelf)))
	mux.Handle("POST /buy/{product}", merchant.RequireGloebit(http.HandlerFunc(buyProduct)))
	mux.Handle("POST /buy/item/{item}", merchant.RequireGloebit(http.HandlerFunc(buyItem)))
	mux.Handle("POST /wear/{product}", merchant.RequireGloebit(http.HandlerFunc(wear)))
	return mux, nil
}

// chargeRent runs every night, outside a request and on any replica.
func chargeRent(ctx context.Context, merchant *gloebit.Merchant, userID, month string) error {
	client, err := merchant.Client(ctx, userID)
	if err != nil {
		return err // ErrNotConnected: mail the user a link to connect
	}
	_, err = client.PurchaseItem(ctx, gloebit.ItemOrder{
		IdempotencyKey: "rent/" + userID + "/" + month, // once a month, however often the job runs
		Item:           "rent", Price: 100, Quantity: 1,
	})
	return err
}

func TestCharge(t *testing.T) {
	shop := testkit.NewShop(t, gloebittest.Config{})
	site, err := newHatShop(shop.Config())
	require.NoError(t, err)
	shop.Serve(site)
	browser := testkit.NewBrowser(t)
	home := testkit.Load(t, browser, testkit.NewRequest(t, http.MethodGet, shop.Server.URL, nil))
	order := regexp.MustCompile(`name="order" value="([^"]+)"`).FindStringSubmatch(home.Body)[1]
	post := func(path, order string) testkit.Page {
		form := url.Values{"order": {order}}
		return testkit.Load(t, browser, testkit.NewRequest(t, http.MethodPost, shop.Server.URL+path, form))
	}

	for range 2 { // a double click
		require.Equal(t, "Thank you! 960 G$ left.", post("/buy/green-hat", order).Body)
	}
	require.Equal(t, "0 left", post("/wear/green-hat", "").Body)
	require.Contains(t, post("/buy/item/sticker", uuid.NewString()).Body, "queued: transaction ")
	require.Contains(t, post("/buy/item/castle", uuid.NewString()).Body, "Buy gloebits")
	require.Equal(t, http.StatusNotFound, post("/buy/item/moon", uuid.NewString()).Status)
	require.Equal(t, http.StatusBadRequest, post("/buy/item/sticker", "").Status)
	require.Equal(t, "957", shop.Gloebit.Balance("alice"))
}

func TestChargeOutsideRequest(t *testing.T) {
	shop, merchant := connected(t)
	for range 2 {
		require.NoError(t, chargeRent(t.Context(), merchant, "alice", "2026-11"))
	}
	require.NoError(t, chargeRent(t.Context(), merchant, "alice", "2026-12"))
	require.Equal(t, "800", shop.Gloebit.Balance("alice"))
	require.ErrorIs(t, chargeRent(t.Context(), merchant, "bob", "2026-11"), gloebit.ErrNotConnected)
}

func TestExactAmounts(t *testing.T) {
	shop, merchant := connected(t)
	require.NoError(t, shop.Gloebit.AddBalance("alice", "0.1"))
	ctx := t.Context()
	client, err := merchant.Client(ctx, "alice")
	require.NoError(t, err)

	balance, err := client.Balance(ctx) // 1000.1
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := gloebit.ParseAmount("1000.2")
	if err != nil {
		t.Fatal(err)
	}
	enough := balance.Cmp(wanted) >= 0 // false
	whole, isWhole := balance.Int64()  // 0, false: it has a fraction
	text := balance.String()           // "1000.1", digit by digit as Gloebit wrote it

	require.False(t, enough)
	require.Zero(t, whole)
	require.False(t, isWhole)
	require.Equal(t, "1000.1", text)
}

// connected returns a shop and its merchant, to which the user alice has connected.
func connected(t *testing.T) (*testkit.Shop, *gloebit.Merchant) {
	t.Helper()
	shop := testkit.NewShop(t, gloebittest.Config{})
	config := shop.Config()
	config.Scopes = []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeBalance, gloebit.ScopeTransact}
	config.User = func(*http.Request) (gloebit.User, error) { return gloebit.User{ID: "alice"}, nil }
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	connectTo(t, shop, merchant)
	return shop, merchant
}

// connectTo serves the merchant's handlers, and connects the user of a browser.
func connectTo(t *testing.T, shop *testkit.Shop, merchant *gloebit.Merchant) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler())
	mux.HandleFunc("GET /{$}", func(http.ResponseWriter, *http.Request) {})
	shop.Serve(mux)
	start := testkit.NewRequest(t, http.MethodGet, shop.Server.URL+merchant.ConnectURL("/"), nil)
	require.Equal(t, http.StatusOK, testkit.Load(t, testkit.NewBrowser(t), start).Status)
}
