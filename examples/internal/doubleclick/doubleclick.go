// Package doubleclick tests that a double click in an example buys one hat.
package doubleclick

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// Run checks that a shop that sells one hat for 40 G$ charges and
// delivers once when a browser sends an order twice at the same time.
func Run(t *testing.T, newShop func(string, gloebit.Config) (http.Handler, *ledger.Ledger, error)) {
	site := testkit.NewShop(t, gloebittest.Config{Queue: gloebittest.Queue{Manual: true}})
	shop, _, err := newShop(site.Server.URL, site.Config())
	require.NoError(t, err)
	site.Serve(shop)
	client := testkit.NewBrowser(t)
	request := func(method, path string, form url.Values) *http.Request {
		r := testkit.NewRequest(t, method, site.Server.URL+path, form)
		r.Header.Set("Origin", form.Get("origin"))
		return r
	}
	sees := func(want int, method, path string, form url.Values, texts ...string) (body string) {
		t.Helper()
		page := testkit.Load(t, client, request(method, path, form))
		require.Equal(t, want, page.Status, page.Body)
		for _, text := range texts {
			require.Contains(t, page.Body, text)
		}
		return page.Body
	}

	sees(http.StatusOK, "GET", "/", nil, "Sign in")
	sees(http.StatusUnauthorized, "POST", "/buy", nil)
	sees(http.StatusForbidden, "POST", "/sign-in", url.Values{"name": {"a"}, "origin": {"http://evil.example"}})
	sees(http.StatusOK, "GET", "/", nil, "Sign in")
	sees(http.StatusOK, "POST", "/sign-in", url.Values{"name": {"a"}}, "Hello, a.", "/gloebit/connect?return_to=%2F")
	sees(http.StatusUnauthorized, "POST", "/buy", nil)
	body := sees(http.StatusOK, "GET", "/gloebit/connect?return_to=/", nil, "You have 1000 G$. Hats: 0.")
	order := url.Values{"order": {regexp.MustCompile(`name="order" value="([^"]+)"`).FindStringSubmatch(body)[1]}}

	var clicks errgroup.Group
	responses := make([]*http.Response, 2)
	for i := range responses {
		click := request("POST", "/buy", order)
		clicks.Go(func() (err error) {
			responses[i], err = client.Do(click)
			return err
		})
	}
	require.NoError(t, clicks.Wait())
	for _, response := range responses {
		page := testkit.Read(t, response)
		require.Equal(t, http.StatusOK, page.Status, page.Body)
	}
	require.NoError(t, site.Gloebit.Settle(t.Context()))
	require.Len(t, site.Gloebit.Transactions(), 1)
	require.Equal(t, "960", site.Gloebit.Balance("alice"))
	sees(http.StatusOK, "GET", "/", nil, "You have 960 G$. Hats: 1.")
	sees(http.StatusOK, "POST", "/buy", order, "You have 960 G$. Hats: 1.")
	sees(http.StatusOK, "POST", "/sign-in", url.Values{"name": {"b"}}, "Hello, b.", "Connect to Gloebit")
}
