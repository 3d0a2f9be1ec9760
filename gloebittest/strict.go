package gloebittest

import (
	"encoding/json"
	"mime"
	"strings"
)

// documentKey is a key of a request's body in the first document.
type documentKey struct {
	name     string
	kind     documentKind
	optional bool // the document calls it optional or gives a default
}

// documentKind is a JSON type in the document.
type documentKind int

const (
	kindString documentKind = iota
	kindInteger
	kindNumber
	kindObject
)

// transactKeys, newItemKeys and updateItemKeys are the document's tables.
func transactKeys() []documentKey {
	return []documentKey{
		{"version", kindInteger, false}, {"id", kindString, false}, {"request-created", kindInteger, false},
		{"asset-code", kindString, true}, {"asset-quantity", kindInteger, true},
		{"asset-enact-hold-url", kindString, true}, {"asset-consume-hold-url", kindString, true},
		{"asset-cancel-hold-url", kindString, true}, {"gloebit-balance-change", kindNumber, true},
		{"product", kindString, true}, {"product-quantity", kindInteger, true},
		{"consumer-key", kindString, false}, {"merchant-user-id", kindString, false},
	}
}

func newItemKeys() []documentKey {
	return []documentKey{
		{"folder-id", kindString, true}, {"type-id", kindString, false}, {"params", kindObject, false},
	}
}

func updateItemKeys() []documentKey {
	return []documentKey{
		{"id", kindString, false}, {"folder-id", kindString, false},
		{"type-id", kindString, false}, {"params", kindObject, false},
	}
}

// documentRoutes returns the routes of the document, in the form that they have
// there.
func documentRoutes(routes map[string]route) map[string]route {
	plain := []string{
		"oauth/request-token", "oauth/authorize", "oauth/access-token", "oauth2/authorize", "oauth2/access-token",
		"id", "balance", "transact", "new-inventory-item", "get-inventory-item-ids", "get-inventory-item",
		"update-inventory-item-params", "delete-inventory-item", "get-user-products", "consume-user-product",
	}
	kept := make(map[string]route, len(plain))
	for _, path := range plain {
		rt := routes[path]
		switch path {
		case "transact":
			rt.keys = transactKeys()
		case "new-inventory-item":
			rt.keys = newItemKeys()
		case "update-inventory-item-params":
			rt.keys = updateItemKeys()
		case "get-user-products":
			rt.slash = true
		case "consume-user-product":
			rt.slash, rt.args = true, []int{2}
		}
		kept[path] = rt
	}
	return kept
}

// written reports whether an escaped path is written as in the document.
func (rt route) written(path string) bool {
	want := "/" + trimSlashes(path)
	if rt.slash {
		want += "/"
	}
	return path == want
}

// checkKeys returns the reason to refuse a body: the first key that is missing
// or has another type. A null counts as missing, because the Python module of
// the document's time sends null for unused keys. An empty string counts as
// missing, except for type-id. Keys that the document does not have are
// ignored.
func (c *call) checkKeys(keys []documentKey) (reason string) {
	if kind, _, _ := mime.ParseMediaType(c.request.Header.Get("Content-Type")); kind != "application/json" {
		return "the Content-Type is not application/json"
	}
	body, reason := c.fields(false)
	if reason != "" {
		return reason
	}
	for _, key := range keys {
		value, sent := body[key.name]
		switch {
		case !key.optional && (!sent || value == "" && key.name != "type-id"): // an item need not have a type
			return "missing " + key.name
		case sent && !key.kind.holds(value):
			return "invalid " + key.name
		}
	}
	return ""
}

// holds reports whether a value has the kind.
func (k documentKind) holds(value any) bool {
	switch v := value.(type) {
	case string:
		return k == kindString
	case json.Number:
		return k == kindNumber || k == kindInteger && !strings.ContainsAny(v.String(), ".eE")
	case map[string]any:
		return k == kindObject
	}
	return false
}
