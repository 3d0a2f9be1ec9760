package gloebittest

import (
	"encoding/json"
	"mime"
	"strings"
)

// documentKey is a key that the first document names for a request's body.
type documentKey struct {
	name     string
	kind     documentKind
	optional bool // the document calls it optional, or has a default for it
}

// documentKind is a JSON type as the document means it.
type documentKind int

const (
	kindString documentKind = iota
	kindInteger
	kindNumber
	kindObject
)

// transactKeys, newItemKeys and updateItemKeys are the tables of the document.
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

// documentRoutes returns those of the routes that the document has, each in the
// form that it has there.
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

// written reports whether an escaped path is as the document writes it.
func (rt route) written(path string) bool {
	want := "/" + trimSlashes(path)
	if rt.slash {
		want += "/"
	}
	return path == want
}

// checkKeys returns the reason against a body that the document does not allow.
// It names the first key that is missing or of another type. A null is a key
// that is missing, because the Python module of the document's time sends what
// it does not use as null. So is an empty text, except as type-id. Keys that the
// document does not have are ignored.
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
		case !key.optional && (!sent || value == "" && key.name != "type-id"): // an item need not be of a type
			return "missing " + key.name
		case sent && !key.kind.holds(value):
			return "invalid " + key.name
		}
	}
	return ""
}

// holds reports whether a value is of the kind.
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
