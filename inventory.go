package gloebit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"unicode/utf8"
)

// RootFolder is the ID of the root folder, which holds the items that are in no
// other folder. It is the nil UUID.
const RootFolder = "00000000-0000-0000-0000-000000000000"

// maxFolder is the greatest length of a folder's ID.
const maxFolder = 36

// ItemID identifies an inventory item, with its type and folder.
type ItemID struct {
	Type   string
	ID     string
	Folder string
}

// UnmarshalJSON reads [type-id, item-id, folder-id].
func (i *ItemID) UnmarshalJSON(b []byte) error {
	var parts []string
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	if len(parts) != 3 || parts[1] == "" {
		return fmt.Errorf("gloebit: an item id is not of three parts")
	}
	*i = ItemID{Type: parts[0], ID: parts[1], Folder: parts[2]}
	return nil
}

// MarshalJSON writes [type-id, item-id, folder-id].
func (i ItemID) MarshalJSON() ([]byte, error) {
	return json.Marshal([]string{i.Type, i.ID, i.Folder})
}

// Item describes an inventory item to create or replace. Params is a struct or
// a map that marshals to a JSON object, or nil for {}. An empty Folder is
// RootFolder.
type Item struct {
	Type   string
	Folder string // at most 36 characters
	Params any
}

// CreateInventoryItem creates an item for the user and returns its id. It needs
// ScopeInventory and calls POST new-inventory-item, once.
func (c *Client) CreateInventoryItem(ctx context.Context, item Item) (id string, err error) {
	body, err := item.body()
	if err != nil {
		return "", err
	}
	var answer struct {
		ItemID string `json:"item-id"`
	}
	call := call{name: "new-inventory-item", method: http.MethodPost, scope: ScopeInventory, body: body}
	if err := c.do(ctx, call, &answer); err != nil {
		return "", err
	}
	if answer.ItemID == "" {
		return "", call.bad("without item-id")
	}
	return answer.ItemID, nil
}

// InventoryItemIDs returns the ids of the user's items in a folder, or of all
// items if folder is empty. It needs ScopeInventory and calls GET
// get-inventory-item-ids or get-inventory-item-ids/FOLDER.
func (c *Client) InventoryItemIDs(ctx context.Context, folder string) ([]ItemID, error) {
	call := call{name: "get-inventory-item-ids", method: http.MethodGet, scope: ScopeInventory, repeatable: true}
	if folder != "" {
		if err := errors.Join(checkFolder(folder), checkSegment(call.name, folder)); err != nil {
			return nil, err
		}
		call.path = call.name + "/" + url.PathEscape(folder)
	}
	var answer struct {
		ItemIDs *[]ItemID `json:"item-ids"`
	}
	if err := c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	if answer.ItemIDs == nil {
		return nil, call.bad("without item-ids")
	}
	return *answer.ItemIDs, nil
}

// InventoryItem returns the item's parameters. If another client stored a
// string instead of a JSON object, the error is ErrInvalidResponse. It needs
// ScopeInventory and calls GET get-inventory-item/ITEM.
func (c *Client) InventoryItem(ctx context.Context, id string) (Object, error) {
	call := call{name: "get-inventory-item", method: http.MethodGet, scope: ScopeInventory, repeatable: true}
	if err := checkSegment(call.name, id); err != nil {
		return nil, err
	}
	call.path = call.name + "/" + url.PathEscape(id)
	var answer struct {
		Item Object `json:"item"`
	}
	if err := c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	if answer.Item == nil {
		return nil, call.bad("without item")
	}
	return answer.Item, nil
}

// ReplaceInventoryItem sets the item's type, folder and parameters, and creates
// the item if it does not exist. Only version A of the API has this call. It
// needs ScopeInventory and calls POST update-inventory-item-params, once.
func (c *Client) ReplaceInventoryItem(ctx context.Context, id string, item Item) error {
	body, err := item.body()
	if err != nil {
		return err
	}
	if id == "" {
		return fmt.Errorf("%w: update-inventory-item-params without an id", ErrInvalidRequest)
	}
	body["id"] = id
	return c.do(
		ctx, call{name: "update-inventory-item-params", method: http.MethodPost, scope: ScopeInventory, body: body}, nil,
	)
}

// MergeInventoryItem merges params into the item's parameters and moves the
// item to the folder. Parameters that are not in params stay. If folder is
// empty, the item is not moved; to move it to the root, set folder to
// RootFolder. Only version B of the API has this call. It needs ScopeInventory
// and calls PUT update-inventory-item, once.
func (c *Client) MergeInventoryItem(ctx context.Context, id, folder string, params any) error {
	item, err := Item{Folder: folder, Params: params}.body()
	if err != nil {
		return err
	}
	if id == "" {
		return fmt.Errorf("%w: update-inventory-item without an id", ErrInvalidRequest)
	}
	body := map[string]any{"item_id": id, "params": item["params"]}
	putText(body, "folder_id", folder)
	return c.do(ctx, call{name: "update-inventory-item", method: http.MethodPut, scope: ScopeInventory, body: body}, nil)
}

// DeleteInventoryItem deletes the item. It needs ScopeInventory and calls POST
// delete-inventory-item/ITEM, once.
func (c *Client) DeleteInventoryItem(ctx context.Context, id string) error {
	call := call{name: "delete-inventory-item", method: http.MethodPost, scope: ScopeInventory}
	if err := checkSegment(call.name, id); err != nil {
		return err
	}
	call.path = call.name + "/" + url.PathEscape(id)
	return c.do(ctx, call, nil)
}

func (i Item) body() (map[string]any, error) {
	if err := checkFolder(i.Folder); err != nil {
		return nil, err
	}
	params, err := objectOf(i.Params)
	if err != nil {
		return nil, err
	}
	return map[string]any{"folder-id": cmp.Or(i.Folder, RootFolder), "type-id": i.Type, "params": params}, nil
}

func checkFolder(folder string) error {
	if utf8.RuneCountInString(folder) > maxFolder {
		return fmt.Errorf("%w: the folder %.40q is longer than %d characters", ErrInvalidRequest, folder, maxFolder)
	}
	return nil
}
