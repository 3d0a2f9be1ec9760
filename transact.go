package gloebit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
)

// Receipt is Gloebit's response to a transaction. OutcomeQueued means that the
// gloebits are on hold; Gloebit then pays them to the application, or cancels.
// For a product you need do nothing more. If you deliver goods yourself, wait
// for the consume callback of [HoldURLs]; package
// github.com/go-gloebit/gloebit/ledger does this.
type Receipt struct {
	// the transaction's ID, given or derived from IdempotencyKey; also set with
	// an error, if the transaction was valid
	TransactionID string
	Outcome       Outcome
	Status        string // the server's name for the outcome; empty if it sent none
	Reason        string // the server's explanation
	Balance       Amount // what the user has left; unknown unless ScopeBalance was granted
	ProductCount  *int64 // how many of the product the user has; nil if not reported
	Charged       Amount // the total that the server reports; unknown if it reports none
}

// Transact charges the user. It needs ScopeTransact and calls POST transact. If
// a response is lost, Transact sends the transaction again with the same ID, so
// the user is charged once. If the transaction has neither an IdempotencyKey
// nor an ID, the error is ErrInvalidRequest.
//
// Receipt.TransactionID and Receipt.Outcome are also set when there is an
// error. After ErrInsufficientBalance no call with that ID has charged the
// user. After ErrCannotSpend, ErrCannotReceive and ErrUnknownMerchant this call
// was not accepted, and an earlier one with that ID may have charged the user.
// After ErrOutcomeUnknown, ErrTransactionPending and ErrQueuingFailed the same
// transaction may be sent again with that ID. With a SubscriptionID the error
// can also be ErrUnknownSubscription, ErrUnknownSubscriptionAuthorization,
// ErrSubscriptionAuthorizationPending or ErrSubscriptionAuthorizationDeclined.
func (c *Client) Transact(ctx context.Context, t Transaction) (Receipt, error) {
	return c.transact(ctx, "transact", t, Seller{}, nil)
}

// TransactV2 is like [Client.Transact], but calls POST v2/transact, which
// virtual worlds use. It also sends the user's IDs in the application and at
// Gloebit.
func (c *Client) TransactV2(ctx context.Context, t Transaction) (Receipt, error) {
	return c.transact(ctx, "v2/transact", t, Seller{}, c.buyer())
}

// Seller is the user who is paid. Gloebit finds the user by GloebitID or Email.
type Seller struct {
	GloebitID string // the seller's id at Gloebit
	Email     string // the seller's address at Gloebit
	ID        string // the seller's ID in the application
	Name      string // the seller's name in the application
}

// TransactU2U is like [Client.Transact], but pays another user. It calls POST
// transact-u2u.
func (c *Client) TransactU2U(ctx context.Context, t Transaction, seller Seller) (Receipt, error) {
	if seller.GloebitID == "" && seller.Email == "" {
		return Receipt{TransactionID: t.ID}, fmt.Errorf(
			"%w: the seller has neither a Gloebit id nor an email address", ErrInvalidRequest,
		)
	}
	more := c.buyer()
	putText(more, "seller-id-from-gloebit", seller.GloebitID)
	putText(more, "seller-email-address", seller.Email)
	putText(more, "seller-id-on-application", seller.ID)
	putText(more, "seller-name-on-application", seller.Name)
	return c.transact(ctx, "transact-u2u", t, seller, more)
}

// buyer returns the fields that name the payer in v2/transact and transact-u2u.
func (c *Client) buyer() map[string]any {
	buyer := map[string]any{}
	putText(buyer, "buyer-id-on-application", c.User().ID)
	putText(buyer, "app-user-id", c.account.Credential().Subject)
	return buyer
}

// transact sends a transaction with additional fields to a path.
func (c *Client) transact(
	ctx context.Context, path string, t Transaction, seller Seller, more map[string]any,
) (Receipt, error) {
	t, err := c.withID(t, path, seller)
	receipt := Receipt{TransactionID: t.ID}
	if err != nil {
		return receipt, err
	}
	if err := t.check(); err != nil {
		return receipt, err
	}
	var tries attempts
	var sent connect.Credential
	username, err := c.username(ctx, t.Username)
	if err != nil {
		return receipt, err
	}
	call := call{
		name: path, method: http.MethodPost, scope: ScopeTransact, repeatable: true, tries: &tries, sent: &sent,
		secrets: t.Hold.secrets(),
	}
	body := t.body(c.merchant, username)
	maps.Copy(body, more)
	call.body = body
	var answer transactAnswer
	err = c.do(ctx, call, &answer)
	if err == nil && answer.ID != nil && !strings.EqualFold(*answer.ID, t.ID) {
		err = badReply(path, "the answer to another transaction")
	}
	if err == nil && contradicts(answer.Status.text) {
		err = badReply(path, "a success with the status of a failure")
	}
	receipt.Outcome = outcomeOf(answer.Reason.text, err)
	if err == nil {
		receipt.Status, receipt.Reason = c.words(answer.Status.text, &sent, call.secrets...),
			c.words(answer.Reason.text, &sent, call.secrets...)
		receipt.Balance, receipt.ProductCount, receipt.Charged = answer.Balance.amount, answer.ProductCount.whole(),
			answer.Change.unsigned()
		return receipt, t.checkCharge(receipt)
	}
	var failure *APIError
	if errors.As(err, &failure) {
		receipt.Status, receipt.Reason = failure.Status, failure.Reason
	}
	switch {
	case receipt.Outcome == OutcomeResubmitted: // of "transaction already created": the first transaction stands
		return receipt, nil
	case (tries.lost || errors.Is(err, ErrInvalidResponse)) && !receipt.Outcome.Final(),
		(tries.held || isQueued(receipt)) && receipt.Outcome == OutcomeUnknown:
		receipt.Outcome = OutcomeUnknown
		err = fmt.Errorf("%w: %s: %w", ErrOutcomeUnknown, t.ID, err)
	}
	return receipt, err
}

// isQueued reports whether the server has queued the transaction, although the
// response is not a success and has an unknown reason.
func isQueued(receipt Receipt) bool {
	return receipt.Outcome == OutcomeUnknown && (receipt.Status == "queued" || receipt.Status == "in-progress")
}

type transactAnswer struct {
	ID           *string        `json:"id"`
	Status       optionalText   `json:"status"`
	Reason       optionalText   `json:"reason"`
	Balance      optionalNumber `json:"balance"`
	ProductCount optionalNumber `json:"product-count"`
	Change       optionalNumber `json:"gloebit-balance-change"`
}

// optionalNumber is a number of an answer, a JSON number or a string, which
// published clients read too. An invalid one counts as absent, because it does
// not undo a success.
type optionalNumber struct{ amount Amount }

func (n *optionalNumber) UnmarshalJSON(b []byte) error {
	if !bytes.HasPrefix(b, []byte(`"`)) {
		n.amount, _ = ParseAmount(string(b))
		return nil
	}
	var text string
	err := json.Unmarshal(b, &text)
	n.amount, _ = ParseAmount(text)
	return err
}

// whole returns the number if it is an integer in range.
func (n optionalNumber) whole() *int64 {
	if whole, ok := n.amount.Int64(); ok {
		return &whole
	}
	return nil
}

// unsigned returns the number without its sign, because some servers report a
// charge as a negative change of the balance.
func (n optionalNumber) unsigned() Amount {
	return Amount{text: strings.TrimPrefix(n.amount.text, "-")}
}

// PurchaseItem charges the user Price times Quantity for an item that only the
// application knows. If Price is below one, the error is ErrInvalidRequest,
// since a free item needs no purchase. It calls [Client.Transact] and returns
// its errors.
func (c *Client) PurchaseItem(ctx context.Context, order ItemOrder) (Receipt, error) {
	switch quantity := order.Quantity; {
	case quantity == 0:
		return Receipt{TransactionID: order.ID}, fmt.Errorf(
			"%w: item %.40q: %w", ErrInvalidRequest, order.Item, errNoQuantity,
		)
	case order.Item == "" || order.Price < 1 || quantity < 1 || order.Price > maxGloebits/quantity:
		return Receipt{TransactionID: order.ID}, fmt.Errorf(
			"%w: %d of item %.40q at %d gloebits", ErrInvalidRequest, quantity, order.Item, order.Price,
		)
	}
	id, err := order.TransactionID(c)
	if err != nil {
		return Receipt{}, err
	}
	return c.Transact(ctx, Transaction{
		ID: id, Asset: order.Item, AssetQuantity: order.Quantity, Total: order.Price * order.Quantity,
		Username: order.Username, Hold: order.Hold,
	})
}

// PurchaseProduct charges the user for a product at Gloebit's price, and
// Gloebit gives the product to the user. It calls [Client.Transact] and returns
// its errors.
//
// If Price is set, Price times Quantity is sent too. If the response reports
// another total, the error is ErrPriceChanged: the purchase stands, and
// Receipt.Charged is the new total. Gloebit's documents do not promise that a
// response reports the total, so a nil error does not prove that the user paid
// Price.
func (c *Client) PurchaseProduct(ctx context.Context, order ProductOrder) (Receipt, error) {
	switch quantity := order.Quantity; {
	case quantity == 0:
		return Receipt{TransactionID: order.ID}, fmt.Errorf(
			"%w: product %.40q: %w", ErrInvalidRequest, order.Product, errNoQuantity,
		)
	case order.Product == "" || order.Price < 0 || quantity < 1 || order.Price > maxGloebits/quantity:
		return Receipt{TransactionID: order.ID}, fmt.Errorf(
			"%w: %d of product %.40q at %d gloebits", ErrInvalidRequest, quantity, order.Product, order.Price,
		)
	}
	id, err := order.TransactionID(c)
	if err != nil {
		return Receipt{}, err
	}
	return c.Transact(ctx, Transaction{
		ID: id, Product: order.Product, ProductQuantity: order.Quantity, Total: order.Price * order.Quantity,
		CharacterID: order.CharacterID,
		Username:    order.Username, Hold: order.Hold,
	})
}

// checkCharge compares the total that the server reports for a product with the
// total that was sent. A response about an earlier request reports the earlier
// price.
func (t Transaction) checkCharge(receipt Receipt) error {
	if t.Product == "" || t.Total == 0 || !receipt.Charged.Known() || receipt.Outcome != OutcomeQueued ||
		receipt.Charged.Cmp(Amount{text: strconv.FormatInt(t.Total, 10)}) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s: Gloebit charges %s gloebits, not %d", ErrPriceChanged, t.ID, receipt.Charged, t.Total)
}

// contradicts reports whether a status means failure.
func contradicts(status string) bool {
	return status == "failed" || Outcome(status).Err() != nil
}
