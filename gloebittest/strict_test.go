package gloebittest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/golden"
	"github.com/stretchr/testify/require"
)

func strictWorld(t *testing.T) *goldenWorld {
	t.Helper()
	w := newGoldenWorld(t, "document", gloebittest.Config{Strict: true, APIVersion: gloebittest.VersionB})
	w.stage()
	return w
}

// another returns values of other types than kind.
func another(kind string) []string {
	values := map[string]string{
		"string": `"a"`, "integer": `7`, "number": `7.5`, "boolean": `true`, "object": `{}`, "array": `[]`,
	}
	var others []string
	for other, value := range values {
		if other != kind && (kind != "number" || other != "integer") {
			others = append(others, value)
		}
	}
	return others
}

func TestStrictKeys(t *testing.T) {
	file, err := golden.Load("document")
	require.NoError(t, err)
	for _, call := range file.Calls {
		for key := range call.Keys {
			t.Run(call.Name+"/"+key, func(t *testing.T) {
				w := strictWorld(t)
				kind, optional := call.Keys.Type(key)
				without := call
				unsent := map[string]json.RawMessage{"absent": nil, "null": json.RawMessage("null")}
				if kind == "string" && !optional && key != "type-id" { // an item need not be of a type
					unsent["empty"] = json.RawMessage(`""`)
				}
				for name, value := range unsent {
					without.JSON = changed(t, call.JSON, key, value)
					got := w.call(without)
					require.Equal(t, http.StatusOK, got.status, name)
					require.Equal(t, optional, got.json["success"], "%s: %s", name, got.text)
					if !optional {
						require.Equal(t, "missing "+key, got.json["reason"], name)
					}
				}
				for _, value := range another(kind) {
					without.JSON = changed(t, call.JSON, key, json.RawMessage(value))
					got := w.call(without)
					require.Equal(t, http.StatusOK, got.status, value)
					require.Equal(t, false, got.json["success"], value)
					require.Equal(t, "invalid "+key, got.json["reason"], value)
				}
			})
		}
	}
}

func TestStrictTransactOfNothingChargesZero(t *testing.T) {
	w := strictWorld(t)
	call := w.named("transact")
	for _, key := range []string{"product", "gloebit-balance-change"} {
		call.JSON = changed(t, call.JSON, key, nil)
	}
	before := w.server.Balance("alice")
	got := w.call(call)
	require.Equal(t, true, got.json["success"], got.text)
	require.Equal(t, before, w.server.Balance("alice"))
}

// TestStrictIgnoresOtherKeys sends each value under the names of both versions,
// as a client of both does.
func TestStrictIgnoresOtherKeys(t *testing.T) {
	w := strictWorld(t)
	call := w.named("transact")
	for key, value := range map[string]string{
		"transaction-id": `"another"`, "application-key": `"another"`, "username-on-application": `7`,
		"character-id": `"none"`, "buyer-id-on-application": `null`, "anything": `{}`,
	} {
		call.JSON = changed(t, call.JSON, key, json.RawMessage(value))
	}
	got := w.call(call)
	require.Equal(t, true, got.json["success"], got.text)
	require.Equal(t, "ec8d8f47-2648-4378-8734-bba45852a60f", got.json["id"])
	require.Equal(t, "960.5", w.server.Balance("alice"))
}

func TestStrictPaths(t *testing.T) {
	w := strictWorld(t)
	token := w.connect("OAuth 2.0")
	for _, call := range w.file.Calls {
		bare := strings.TrimSuffix(call.Path, "/")
		for _, path := range []string{bare, bare + "/", "/" + call.Path} {
			r := call.Request
			r.Path = path
			got := w.send(r, nil, "{token}", token)
			require.Equal(t, path != call.Path, got.status == http.StatusNotFound, "%s: %s", path, got.text)
		}
	}
	for _, path := range []string{
		"/no-op", "/user", "/purchase", "/v2/transact", "/transact-u2u", "/get-characters", "/update-inventory-item",
		"/grant-user-product/green-hat/1/", "/consume-user-product", "/consume-user-product/",
		"/get-character-products/x", "/create-subscription", "/authorize-subscription/x/",
		"/oauth2/conditional-authorize", "/oauth2/authorize/", "/oauth2/access-token/", "/oauth/authorize/",
	} {
		got := w.send(golden.Request{Method: http.MethodPost, Path: path}, nil)
		require.Equal(t, http.StatusNotFound, got.status, path)
	}
	for _, path := range []string{"/oauth/request-token", "/oauth/authorize", "/oauth/access-token"} {
		got := w.send(golden.Request{Method: http.MethodPost, Path: path}, nil)
		require.NotEqual(t, http.StatusNotFound, got.status, path)
	}
}

func TestStrictScopes(t *testing.T) {
	w := strictWorld(t)
	login := w.file.Logins[0]
	query, err := url.ParseQuery(login.Authorize.Query)
	require.NoError(t, err)
	for scope, known := range map[string]bool{
		"id": true, "balance": true, "transact": true, "inventory": true, "transact id": true,
		"user": false, "identity": false, "character": false, "id user": false,
	} {
		query.Set("scope", scope)
		got := w.send(golden.Request{Method: http.MethodGet, Path: "/oauth2/authorize", Query: query.Encode()}, nil)
		require.Equal(t, http.StatusFound, got.status)
		location, err := url.Parse(got.header.Get("Location"))
		require.NoError(t, err)
		require.Equal(t, known, location.Query().Has("code"), scope)
		require.Equal(t, known, location.Query().Get("error") != "invalid_scope", scope)
	}
	query.Set("scope", "id")
	query.Set("response_type", "token")
	got := w.send(golden.Request{Method: http.MethodGet, Path: "/oauth2/authorize", Query: query.Encode()}, nil)
	require.Contains(t, got.header.Get("Location"), "error=unsupported_response_type")
}

func TestStrictAuthorization(t *testing.T) {
	w := strictWorld(t)
	token := w.connect("OAuth 2.0")
	call := w.named("balance")
	for header, reason := range map[string]string{
		"Authorization: " + token:              "success",
		"Authorization: Bearer " + token:       "success",
		"Authorization: Basic " + token:        "unknown token",
		"Authorization: x":                     "unknown token",
		"X-Authorization: " + token:            "unknown token",
		"Authorization: Bearer " + token + "x": "unknown token",
	} {
		call.Headers = []string{header}
		require.Equal(t, reason, w.send(call.Request, nil).json["reason"], header)
	}
	require.Positive(t, w.server.ExpireTokens("alice"))
	require.Equal(t, "token has expired", w.send(w.named("balance").Request, nil, "{token}", token).json["reason"])
	for version, reason := range map[gloebittest.APIVersion]string{
		gloebittest.VersionA:     "success",
		gloebittest.VersionB:     "unknown token2",
		gloebittest.BothVersions: "unknown token2", // so that a client that forgets Bearer is found
	} {
		lenient := newWorld(t, gloebittest.Config{APIVersion: version})
		r := lenient.request(http.MethodGet, "balance", "", "")
		r.Header.Set("Authorization", lenient.token("balance"))
		require.Equal(t, reason, lenient.do(r).json["reason"], version)
	}
}

func TestStrictContentType(t *testing.T) {
	w := strictWorld(t)
	for _, name := range []string{"transact", "new item", "update item"} {
		for header, ok := range map[string]bool{
			"Content-Type: application/json; charset=utf-8": true, "Content-Type: text/plain": false, "X-None: x": false,
		} {
			call := w.named(name)
			call.Headers = []string{call.Headers[0], header}
			got := w.call(call)
			require.Equal(t, http.StatusOK, got.status)
			require.Equal(t, ok, got.json["success"], "%s: %s: %s", name, header, got.text)
			if !ok {
				require.Equal(t, "the Content-Type is not application/json", got.json["reason"])
			}
		}
	}
}

func TestStrictPrice(t *testing.T) {
	for name, test := range map[string]struct {
		change, quantity string
		charged          bool
	}{
		"the example's":         {"40", "", true},
		"none":                  {"", "", true},
		"another":               {"39", "", false},
		"zero":                  {"0", "", false},
		"a fraction":            {"40.5", "", false},
		"of two":                {"80", "2", true},
		"of one for two":        {"40", "2", false},
		"of no positive number": {"0", "0", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := strictWorld(t)
			call := w.named("transact")
			for key, value := range map[string]string{
				"gloebit-balance-change": test.change, "product-quantity": test.quantity,
			} {
				var raw json.RawMessage
				if value != "" {
					raw = json.RawMessage(value)
				}
				call.JSON = changed(t, call.JSON, key, raw)
			}
			got := w.call(call)
			require.Equal(t, test.charged, got.json["success"], got.text)
			if test.charged {
				return
			}
			require.Equal(t, "1000.5", w.server.Balance("alice"))
			reason := "gloebit-balance-change is not the product's price"
			if test.quantity == "0" {
				reason = "invalid product-quantity"
			}
			require.Equal(t, reason, got.json["reason"])
		})
	}
	lenient := newGoldenWorld(t, "document", gloebittest.Config{})
	call := lenient.named("transact")
	call.Headers = []string{"Authorization: Bearer {token}"}
	call.JSON = changed(t, call.JSON, "gloebit-balance-change", json.RawMessage(`1`))
	require.Equal(t, json.Number("960.5"), lenient.call(call).json["balance"], "published clients send the price of one")
}

// TestStrictStatuses checks that only the document's three statuses are sent.
func TestStrictStatuses(t *testing.T) {
	statuses := []any{nil, "queued", "queuing-failed", "in-progress"}
	for name, before := range map[string]func(*goldenWorld){
		"queued": func(*goldenWorld) {},
		"in progress": func(w *goldenWorld) {
			require.Equal(t, true, w.call(w.named("transact")).json["success"])
			require.NoError(t, w.server.Settle(t.Context()))
		},
		"locked": func(w *goldenWorld) { require.NoError(t, w.server.Lock("alice", true)) },
		"poor":   func(w *goldenWorld) { require.NoError(t, w.server.AddBalance("alice", "-1000")) },
	} {
		t.Run(name, func(t *testing.T) {
			w := strictWorld(t)
			before(w)
			got := w.call(w.named("transact"))
			require.Contains(t, statuses, got.json["status"])
			require.Equal(t, name == "queued" || name == "in progress", got.json["success"])
			for key := range got.json {
				require.True(t, slices.Contains([]string{"id", "status", "success", "reason"}, key), key)
			}
		})
	}
}

func TestStrictOAuth1(t *testing.T) {
	w := newWorld(t, gloebittest.Config{Strict: true})
	request, requestSecret := w.requestToken("?user=al&scope=balance+inventory")
	s := w.signer(request, requestSecret, "oauth_verifier", w.verifier(request))
	got := w.form(w.signed(s, http.MethodPost, "oauth/access-token", ""), http.StatusOK)
	token, secret := got.Get("oauth_token"), got.Get("oauth_token_secret")
	require.Equal(t, true, w.signed(w.signer(token, secret), "GET", "balance", "").json["success"])
	require.Equal(t, true, w.signed(w.signer(token, secret), "GET", "get-user-products/", "").json["success"])
	require.Equal(t, "unknown token", w.get("balance", token).json["reason"], "it is no bearer token")
	require.Positive(t, w.server.RevokeTokens("alice"))
	require.Equal(t, "unknown token", w.signed(w.signer(token, secret), "GET", "balance", "").json["reason"])
}
