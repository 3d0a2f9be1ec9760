package sandbox_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/sandbox"
	"github.com/stretchr/testify/require"
)

func TestDefaultConfig(t *testing.T) {
	box, err := sandbox.New(sandbox.Config{})
	require.NoError(t, err)
	users := box.Gloebit().Users()
	require.Len(t, users, 2)
	for i, name := range []string{"alice", "bob"} {
		require.Equal(t, name, users[i].Name)
		require.Equal(t, "1000", users[i].Balance)
	}
	app := box.Application()
	require.Equal(t, "Hat Shop", app.Name)
	require.NotEmpty(t, app.Key)
	require.NotEmpty(t, app.Secret)
	require.Equal(t, []string{"http://127.0.0.1:8080/", "http://localhost:8080/"}, app.RedirectPrefixes)
	prices := map[string]int64{}
	for _, product := range app.Products {
		prices[product.Name] = product.Price
	}
	require.Equal(
		t,
		map[string]int64{
			"green-hat": 40, "straw-hat": 30, "night-cap": 35, "red-scarf": 25, "health-potion": 5, "golden-crown": 900,
		},
		prices,
	)
}

func TestInvalidConfigIsRefused(t *testing.T) {
	for name, cfg := range map[string]sandbox.Config{
		"home page":       {HomeURL: "javascript:alert(1)"},
		"redirect prefix": {RedirectPrefixes: []string{"/callback"}},
		"product":         {Products: []gloebittest.Product{{Name: "x", Price: -1}}},
		"state file":      {StateFile: "/no/such/folder/state.json"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sandbox.New(cfg)
			require.Error(t, err)
		})
	}
}

func TestAMerchantSetsUpProducts(t *testing.T) {
	s := start(t, sandbox.Config{ClientID: "hat-shop", ClientSecret: "s3cret"})
	b := s.browser()
	p := b.get("/merchant")
	require.Contains(t, p.body, "6 products · no transactions")
	p = b.get("/merchant/hat-shop")
	for _, words := range []string{
		`<code id="key">hat-shop</code>`, `<code id="secret">s3cret</code>`, s.shop + "/gloebit/", "green-hat",
		`value="40"`, s.url + "/",
	} {
		require.Contains(t, p.body, words)
	}

	p = b.post("/merchant/hat-shop/products/add", "product", "blue-shoes", "description", "A pair", "price", "60")
	require.Contains(t, p.body, "The product is added.")
	require.Contains(t, p.body, "blue-shoes")
	p = b.post("/merchant/hat-shop/products/price", "product", "blue-shoes", "price", "55")
	require.Contains(t, p.body, "The price is changed.")
	products := s.box.Application().Products
	require.Equal(t, gloebittest.Product{Name: "blue-shoes", Description: "A pair", Price: 55}, products[len(products)-1])
	question := b.must(p, `product=green-hat"`, "href")
	p = b.get(question)
	require.Contains(t, p.body, "<h1>Remove green-hat?</h1>")
	require.Equal(t, "/merchant/hat-shop", b.must(p, `button plain`, "href"))
	require.Len(t, s.box.Application().Products, 7, "asking removes nothing")
	require.Equal(t, http.StatusNotFound, b.get(strings.Replace(question, "green", "blue", 1)).status)
	require.Equal(t, http.StatusNotFound, b.get(strings.Replace(question, "hat-shop", "other", 1)).status)
	p = b.post("/merchant/hat-shop/products/remove", "product", b.must(p, `name="product"`, "value"))
	require.Contains(t, p.body, "The product is removed.")
	require.NotContains(t, p.body, "green-hat")
	require.Len(t, s.box.Application().Products, 6)
}

func TestProductsThatAreRefused(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.browser()
	before := s.box.Application()
	base := "/merchant/" + s.app.Key + "/products/"
	for name, test := range map[string]struct {
		path   string
		fields []string
		words  string
	}{
		"no name": {"add", []string{"price", "1"}, "A name is needed."},
		"a name that is there": {
			"add", []string{"product", "green-hat", "price", "1"}, "already a product of that name",
		},
		"no price": {
			"add", []string{"product", "x"}, "A whole number of gloebits from 0 to 1,000,000,000, please.",
		},
		"a price below zero":   {"add", []string{"product", "x", "price", "-1"}, "A whole number"},
		"a fraction":           {"add", []string{"product", "x", "price", "1.5"}, "A whole number"},
		"a price out of range": {"price", []string{"product", "green-hat", "price", "1000000001"}, "A whole number"},
		"the price of nothing": {"price", []string{"product", "x", "price", "1"}, "There is no product of that name."},
		"nothing to remove":    {"remove", []string{"product", "x"}, "There is no product of that name."},
		"a description with controls": {
			"add", []string{"product", "x", "price", "1", "description", "a\x00b"}, "The description",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := b.post(base+test.path, test.fields...)
			require.Equal(t, http.StatusUnprocessableEntity, p.status)
			require.Contains(t, p.body, "Nothing was changed.")
			require.Contains(t, p.body, test.words)
			require.Equal(t, before, s.box.Application())
		})
	}
}

func TestAMerchantSetsAddresses(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.browser()
	path := "/merchant/" + s.app.Key + "/addresses"
	p := b.post(
		path, "home", "https://hats.example/", "redirects", "https://hats.example/gloebit/\r\n  https://b.example/cb\r\n",
	)
	require.Contains(t, p.body, "The addresses are saved.")
	app := s.box.Application()
	require.Equal(t, "https://hats.example/", app.HomeURL)
	require.Equal(t, []string{"https://hats.example/gloebit/", "https://b.example/cb"}, app.RedirectPrefixes)

	for name, fields := range map[string][]string{
		"no prefix":                  {"redirects", " "},
		"a prefix without host":      {"redirects", "/gloebit/"},
		"a prefix with a user":       {"redirects", "https://a@b.example/"},
		"a prefix with dots":         {"redirects", "https://b.example/a/../"},
		"a prefix with a fragment":   {"redirects", "https://b.example/#"},
		"a home page that is script": {"redirects", "https://b.example/", "home", "javascript:alert(1)"},
	} {
		t.Run(name, func(t *testing.T) {
			p := b.post(path, fields...)
			require.Equal(t, http.StatusUnprocessableEntity, p.status)
			require.Contains(t, p.body, "Nothing was changed.")
			require.Equal(t, app, s.box.Application())
		})
	}
}

func TestAMerchantAddsAnApplication(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.browser()
	p := b.post("/merchant", "name", "Shoe Shop", "redirect", "http://127.0.0.1:9090/")
	require.Contains(t, p.body, "<h1>Shoe Shop</h1>")
	apps := s.box.Gloebit().Applications()
	require.Len(t, apps, 2)
	require.Contains(t, p.body, apps[1].Secret)

	p = b.post("/merchant", "name", "Shoe Shop", "redirect", "nowhere")
	require.Equal(t, http.StatusUnprocessableEntity, p.status)
	require.Contains(t, p.body, "The application was not added.")
	require.Contains(t, p.body, `value="nowhere"`)
	p = b.post("/merchant", "name", "", "redirect", "http://127.0.0.1:9090/")
	require.Equal(t, http.StatusUnprocessableEntity, p.status)
	require.Len(t, s.box.Gloebit().Applications(), 2)
}

func TestFormsOfMerchantsFromAnotherSiteAreRefused(t *testing.T) {
	s := start(t, sandbox.Config{})
	before := s.box.Application()
	for _, path := range []string{"/addresses", "/products/add", "/products/price", "/products/remove"} {
		r := s.browser().request(http.MethodPost, "/merchant/"+s.app.Key+path,
			[]string{"redirects", "https://evil.example/", "product", "green-hat", "price", "0"})
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		require.Equal(t, http.StatusForbidden, s.browser().do(r).status, path)
		require.Equal(t, before, s.box.Application(), path)
	}
}

func TestUserPaymentsAreNotApplicationRevenue(t *testing.T) {
	s := start(t, sandbox.Config{})
	bob, _ := s.box.Gloebit().User("bob")
	token, err := s.box.Gloebit().IssueToken(s.app.Key, "alice", "transact")
	require.NoError(t, err)
	answer := s.api(token, http.MethodPost, "/transact-u2u", `{"version":1,"id":"t-1","consumer-key":"`+s.app.Key+
		`","asset-code":"painting","gloebit-balance-change":70,"seller-id-from-gloebit":"`+bob.ID+`"}`)
	require.Equal(t, true, answer["success"], answer)
	p := s.signedInAs("bob").get("/account")
	require.Contains(t, p.body, "from alice at Hat Shop")
	require.Contains(t, p.body, "+70 G$")
	p = s.signedInAs("alice").get("/account")
	require.Contains(t, p.body, "−70 G$")
	require.NotContains(t, p.body, "+70 G$")
	p = s.browser().get("/merchant/" + s.app.Key)
	require.Contains(t, p.body, "alice, paid to bob")
	require.Contains(t, p.body, "Paid to this application so far: <strong>0 G$</strong>")
}
