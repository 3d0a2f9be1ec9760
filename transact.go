package gloebit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// HoldURLs are the three addresses that Gloebit calls while it works on a
// transaction: enact when all gloebits are on hold, then consume when they were
// paid or cancel when they were given back. Each is absolute and https, or http
// on a loopback address. Empty ones are not called. The calls carry no
// signature: whoever knows a URL can call it.
type HoldURLs struct {
	Enact   string
	Consume string
	Cancel  string
}

// Transaction is a request to charge the user, for a product that is defined on
// Gloebit's merchant page, for an asset that only the application knows, or for
// nothing that has a name.
type Transaction struct {
	// ID makes sending it again safe: Gloebit charges once for it. It is at
	// most 36 visible ASCII characters. Empty means a new random UUID, which
	// Receipt.TransactionID tells.
	ID string
	// Product is the product's name, and ProductQuantity how many, zero
	// meaning one. Gloebit knows the price.
	Product         string
	ProductQuantity int64
	// Asset is what the application calls the thing, and AssetQuantity how
	// many, zero meaning one.
	Asset         string
	AssetQuantity int64
	// Total is the charge for all of an asset, in whole gloebits, up to 2^53-1.
	Total int64
	// Username is what Gloebit's history calls the user. Empty means the
	// user's name on the application.
	Username string
	// Hold is whom Gloebit asks and tells.
	Hold HoldURLs
}

// ItemOrder is the purchase of something that only the application knows.
type ItemOrder struct {
	ID       string // as Transaction.ID
	Item     string // its name
	Price    int64  // for each, in whole gloebits
	Quantity int64  // how many; zero means one
	Username string // as Transaction.Username
	Hold     HoldURLs
}

// ProductOrder is the purchase of a product defined on Gloebit's merchant page.
type ProductOrder struct {
	ID       string // as Transaction.ID
	Product  string // its name
	Quantity int64  // how many; zero means one
	Username string // as Transaction.Username
	Hold     HoldURLs
}

// Receipt is Gloebit's word on a transaction: the gloebits are on hold and the
// transaction is queued. It can still be cancelled until it was enacted.
type Receipt struct {
	TransactionID string
	Status        string  // "queued" or "in-progress"
	Reason        string  // the server's explanation
	Resubmitted   bool    // this id was sent before, and the first one stands
	Balance       *Amount // what the user has left; nil unless ScopeBalance was granted
	ProductCount  *int64  // how many of the product the user has; nil unless told
}

// Transact charges the user. It needs ScopeTransact and calls POST transact. An
// answer that was lost is asked for again with the same id, so the user is
// charged once.
//
// Receipt.TransactionID is set beside an error too. ErrInsufficientBalance,
// ErrCannotSpend, ErrCannotReceive and ErrUnknownMerchant are final, and
// nothing was charged. After ErrOutcomeUnknown, ErrPending and
// ErrQueuingFailed the same transaction may be sent again with that id.
func (c *Client) Transact(ctx context.Context, t Transaction) (Receipt, error) {
	if t.ID == "" {
		t.ID = uuid.NewString()
	}
	receipt := Receipt{TransactionID: t.ID}
	if err := t.check(); err != nil {
		return receipt, err
	}
	var lost bool
	call := call{name: "transact", method: http.MethodPost, scope: ScopeTransact, repeatable: true, lost: &lost}
	call.body = t.body(c.merchant.config.ClientID, orDefault(t.Username, c.username()), c.merchant.clock().Unix())
	var answer struct {
		ID           *string `json:"id"`
		Balance      *Amount `json:"balance"`
		ProductCount *int64  `json:"product-count"`
		Status       string  `json:"status"`
		Reason       string  `json:"reason"`
	}
	err := c.do(ctx, call, &answer)
	if standsAlready(err) {
		receipt.Resubmitted = true
		return receipt, nil
	}
	if err == nil && answer.ID != nil && *answer.ID != t.ID {
		err = badReply("transact", "the answer to another transaction")
	}
	if err != nil {
		if (lost || errors.Is(err, ErrBadReply)) && !isFinal(err) {
			err = fmt.Errorf("%w: %s: %w", ErrOutcomeUnknown, t.ID, err)
		}
		return receipt, err
	}
	receipt.Status, receipt.Reason = answer.Status, clip(answer.Reason)
	receipt.Resubmitted = strings.EqualFold(answer.Reason, "resubmitted")
	receipt.Balance, receipt.ProductCount = answer.Balance, answer.ProductCount
	return receipt, nil
}

// PurchaseItem charges the user Price times Quantity for something that only
// the application knows. It is [Client.Transact], with its errors.
func (c *Client) PurchaseItem(ctx context.Context, order ItemOrder) (Receipt, error) {
	quantity := orDefault(order.Quantity, 1)
	if order.Item == "" || order.Price < 0 || quantity < 1 || order.Price > mostGloebits/quantity {
		return Receipt{TransactionID: order.ID}, fmt.Errorf("%w: %d of item %.40q at %d gloebits", ErrInvalidRequest, quantity, order.Item, order.Price)
	}
	return c.Transact(ctx, Transaction{
		ID: order.ID, Asset: order.Item, AssetQuantity: quantity, Total: order.Price * quantity,
		Username: order.Username, Hold: order.Hold,
	})
}

// PurchaseProduct charges the user for a product at Gloebit's price, and
// Gloebit adds it to what the user owns. It is [Client.Transact], with its
// errors.
func (c *Client) PurchaseProduct(ctx context.Context, order ProductOrder) (Receipt, error) {
	if order.Product == "" {
		return Receipt{TransactionID: order.ID}, fmt.Errorf("%w: the product has no name", ErrInvalidRequest)
	}
	return c.Transact(ctx, Transaction{
		ID: order.ID, Product: order.Product, ProductQuantity: orDefault(order.Quantity, 1),
		Username: order.Username, Hold: order.Hold,
	})
}

// mostGloebits is the greatest whole number that every JSON reader gets right.
const mostGloebits = 1<<53 - 1

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
	case t.Product == "" && t.ProductQuantity != 0, t.Asset == "" && t.AssetQuantity != 0:
		return invalid("a quantity of nothing")
	case t.ProductQuantity < 0 || t.AssetQuantity < 0 || max(t.ProductQuantity, t.AssetQuantity) > math.MaxInt32:
		return invalid("the quantity is not between 1 and 2^31-1")
	case t.Total < 0 || t.Total > mostGloebits:
		return invalid("a total of %d gloebits is not between 0 and 2^53-1", t.Total)
	}
	for _, url := range []string{t.Hold.Enact, t.Hold.Consume, t.Hold.Cancel} {
		if url == "" {
			continue
		}
		if _, err := checkEndpoint(url); err != nil {
			return invalid("hold URL: %w", err)
		}
	}
	return nil
}

// body writes the transaction as both vintages of the API name its fields, so
// that a server of either finds its own.
func (t Transaction) body(clientID, username string, unixSeconds int64) map[string]any {
	body := map[string]any{
		"version":         1,
		"id":              t.ID,
		"transaction-id":  t.ID,
		"consumer-key":    clientID,
		"application-key": clientID,
		"request-created": unixSeconds,
	}
	if username != "" {
		body["merchant-user-id"] = username
		body["username-on-application"] = username
	}
	if t.Product != "" {
		body["product"] = t.Product
		body["product-quantity"] = orDefault(t.ProductQuantity, 1)
	}
	if t.Asset != "" {
		body["asset-code"] = t.Asset
		body["asset-quantity"] = orDefault(t.AssetQuantity, 1)
	}
	if t.Product == "" || t.Total != 0 {
		body["gloebit-balance-change"] = t.Total
	}
	for key, url := range map[string]string{
		"asset-enact-hold-url":   t.Hold.Enact,
		"asset-consume-hold-url": t.Hold.Consume,
		"asset-cancel-hold-url":  t.Hold.Cancel,
	} {
		if url != "" {
			body[key] = url
		}
	}
	return body
}

// username is what Gloebit's history calls the user unless an order says. The
// id of a session that is a user by itself says nothing to people.
func (c *Client) username() string {
	if c.user.Name != "" || c.merchant.config.User == nil {
		return c.user.Name
	}
	return c.user.ID
}

// standsAlready reports whether a failure is the success of an earlier sending
// of the same id.
func standsAlready(err error) bool {
	var failure *APIError
	return errors.As(err, &failure) && strings.EqualFold(failure.Reason, "transaction already created")
}

// isFinal reports whether the server has judged the transaction itself, so that
// no earlier sending of the same id can have charged the user.
func isFinal(err error) bool {
	for _, final := range []error{ErrInsufficientBalance, ErrCannotSpend, ErrCannotReceive, ErrUnknownMerchant} {
		if errors.Is(err, final) {
			return true
		}
	}
	return false
}

// mayHaveArrived reports whether a request that failed can have been carried
// out all the same.
func mayHaveArrived(err error) bool {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return false
	}
	return errors.Is(err, ErrUnavailable) || errors.Is(err, ErrBadReply)
}
