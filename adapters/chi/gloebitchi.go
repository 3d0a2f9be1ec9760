// Package gloebitchi is package gloebit for applications that route with chi.
// The handlers and middleware of a [gloebit.Merchant] work with chi unchanged;
// this package adds what depends on the routing.
package gloebitchi

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-gloebit/gloebit"
)

// Register mounts the merchant's connect, callback and disconnect handlers at
// the directory of Config.RedirectURL. The router may be the outermost one or
// that of any Route or Mount on the path: for
// https://shop.example/shop/gloebit/callback, call it on the outermost router
// or within Route("/shop", ...). Because a router does not know where it is
// mounted, every suffix of the directory is registered, here /shop/gloebit and
// /gloebit. A suffix does not replace a route that r already has. If several
// merchants have the same suffix, the merchant with the shortest directory gets
// it.
//
// Call r.Use with the LoadAndSave of the application's sessions before.
func Register(r chi.Router, m *gloebit.Merchant) {
	handler := m.Handler()
	for i, route := range m.Routes() {
		own := suffix{handler, i / 3}
		if own.missing == 0 || own.mayHave(r, route) {
			r.Handle(route, own)
		}
	}
}

// suffix is a merchant's handler at a path without the first segments.
type suffix struct {
	http.Handler
	missing int // segments
}

// mayHave reports whether the router has no such route, or one of a merchant
// that has at least as many segments missing.
func (s suffix) mayHave(r chi.Router, route string) bool {
	for _, present := range r.Routes() {
		if present.Pattern != route {
			continue
		}
		for _, handler := range present.Handlers {
			if chain, ok := handler.(*chi.ChainHandler); ok {
				handler = chain.Endpoint
			}
			if other, ok := handler.(suffix); !ok || other.missing < s.missing {
				return false
			}
		}
	}
	return true
}

// Require is middleware for r.Use, r.With and r.Group. It runs the handlers
// behind it only for users who are connected and granted all of the scopes,
// with their client in the request's context: see [gloebit.MustFromContext]. It
// answers other users as [gloebit.Merchant.RequireGloebit] does.
//
// Use it in a group. On the outermost router, r.Use would also protect the
// merchant's own handlers, which users must reach before they are connected.
func Require(m *gloebit.Merchant, scopes ...gloebit.Scope) func(http.Handler) http.Handler {
	return m.RequireScopes(scopes...)
}
