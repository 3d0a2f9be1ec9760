package gloebit

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Products returns how many of the application's products the user owns, by the
// product's name. It needs ScopeInventory and calls GET get-user-products.
func (c *Client) Products(ctx context.Context) (map[string]int64, error) {
	var answer struct {
		Products *map[string]int64 `json:"products"`
	}
	call := call{name: "get-user-products", method: http.MethodGet, scope: ScopeInventory, repeatable: true}
	if err := c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	if answer.Products == nil {
		return nil, badReply(call.name, "without products")
	}
	return *answer.Products, nil
}

// ConsumeProduct takes count of a product, at least one, from what the user
// owns, and returns how many are left. It needs ScopeInventory and calls POST
// consume-user-product/NAME/COUNT. It is sent once: after ErrUnavailable or
// ErrBadReply ask [Client.Products] what became of it.
func (c *Client) ConsumeProduct(ctx context.Context, product string, count int64) (remaining int64, err error) {
	if product == "" || product == "." || product == ".." || count < 1 {
		return 0, fmt.Errorf("%w: consume %d of %.40q", ErrInvalidRequest, count, product)
	}
	var answer struct {
		Count        *int64 `json:"count"`
		ProductCount *int64 `json:"product-count"`
	}
	call := call{name: "consume-user-product", method: http.MethodPost, scope: ScopeInventory}
	call.path = call.name + "/" + url.PathEscape(product) + "/" + strconv.FormatInt(count, 10)
	if err := c.do(ctx, call, &answer); err != nil {
		return 0, err
	}
	if left := orDefault(answer.ProductCount, answer.Count); left != nil {
		return *left, nil
	}
	return 0, badReply(call.name, "without product-count or count")
}
