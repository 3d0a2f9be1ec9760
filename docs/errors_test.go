package docs_test

import (
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
	"github.com/stretchr/testify/require"
)

// newOwnPages is an application with a page of its own for some errors.
func newOwnPages(config gloebit.Config) (http.Handler, error) {
	var merchant *gloebit.Merchant
	config.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
		var failed *gloebit.ConnectError
		switch {
		case errors.Is(err, gloebit.ErrAccessDenied) && errors.As(err, &failed):
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(gloebit.StatusCode(err))
			fmt.Fprintf(w, `That's fine. <a href="%s">Go on without gloebits</a>`, html.EscapeString(failed.ReturnTo))
		default:
			merchant.WriteError(w, r, err) // the page of this package
		}
	}
	merchant, err := gloebit.New(config)
	if err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler())
	return mux, nil
}

// next says what an application does after a purchase.
func next(receipt gloebit.Receipt, err error) string {
	switch {
	case err == nil:
		return "show the receipt"
	case errors.Is(err, gloebit.ErrPriceChanged): // charged
		return "show the receipt, and correct the price list"
	case errors.Is(err, gloebit.ErrOutcomeUnknown): // perhaps charged
		return "send the same order again, with the same key"
	case receipt.Outcome.Final(): // not charged
		return "offer more gloebits"
	case receipt.Outcome.Refused(): // not accepted; an earlier call with the key may have charged
		return "show the page of HandleError"
	default:
		return "try later, with the same key"
	}
}

func TestOwnPages(t *testing.T) {
	shop := testkit.NewShop(t, gloebittest.Config{})
	site, err := newOwnPages(shop.Config())
	require.NoError(t, err)
	shop.Serve(site)
	browser := testkit.NewBrowser(t)
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	start := testkit.NewRequest(t, http.MethodGet, shop.Server.URL+"/gloebit/connect?return_to=/cart", nil)
	authorize, err := url.Parse(testkit.Load(t, browser, start).Header.Get("Location"))
	require.NoError(t, err)
	back := url.Values{"error": {"access_denied"}, "state": {authorize.Query().Get("state")}}
	denied := testkit.NewRequest(t, http.MethodGet, shop.Server.URL+"/gloebit/callback?"+back.Encode(), nil)
	page := testkit.Load(t, browser, denied)
	require.Equal(t, http.StatusForbidden, page.Status)
	require.Contains(t, page.Body, `<a href="/cart">`)
}

func TestNext(t *testing.T) {
	shop, merchant := connected(t)
	client, err := merchant.Client(t.Context(), "alice")
	require.NoError(t, err)
	buy := func(key string, price int64) string {
		order := gloebit.ItemOrder{IdempotencyKey: key, Item: "sticker", Price: price, Quantity: 1}
		return next(client.PurchaseItem(t.Context(), order))
	}
	require.Equal(t, "show the receipt", buy("1", 3))
	require.Equal(t, "offer more gloebits", buy("2", 5000))
	shop.Gloebit.Inject(gloebittest.Fault{Path: "transact", Drop: true, After: true})
	require.Equal(t, "send the same order again, with the same key", buy("3", 3))
	shop.Gloebit.ClearFaults()
	require.NoError(t, shop.Gloebit.Lock("alice", true))
	require.Equal(t, "show the page of HandleError", buy("4", 3))
}

// TestErrorsPage checks that the page has a row for each error of the package.
func TestErrorsPage(t *testing.T) {
	names := regexp.MustCompile(`(?m)^\t(Err\w+) += `).FindAllStringSubmatch(read(t, "../errors.go"), -1)
	require.Greater(t, len(names), 30)
	page := read(t, "errors.md")
	for _, name := range names {
		require.Regexp(t, "(?m)^\\|[^|]*`"+name[1]+"`[^|]*\\|[^|]+\\|[^|]+\\|[^|]+\\|$", page, name[1])
	}
}
