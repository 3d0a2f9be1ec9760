package gloebittest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

const root = "00000000-0000-0000-0000-000000000000"

func (w *world) newItem(token, body string) string {
	w.t.Helper()
	got := w.post("new-inventory-item", token, body)
	require.Equal(w.t, true, got.json["success"], got.text)
	return got.json["item-id"].(string)
}

func TestInventoryItems(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("inventory")
	ids := func(path string) any { t.Helper(); return w.get(path, token).json["item-ids"] }
	item := func(id string) string {
		t.Helper()
		params, err := json.Marshal(w.get("get-inventory-item/"+id, token).json["item"])
		require.NoError(t, err)
		return string(params)
	}
	require.Equal(t, []any{}, ids("get-inventory-item-ids"))

	sword := w.newItem(
		token, `{"type-id":"weapon","folder-id":"bag/1","params":{"edge":1.50,"big":9007199254740993,"gem":null}}`,
	)
	require.Len(t, sword, 36)
	plain := w.newItem(token, `{"folder-id":null}`)
	require.Equal(t, []any{[]any{"weapon", sword, "bag/1"}, []any{"", plain, root}}, ids("get-inventory-item-ids/"))
	require.Equal(t, []any{[]any{"weapon", sword, "bag/1"}}, ids("get-inventory-item-ids/bag%2F1/"))
	require.Equal(t, []any{[]any{"", plain, root}}, ids("get-inventory-item-ids/"+root))
	require.Equal(t, []any{}, ids("get-inventory-item-ids/x"))
	require.Equal(t, `{"big":9007199254740993,"edge":1.50,"gem":null}`, item(sword))
	require.Equal(t, `{}`, item(plain))

	put := func(body string) answer { return w.do(w.request(http.MethodPut, "update-inventory-item", token, body)) }
	got := put(`{"item_id":"` + sword + `","folder_id":"` + root + `","params":{"edge":{"n":2},"name":"Sting"}}`)
	require.Equal(t, true, got.json["success"], got.text)
	require.Equal(t, `{"big":9007199254740993,"edge":{"n":2},"gem":null,"name":"Sting"}`, item(sword))
	put(`{"item_id":"` + sword + `","params":{"edge":{"m":null}}}`)
	require.Equal(
		t, `{"big":9007199254740993,"edge":{"m":null},"gem":null,"name":"Sting"}`, item(sword), "merged one key deep",
	)
	put(`{"item_id":"` + sword + `","folder_id":"y"}`)
	require.Equal(
		t, gloebittest.Item{ID: sword, Type: "weapon", Folder: "y", Params: json.RawMessage(item(sword))},
		w.server.Inventory("alice")[0],
	)

	got = w.post(
		"update-inventory-item-params", token, `{"id":"`+sword+`","folder-id":"z","type-id":"toy","params":{"a":1}}`,
	)
	require.Equal(t, true, got.json["success"], got.text)
	require.Equal(
		t, gloebittest.Item{ID: sword, Type: "toy", Folder: "z", Params: json.RawMessage(`{"a":1}`)},
		w.server.Inventory("alice")[0],
	)
	w.post("update-inventory-item-params", token, `{"id":"mine","params":{"b":2}}`)
	require.Equal(
		t, gloebittest.Item{ID: "mine", Folder: root, Params: json.RawMessage(`{"b":2}`)}, w.server.Inventory("alice")[2],
		"made, since there was none",
	)

	require.Equal(t, true, w.post("delete-inventory-item/"+sword, token, "").json["success"])
	require.Len(t, w.server.Inventory("alice"), 2)
	w.server.Inventory("alice")[0].Params[0] = 'x'
	require.Equal(t, `{}`, item(plain), "a copy is returned")
	require.Nil(t, w.server.Inventory("unknown"))
}

func TestInventoryAcceptsPublishedClient(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("inventory")
	send := func(path, body string) answer { t.Helper(); return w.post(path, token, body) }
	item := func(id string) any { t.Helper(); return w.get("get-inventory-item/"+id, token).json["item"] }

	got := send("new-inventory-item", `{"params":"Sting","type_id":"weapon","folder_id":"bag"}`)
	require.Equal(t, true, got.json["success"], got.text)
	sword := got.json["item-id"].(string)
	require.Equal(
		t, gloebittest.Item{ID: sword, Type: "weapon", Folder: "bag", Params: json.RawMessage(`"Sting"`)},
		w.server.Inventory("alice")[0],
	)
	require.Equal(t, "Sting", item(sword))

	got = send("update-inventory-item", `{"id":"name","params":"Alice","folder_id":null}`)
	require.Equal(t, true, got.json["success"], got.text)
	require.Equal(t, "Alice", item("name"), "made, since there was none")
	require.Equal(
		t, true, send("update-inventory-item", `{"id":"name","params":"Alice L.","folder_id":null}`).json["success"],
	)
	require.Equal(t, "Alice L.", item("name"))

	put := w.request(http.MethodPut, "update-inventory-item", token, `{"item_id":"`+sword+`","params":{"edge":1}}`)
	require.Equal(t, true, w.do(put).json["success"])
	require.Equal(t, map[string]any{"edge": json.Number("1")}, item(sword), "a text has nothing to merge with")
	put = w.request(http.MethodPut, "update-inventory-item", token, `{"item_id":"name","folder_id":"bag","params":{}}`)
	require.Equal(t, true, w.do(put).json["success"])
	require.Equal(t, true, send("new-inventory-item", `{"type-id":"t"}`).json["success"])
	made := w.server.Inventory("alice")[2].ID
	require.Equal(t, true, send("update-inventory-item", `{"id":"`+made+`","type_id":""}`).json["success"])
	require.Empty(t, w.server.Inventory("alice")[2].Type, "as it was sent")
	require.Equal(
		t, gloebittest.Item{ID: "name", Folder: "bag", Params: json.RawMessage(`"Alice L."`)},
		w.server.Inventory("alice")[1],
	)
}

func TestInventoryRefuses(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	token := w.token("inventory")
	sword := w.newItem(token, `{"params":{"a":1}}`)
	bobs, err := w.server.IssueToken(w.app.Key, "bob", "inventory")
	require.NoError(t, err)
	theirs := w.newItem(bobs, `{}`)
	before := w.server.Inventory("alice")
	long := strings.Repeat("é", 37)
	for name, test := range map[string]struct{ method, path, body, reason string }{
		"a folder that is too long": {
			"POST", "new-inventory-item", `{"folder-id":"` + long + `"}`, "invalid folder-id",
		},
		"a folder of no text": {
			"POST", "new-inventory-item", `{"folder-id":1}`, "invalid folder-id",
		},
		"a type of no text": {
			"POST", "new-inventory-item", `{"type-id":{}}`, "invalid type-id",
		},
		"params of no object": {
			"POST", "new-inventory-item", `{"params":[]}`, "invalid params",
		},
		"params as a number": {
			"POST", "new-inventory-item", `{"params":1}`, "invalid params",
		},
		"a folder under two names": {
			"POST", "new-inventory-item", `{"folder-id":"a","folder_id":"b"}`, "folder-id and folder_id differ",
		},
		"B's update with params as text": {
			"PUT", "update-inventory-item", `{"item_id":"` + sword + `","params":"{}"}`, "invalid params",
		},
		"a form with a folder too long": {
			"POST", "new-inventory-item", "folder-id=" + long, "invalid folder-id",
		},
		"a form with a field twice": {
			"POST", "new-inventory-item", "type-id=a&type-id=b", "type-id is there twice",
		},
		"A's update by a form of no id": {
			"POST", "update-inventory-item-params", "params={}", "invalid id",
		},
		"B's update by a form of no id": {
			"PUT", "update-inventory-item", "params={}", "invalid item_id",
		},
		"B's update by a form of text": {
			"PUT", "update-inventory-item", "item_id=" + sword + "&params=Sting", "invalid params",
		},
		"B's update by a form of null": {
			"PUT", "update-inventory-item", "item_id=" + sword + "&params=null", "invalid params",
		},
		"nothing":                        {"POST", "new-inventory-item", ``, "malformed request"},
		"a list of a folder too long":    {"GET", "get-inventory-item-ids/" + long, "", "invalid folder-id"},
		"an unknown item":                {"GET", "get-inventory-item/x", "", "unknown inventory item"},
		"another user's item":            {"GET", "get-inventory-item/" + theirs, "", "unknown inventory item"},
		"A's update without an id":       {"POST", "update-inventory-item-params", `{"params":{}}`, "invalid id"},
		"A's update by an id of no text": {"POST", "update-inventory-item-params", `{"id":1}`, "invalid id"},
		"A's update of an unknown item with a folder too long": {
			"POST", "update-inventory-item-params", `{"id":"x","folder-id":"` + long + `"}`, "invalid folder-id",
		},
		"A's update with params of no object": {
			"POST", "update-inventory-item-params", `{"id":"` + sword + `","folder-id":"f","params":1}`, "invalid params",
		},
		"A's update of rubbish":         {"POST", "update-inventory-item-params", `{`, "malformed request"},
		"B's update without an id":      {"PUT", "update-inventory-item", `{"params":{}}`, "invalid item_id"},
		"B's update of an unknown item": {"PUT", "update-inventory-item", `{"item_id":"x"}`, "unknown inventory item"},
		"B's update of another user's": {
			"PUT", "update-inventory-item", `{"item_id":"` + theirs + `"}`, "unknown inventory item",
		},
		"B's update with a folder too long": {
			"PUT", "update-inventory-item", `{"item_id":"` + sword + `","folder_id":"` + long + `","params":{"b":1}}`,
			"invalid folder_id",
		},
		"B's update with params of no object": {
			"PUT", "update-inventory-item", `{"item_id":"` + sword + `","folder_id":"f","params":7}`, "invalid params",
		},
		"B's update of rubbish":           {"PUT", "update-inventory-item", `x`, "malformed request"},
		"the deletion of an unknown item": {"POST", "delete-inventory-item/x", "", "unknown inventory item"},
		"the deletion of another user's":  {"POST", "delete-inventory-item/" + theirs, "", "unknown inventory item"},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.do(w.request(test.method, test.path, token, test.body))
			require.Equal(t, http.StatusOK, got.status, got.text)
			require.Equal(t, false, got.json["success"], got.text)
			require.Equal(t, test.reason, got.json["reason"])
			require.Equal(t, before, w.server.Inventory("alice"), "nothing has changed")
			require.Len(t, w.server.Inventory("bob"), 1)
		})
	}
	for _, path := range []string{"get-inventory-item", "get-inventory-item/a/b", "get-inventory-item-ids/a/b"} {
		require.Equal(t, http.StatusNotFound, w.get(path, token).status, path)
	}
	require.Equal(t, http.StatusNotFound, w.post("delete-inventory-item", token, "").status)
}
