// Package gloebitchi is package gloebit for applications that route with chi.
// The handlers and the middleware of a [gloebit.Merchant] are chi's own kinds
// already; this adds what depends on the routing.
package gloebitchi

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-gloebit/gloebit"
)

// Register mounts the merchant's connect, callback and disconnect handlers at the
// directory of Config.RedirectURL. The router may be the outermost one or that
// of any Route or Mount on the way there: for
// https://shop.example/shop/gloebit/callback it is equally well called on the
// outermost router and within Route("/shop", ...). Since a router does not know
// where it is mounted, every tail of the directory is routed; here those are
// /shop/gloebit and /gloebit.
//
// The application's sessions must be around it: call r.Use with their
// LoadAndSave before.
func Register(r chi.Router, m *gloebit.Merchant) {
	handler := m.Handler()
	for _, route := range m.Routes() {
		r.Handle(route, handler)
	}
}

// Require is middleware for r.Use, r.With and r.Group: what is behind it runs
// only for users who are connected and granted all of the scopes, with their
// client in the request's context: see [gloebit.MustFromContext]. Others get
// what [gloebit.Merchant.RequireGloebit] says.
//
// Use it in a group. On the outermost router, r.Use puts it around the
// merchant's own handlers too, which users who have yet to connect must reach.
func Require(m *gloebit.Merchant, scopes ...gloebit.Scope) func(http.Handler) http.Handler {
	return m.RequireScopes(scopes...)
}
