package gloebit

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/google/uuid"
)

// HoldURLs are the three URLs that Gloebit calls while it processes a
// transaction: enact when all gloebits are on hold, then consume when they were
// paid or cancel when they were given back. Each is absolute and https, or http
// on a loopback address. An empty URL is not called. Gloebit does not sign the
// calls: any client that knows a URL can call it. To make a URL secret, end its
// path with a secret segment of 16 bytes or more. If the server's response
// quotes the segment or the URL, the quote is removed from the error and from
// the Receipt.
type HoldURLs struct {
	Enact   string
	Consume string
	Cancel  string
}

// minSignature is the least length of a hold URL's last segment that counts as
// a secret, in bytes. Words in Gloebit's reasons are shorter.
const minSignature = 16

// secrets returns the URLs and their last segments, where package ledger puts
// the signature.
func (h HoldURLs) secrets() []Secret {
	var secrets []Secret
	for _, address := range []string{h.Enact, h.Consume, h.Cancel} {
		secrets = append(secrets, Secret(address))
		if last := address[strings.LastIndexByte(address, '/')+1:]; len(last) >= minSignature {
			secrets = append(secrets, Secret(last))
		}
	}
	return secrets
}

// Transaction is a request to charge the user, for a product that is defined on
// Gloebit's merchant page, for an asset that only the application knows, or for
// neither.
type Transaction struct {
	// IdempotencyKey makes repeats harmless: the same transaction sent again
	// with the same key, also by another process, is charged once. Use a UUID
	// that a form carries or, for an automated charge, the period that it pays
	// for, such as "2026-05". The transaction's ID is derived from
	// [Merchant.Realm], the user's account, the key, the endpoint, the seller
	// (except its Name) and all other fields except Username, Hold, Details
	// and, with a Product, Total. So reusing a key for something else creates a
	// separate charge. The account is [Client.GloebitID] or, if that is
	// unknown, the user's ID, which changes with each session if only the
	// browser session identifies the user. The key is at most 255 bytes. To
	// repeat a charge on purpose, use another key, such as one with a counter.
	// To make every call a separate charge, set it to a new uuid.NewString().
	// To supply your own transaction ID, set ID instead.
	IdempotencyKey string
	// ID is the transaction's ID. Set it instead of IdempotencyKey. Gloebit
	// charges once for an ID, even if a second transaction with it differs. So
	// a browser must not choose it, and it must never be used for another
	// order. It is at most 36 visible ASCII characters.
	ID string
	// Product is the product's name, and ProductQuantity how many to buy, at
	// least one. Gloebit sets the price; Total is then the total that the
	// application showed.
	Product         string
	ProductQuantity int64
	// CharacterID is the character that gets the product. Empty means that the
	// user gets it.
	CharacterID string
	// Asset is the application's name for the item, and AssetQuantity how many
	// to buy, at least one.
	Asset         string
	AssetQuantity int64
	// Total is the charge for the whole quantity, in whole gloebits, up to
	// 2^53-1. It is sent as gloebit-balance-change. With a Product, zero
	// leaves it out.
	Total int64
	// Username is the user's name in Gloebit's history. The default is
	// [Client.Name]; if that is empty, the user's name is first read from
	// Gloebit.
	Username string
	// Hold holds the URLs that Gloebit calls while it processes the
	// transaction.
	Hold HoldURLs
	// SubscriptionID makes this an automated transaction under a subscription
	// that the user has authorized. Empty means that the user is present.
	SubscriptionID string
	// Details describes the circumstances for Gloebit's history. The default is
	// none.
	Details *Details
}

// Details describes the circumstances of a transaction, as virtual worlds do.
type Details struct {
	Platform    []Descriptor // such as the grid's name
	Location    []Descriptor // such as the region's name
	Transaction []Descriptor // such as the object's name
}

// Descriptor is a name with a value.
type Descriptor struct {
	Name  string
	Value string
}

// ItemOrder is the purchase of an item that only the application knows.
type ItemOrder struct {
	// IdempotencyKey makes repeats harmless: the same order sent again with the
	// same key is one purchase. Use a UUID that the application puts into each
	// form, and that the form sends back. The transaction's ID is derived from
	// the key, the user's account (see Transaction.IdempotencyKey) and the rest
	// of the order except Username, Hold and, in a ProductOrder, Price, so
	// reusing a key for a different order creates a separate purchase. The key
	// is at most 255 bytes. To make every call a separate purchase, set it to a
	// new uuid.NewString(). To supply your own transaction ID, set ID instead.
	IdempotencyKey string
	// ID is your own transaction ID; see Transaction.ID. Set it instead of
	// IdempotencyKey, and never use it for another order.
	ID       string
	Item     string // its name
	Price    int64  // for each, in whole gloebits, at least one
	Quantity int64  // how many, at least one
	Username string // as Transaction.Username
	Hold     HoldURLs
}

// ProductOrder is the purchase of a product defined on Gloebit's merchant page.
type ProductOrder struct {
	IdempotencyKey string // as ItemOrder.IdempotencyKey
	ID             string // as ItemOrder.ID
	Product        string // its name
	Price          int64  // for each, in whole gloebits, as the application showed it; zero accepts Gloebit's price
	Quantity       int64  // how many, at least one
	CharacterID    string // as Transaction.CharacterID
	Username       string // as Transaction.Username
	Hold           HoldURLs
}

// TransactionID returns the ID of the transaction that [Client.PurchaseItem]
// sends for the order: ID, or the one that is derived from IdempotencyKey.
// Package ledger gives its purchases the same IDs.
func (o ItemOrder) TransactionID(c *Client) (string, error) {
	return c.transactionID(o.IdempotencyKey, o.ID, "item", []byte(o.Item), o.Price, o.Quantity)
}

// TransactionID is like [ItemOrder.TransactionID], for
// [Client.PurchaseProduct]. The ID does not depend on Price: a second click
// after a change of price is the same purchase.
func (o ProductOrder) TransactionID(c *Client) (string, error) {
	return c.transactionID(o.IdempotencyKey, o.ID, "product", []byte(o.Product), []byte(o.CharacterID), o.Quantity)
}

// orderNamespace is the namespace of the UUIDs of orders (RFC 9562 section
// 5.5).
var orderNamespace = uuid.MustParse("6a8e9b5c-2f0b-4a0e-9d6a-0b8d1d0f7c11")

// withID returns the transaction with its ID, which is derived from
// IdempotencyKey, the path and the seller if not given.
func (c *Client) withID(t Transaction, path string, seller Seller) (Transaction, error) {
	total := t.Total
	if t.Product != "" { // as with ProductOrder: a changed price does not create a separate purchase
		total = 0
	}
	var text []any // as bytes: see transactionID
	for _, s := range []string{
		t.Product, t.CharacterID, t.Asset, t.SubscriptionID, seller.GloebitID, seller.Email, seller.ID,
	} {
		text = append(text, []byte(s))
	}
	id, err := c.transactionID(t.IdempotencyKey, t.ID, append(text, path, t.ProductQuantity, t.AssetQuantity, total)...)
	if err == nil {
		t.ID = id
	}
	return t, err
}

// transactionID returns the given ID, or one derived from the key and
// everything in which orders differ.
func (c *Client) transactionID(key, id string, order ...any) (string, error) {
	switch {
	case key == "" && id == "":
		return "", fmt.Errorf("%w: neither a key nor an id: set IdempotencyKey to a value that the form carries, "+
			"or to a new uuid.NewString() to make every call a purchase of its own", ErrInvalidRequest)
	case key == "":
		return id, nil
	case id != "":
		return "", fmt.Errorf("%w: both an IdempotencyKey and an ID: leave one out", ErrInvalidRequest)
	case len(key) > maxOrderKey:
		return "", fmt.Errorf("%w: the key is longer than %d bytes", ErrInvalidRequest, maxOrderKey)
	}
	whose, account := "account", c.GloebitID()
	if account == "" {
		whose, account = "user", c.User().ID
	}
	// Marshal bytes: package json replaces invalid UTF-8 in strings, so
	// different strings could become equal.
	name, err := json.Marshal(append([]any{c.Realm(), whose, []byte(account), []byte(key)}, order...))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalidRequest, err)
	}
	return uuid.NewSHA1(orderNamespace, name).String(), nil
}

// maxOrderKey is the greatest length of an order's key in bytes.
const maxOrderKey = 255

var errNoQuantity = errors.New("the quantity is 0: set it to at least 1")

// maxGloebits is the greatest integer that every JSON decoder reads exactly.
const maxGloebits = 1<<53 - 1

func (t Transaction) check() error {
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("%w: transaction: "+format, append([]any{ErrInvalidRequest}, args...)...)
	}
	switch {
	case len(t.ID) > 36 || strings.ContainsFunc(t.ID, func(r rune) bool { return r <= 0x20 || r >= 0x7f }):
		return invalid("the id %.40q is not of 1 to 36 visible ASCII characters", t.ID)
	case t.Product != "" && (t.Asset != "" || t.AssetQuantity != 0):
		return invalid("both a product and an asset: make two of them")
	case t.Product == "" && t.Asset == "" && t.Total == 0:
		return invalid("neither a product, an asset nor a total")
	case t.Product == "" && t.CharacterID != "":
		return invalid("a character, but no product for it")
	case t.Product == "" && t.ProductQuantity != 0, t.Asset == "" && t.AssetQuantity != 0:
		return invalid("a quantity of nothing")
	case t.Product != "" && t.ProductQuantity == 0, t.Asset != "" && t.AssetQuantity == 0:
		return invalid("%w", errNoQuantity)
	case t.ProductQuantity < 0 || t.AssetQuantity < 0 || max(t.ProductQuantity, t.AssetQuantity) > math.MaxInt32:
		return invalid("the quantity is not between 1 and 2^31-1")
	case t.Total < 0 || t.Total > maxGloebits:
		return invalid("a total of %d gloebits is not between 0 and 2^53-1", t.Total)
	}
	for _, url := range []string{t.Hold.Enact, t.Hold.Consume, t.Hold.Cancel} {
		if url == "" {
			continue
		}
		if _, err := connect.CheckEndpoint(url); err != nil {
			return invalid("hold URL: %w", err)
		}
	}
	return nil
}

// body returns the transaction under the names of the provider's version.
func (t Transaction) body(m *Merchant, username string) map[string]any {
	version := m.provider.APIVersion
	body := map[string]any{"version": 1, "request-created": m.base.Clock().Unix()}
	version.put(body, "id", "transaction-id", t.ID)
	version.put(body, "consumer-key", "application-key", m.config.ClientID)
	version.put(body, "merchant-user-id", "username-on-application", username)
	if t.Product != "" {
		body["product"] = t.Product
		body["product-quantity"] = t.ProductQuantity
	}
	if t.Asset != "" {
		body["asset-code"] = t.Asset
		body["asset-quantity"] = t.AssetQuantity
	}
	if t.Product == "" || t.Total != 0 {
		body["gloebit-balance-change"] = t.Total
	}
	putText(body, "character-id", t.CharacterID)
	putText(body, "asset-enact-hold-url", t.Hold.Enact)
	putText(body, "asset-consume-hold-url", t.Hold.Consume)
	putText(body, "asset-cancel-hold-url", t.Hold.Cancel)
	if t.SubscriptionID != "" {
		body["automated-transaction"] = true
		body["subscription-id"] = t.SubscriptionID
	}
	if t.Details != nil {
		putDescriptors(body, "platform", t.Details.Platform)
		putDescriptors(body, "location", t.Details.Location)
		putDescriptors(body, "transaction", t.Details.Transaction)
	}
	return body
}

// putDescriptors sends descriptors as two lists of equal length.
func putDescriptors(body map[string]any, of string, descriptors []Descriptor) {
	if len(descriptors) == 0 {
		return
	}
	names, values := make([]string, len(descriptors)), make([]string, len(descriptors))
	for i, d := range descriptors {
		names[i], values[i] = d.Name, d.Value
	}
	body[of+"-desc-names"], body[of+"-desc-values"] = names, values
}
