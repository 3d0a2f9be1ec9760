package sandbox_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/internal/sandbox"
	"github.com/stretchr/testify/require"
)

func TestAUserBuysGloebitsAndGoesBack(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.browser()
	way := "/purchase?" + url.Values{"r": {s.app.Key}, "return-to": {s.shop + "/shelf?row=2"}}.Encode()
	p := b.get(way)
	require.Equal(t, "/sign-in", p.url.Path)
	p = b.post("/sign-in", "name", "alice", "next", b.must(p, `name="next"`, "value"))
	require.Equal(t, "/purchase", p.url.Path)
	require.Contains(t, p.body, "Back to Hat Shop")

	fields := []string{"amount", "5000", "r", b.must(p, `name="r"`, "value"), "return-to",
		b.must(p, `name="return-to"`, "value"),
		"order", b.must(p, `name="order"`, "value")}
	p = b.post("/purchase", fields...)
	require.Contains(t, p.body, "5,000 G$ bought.")
	require.Contains(t, p.body, "6,000 ")
	require.Equal(t, s.shop+"/shelf?row=2", b.must(p, `id="back"`, "href"))

	p = b.post("/purchase", fields...)
	require.Equal(t, "6000", s.box.Gloebit().Balance("alice"), "the same form sent twice buys once")
	require.Contains(t, p.body, "5,000 G$ bought.")
	require.NotContains(
		t, s.signedInAs("bob").get(p.url.RequestURI()).body, "bought.", "another user's purchase is not shown",
	)
	require.Contains(t, b.get("/account").body, "+5,000 G$</span>")
}

func TestTypedAmountOverridesChosenAmount(t *testing.T) {
	for name, test := range map[string]struct{ chosen, typed, balance string }{
		"typed beside the preselected": {"500", "42", "1042"},
		"typed with spaces":            {"500", " 77 ", "1077"},
		"typed alone":                  {"", "42", "1042"},
		"the same":                     {"500", "500", "1500"},
		"chosen":                       {"2000", "", "3000"},
		"spaces beside a chosen":       {"2000", "  ", "3000"},
		"a word beside the chosen":     {"500", "lots", "1000"},
		"nothing beside the chosen":    {"500", "0", "1000"},
	} {
		for _, path := range []string{"/purchase", "/purchase/"} {
			t.Run(name+path, func(t *testing.T) {
				s := start(t, sandbox.Config{})
				b := s.signedInAs("alice")
				p := b.get(path)
				require.NotContains(t, p.body, `value="other"`, "there is one way to say another amount")
				require.Equal(t, "500", b.must(p, " checked", "value"))
				b.post(path, "amount", test.chosen, "other", test.typed, "order", b.must(p, `name="order"`, "value"))
				require.Equal(t, test.balance, s.box.Gloebit().Balance("alice"))
			})
		}
	}
}

func TestAmountsThatCannotBeBought(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.signedInAs("alice")
	for name, fields := range map[string][]string{
		"none":       {},
		"nothing":    {"amount", "", "other", ""},
		"zero":       {"other", "0"},
		"less":       {"amount", "-5"},
		"a fraction": {"other", "1.5"},
		"words":      {"amount", "lots"},
		"too much":   {"other", "1000001"},
		"overflow":   {"other", "99999999999999999999"},
	} {
		t.Run(name, func(t *testing.T) {
			p := b.post("/purchase", append(fields, "return-to", s.shop+"/", "order", "x")...)
			require.Equal(t, http.StatusUnprocessableEntity, p.status)
			require.Contains(t, p.body, "Nothing was bought: a whole number of gloebits from 1 to 1,000,000, please.")
			require.Equal(t, s.shop+"/", b.must(p, `id="back"`, "href"), "the way back stays")
			require.Equal(t, "1000", s.box.Gloebit().Balance("alice"))
		})
	}
}

func TestReturnLinkLeadsToRegisteredSitesOnly(t *testing.T) {
	s := start(t, sandbox.Config{
		HomeURL: "https://hats.example/shop/", RedirectPrefixes: []string{"https://pay.example/gloebit"},
	})
	b := s.signedInAs("alice")
	for returnTo, linked := range map[string]bool{
		"https://hats.example/shop/":            true,
		"https://hats.example/shop":             true,
		"https://HATS.example:443/shop/a?b=c#d": true,
		"https://pay.example/gloebit/done":      true,
		"https://pay.example/gloebit":           true,
		"https://pay.example/gloebitten":        false,
		"https://pay.example/":                  false,
		"https://hats.example/":                 false,
		"http://hats.example/shop/":             false,
		"https://hats.example:444/shop/":        false,
		"https://hats.example.evil/shop/":       false,
		"https://hats.example@evil/shop/":       false,
		"https://evil\\@hats.example/shop/":     false,
		"https://hats.example/shop/../x":        false,
		"https://hats.example/shop/%2e%2e/x":    false,
		"//hats.example/shop/":                  false,
		"/shop/":                                false,
		"javascript:alert(1)":                   false,
		"javascript://hats.example/shop/%0aa":   false,
		" https://hats.example/shop/":           false,
		"":                                      false,
	} {
		for _, way := range []struct{ path, key string }{
			{"/purchase", s.app.Key}, {"/purchase", ""}, {"/", s.app.Key}, // the last as the Haxe client links
		} {
			p := b.get(way.path + "?" + url.Values{"r": {way.key}, "return-to": {returnTo}}.Encode())
			require.Equal(t, http.StatusOK, p.status)
			link, ok := p.attribute(`id="back"`, "href")
			require.Equal(t, linked, ok, "%s %q", way.path, returnTo)
			if linked {
				require.Equal(t, strings.ToLower(returnTo), strings.ToLower(link))
			}
		}
		p := b.get("/purchase?" + url.Values{"r": {"other"}, "return-to": {returnTo}}.Encode())
		_, ok := p.attribute(`id="back"`, "href")
		require.False(t, ok, "an unknown application has no way back: %q", returnTo)
	}
}

func TestPurchaseAfterSignOutBuysNothing(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.browser()
	p := b.post("/purchase", "amount", "100", "r", s.app.Key, "return-to", s.shop+"/shelf")
	require.Equal(t, "/sign-in", p.url.Path)
	p = b.post("/sign-in", "name", "alice", "next", b.must(p, `name="next"`, "value"))
	require.Equal(t, s.shop+"/shelf", b.must(p, `id="back"`, "href"))
	require.Equal(t, "1000", s.box.Gloebit().Balance("alice"))
}

func TestAPurchaseFromAnotherSiteIsRefused(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.signedInAs("alice")
	for _, path := range []string{"/purchase", "/purchase/"} {
		r := b.request(http.MethodPost, path, []string{"amount", "100"})
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		require.NotEqual(t, http.StatusOK, b.do(r).status, path)
		require.Equal(t, "1000", s.box.Gloebit().Balance("alice"), path)
	}
}
