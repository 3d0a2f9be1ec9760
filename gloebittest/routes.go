package gloebittest

import (
	"maps"
	"net/http"
)

// route is one path of Gloebit's. It has a page, which answers by itself, or
// an api, which is called for a good token and answers in JSON.
type route struct {
	methods []string
	args    []int      // how many path segments may follow the name; nil means none does
	version APIVersion // which version knows it
	scope   string     // the scope an api needs; empty means any token will do
	unknown string     // the reason for an unknown token; empty means the usual one
	// slash and keys are the document's, for Config.Strict: whether the path ends
	// with a slash, and what the body must have.
	slash bool
	keys  []documentKey
	page  func(*Gloebit, http.ResponseWriter, *http.Request)
	api   func(*Gloebit, *call) reply
}

// newRoutes lists what a Gloebit of that version serves, by path without
// slashes at either end. What is read can also be POSTed: one published client
// POSTs everything.
func newRoutes(v APIVersion) map[string]route {
	both := []string{http.MethodGet, http.MethodPost}
	post := both[1:]
	put := []string{http.MethodPut, http.MethodPost}
	routes := map[string]route{
		"no-op":   {methods: both, unknown: "invalid access token", api: (*Gloebit).noOp},
		"id":      {methods: both, version: VersionA, scope: "user", api: (*Gloebit).id},
		"user":    {methods: both, version: VersionB, scope: "user", api: (*Gloebit).userInfo},
		"balance": {methods: both, scope: "balance", api: (*Gloebit).balance},

		"transact": {methods: post, scope: "transact", api: (*Gloebit).transact},

		"get-user-products":    {methods: both, scope: "inventory", api: (*Gloebit).getUserProducts},
		"consume-user-product": {methods: post, args: []int{0, 2}, scope: "inventory", api: (*Gloebit).consumeUserProduct},

		"new-inventory-item":     {methods: post, scope: "inventory", api: (*Gloebit).newInventoryItem},
		"get-inventory-item-ids": {methods: both, args: []int{0, 1}, scope: "inventory", api: (*Gloebit).getInventoryItemIDs},
		"get-inventory-item":     {methods: both, args: []int{1}, scope: "inventory", api: (*Gloebit).getInventoryItem},
		"update-inventory-item-params": {
			methods: post, version: VersionA, scope: "inventory", api: (*Gloebit).replaceInventoryItem,
		},
		"update-inventory-item": {methods: put, version: VersionB, scope: "inventory", api: (*Gloebit).updateInventoryItem},
		"delete-inventory-item": {methods: post, args: []int{1}, scope: "inventory", api: (*Gloebit).deleteInventoryItem},
	}
	maps.Copy(routes, browserRoutes())
	maps.Copy(routes, virtualWorldRoutes())
	maps.Copy(routes, subscriptionRoutes())
	maps.Copy(routes, productRoutes())
	maps.Copy(routes, characterRoutes())
	for path, rt := range routes {
		if !v.takes(rt.version) {
			delete(routes, path)
		}
	}
	return routes
}

// browserRoutes are those of OAuth 2.0 and 1.0a, and the page for buying
// gloebits.
func browserRoutes() map[string]route {
	both := []string{http.MethodGet, http.MethodPost}
	return map[string]route{
		"oauth2/authorize":    {methods: both, page: (*Gloebit).authorize},
		conditionalAuthorize:  {methods: both, version: VersionB, page: (*Gloebit).authorize},
		"oauth2/access-token": {methods: both, page: (*Gloebit).accessToken},
		"oauth/request-token": {methods: both, version: VersionA, page: (*Gloebit).requestToken1},
		"oauth/authorize":     {methods: both, version: VersionA, page: (*Gloebit).authorize1},
		"oauth/access-token":  {methods: both, version: VersionA, page: (*Gloebit).accessToken1},
		"purchase":            {methods: both, page: (*Gloebit).purchase},
	}
}

// conditionalAuthorize is another path of oauth2/authorize, which published
// clients for Flask use.
const conditionalAuthorize = "oauth2/conditional-authorize"

// virtualWorldRoutes are the ways in which the published client for virtual
// worlds pays, with those of its earlier versions. It recognizes an unknown
// token by a reason of its own.
func virtualWorldRoutes() map[string]route {
	routes := map[string]route{
		"v2/transact":  {api: (*Gloebit).transact},
		"2/transact":   {api: (*Gloebit).transact},
		"transact-u2u": {api: (*Gloebit).transactU2U},
		"transact-U2U": {api: (*Gloebit).transactU2U},
	}
	for path, rt := range routes {
		rt.methods, rt.version, rt.scope = []string{http.MethodPost}, VersionB, "transact"
		rt.unknown = "unknown OAuth2 token"
		routes[path] = rt
	}
	return routes
}

// subscriptionRoutes are version B's subscriptions.
func subscriptionRoutes() map[string]route {
	both := []string{http.MethodGet, http.MethodPost}
	return map[string]route{
		"create-subscription": {methods: both[1:], version: VersionB, page: (*Gloebit).createSubscription},
		"create-subscription-authorization": {
			methods: both[1:], version: VersionB, scope: "transact", api: (*Gloebit).createSubscriptionAuthorization,
		},
		"authorize-subscription": {
			methods: both, args: []int{1}, version: VersionB, page: (*Gloebit).authorizeSubscription,
		},
	}
}

// productRoutes are version B's ways to change what users and characters own.
func productRoutes() map[string]route {
	post := []string{http.MethodPost}
	routes := map[string]route{
		"grant-user-product":     {args: []int{0, 2}, api: (*Gloebit).grantUserProduct},
		"set-user-product-count": {args: []int{0, 2}, api: (*Gloebit).setUserProductCount},

		"consume-character-product":   {args: []int{0, 3}, api: (*Gloebit).consumeCharacterProduct},
		"grant-character-product":     {args: []int{0, 3}, api: (*Gloebit).grantCharacterProduct},
		"set-character-product-count": {args: []int{0, 3}, api: (*Gloebit).setCharacterProductCount},
		"get-character-products": {
			methods: []string{http.MethodGet, http.MethodPost}, args: []int{0, 1}, api: (*Gloebit).getCharacterProducts,
		},
	}
	for path, rt := range routes {
		rt.version, rt.scope = VersionB, "inventory"
		if rt.methods == nil {
			rt.methods = post
		}
		routes[path] = rt
	}
	return routes
}

// characterRoutes are version B's characters.
func characterRoutes() map[string]route {
	both := []string{http.MethodGet, http.MethodPost}
	post := both[1:]
	routes := map[string]route{
		"get-characters":   {methods: both, api: (*Gloebit).getCharacters},
		"create-character": {methods: post, api: (*Gloebit).createCharacter},
		"update-character": {methods: post, api: (*Gloebit).updateCharacter},
		"update_character": {methods: post, api: (*Gloebit).updateCharacter},
		"delete-character": {methods: both, args: []int{0, 1}, api: (*Gloebit).deleteCharacter},
	}
	for path, rt := range routes {
		rt.version, rt.scope = VersionB, "character"
		routes[path] = rt
	}
	return routes
}
