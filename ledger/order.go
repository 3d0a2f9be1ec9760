package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/go-gloebit/gloebit"
)

// Order is what a user wants to buy: an item that only the application knows,
// or a product that is defined on Gloebit's merchant page.
type Order struct {
	// IdempotencyKey makes a double click one purchase. Use a random value that
	// the form carries. A second order of the same user with the same key
	// returns the purchase of the first one, for as long as the store keeps it.
	// After a refusal, the same order with the same key is sent again, and a
	// different order is a new purchase. The key has 1 to 255 bytes.
	//
	// The purchase's ID is derived from the merchant's realm, the user's
	// account at Gloebit, the key and the order. So Gloebit charges an order
	// once for each key, even if the store has lost the first purchase or
	// another process orders the same. If the account is unknown, the user's ID
	// is used instead; it changes with each session if only the browser session
	// identifies the user. Users who pay with the same account share its keys.
	// So if several people may use one account, a key that is not random must
	// contain the user's ID. To sell the same item again on purpose, use
	// another key, such as one with a counter ("rent/2026-05"). To make every
	// call a separate purchase, set the key to a new uuid.NewString().
	IdempotencyKey string `json:"key,omitempty"`
	// Item is the application's name for the item. Set either Item or Product,
	// of at most 1,000 bytes.
	Item string `json:"item,omitempty"`
	// Product is a product's name. Gloebit charges its own price and delivers
	// the product itself.
	Product string `json:"product,omitempty"`
	// CharacterID is the character that gets the product. Empty means that the
	// user gets it.
	CharacterID string `json:"character_id,omitempty"`
	// Price is the price of one, in whole gloebits. With a Product it is the
	// price that the application showed; Gloebit charges its own price, and a
	// second order with another price is the same order.
	Price int64 `json:"price"`
	// Quantity is how many to buy, at least one.
	Quantity int64 `json:"quantity"`
	// Username is the user's name in Gloebit's history. The default is
	// gloebit.Client.Name.
	Username string `json:"username,omitempty"`
	// Data is application data, which the Fulfiller finds in the purchase. It
	// is a JSON value of at most 64 KiB and must not contain a secret. Nil
	// means no data. Purchase formats it as json.Marshal does.
	Data json.RawMessage `json:"data,omitempty"`
}

// Total returns Price times Quantity, in whole gloebits. It returns -1 when
// either is negative, and math.MaxInt64 when the result is larger:
// [Ledger.Purchase] refuses both.
func (o Order) Total() int64 {
	switch {
	case o.Price < 0 || o.Quantity < 0:
		return -1
	case o.Quantity > 0 && o.Price > math.MaxInt64/o.Quantity:
		return math.MaxInt64
	}
	return o.Price * o.Quantity
}

const (
	maxGloebits = 1<<53 - 1 // the largest integer that every JSON reader represents exactly
	maxName     = 1000
	maxKey      = 255
	maxData     = 64 << 10
)

// normal returns the order in the form in which it is stored, or a
// gloebit.ErrInvalidRequest.
func (o Order) normal() (Order, error) {
	invalid := func(format string, args ...any) (Order, error) {
		return Order{}, fmt.Errorf("%w: order: "+format, append([]any{gloebit.ErrInvalidRequest}, args...)...)
	}
	switch {
	case o.IdempotencyKey == "":
		return invalid("no key: set IdempotencyKey to a value that the form carries, " +
			"or to a new uuid.NewString() to make every call a purchase of its own")
	case (o.Item == "") == (o.Product == ""):
		return invalid("want either an item or a product")
	case o.CharacterID != "" && o.Product == "":
		return invalid("a character, but no product for it")
	case o.Quantity == 0:
		return invalid("the quantity is 0: set it to at least 1")
	case o.Quantity < 1 || o.Quantity > math.MaxInt32:
		return invalid("the quantity %d is not between 1 and 2^31-1", o.Quantity)
	case o.Item != "" && o.Price < 1:
		return invalid("an item at %d gloebits: a free item needs no purchase", o.Price)
	case o.Price < 0 || o.Total() > maxGloebits:
		return invalid("%d at %d gloebits is not between 0 and 2^53-1", o.Quantity, o.Price)
	case len(o.IdempotencyKey) > maxKey:
		return invalid("the key is of %d bytes, more than %d", len(o.IdempotencyKey), maxKey)
	case !utf8.ValidString(o.IdempotencyKey) || strings.ContainsRune(o.IdempotencyKey, 0):
		return invalid("the key is not UTF-8, or has a NUL in it")
	}
	for _, name := range []string{o.Item, o.Product, o.CharacterID, o.Username} {
		if len(name) > maxName || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
			return invalid("a name is longer than %d bytes, not UTF-8, or has a NUL in it", maxName)
		}
	}
	if o.Data == nil {
		return o, nil
	}
	data, err := json.Marshal(o.Data)
	if err != nil {
		return invalid("the data: %w", err)
	}
	if len(data) > maxData {
		return invalid("the data is of %d bytes, more than %d", len(data), maxData)
	}
	if !json.Valid([]byte("[[" + string(data) + "]]")) { // a store nests Data two levels deep
		return invalid("the data has too many levels")
	}
	o.Data = data
	return o, nil
}

// same reports whether two orders ask for the same. The user's name, and a
// product's price at Gloebit, may have changed in between.
func (o Order) same(other Order) bool {
	return o.Item == other.Item && o.Product == other.Product && o.CharacterID == other.CharacterID &&
		(o.Price == other.Price || o.Product != "") && o.Quantity == other.Quantity && bytes.Equal(o.Data, other.Data)
}

// transaction returns the request that asks Gloebit to charge the order.
func (p Purchase) transaction(hold gloebit.HoldURLs) gloebit.Transaction {
	t := gloebit.Transaction{ID: p.ID, Username: p.Username, Hold: hold}
	if p.Product != "" {
		t.Product, t.ProductQuantity, t.CharacterID, t.Total = p.Product, p.Quantity, p.CharacterID, p.Total()
		return t
	}
	t.Asset, t.AssetQuantity, t.Total = p.Item, p.Quantity, p.Total()
	return t
}
