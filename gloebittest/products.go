package gloebittest

import "strconv"

// productChange is a request to change a user's count of a product.
type productChange struct {
	name  string
	count int64
	owned possessions // the user's or the character's
}

// getUserProducts serves get-user-products.
func (g *Gloebit) getUserProducts(c *call) reply {
	answer := success()
	answer["products"] = c.user.owned.of(c.app.Key)
	return answer
}

// getCharacterProducts serves get-character-products/CHARACTER. Without the
// path segment, the body, also of a GET, has character_id or id.
func (g *Gloebit) getCharacterProducts(c *call) reply {
	id, reason := c.argument("character_id", "id")
	if reason != "" {
		return failure(reason)
	}
	character := c.user.character(id)
	if character == nil {
		return failure(reasonUnknownCharacter)
	}
	answer := success()
	answer["products"] = character.Owned.of(c.app.Key)
	return answer
}

// consumeUserProduct serves consume-user-product/NAME/COUNT. Without the path
// segments, the body has product_name and count.
func (g *Gloebit) consumeUserProduct(c *call) reply {
	return g.consume(c, false, func(left int64) reply { return g.countReply(left) })
}

// consumeCharacterProduct serves
// consume-character-product/CHARACTER/NAME/COUNT. Without the path segments,
// the body has character_id, product_name and count.
func (g *Gloebit) consumeCharacterProduct(c *call) reply {
	return g.consume(c, true, productCountReply)
}

// grantUserProduct serves grant-user-product.
func (g *Gloebit) grantUserProduct(c *call) reply { return g.grant(c, false) }

// grantCharacterProduct serves grant-character-product.
func (g *Gloebit) grantCharacterProduct(c *call) reply { return g.grant(c, true) }

// setUserProductCount serves set-user-product-count.
func (g *Gloebit) setUserProductCount(c *call) reply { return g.setCount(c, false) }

// setCharacterProductCount serves set-character-product-count.
func (g *Gloebit) setCharacterProductCount(c *call) reply { return g.setCount(c, true) }

func (g *Gloebit) consume(c *call, ofCharacter bool, answer func(left int64) reply) reply {
	change, reason := g.productChange(c, ofCharacter, 1)
	if reason != "" {
		return failure(reason)
	}
	owned := change.owned[c.app.Key][change.name]
	switch {
	case owned == 0 && !c.app.sells(change.name):
		return failure("unknown product")
	case change.count > owned:
		return failure("not enough products")
	}
	return answer(change.owned.add(c.app.Key, change.name, -change.count))
}

func (g *Gloebit) grant(c *call, ofCharacter bool) reply {
	change, reason := g.productChange(c, ofCharacter, 1)
	if reason == "" {
		reason = g.refuseMore(c, change, change.count)
	}
	if reason != "" {
		return failure(reason)
	}
	return productCountReply(change.owned.add(c.app.Key, change.name, change.count))
}

// setCount sets a count. A product that is no longer sold can only be reduced.
func (g *Gloebit) setCount(c *call, ofCharacter bool) reply {
	change, reason := g.productChange(c, ofCharacter, 0)
	if reason != "" {
		return failure(reason)
	}
	owned := change.owned[c.app.Key][change.name]
	if owned == 0 || change.count > owned {
		if reason := g.refuseMore(c, change, change.count-owned); reason != "" {
			return failure(reason)
		}
	}
	return productCountReply(change.owned.add(c.app.Key, change.name, change.count-owned))
}

// refuseMore returns the reason why the count of a product can't grow by more.
func (g *Gloebit) refuseMore(c *call, change productChange, more int64) (reason string) {
	product, sold := c.app.product(change.name)
	switch {
	case !sold:
		return "unknown product"
	case more > maxAmount-change.owned[c.app.Key][change.name]:
		return "invalid count"
	case product.PerUserLimit > 0 && more > product.PerUserLimit-g.ownedOrQueued(c, product.Name):
		return "product limit reached"
	}
	return ""
}

// productChange reads the character (if ofCharacter), the product's name and
// the count, from the path or the body.
func (g *Gloebit) productChange(c *call, ofCharacter bool, least int64) (change productChange, reason string) {
	args := c.args
	if len(args) == 0 {
		if args, reason = g.productArgs(c, ofCharacter); reason != "" {
			return change, reason
		}
	}
	change.owned = c.user.owned
	if ofCharacter {
		character := c.user.character(args[0])
		if character == nil {
			return change, reasonUnknownCharacter
		}
		change.owned, args = character.Owned, args[1:]
	}
	count, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil || !isDigits(args[1]) || count < least || count > maxAmount {
		return change, "invalid count"
	}
	change.name, change.count = args[0], count
	return change, ""
}

// productArgs reads from the body the arguments that are not in the path.
func (g *Gloebit) productArgs(c *call, ofCharacter bool) (args []string, reason string) {
	if !g.cfg.APIVersion.takes(VersionB) {
		return nil, "product name and count are missing"
	}
	body, reason := c.fields(true)
	if reason != "" {
		return nil, reason
	}
	names := []string{"product_name"}
	if ofCharacter {
		names = []string{"character_id", "product_name"}
	}
	for _, name := range names {
		value, reason := body.text(name)
		if reason != "" || value == "" {
			return nil, "invalid " + name
		}
		args = append(args, value)
	}
	count, sent, reason := body.whole("count")
	if reason != "" || !sent {
		return nil, "invalid count"
	}
	return append(args, strconv.FormatInt(count, 10)), ""
}

// sells reports whether the application has the product now.
func (app *Application) sells(name string) bool {
	_, ok := app.product(name)
	return ok
}

// countReply is the answer with a count, under the version's name for it.
func (g *Gloebit) countReply(left int64) reply {
	answer := success()
	if g.cfg.APIVersion.takes(VersionA) {
		answer["count"] = left
	}
	if g.cfg.APIVersion.takes(VersionB) {
		answer["product-count"] = left
	}
	return answer
}

// productCountReply is the answer with a count to a request that only version B
// has.
func productCountReply(count int64) reply {
	answer := success()
	answer["product-count"] = count
	return answer
}
