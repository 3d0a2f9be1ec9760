package gloebittest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"
)

// maxFolderID is how many characters a folder's id may have.
const maxFolderID = 36

// reasonUnknownItem is the answer to an item that is not in the user's
// inventory.
const reasonUnknownItem = "unknown inventory item"

// Item is one item of a user's inventory.
type Item struct {
	ID     string `json:"id"`             // a UUID made here, or what vintage A's update chose
	Type   string `json:"type,omitempty"` // what the application calls its kind
	Folder string `json:"folder"`         // the null UUID is the root
	// Params is a JSON object, its numbers digit by digit as they were sent.
	Params json.RawMessage `json:"params"`
}

// Inventory returns the user's items, in the order they were made.
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

// item finds one of the user's items. The caller holds g.mu.
func (a *account) item(id string) *Item {
	for _, item := range a.items {
		if item.ID == id {
			return item
		}
	}
	return nil
}

// newInventoryItem serves new-inventory-item.
func (g *Gloebit) newInventoryItem(c *call) reply {
	body, reason := c.fields(false)
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

// replaceInventoryItem serves vintage A's update-inventory-item-params: it
// replaces the parameters, and makes the item if there is none. What is not
// sent stays.
func (g *Gloebit) replaceInventoryItem(c *call) reply {
	body, reason := c.fields(false)
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

// mergeInventoryItem serves vintage B's update-inventory-item: it puts the
// parameters that were sent, one by one and whole, among those that are there.
func (g *Gloebit) mergeInventoryItem(c *call) reply {
	body, reason := c.fields(false)
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
	folder, reason := body.folder("folder_id", item.Folder)
	if reason != "" {
		return failure(reason)
	}
	params, _, reason := body.object("params")
	if reason != "" {
		return failure(reason)
	}
	merged := decodeParams(item.Params)
	maps.Copy(merged, params)
	encoded, reason := encodeObject(merged)
	if reason != "" {
		return failure(reason)
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

// replace sets what a body says, all of it or, beside a reason, nothing.
func (i *Item) replace(body fields) (reason string) {
	replaced := *i
	if replaced.Folder, reason = body.folder("folder-id", i.Folder); reason != "" {
		return reason
	}
	if _, sent := body["type-id"]; sent {
		if replaced.Type, reason = body.text("type-id"); reason != "" {
			return reason
		}
	}
	params, sent, reason := body.object("params")
	if reason != "" {
		return reason
	}
	if sent {
		if replaced.Params, reason = encodeObject(params); reason != "" {
			return reason
		}
	}
	*i = replaced
	return ""
}

// folder returns a folder's id, or the present one when none is sent.
func (f fields) folder(name, present string) (id, reason string) {
	id, reason = f.text(name)
	switch {
	case reason != "":
		return "", reason
	case id == "":
		return present, ""
	case utf8.RuneCountInString(id) > maxFolderID:
		return "", "invalid " + name
	}
	return id, ""
}

// object returns a JSON object and whether it was sent.
func (f fields) object(name string) (object map[string]any, sent bool, reason string) {
	raw, sent := f[name]
	if !sent {
		return nil, false, ""
	}
	object, ok := raw.(map[string]any)
	if !ok {
		return nil, true, "invalid " + name
	}
	return object, true, ""
}

func encodeObject(object map[string]any) (json.RawMessage, string) {
	encoded, err := json.Marshal(object)
	if err != nil {
		return nil, reasonMalformed
	}
	return encoded, ""
}

// resultOf is success when there is no reason against it.
func resultOf(reason string) reply {
	if reason != "" {
		return failure(reason)
	}
	return success()
}

// compactObject takes the white space out of a saved JSON object; nothing is
// an empty one.
func compactObject(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 {
		return json.RawMessage("{}"), nil
	}
	var compacted bytes.Buffer
	if err := json.Compact(&compacted, raw); err != nil || compacted.Bytes()[0] != '{' {
		return nil, errors.New("not a JSON object")
	}
	return compacted.Bytes(), nil
}

// adoptItems takes over what was saved.
func (a *account) adoptItems(list []*Item) error {
	for _, item := range list {
		if item == nil || item.ID == "" {
			return fmt.Errorf("an item of %q has no id", a.name)
		}
		if a.item(item.ID) != nil {
			return fmt.Errorf("an item of %q is there twice", a.name)
		}
		params, err := compactObject(item.Params)
		if err != nil {
			return fmt.Errorf("item %q: %w", item.ID, err)
		}
		kept := *item
		kept.Params = params
		a.items = append(a.items, &kept)
	}
	return nil
}
