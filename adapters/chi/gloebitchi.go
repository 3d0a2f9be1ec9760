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
// mounted, every tail of the directory is routed, here /shop/gloebit and
// /gloebit.
//
// Call r.Use with the LoadAndSave of the application's sessions before.
func Register(r chi.Router, m *gloebit.Merchant) {
	handler := m.Handler()
	for _, route := range m.Routes() {
		r.Handle(route, handler)
	}
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
