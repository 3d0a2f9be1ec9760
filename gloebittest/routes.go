package gloebittest

import (
	"maps"
	"net/http"
)

// route is one path of the API. It has either a page, which writes its own
// response, or an api, which is called with a valid token and answered in JSON.
type route struct {
	methods []string
	args    []int      // numbers of path segments allowed after the name; nil means none
	version APIVersion // the version that has the path
	scope   string     // the required scope; empty means any valid token
	unknown string     // the reason for an unknown token; empty means reasonUnknownToken
	// slash and keys are for Config.Strict: whether the path ends with a slash,
	// and the keys of the body.
	slash bool
	keys  []documentKey
	page  func(*Gloebit, http.ResponseWriter, *http.Request)
	api   func(*Gloebit, *call) reply
}

// newRoutes returns the routes of a version, by path without leading and
// trailing slashes. Every GET can also be sent as a POST, because one published
// client POSTs all requests.
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

// browserRoutes are the routes of OAuth 2.0 and 1.0a and the page for buying
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

// conditionalAuthorize is an alias of oauth2/authorize that published Flask
// clients use.
const conditionalAuthorize = "oauth2/conditional-authorize"

// virtualWorldRoutes are the payment routes of the published client for virtual
// worlds and its earlier versions. The client recognizes an unknown token by a
// different reason.
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

// subscriptionRoutes are version B's routes for subscriptions.
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

// productRoutes are version B's routes that change users' and characters'
// products.
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

// characterRoutes are version B's routes for characters.
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
