package gloebittest_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestProductsOfUsersAndCharacters(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("inventory", "character")
	ogre := w.create(token, `{"name":"Ogre"}`)
	count := func(n string, got answer) {
		t.Helper()
		require.Equal(t, true, got.json["success"], got.text)
		require.Equal(t, json.Number(n), got.json["product-count"])
		require.NotContains(t, got.json, "count")
	}
	count("3", w.post("grant-user-product/green-hat/3", token, ""))
	count("5", w.post("grant-user-product", token, `{"product_name":"green-hat","count":2}`))
	count("7", w.post("set-user-product-count/green-hat/7/", token, ""))
	count("1", w.post("set-user-product-count", token, `{"product_name":"a b/c","count":1}`))
	count("0", w.post("set-user-product-count/a%20b%2Fc/0", token, ""))
	require.Equal(t, map[string]int64{"green-hat": 7}, w.server.Products(w.app.Key, "alice"))
	count("2", w.post("grant-user-product/a%20b/c/2/", token, "{}")) // as the Python clients send a slash
	count("0", w.post("set-user-product-count/a%20b/c/0", token, ""))

	require.Equal(t, map[string]any{}, w.get("get-character-products/"+ogre, token).json["products"])
	count("4", w.post("grant-character-product/"+ogre+"/a%20b%2Fc/4/", token, ""))
	count("4", w.post("set-character-product-count/"+ogre+"/a%20b/c/4/", token, "{}"))
	count("3", w.post("consume-character-product/"+ogre+"/a%20b/c/1/", token, "{}"))
	count("1", w.post("consume-character-product", token, `{"character_id":"`+ogre+`","product_name":"a b/c","count":2}`))
	count("9", w.post("set-character-product-count/"+ogre+"/sticker/9", token, ""))
	count(
		"2", w.post("set-character-product-count", token, `{"character_id":"`+ogre+`","product_name":"sticker","count":2}`),
	)
	r := w.request(http.MethodPost, "grant-character-product", token, "character_id="+ogre+"&product_name=sticker&count=1")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	count("3", w.do(r))
	require.Equal(t, map[string]any{"a b/c": json.Number("1"), "sticker": json.Number("3")},
		w.get("get-character-products/"+ogre+"/", token).json["products"])
	require.Equal(t, map[string]int64{"a b/c": 1, "sticker": 3}, w.server.CharacterProducts(w.app.Key, ogre))
	require.Equal(t, map[string]int64{"green-hat": 7}, w.server.Products(w.app.Key, "alice"), "the user's own are others")
	require.Empty(t, w.server.CharacterProducts(w.app.Key, "x"))
}

func TestDiscontinuedProductCanOnlyDecrease(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("inventory")
	w.post("grant-user-product/green-hat/9", token, "")
	require.NoError(t, w.server.SetProducts(w.app.Key))
	require.Equal(t, json.Number("8"), w.post("set-user-product-count/green-hat/8", token, "").json["product-count"])
	require.Equal(t, json.Number("7"), w.post("consume-user-product/green-hat/1", token, "").json["product-count"])
	require.Equal(t, "unknown product", w.post("set-user-product-count/green-hat/8", token, "").json["reason"])
	require.Equal(t, "unknown product", w.post("grant-user-product/green-hat/1", token, "").json["reason"])
	require.Equal(t, map[string]int64{"green-hat": 7}, w.server.Products(w.app.Key, "alice"))
}

func TestProductsRefuse(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("inventory", "character")
	ogre := w.create(token, `{"name":"Ogre"}`)
	bobs, err := w.server.IssueToken(w.app.Key, "bob", "character")
	require.NoError(t, err)
	theirs := w.create(bobs, `{"name":"Bob's"}`)
	w.post("grant-character-product/"+ogre+"/crown/1", token, "")
	w.post("grant-user-product/sticker/9007199254740992", token, "")
	for name, test := range map[string]struct{ path, body, reason string }{
		"a grant of nothing":               {"grant-user-product/green-hat/0", "", "invalid count"},
		"a grant with a sign":              {"grant-user-product/green-hat/+1", "", "invalid count"},
		"a grant of less than nothing":     {"grant-user-product/green-hat/-1", "", "invalid count"},
		"a grant of an unknown product":    {"grant-user-product/x/1", "", "unknown product"},
		"a grant beyond the largest count": {"grant-user-product/sticker/1", "", "invalid count"},
		"a grant of far too many":          {"grant-user-product/green-hat/9223372036854775807", "", "invalid count"},
		"a grant beyond the limit":         {"grant-user-product/crown/2", "", "product limit reached"},
		"a grant without a name":           {"grant-user-product", `{"count":1}`, "invalid product_name"},
		"a grant without a count":          {"grant-user-product", `{"product_name":"green-hat"}`, "invalid count"},
		"a grant of rubbish":               {"grant-user-product", `{`, "malformed request"},
		"a count below nothing":            {"set-user-product-count/green-hat/-1", "", "invalid count"},
		"a count beyond the limit":         {"set-user-product-count/crown/2", "", "product limit reached"},
		"a count of an unknown product":    {"set-user-product-count/x/0", "", "unknown product"},
		"a half count": {
			"set-user-product-count", `{"product_name":"green-hat","count":1.5}`, "invalid count",
		},
		"an unknown character":     {"grant-character-product/x/green-hat/1", "", "unknown character"},
		"another user's character": {"grant-character-product/" + theirs + "/green-hat/1", "", "unknown character"},
		"no character": {
			"grant-character-product", `{"product_name":"green-hat","count":1}`, "invalid character_id",
		},
		"a character of no text": {
			"set-character-product-count", `{"character_id":1,"product_name":"green-hat","count":1}`, "invalid character_id",
		},
		"more than the character has": {"consume-character-product/" + ogre + "/crown/2", "", "not enough products"},
		"a product of the user only":  {"consume-character-product/" + ogre + "/sticker/1", "", "not enough products"},
		"a character's count over the limit": {
			"set-character-product-count/" + ogre + "/crown/3", "", "product limit reached",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.post(test.path, token, test.body)
			require.Equal(t, http.StatusOK, got.status, got.text)
			require.Equal(t, false, got.json["success"], got.text)
			require.Equal(t, test.reason, got.json["reason"])
			require.Equal(t, map[string]int64{"crown": 1}, w.server.CharacterProducts(w.app.Key, ogre))
			require.Equal(t, map[string]int64{"sticker": 1 << 53}, w.server.Products(w.app.Key, "alice"))
		})
	}
	require.Equal(t, "unknown character", w.get("get-character-products/"+theirs, token).json["reason"])
	require.Equal(t, "malformed request", w.get("get-character-products", token).json["reason"])
	require.Equal(
		t, "unknown character", w.post("get-character-products", token, `{"character_id":"`+theirs+`"}`).json["reason"],
	)
	require.Equal(t, "character_id and id differ",
		w.post("get-character-products", token, `{"character_id":"`+ogre+`","id":"`+theirs+`"}`).json["reason"])
	require.Equal(t, http.StatusNotFound, w.post("grant-character-product/green-hat/1", token, "").status)
}

func TestAProductForACharacter(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("inventory", "character", "transact")
	ogre := w.create(token, `{"name":"Ogre"}`)
	buy := func(id, character string) answer {
		return w.post("transact", token, w.order(map[string]any{"id": id, "product": "crown", "character-id": character}))
	}
	got := buy("1", ogre)
	require.Equal(t, true, got.json["success"], got.text)
	require.Equal(t, json.Number("1"), got.json["product-count"])
	require.Equal(t, map[string]int64{"crown": 1}, w.server.CharacterProducts(w.app.Key, ogre))
	require.Empty(t, w.server.Products(w.app.Key, "alice"))
	bought, ok := w.server.Transaction(w.app.Key, "1")
	require.True(t, ok)
	require.Equal(t, ogre, bought.Character)

	got = buy("2", "00000000-0000-0000-0000-000000000000")
	require.Equal(t, json.Number("1"), got.json["product-count"], "the null UUID is no character")
	require.Equal(t, "product limit reached", buy("3", ogre).json["reason"], "the limit is the user's with all characters")

	w.get("delete-character/"+ogre, token)
	require.Equal(t, "unknown character", buy("4", ogre).json["reason"])
	require.Equal(
		t, "resubmitted", buy("1", ogre).json["reason"], "the first one stands, whatever became of the character",
	)
}

func TestProductForDeletedCharacterIsDropped(t *testing.T) {
	w, h := newWorld(t, manual(gloebittest.Queue{})), newHooks(t)
	token := w.token("inventory", "character", "transact")
	ogre := w.create(token, `{"name":"Ogre"}`)
	order := h.urls()
	order["product"], order["character-id"] = "crown", ogre
	require.Equal(t, true, w.post("transact", token, w.order(order)).json["success"])
	w.get("delete-character/"+ogre, token)
	w.settle()
	require.Equal(t, gloebittest.StateSettled, w.transaction().State)
	require.Empty(t, w.server.Products(w.app.Key, "alice"))
}

func TestAProductIsSoldAtGloebitsPrice(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("transact", "inventory", "balance")
	got := w.post("transact", token, w.order(map[string]any{
		"product": "crown", "product-quantity": 2, "gloebit-balance-change": -1,
	}))
	require.Equal(t, true, got.json["success"], got.text)
	require.Equal(t, json.Number("2"), got.json["product-count"])
	require.Equal(t, json.Number("800.5"), got.json["balance"])
	require.Equal(
		t, map[string]int64{"crown": 2}, w.server.Products(w.app.Key, "alice"), "without hold URLs it is there at once",
	)
	tx, ok := w.server.Transaction(w.app.Key, transactionID)
	require.True(t, ok)
	require.Equal(t, gloebittest.StateSettled, tx.State)

	got = w.post("transact", token, w.order(map[string]any{"id": "2", "product": "crown"}))
	require.Equal(t, "product limit reached", got.json["reason"])
	got = w.post("transact", token, w.order(map[string]any{"id": "3", "product": "sticker", "product-quantity": 1000}))
	require.Equal(t, true, got.json["success"], "a product may cost nothing")
}

func TestQueuedProductsCountForTheLimit(t *testing.T) {
	w := newWorld(t, gloebittest.Config{Queue: gloebittest.Queue{Manual: true}})
	token := w.token("transact", "inventory")
	body := map[string]any{"product": "crown", "product-quantity": 2, "asset-enact-hold-url": "http://127.0.0.1:1/enact"}
	got := w.post("transact", token, w.order(body))
	require.Equal(t, json.Number("2"), got.json["product-count"], "the count includes pending purchases")
	require.Empty(t, w.server.Products(w.app.Key, "alice"))
	body["id"], body["product-quantity"] = "2", 1
	require.Equal(t, "product limit reached", w.post("transact", token, w.order(body)).json["reason"])
}
