package gloebittest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"
)

// maxFolderID is the greatest length of a folder's ID, in characters.
const maxFolderID = 36

// reasonUnknownItem is the reason for an item that is not in the user's
// inventory.
const reasonUnknownItem = "unknown inventory item"

var errNoObject = errors.New("not a JSON object")

// Item is one item of a user's inventory.
type Item struct {
	ID     string `json:"id"`             // a UUID chosen by the Gloebit, or the ID of the update that created it
	Type   string `json:"type,omitempty"` // the application's name for its type
	Folder string `json:"folder"`         // the nil UUID is the root
	// Params is a JSON object whose numbers keep their digits, or the string
	// that a published client sends instead.
	Params json.RawMessage `json:"params"`
}

// Inventory returns the user's items in the order of their creation.
func (g *Gloebit) Inventory(user string) []Item {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.user(user)
	if a == nil {
		return nil
	}
	list := make([]Item, 0, len(a.items))
	for _, item := range a.items {
		c := *item
		c.Params = slices.Clone(item.Params)
		list = append(list, c)
	}
	return list
}

// item returns the user's item with the ID, or nil. The caller holds g.mu.
func (a *account) item(id string) *Item {
	for _, item := range a.items {
		if item.ID == id {
			return item
		}
	}
	return nil
}

// itemFields reads the body of a request to create or change an item. Version B
// accepts a form, too.
func (g *Gloebit) itemFields(c *call) (fields, string) {
	return c.fields(g.cfg.APIVersion.takes(VersionB))
}

// newInventoryItem serves new-inventory-item.
func (g *Gloebit) newInventoryItem(c *call) reply {
	body, reason := g.itemFields(c)
	if reason != "" {
		return failure(reason)
	}
	item := newItem(uuid.NewString())
	if reason := item.replace(body); reason != "" {
		return failure(reason)
	}
	c.user.items = append(c.user.items, item)
	answer := success()
	answer["item-id"] = item.ID
	return answer
}

// getInventoryItemIDs serves get-inventory-item-ids and
// get-inventory-item-ids/FOLDER.
func (g *Gloebit) getInventoryItemIDs(c *call) reply {
	if len(c.args) == 1 && utf8.RuneCountInString(c.args[0]) > maxFolderID {
		return failure("invalid folder-id")
	}
	ids := make([][3]string, 0, len(c.user.items))
	for _, item := range c.user.items {
		if len(c.args) == 0 || item.Folder == c.args[0] {
			ids = append(ids, [3]string{item.Type, item.ID, item.Folder})
		}
	}
	answer := success()
	answer["item-ids"] = ids
	return answer
}

// getInventoryItem serves get-inventory-item/ITEM.
func (g *Gloebit) getInventoryItem(c *call) reply {
	item := c.user.item(c.args[0])
	if item == nil {
		return failure(reasonUnknownItem)
	}
	answer := success()
	answer["item"] = item.Params
	return answer
}

// replaceInventoryItem serves version A's update-inventory-item-params and the
// POST form of update-inventory-item. It replaces the sent fields, and creates
// the item if it doesn't exist.
func (g *Gloebit) replaceInventoryItem(c *call) reply {
	body, reason := g.itemFields(c)
	if reason != "" {
		return failure(reason)
	}
	id, reason := body.text("id")
	if reason != "" || id == "" {
		return failure("invalid id")
	}
	item := c.user.item(id)
	if item != nil {
		return resultOf(item.replace(body))
	}
	item = newItem(id)
	if reason := item.replace(body); reason != "" {
		return failure(reason)
	}
	c.user.items = append(c.user.items, item)
	return success()
}

// updateInventoryItem serves version B's update-inventory-item. A POST, which
// one published client sends, has the body of version A's update.
func (g *Gloebit) updateInventoryItem(c *call) reply {
	if c.request.Method == http.MethodPost {
		return g.replaceInventoryItem(c)
	}
	return g.mergeInventoryItem(c)
}

// mergeInventoryItem sets the sent parameters and keeps the others.
func (g *Gloebit) mergeInventoryItem(c *call) reply {
	body, reason := g.itemFields(c)
	if reason != "" {
		return failure(reason)
	}
	id, reason := body.text("item_id")
	if reason != "" || id == "" {
		return failure("invalid item_id")
	}
	item := c.user.item(id)
	if item == nil {
		return failure(reasonUnknownItem)
	}
	folder, reason := body.folder(item.Folder, "folder_id")
	if reason != "" {
		return failure(reason)
	}
	params, reason := body.object("params")
	if reason != "" {
		return failure(reason)
	}
	encoded := item.Params
	if len(params) > 0 {
		merged := make(map[string]any)
		maps.Copy(merged, decodeParams(item.Params)) // a string has no parameters
		maps.Copy(merged, params)
		if encoded, reason = encodeValue(merged); reason != "" {
			return failure(reason)
		}
	}
	item.Folder, item.Params = folder, encoded
	return success()
}

// deleteInventoryItem serves delete-inventory-item/ITEM.
func (g *Gloebit) deleteInventoryItem(c *call) reply {
	before := len(c.user.items)
	c.user.items = slices.DeleteFunc(c.user.items, func(i *Item) bool { return i.ID == c.args[0] })
	if len(c.user.items) == before {
		return failure(reasonUnknownItem)
	}
	return success()
}

// newItem is an empty item in the root folder.
func newItem(id string) *Item {
	return &Item{ID: id, Folder: uuid.Nil.String(), Params: json.RawMessage("{}")}
}

// replace sets the fields of a body. If it returns a reason, nothing has
// changed.
func (i *Item) replace(body fields) (reason string) {
	replaced := *i
	if replaced.Folder, reason = body.folder(i.Folder, "folder-id", "folder_id"); reason != "" {
		return reason
	}
	kind, reason := body.text("type-id", "type_id")
	if reason != "" {
		return reason
	}
	if body.has("type-id", "type_id") {
		replaced.Type = kind
	}
	switch params := body.structured("params").(type) {
	case nil: // not sent
	case map[string]any, string:
		if replaced.Params, reason = encodeValue(params); reason != "" {
			return reason
		}
	default:
		return "invalid params"
	}
	*i = replaced
	return ""
}

// folder returns the sent folder ID, or present if none was sent.
func (f fields) folder(present string, names ...string) (id, reason string) {
	id, reason = f.text(names...)
	switch {
	case reason != "":
		return "", reason
	case id == "":
		return present, ""
	case utf8.RuneCountInString(id) > maxFolderID:
		return "", "invalid " + names[0]
	}
	return id, ""
}

// has reports whether a value was sent under one of the names.
func (f fields) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return f[name] != nil })
}

// object returns a JSON object. It is nil if none was sent.
func (f fields) object(name string) (object map[string]any, reason string) {
	if !f.has(name) {
		return nil, ""
	}
	object, ok := f.structured(name).(map[string]any)
	if !ok {
		return nil, "invalid " + name
	}
	return object, ""
}

// structured returns a JSON value. In a form, a string that is a JSON object
// stands for the object.
func (f fields) structured(name string) any {
	text, ok := f[name].(formValue)
	if !ok {
		return f[name]
	}
	if object, reason := readObject([]byte(text)); reason == "" && object != nil {
		return map[string]any(object)
	}
	return string(text)
}

func encodeValue(value any) (json.RawMessage, string) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, reasonMalformed
	}
	return encoded, ""
}

// resultOf is a failure with the reason, or success if it is empty.
func resultOf(reason string) reply {
	if reason != "" {
		return failure(reason)
	}
	return success()
}

// compactObject removes the white space from a saved JSON object. An empty
// value becomes an empty object.
func compactObject(raw json.RawMessage) (json.RawMessage, error) {
	compacted, err := compactParams(raw)
	if err == nil && compacted[0] != '{' {
		err = errNoObject
	}
	return compacted, err
}

// compactParams is compactObject for an item's params, which may be a string.
func compactParams(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 {
		return json.RawMessage("{}"), nil
	}
	var compacted bytes.Buffer
	if err := json.Compact(&compacted, raw); err != nil || !bytes.ContainsAny(compacted.Bytes()[:1], `{"`) {
		return nil, errNoObject
	}
	return compacted.Bytes(), nil
}

// adoptItems restores saved items.
func (a *account) adoptItems(list []*Item) error {
	for _, item := range list {
		if item == nil || item.ID == "" {
			return fmt.Errorf("an item of %q has no id", a.name)
		}
		if a.item(item.ID) != nil {
			return fmt.Errorf("an item of %q is there twice", a.name)
		}
		params, err := compactParams(item.Params)
		if err != nil {
			return fmt.Errorf("item %q: %w", item.ID, err)
		}
		kept := *item
		kept.Params = params
		a.items = append(a.items, &kept)
	}
	return nil
}
