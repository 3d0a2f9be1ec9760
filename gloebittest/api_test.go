package gloebittest_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestPathsMethodsAndVersions(t *testing.T) {
	both, a, b := []gloebittest.APIVersion{0, 1, 2}, []gloebittest.APIVersion{0, 1}, []gloebittest.APIVersion{0, 2}
	tests := []struct {
		method, path string
		versions     []gloebittest.APIVersion
		wrongMethod  string
	}{
		{"GET", "no-op", both, "PUT"},
		{"POST", "no-op", both, "PUT"},
		{"GET", "id", a, "PUT"},
		{"GET", "user", b, "PUT"},
		{"POST", "user", b, "DELETE"},
		{"GET", "balance", both, "PUT"},
		{"GET", "get-user-products", both, "PUT"},
		{"POST", "get-user-products", both, "PUT"},
		{"POST", "consume-user-product/green-hat/1", both, "GET"},
	}
	for _, version := range both {
		w := newWorld(t, gloebittest.Config{APIVersion: version})
		token := w.token(allScopes()...)
		require.NoError(t, w.server.GrantProduct(w.app.Key, "alice", "green-hat", 100))
		for _, test := range tests {
			for _, path := range []string{test.path, test.path + "/"} {
				got := w.do(w.request(test.method, path, token, ""))
				if !slices.Contains(test.versions, version) {
					require.Equal(t, http.StatusNotFound, got.status, "%s in version %d", path, version)
					continue
				}
				require.Equal(t, http.StatusOK, got.status, "%s in version %d", path, version)
				require.Equal(t, true, got.json["success"], got.text)
				require.Equal(t, "success", got.json["reason"])
				wrong := w.do(w.request(test.wrongMethod, path, token, ""))
				require.Equal(t, http.StatusMethodNotAllowed, wrong.status)
				require.NotEmpty(t, wrong.header.Get("Allow"))
				require.Equal(t, false, wrong.json["success"])
			}
		}
	}
}

func TestUnknownPathsReturnJSON(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	for _, path := range []string{
		"", "x", "v2", "v2/balance", "balance/x", "transact/x/y", "consume-user-product/hat", "oauth2", "x%2Fy",
		"v2%2Ftransact", "balance%zz",
	} {
		r := w.request(http.MethodGet, "", "", "")
		r.URL.Opaque = strings.TrimSuffix(w.server.URL, "/")[len("http:"):] + "/" + path
		got := w.do(r)
		if path == "balance%zz" {
			require.Equal(t, http.StatusBadRequest, got.status, "net/http refuses it before the Gloebit")
			continue
		}
		require.Equal(t, http.StatusNotFound, got.status, path)
		require.Equal(t, false, got.json["success"], path)
	}
}

func TestTokensAndScopes(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	tests := map[string]struct {
		path, token, reason string
	}{
		"no token":                      {"balance", "", "unknown token2"},
		"an unknown token":              {"balance", "x", "unknown token2"},
		"an unknown token for no-op":    {"no-op", "x", "invalid access token"},
		"an unknown token, transact":    {"transact", "x", "unknown token2"},
		"an unknown token, v2/transact": {"v2/transact", "x", "unknown OAuth2 token"},
		"an unknown token, u2u":         {"transact-u2u", "x", "unknown OAuth2 token"},
		"a token without balance":       {"balance", w.token("id"), "missing domain"},
		"a token without id":            {"id", w.token("balance"), "missing domain"},
		"a token without user":          {"user", w.token("balance"), "missing domain"},
		"a token without inventory":     {"get-user-products", w.token("balance"), "missing domain"},
		"a token with id for user":      {"user", w.token("id"), "success"},
		"a token with user for id":      {"id", w.token("user"), "success"},
		"a token with identity":         {"id", w.token("identity"), "success"},
		"a token of any kind for no-op": {"no-op", w.token("character"), "success"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			method := http.MethodGet
			if strings.Contains(test.path, "transact") {
				method = http.MethodPost
			}
			got := w.do(w.request(method, test.path, test.token, ""))
			require.Equal(t, http.StatusOK, got.status)
			require.Equal(t, test.reason, got.json["reason"])
			require.Equal(t, test.reason == "success", got.json["success"])
			require.Equal(t, "application/json", got.header.Get("Content-Type"))
		})
	}
	t.Run("the scheme in any case", func(t *testing.T) {
		for scheme, reason := range map[string]string{"bearer": "success", "BEARER": "success", "Basic": "unknown token2"} {
			r := w.request(http.MethodGet, "balance", "", "")
			r.Header.Set("Authorization", scheme+" "+w.token("balance"))
			require.Equal(t, reason, w.do(r).json["reason"])
		}
	})
	t.Run("revoked and expired tokens", func(t *testing.T) {
		token := w.token("balance")
		require.Positive(t, w.server.ExpireTokens("alice"))
		require.Equal(t, "token has expired", w.get("balance", token).json["reason"])
		require.Equal(t, "token has expired", w.get("no-op", token).json["reason"])
		require.Positive(t, w.server.RevokeTokens("alice"))
		require.Equal(t, "unknown token2", w.get("balance", token).json["reason"])
		require.Zero(t, w.server.RevokeTokens("unknown"))
		require.Zero(t, w.server.ExpireTokens("unknown"))
		require.Nil(t, w.server.Approvals("unknown"))
	})
}

func TestIssueTokenRefuses(t *testing.T) {
	w := newWorld(t, gloebittest.Config{APIVersion: gloebittest.VersionA})
	for name, test := range map[string]struct {
		app, user string
		scopes    []string
	}{
		"an unknown application":         {"x", "alice", []string{"id"}},
		"an unknown user":                {w.app.Key, "x", []string{"id"}},
		"no scope":                       {w.app.Key, "alice", nil},
		"an unknown scope":               {w.app.Key, "alice", []string{"id", "x"}},
		"a scope of the other version's": {w.app.Key, "alice", []string{"character"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.server.IssueToken(test.app, test.user, test.scopes...)
			require.Error(t, err)
		})
	}
}

func TestNewerServersChallenge(t *testing.T) {
	w := newWorld(t, gloebittest.Config{Challenge: true})
	token := w.token("balance")
	require.Equal(t, http.StatusOK, w.get("balance", token).status)
	require.Equal(t, http.StatusOK, w.get("id", token).status, "a scope that is missing is no matter of the token")
	w.server.ExpireTokens("alice")
	got := w.get("balance", token)
	require.Equal(t, http.StatusUnauthorized, got.status)
	require.Equal(
		t, `Bearer error="invalid_token", error_description="token has expired"`, got.header.Get("WWW-Authenticate"),
	)
	require.Equal(t, "token has expired", got.json["reason"])
}

func TestUserIdentity(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("user")
	a := w.get("id", token)
	require.Equal(t, w.alice.ID, a.json["id"])
	require.Equal(t, "alice", a.json["name"])
	require.Equal(t, map[string]any{"hair": "green", "level": json.Number("9007199254740993")}, a.json["params"])
	b := w.post("user", token, "")
	require.Equal(t, w.alice.ID, b.json["id"])
	require.Equal(t, "alice", b.json["full-name"])
}

func TestTheBalanceIsExact(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("balance")
	for _, step := range []struct{ add, want string }{
		{"0", "1000.5"}, {"0.10", "1000.6"}, {"-1000.6", "0"}, {"9007199254740993", "9007199254740993"},
		{"0.1234567890123456789", "9007199254740993.1234567890123456789"},
	} {
		require.NoError(t, w.server.AddBalance("alice", step.add))
		require.Contains(t, w.get("balance", token).text, `"balance":`+step.want+`,`)
		require.Equal(t, step.want, w.server.Balance("alice"))
	}
	for _, bad := range []string{
		"", "x", "1e3", "1.", ".5", "+1", "--1", "1_000", "0x10", " 1", "-99999999999999999999", strings.Repeat("9", 101),
	} {
		require.Error(t, w.server.AddBalance("alice", bad), bad)
	}
	require.Error(t, w.server.AddBalance("unknown", "1"))
	require.Empty(t, w.server.Balance("unknown"))
}

func TestProductsAreListedAndConsumed(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("inventory")
	require.NoError(t, w.server.GrantProduct(w.app.Key, "alice", "green-hat", 5))
	require.NoError(t, w.server.GrantProduct(w.app.Key, "alice", "a b/c", 1))
	require.Equal(t, map[string]any{"green-hat": json.Number("5"), "a b/c": json.Number("1")},
		w.get("get-user-products/", token).json["products"])

	form := func(body string) answer {
		r := w.request(http.MethodPost, "consume-user-product", token, body)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return w.do(r)
	}
	for name, got := range map[string]func() (answer, string){
		"by path":         func() (answer, string) { return w.post("consume-user-product/green-hat/1", token, ""), "4" },
		"by escaped path": func() (answer, string) { return w.post("consume-user-product/a%20b%2Fc/1/", token, ""), "0" },
	} {
		t.Run(name, func(t *testing.T) {
			a, left := got()
			require.Equal(t, true, a.json["success"], a.text)
			require.Equal(t, json.Number(left), a.json["count"])
			require.Equal(t, json.Number(left), a.json["product-count"])
		})
	}
	require.Equal(
		t, json.Number("3"), w.post("consume-user-product", token, `{"product_name":"green-hat","count":1}`).json["count"],
	)
	require.Equal(t, json.Number("1"), form("product_name=green-hat&count=2").json["count"])
	require.Equal(t, map[string]int64{"green-hat": 1}, w.server.Products(w.app.Key, "alice"))
	require.Empty(t, w.server.Products(w.app.Key, "unknown"))

	for name, test := range map[string]struct{ path, body, reason string }{
		"more than there are":  {"consume-user-product/green-hat/2", "", "not enough products"},
		"of a product not had": {"consume-user-product/crown/1", "", "not enough products"},
		"an unknown product":   {"consume-user-product/x/1", "", "unknown product"},
		"none":                 {"consume-user-product/green-hat/0", "", "invalid count"},
		"less than none":       {"consume-user-product/green-hat/-1", "", "invalid count"},
		"a count too large":    {"consume-user-product/green-hat/99999999999999999999", "", "invalid count"},
		"no name":              {"consume-user-product", `{"count":1}`, "invalid product_name"},
		"no count":             {"consume-user-product", `{"product_name":"green-hat"}`, "invalid count"},
		"a count as text":      {"consume-user-product", `{"product_name":"green-hat","count":"1"}`, "invalid count"},
		"rubbish":              {"consume-user-product", `{"product_name"`, "malformed request"},
	} {
		t.Run("but not "+name, func(t *testing.T) {
			got := w.post(test.path, token, test.body)
			require.Equal(t, false, got.json["success"])
			require.Equal(t, test.reason, got.json["reason"])
		})
	}
	require.Equal(t, map[string]int64{"green-hat": 1}, w.server.Products(w.app.Key, "alice"))
}

func TestCountsUseNamesOfTheVersion(t *testing.T) {
	for version, names := range map[gloebittest.APIVersion][2]string{
		gloebittest.VersionA: {"count", "product-count"}, gloebittest.VersionB: {"product-count", "count"},
	} {
		w := newWorld(t, gloebittest.Config{APIVersion: version})
		require.NoError(t, w.server.GrantProduct(w.app.Key, "alice", "green-hat", 5))
		got := w.post("consume-user-product/green-hat/2", w.token("inventory"), "")
		require.Equal(t, json.Number("3"), got.json[names[0]])
		require.NotContains(t, got.json, names[1])
	}
	w := newWorld(t, gloebittest.Config{APIVersion: gloebittest.VersionA})
	got := w.post("consume-user-product", w.token("inventory"), `{"product_name":"green-hat","count":1}`)
	require.Equal(t, false, got.json["success"])
}

func TestThePurchasePage(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	page := w.get("purchase?r="+w.app.Key+"&return-to=http://shop.example/cart", "")
	require.Contains(t, page.text, `href="http://shop.example/cart"`)
	require.NotContains(t, w.get("purchase/?return-to=javascript:alert(1)", "").text, "Back to the application")

	buy := func(user, amount string) answer {
		return w.postForm(
			"purchase?return-to=http://shop.example/cart", map[string][]string{"user": {user}, "amount": {amount}},
		)
	}
	require.Equal(t, http.StatusOK, buy("alice", "0.5").status)
	require.Equal(t, "1001", w.server.Balance("alice"))
	for _, bad := range [][2]string{{"unknown", "1"}, {"alice", "-1"}, {"alice", "much"}} {
		require.Equal(t, http.StatusBadRequest, buy(bad[0], bad[1]).status)
	}
	require.Equal(t, "1001", w.server.Balance("alice"))
}

func TestABodyTooLongIsRefused(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	got := w.post("transact", w.token("transact"), strings.Repeat(" ", 1<<20+1))
	require.Equal(t, http.StatusRequestEntityTooLarge, got.status)
	require.Equal(t, false, got.json["success"])
}
