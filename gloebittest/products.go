package gloebittest

import "strconv"

// getUserProducts serves get-user-products.
func (g *Gloebit) getUserProducts(c *call) reply {
	owned := make(map[string]int64)
	for name, count := range c.user.owned[c.app.Key] {
		owned[name] = count
	}
	answer := success()
	answer["products"] = owned
	return answer
}

// consumeUserProduct serves consume-user-product/NAME/COUNT, and the same with
// product_name and count in the body.
func (g *Gloebit) consumeUserProduct(c *call) reply {
	name, count, reason := g.productCount(c)
	if reason != "" {
		return failure(reason)
	}
	owned := c.user.owned[c.app.Key][name]
	switch {
	case owned == 0 && !g.sells(c.app, name):
		return failure("unknown product")
	case count > owned:
		return failure("not enough products")
	}
	return g.countReply(c.user.grant(c.app.Key, name, -count))
}

// productCount reads a product's name and a count of at least one, from the
// path or the body.
func (g *Gloebit) productCount(c *call) (name string, count int64, reason string) {
	if len(c.args) == 2 {
		count, err := strconv.ParseInt(c.args[1], 10, 64)
		if err != nil || count < 1 {
			return "", 0, "invalid count"
		}
		return c.args[0], count, ""
	}
	if !g.cfg.Vintage.takes(VintageB) {
		return "", 0, "product name and count are missing"
	}
	body, reason := readFields(c.body, c.request.Header.Get("Content-Type"), true)
	if reason != "" {
		return "", 0, reason
	}
	name, reason = body.text("product_name")
	if reason != "" || name == "" {
		return "", 0, "invalid product_name"
	}
	count, sent, reason := body.whole("count")
	if reason != "" || !sent || count < 1 {
		return "", 0, "invalid count"
	}
	return name, count, ""
}

// sells reports whether the application has the product now.
func (g *Gloebit) sells(app *Application, name string) bool {
	_, ok := app.product(name)
	return ok
}

// countReply says how many are left, under the vintage's name for it.
func (g *Gloebit) countReply(left int64) reply {
	answer := success()
	if g.cfg.Vintage.takes(VintageA) {
		answer["count"] = left
	}
	if g.cfg.Vintage.takes(VintageB) {
		answer["product-count"] = left
	}
	return answer
}
