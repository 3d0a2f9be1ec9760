package gloebit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Products returns how many of the application's products the user owns, by the
// product's name. It needs ScopeInventory and calls GET get-user-products/ or,
// with VersionB, GET get-user-products.
func (c *Client) Products(ctx context.Context) (map[string]int64, error) {
	return c.products(ctx, call{
		name: "get-user-products", path: "get-user-products" + c.merchant.provider.APIVersion.slash(),
	})
}

// ConsumeProduct removes count of a product, at least one, from the user, and
// returns how many are left. It needs ScopeInventory and calls POST
// consume-user-product/NAME/COUNT/, with VersionB without the last slash. It is
// sent once. After ErrOutcomeUnknown, call [Client.Products] to see whether the
// server processed it.
func (c *Client) ConsumeProduct(ctx context.Context, product string, count int64) (remaining int64, err error) {
	return c.changeProduct(ctx, change{
		name: "consume-user-product", product: product, count: count, least: 1,
		slash: c.merchant.provider.APIVersion.slash(),
	})
}

// GrantProduct gives count of a product, at least one, to the user, free of
// charge, and returns how many the user then owns. It needs ScopeInventory and
// calls POST grant-user-product/NAME/COUNT, once.
func (c *Client) GrantProduct(ctx context.Context, product string, count int64) (owned int64, err error) {
	return c.changeProduct(ctx, change{name: "grant-user-product", product: product, count: count, least: 1})
}

// SetProductCount sets how many of a product the user owns, zero or more, and
// returns that number. It needs ScopeInventory and calls POST
// set-user-product-count/NAME/COUNT, once.
func (c *Client) SetProductCount(ctx context.Context, product string, count int64) (owned int64, err error) {
	return c.changeProduct(ctx, change{name: "set-user-product-count", product: product, count: count})
}

// CharacterProducts returns how many of the application's products a character
// owns, by the product's name. It needs ScopeInventory and calls GET
// get-character-products/CHARACTER.
func (c *Client) CharacterProducts(ctx context.Context, characterID string) (map[string]int64, error) {
	const name = "get-character-products"
	if err := checkSegment(name, characterID); err != nil {
		return nil, err
	}
	return c.products(ctx, call{name: name, path: name + "/" + url.PathEscape(characterID)})
}

// ConsumeCharacterProduct is [Client.ConsumeProduct] for a character. It calls
// POST consume-character-product/CHARACTER/NAME/COUNT.
func (c *Client) ConsumeCharacterProduct(
	ctx context.Context, characterID, product string, count int64,
) (remaining int64, err error) {
	return c.changeCharacterProduct(ctx, characterID, change{
		name: "consume-character-product", product: product, count: count, least: 1,
	})
}

// GrantCharacterProduct is [Client.GrantProduct] for a character. It calls POST
// grant-character-product/CHARACTER/NAME/COUNT.
func (c *Client) GrantCharacterProduct(
	ctx context.Context, characterID, product string, count int64,
) (owned int64, err error) {
	return c.changeCharacterProduct(ctx, characterID, change{
		name: "grant-character-product", product: product, count: count, least: 1,
	})
}

// SetCharacterProductCount is [Client.SetProductCount] for a character. It
// calls POST set-character-product-count/CHARACTER/NAME/COUNT.
func (c *Client) SetCharacterProductCount(
	ctx context.Context, characterID, product string, count int64,
) (owned int64, err error) {
	return c.changeCharacterProduct(ctx, characterID, change{
		name: "set-character-product-count", product: product, count: count,
	})
}

func (c *Client) products(ctx context.Context, call call) (map[string]int64, error) {
	var answer struct {
		Products *productCounts `json:"products"`
	}
	call.method, call.scope, call.repeatable = http.MethodGet, ScopeInventory, true
	if err := c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	if answer.Products == nil {
		return nil, call.bad("without products")
	}
	return *answer.Products, nil
}

// change is a call that changes a user's or a character's count of a product.
type change struct {
	name      string // the first segment of the path
	character string // the second segment, escaped, with a trailing slash; empty for the user's products
	product   string
	count     int64
	least     int64  // the smallest valid count
	slash     string // the end of the path: a slash or nothing
}

func (c *Client) changeCharacterProduct(ctx context.Context, characterID string, change change) (int64, error) {
	if err := checkSegment(change.name, characterID); err != nil {
		return 0, err
	}
	change.character = url.PathEscape(characterID) + "/"
	return c.changeProduct(ctx, change)
}

// changeProduct calls NAME/[CHARACTER/]PRODUCT/COUNT. Version A answers with
// count, version B with product-count.
func (c *Client) changeProduct(ctx context.Context, change change) (int64, error) {
	if err := checkSegment(change.name, change.product); err != nil {
		return 0, err
	}
	if change.count < change.least {
		return 0, fmt.Errorf("%w: %s: a count of %d is below %d", ErrInvalidRequest, change.name, change.count, change.least)
	}
	var answer struct {
		Count        optionalNumber `json:"count"`
		ProductCount optionalNumber `json:"product-count"`
	}
	call := call{name: change.name, method: http.MethodPost, scope: ScopeInventory}
	call.path = change.name + "/" + change.character + url.PathEscape(change.product) + "/" +
		strconv.FormatInt(change.count, 10) + change.slash
	if err := c.do(ctx, call, &answer); err != nil {
		return 0, err
	}
	owned := cmp.Or(answer.ProductCount.whole(), answer.Count.whole())
	if owned == nil || *owned < 0 {
		return 0, call.bad("without product-count or count of zero or more")
	}
	return *owned, nil
}

// productCounts refuses a count that is not a whole number of zero or more.
type productCounts map[string]int64

func (p *productCounts) UnmarshalJSON(b []byte) error {
	var counts map[string]optionalNumber
	if err := json.Unmarshal(b, &counts); err != nil {
		return err
	}
	if counts == nil {
		return errors.New("gloebit: no counts")
	}
	*p = make(productCounts, len(counts))
	for name, number := range counts {
		count := number.whole()
		if count == nil || *count < 0 {
			return fmt.Errorf("gloebit: the count of %.40q is not zero or more", name)
		}
		(*p)[name] = *count
	}
	return nil
}
