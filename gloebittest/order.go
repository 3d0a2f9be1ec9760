package gloebittest

import (
	"net/url"
	"unicode/utf8"

	"github.com/google/uuid"
)

// maxTransactionID is the greatest length of a transaction ID, in characters.
const maxTransactionID = 36

// order is the body of a transact request. Checks that depend on the
// application are still to be made.
type order struct {
	id                 string // may be empty until charge chooses one
	consumer, username string
	product, asset     string
	quantity           int64 // of the product if there is one, otherwise of the asset
	change             int64 // gloebit-balance-change; 0 for a product
	// offered is gloebit-balance-change beside a product, -1 if it is not an
	// integer. It is nil if none was sent.
	offered            *int64
	hold               Hold
	character          string
	automated          bool
	subscription       string
	seller             seller
	buyerID, appUserID string
	details            Details
}

// seller names the user to pay in a transact-u2u request.
type seller struct{ id, email, idThere, nameThere string }

// readOrder reads transact's body. With a reason, the order has the ID if it
// could be read.
func readOrder(body []byte, contentType string, v APIVersion) (order, string) {
	f, reason := readFields(body, contentType, v.takes(VersionB))
	if reason != "" {
		return order{}, reason
	}
	f.adapt(v)
	var o order
	if o.id, reason = f.text("id", "transaction-id"); reason != "" {
		return o, reason
	}
	// In version B, charge chooses an ID for an order without one.
	if o.id == "" && !v.takes(VersionB) || utf8.RuneCountInString(o.id) > maxTransactionID {
		return order{}, "invalid id"
	}
	if version, _, reason := f.whole("version"); reason != "" || version != 1 {
		return o, "invalid version"
	}
	if o.consumer, reason = f.text("consumer-key", "application-key"); reason != "" {
		return o, reason
	}
	if reason := o.readParties(f); reason != "" {
		return o, reason
	}
	return o, o.readPurchase(f)
}

// readParties reads the buyer, the seller and the subscription.
func (o *order) readParties(f fields) (reason string) {
	o.username = f.label("merchant-user-id", "username-on-application", "username-on-consumer")
	o.buyerID, o.appUserID = f.label("buyer-id-on-application"), f.label("app-user-id")
	o.seller = seller{
		id: f.label("seller-id-from-gloebit"), email: f.label("seller-email-address"),
		idThere: f.label("seller-id-on-application"), nameThere: f.label("seller-name-on-application"),
	}
	o.automated = f.flag("automated-transaction")
	if id := f.label("subscription-id"); !emptyID(id) {
		o.subscription = id
	}
	if o.automated && o.subscription == "" {
		return "Transaction with automated-transaction=True is missing subscription-id"
	}
	o.details, reason = f.details()
	return reason
}

// adapt drops the names of the other version, and truncates product-quantity in
// version B.
func (f fields) adapt(v APIVersion) {
	if !v.takes(VersionA) {
		delete(f, "id")
		delete(f, "consumer-key")
		delete(f, "merchant-user-id")
	}
	if !v.takes(VersionB) {
		for _, name := range []string{"transaction-id", "application-key", "username-on-application",
			"username-on-consumer", "character-id", "subscription-id", "automated-transaction",
			"buyer-id-on-application", "app-user-id"} {
			delete(f, name)
		}
		for _, of := range []string{"platform", "location", "transaction"} {
			delete(f, of+"-desc-names")
			delete(f, of+"-desc-values")
		}
		return
	}
	f.truncate("product-quantity")
}

// readPurchase reads what is bought. A product has Gloebit's price: only
// Config.Strict compares it with gloebit-balance-change.
func (o *order) readPurchase(f fields) (reason string) {
	if o.product, reason = f.text("product"); reason != "" {
		return reason
	}
	if o.asset, reason = f.text("asset-code"); reason != "" {
		return reason
	}
	quantityName := "asset-quantity"
	if o.product != "" {
		quantityName = "product-quantity"
	}
	quantity, sent, reason := f.whole(quantityName)
	switch {
	case reason != "":
		return reason
	case sent && quantity < 1:
		return "invalid " + quantityName
	case !sent:
		quantity = 1
	}
	o.quantity = quantity
	change, sent, reason := f.whole("gloebit-balance-change")
	switch {
	case o.product == "" && reason != "":
		return reason
	case o.product == "":
		o.change = change
	case reason != "":
		o.offered = new(int64(-1))
	case sent:
		o.offered = &change
	}
	if character := f.label("character-id"); !emptyID(character) {
		o.character = character
	}
	return o.readHold(f)
}

func (o *order) readHold(f fields) (reason string) {
	for name, target := range map[string]*string{
		"asset-enact-hold-url":   &o.hold.Enact,
		"asset-consume-hold-url": &o.hold.Consume,
		"asset-cancel-hold-url":  &o.hold.Cancel,
	} {
		raw, reason := f.text(name)
		if reason != "" {
			return reason
		}
		if raw != "" && !isWebURL(raw) {
			return "invalid " + name
		}
		*target = raw
	}
	return ""
}

func isWebURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// emptyID reports whether an ID is missing: empty or the nil UUID.
func emptyID(id string) bool { return id == "" || id == uuid.Nil.String() }
