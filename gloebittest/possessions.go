package gloebittest

import "maps"

// possessions is how many of each product a user owns, by application key and
// product name. Counts of zero are left out.
type possessions map[string]map[string]int64

// add changes a count and returns the new one.
func (p possessions) add(appKey, product string, count int64) int64 {
	products := p[appKey]
	if products == nil {
		products = make(map[string]int64)
		p[appKey] = products
	}
	products[product] += count
	left := products[product]
	if left <= 0 {
		delete(products, product)
	}
	return left
}

// of returns a copy of the counts of the application's products.
func (p possessions) of(appKey string) map[string]int64 {
	products := make(map[string]int64)
	maps.Copy(products, p[appKey])
	return products
}

// adopt restores saved counts.
func (p possessions) adopt(saved possessions) {
	for app, products := range saved {
		for product, count := range products {
			p.add(app, product, count)
		}
	}
}
