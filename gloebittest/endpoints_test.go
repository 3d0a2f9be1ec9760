package gloebittest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

// stage creates one thing of each kind in a world of both versions. It returns
// a Replacer that puts their IDs into paths and bodies.
func (w *world) stage() *strings.Replacer {
	w.t.Helper()
	require.NoError(w.t, w.server.GrantProduct(w.app.Key, "alice", "green-hat", 100))
	token := w.token("inventory", "character", "transact")
	character := w.post("create-character", token, `{"name":"Ogre"}`).json["character"].(map[string]any)["id"].(string)
	w.post("grant-character-product/"+character+"/green-hat/100", token, "")
	item := w.post("new-inventory-item", token, `{}`).json["item-id"].(string)
	subscription := w.subscribe("sub-1").json["id"].(string)
	return strings.NewReplacer(
		"CID", character, "ITEM", item, "SUB", subscription, "KEY", w.app.Key, "SECRET", w.app.Secret, "BOB", w.bob.ID,
	)
}

// subscribe creates a subscription with that local id.
func (w *world) subscribe(localID string) answer {
	w.t.Helper()
	return w.post("create-subscription", "", object(w.t, map[string]any{
		"client_id": w.app.Key, "client_secret": w.app.Secret, "application-key": w.app.Key,
		"local-id": localID, "name": "Hat of the month", "description": "A hat each month",
	}))
}

func TestEveryEndpointOfEitherVersion(t *testing.T) {
	const both, a, b = "AB", "A", "B"
	order := `{"version":1,"id":"T","transaction-id":"T",` +
		`"consumer-key":"KEY","application-key":"KEY","gloebit-balance-change":1`
	tests := []struct {
		method, path, body, scope, versions, wrongMethod string
		field                                            string // that the answer has
	}{
		{"GET", "no-op", "", "", both, "PUT", ""},
		{"POST", "no-op", "ignore", "", both, "PUT", ""},
		{"GET", "id", "", "id", a, "PUT", "params"},
		{"POST", "id", "ignore", "id", a, "PUT", "params"},
		{"GET", "user", "", "id", b, "PUT", "full-name"},
		{"POST", "user", "ignore", "id", b, "PUT", "full-name"},
		{"GET", "balance", "", "balance", both, "PUT", "balance"},
		{"POST", "balance", "ignore", "balance", both, "PUT", "balance"},
		{"POST", "transact", order + `}`, "transact", both, "GET", "status"},
		{"POST", "v2/transact", order + `}`, "transact", b, "GET", "status"},
		{"POST", "transact-u2u", order + `,"seller-id-from-gloebit":"BOB"}`, "transact", b, "GET", "status"},
		{"GET", "get-user-products", "", "inventory", both, "PUT", "products"},
		{"POST", "get-user-products", "ignore", "inventory", both, "PUT", "products"},
		{"POST", "consume-user-product/green-hat/1", "", "inventory", both, "GET", ""},
		{"POST", "consume-user-product", `{"product_name":"green-hat","count":1}`, "inventory", b, "GET", "product-count"},
		{"POST", "grant-user-product/green-hat/1", "", "inventory", b, "GET", "product-count"},
		{"POST", "grant-user-product", `{"product_name":"green-hat","count":1}`, "inventory", b, "GET", "product-count"},
		{"POST", "set-user-product-count/green-hat/90", "", "inventory", b, "GET", "product-count"},
		{"POST", "set-user-product-count", `{"product_name":"green-hat","count":90}`, "inventory", b, "GET", "product-count"},
		{"GET", "get-character-products/CID", "", "inventory", b, "PUT", "products"},
		{"POST", "get-character-products/CID", "ignore", "inventory", b, "PUT", "products"},
		{"GET", "get-character-products", `{"character_id":"CID"}`, "inventory", b, "PUT", "products"},
		{"POST", "get-character-products", `{"id":"CID"}`, "inventory", b, "PUT", "products"},
		{"POST", "consume-character-product/CID/green-hat/1", "", "inventory", b, "GET", "product-count"},
		{
			"POST", "consume-character-product", `{"character_id":"CID","product_name":"green-hat","count":1}`, "inventory", b,
			"GET", "product-count",
		},
		{"POST", "grant-character-product/CID/green-hat/1", "", "inventory", b, "GET", "product-count"},
		{
			"POST", "grant-character-product", `{"character_id":"CID","product_name":"green-hat","count":1}`, "inventory", b,
			"GET", "product-count",
		},
		{"POST", "set-character-product-count/CID/green-hat/9", "", "inventory", b, "GET", "product-count"},
		{
			"POST", "set-character-product-count", `{"character_id":"CID","product_name":"green-hat","count":9}`, "inventory",
			b, "GET", "product-count",
		},
		{"GET", "get-characters", "", "character", b, "PUT", "characters"},
		{"POST", "get-characters", "ignore", "character", b, "PUT", "characters"},
		{"POST", "create-character", `{"name":"Elf"}`, "character", b, "GET", "character"},
		{"POST", "update-character", `{"id":"CID","name":"Elf"}`, "character", b, "GET", "character"},
		{"POST", "update_character", `{"id":"CID","name":"Elf"}`, "character", b, "GET", "character"},
		{"POST", "delete-character", `{"id":"CID"}`, "character", b, "PUT", ""},
		{"GET", "delete-character/CID", "", "character", b, "PUT", ""},
		{"POST", "new-inventory-item", `{"folder-id":"f","type-id":"t","params":{}}`, "inventory", both, "GET", "item-id"},
		{"GET", "get-inventory-item-ids", "", "inventory", both, "PUT", "item-ids"},
		{"POST", "get-inventory-item-ids", "ignore", "inventory", both, "PUT", "item-ids"},
		{"GET", "get-inventory-item-ids/f", "", "inventory", both, "PUT", "item-ids"},
		{"POST", "get-inventory-item-ids/f", "ignore", "inventory", both, "PUT", "item-ids"},
		{"GET", "get-inventory-item/ITEM", "", "inventory", both, "PUT", "item"},
		{"POST", "get-inventory-item/ITEM", "ignore", "inventory", both, "PUT", "item"},
		{
			"POST", "update-inventory-item-params", `{"id":"ITEM","folder-id":"f","type-id":"t","params":{}}`, "inventory", a,
			"PUT", "",
		},
		{"PUT", "update-inventory-item", `{"item_id":"ITEM","folder_id":"f","params":{}}`, "inventory", b, "GET", ""},
		{"POST", "update-inventory-item", `{"id":"ITEM","folder_id":"f","params":"text"}`, "inventory", b, "GET", ""},
		{"POST", "delete-inventory-item/ITEM", "", "inventory", both, "GET", ""},
		{
			"POST", "create-subscription-authorization", `{"application-key":"KEY","subscription-id":"SUB"}`, "transact", b,
			"GET", "pending",
		},
	}
	for _, test := range tests {
		for version, letter := range map[gloebittest.APIVersion]string{0: "AB", 1: "A", 2: "B"} {
			for _, slash := range []string{"", "/"} {
				name := letter + " " + test.method + " " + test.path + slash
				staged := newWorld(t, gloebittest.Config{})
				words := staged.stage()
				w := staged.in(gloebittest.Config{APIVersion: version})
				path, body := words.Replace(test.path)+slash, words.Replace(test.body)
				scope := test.scope
				if scope == "" {
					scope = "balance"
				}
				token, _ := w.server.IssueToken(w.app.Key, "alice", scope)
				got := w.do(w.request(test.method, path, token, body))
				if !strings.ContainsAny(letter, test.versions) {
					known := test.path == "consume-user-product" // its path form is of both versions
					require.Equal(t, !known, got.status == http.StatusNotFound, "%s: %s", name, got.text)
					require.Equal(t, false, got.json["success"], name)
					continue
				}
				require.Equal(t, http.StatusOK, got.status, "%s: %s", name, got.text)
				require.Equal(t, true, got.json["success"], "%s: %s", name, got.text)
				require.Equal(t, "success", got.json["reason"], name)
				if test.field != "" {
					require.Contains(t, got.json, test.field, name)
				}
				wrong := w.do(w.request(test.wrongMethod, path, token, body))
				require.Equal(t, http.StatusMethodNotAllowed, wrong.status, name)
				if test.scope != "" {
					other := slices.DeleteFunc([]string{"balance", "transact"}, func(s string) bool { return s == test.scope })[0]
					refused := w.do(w.request(test.method, path, w.token(other), body))
					require.Equal(t, "missing domain", refused.json["reason"], name)
				}
				refused := w.do(w.request(test.method, path, "x", body))
				require.Equal(t, false, refused.json["success"], name)
			}
		}
	}
}

func TestOldForms(t *testing.T) {
	w := newWorld(t, gloebittest.Config{OldForms: true})
	token := w.token("character", "user")
	id, ok := w.post("create-character", token, `{"name":"Ogre","hair":1}`).json["character"].(string)
	require.True(t, ok)
	require.Equal(t, id, w.post("update-character", token, `{"name":"Elf","id":"`+id+`"}`).json["character"])
	require.Equal(t, map[string]any{"Elf": id}, w.get("get-characters", token).json["characters"])
	made := w.post("update-character", token, `{"name":"Troll"}`)
	require.NotEqual(t, id, made.json["id"])
	require.Equal(
		t, map[string]any{"Elf": id, "Troll": made.json["id"]}, w.get("get-characters", token).json["characters"],
	)
	got := w.get("user", token)
	require.Equal(t, "alice", got.json["full-name"])
	require.NotContains(t, got.json, "name")
}
