package gloebittest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

// siteVersions are the API versions of a server, and whether each accepts what
// the later developer site describes.
func siteVersions() map[string]struct {
	version gloebittest.APIVersion
	takes   bool
} {
	return map[string]struct {
		version gloebittest.APIVersion
		takes   bool
	}{
		"both": {gloebittest.BothVersions, true},
		"B":    {gloebittest.VersionB, true},
		"A":    {gloebittest.VersionA, false},
	}
}

func (w *world) sendForm(method, path, token string, form url.Values) answer {
	w.t.Helper()
	r := w.request(method, path, token, form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.do(r)
}

func TestItemsAreReadFromForms(t *testing.T) {
	first := gloebittest.Item{Type: "hat", Folder: "bag", Params: json.RawMessage(`{"color":"green"}`)}
	for name, test := range map[string]struct {
		method, path string
		form         url.Values // ITEM stands for the first item
		want         gloebittest.Item
	}{
		"new item": {"POST", "new-inventory-item",
			url.Values{"folder-id": {"bag"}, "type-id": {"weapon"}, "params": {`{"edge": 1.50}`}},
			gloebittest.Item{Type: "weapon", Folder: "bag", Params: json.RawMessage(`{"edge":1.50}`)}},
		"new item without anything more": {"POST", "new-inventory-item", url.Values{"type-id": {"weapon"}},
			gloebittest.Item{Type: "weapon", Folder: root, Params: json.RawMessage(`{}`)}},
		"new item with empty fields": {"POST", "new-inventory-item",
			url.Values{"folder-id": {""}, "type-id": {"weapon"}, "params": {""}},
			gloebittest.Item{Type: "weapon", Folder: root, Params: json.RawMessage(`{}`)}},
		"new item with a text": {"POST", "new-inventory-item", url.Values{"params": {"null"}},
			gloebittest.Item{Folder: root, Params: json.RawMessage(`"null"`)}},
		"update item": {"PUT", "update-inventory-item",
			url.Values{"item_id": {"ITEM"}, "folder_id": {"box"}, "params": {`{"size":2}`}},
			gloebittest.Item{Type: "hat", Folder: "box", Params: json.RawMessage(`{"color":"green","size":2}`)}},
		"update item by POST": {"POST", "update-inventory-item", url.Values{"id": {"ITEM"}, "params": {`{"size":2}`}},
			gloebittest.Item{Type: "hat", Folder: "bag", Params: json.RawMessage(`{"size":2}`)}},
	} {
		for versionName, of := range siteVersions() {
			t.Run(name+"/"+versionName, func(t *testing.T) {
				w := newWorld(t, gloebittest.Config{APIVersion: of.version})
				token := w.token("inventory")
				id := w.newItem(token, `{"type-id":"hat","folder-id":"bag","params":{"color":"green"}}`)
				if test.form.Has("id") {
					test.form.Set("id", id)
				}
				if test.form.Has("item_id") {
					test.form.Set("item_id", id)
				}
				got := w.sendForm(test.method, test.path, token, test.form)
				items := w.server.Inventory("alice")
				if !of.takes {
					require.Equal(t, false, got.json["success"], got.text)
					first.ID = id
					require.Equal(t, []gloebittest.Item{first}, items)
					return
				}
				require.Equal(t, true, got.json["success"], got.text)
				last := items[len(items)-1]
				last.ID = ""
				require.Equal(t, test.want, last)
			})
		}
	}
}

func TestMissingTransactionIDIsGenerated(t *testing.T) {
	for name, id := range map[string]any{"absent": nil, "empty": ""} {
		for versionName, of := range siteVersions() {
			t.Run(name+"/"+versionName, func(t *testing.T) {
				w := newWorld(t, gloebittest.Config{APIVersion: of.version})
				token := w.token("transact")
				order := func(price int) string {
					return w.order(map[string]any{
						"id": nil, "transaction-id": id, "application-key": w.app.Key, "gloebit-balance-change": price,
					})
				}
				got := w.post("transact", token, order(40))
				if !of.takes {
					require.Equal(t, "invalid id", got.json["reason"], got.text)
					require.Empty(t, w.server.Transactions())
					return
				}
				require.Equal(t, "success", got.json["reason"], got.text)
				require.Len(t, got.json["id"], 36)
				first, found := w.server.Transaction(w.app.Key, got.json["id"].(string))
				require.True(t, found)
				require.EqualValues(t, 40, first.Amount)

				again := w.post("transact", token, order(40))
				require.Equal(t, "success", again.json["reason"], "each is another transaction")
				require.NotEqual(t, got.json["id"], again.json["id"])
				require.Equal(t, "920.5", w.server.Balance("alice"))

				require.NotContains(t, w.post("transact", token, order(-1)).json, "id", "a refused one has none")
				require.Equal(t, "insufficient balance", w.post("transact", token, order(5000)).json["reason"])
			})
		}
	}
	t.Run("strict", func(t *testing.T) {
		w := newWorld(t, gloebittest.Config{Strict: true})
		r := w.request(http.MethodPost, "transact", w.token("transact"), w.order(map[string]any{"id": nil}))
		r.Header.Set("Content-Type", "application/json")
		require.Equal(t, "missing id", w.do(r).json["reason"])
	})
}

func TestProductQuantityIsTruncated(t *testing.T) {
	for versionName, of := range siteVersions() {
		for name, send := range map[string]func(w *world, token string) answer{
			"JSON": func(w *world, token string) answer {
				return w.post("transact", token, w.order(map[string]any{
					"transaction-id": transactionID, "application-key": w.app.Key, "product": "green-hat", "product-quantity": 2.7,
				}))
			},
			"form": func(w *world, token string) answer {
				return w.sendForm(http.MethodPost, "transact", token, url.Values{
					"version": {"1"}, "transaction-id": {transactionID}, "application-key": {w.app.Key},
					"product": {"green-hat"}, "product-quantity": {"2.7"},
				})
			},
		} {
			t.Run(name+"/"+versionName, func(t *testing.T) {
				w := newWorld(t, gloebittest.Config{APIVersion: of.version})
				got := send(w, w.token("transact", "inventory"))
				if !of.takes {
					require.Equal(t, false, got.json["success"], got.text)
					require.Equal(t, "1000.5", w.server.Balance("alice"))
					return
				}
				require.Equal(t, true, got.json["success"], got.text)
				require.Equal(t, json.Number("2"), got.json["product-count"])
				require.Equal(t, map[string]int64{"green-hat": 2}, w.server.Products(w.app.Key, "alice"))
				require.Equal(t, "920.5", w.server.Balance("alice"))
			})
		}
	}
}

func TestItemsAreListedWithoutFolder(t *testing.T) {
	for name, send := range map[string]struct{ method, path, body string }{
		"GET":              {http.MethodGet, "get-inventory-item-ids", ""},
		"GET with a slash": {http.MethodGet, "get-inventory-item-ids/", ""},
		"POST":             {http.MethodPost, "get-inventory-item-ids/", "ignore"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, gloebittest.Config{})
			token := w.token("inventory")
			inBag := w.newItem(token, `{"type-id":"hat","folder-id":"bag"}`)
			inRoot := w.newItem(token, `{"type-id":"hat"}`)
			got := w.do(w.request(send.method, send.path, token, send.body))
			require.Equal(t, []any{[]any{"hat", inBag, "bag"}, []any{"hat", inRoot, root}}, got.json["item-ids"], got.text)
		})
	}
}
