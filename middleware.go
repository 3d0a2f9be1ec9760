package gloebit

import (
	"context"
	"fmt"
	"net/http"
)

// RequireGloebit lets next run only for users who are connected, with their
// client in the context: see [FromContext] and [MustFromContext].
//
// A page load by any other user is redirected to connect, and from there back
// to the page. A page load is a GET or HEAD with Sec-Fetch-Mode navigate or,
// without that header, with an Accept that names HTML. Other requests get 401:
// a page with a link for clients that accept HTML, and problem+json (RFC 9457)
// with the member connect_url for others; an htmx request gets the same URL in
// HX-Redirect, too. If Config.User returns no user, the redirect and the link
// are to Config.SignInURL and the member is sign_in_url. When a store is down,
// the response is 503. RequireGloebit does not check whether Gloebit still
// accepts the token: pass the error of a call to [Merchant.HandleError].
//
// Requests for the paths of [Merchant.Routes] are passed to [Merchant.Handler],
// because a user who is not connected must be able to reach them.
func (m *Merchant) RequireGloebit(next http.Handler) http.Handler {
	return m.connector.RequireWith(m.lookUp(nil))(next)
}

// RequireScopes is like RequireGloebit, but also requires that the user granted
// all of the scopes. If one is missing, a page load is redirected to connect
// again, which requests the granted and the required scopes; other requests get
// 403. RequireScopes panics for a scope that Gloebit does not know.
func (m *Merchant) RequireScopes(scopes ...Scope) func(http.Handler) http.Handler {
	for _, scope := range scopes {
		if !scopePolicy.Knows(scope) {
			panic(fmt.Sprintf("gloebit: RequireScopes: unknown scope %q", string(scope)))
		}
	}
	return m.connector.RequireWith(m.lookUp(scopes))
}

// Optional puts the user's client into the context when the user is connected,
// and runs next for other users, too. When a store is down, it responds 503
// rather than treat a connected user as disconnected. Cross-origin requests
// that Config.CrossOrigin does not accept get 403.
func (m *Merchant) Optional(next http.Handler) http.Handler {
	return m.connector.OptionalWith(m.lookUp(nil))(next)
}

// lookUp returns a function that returns the client of a request's user for the
// request's context. Below another middleware of this merchant, that is the
// client already in the context.
func (m *Merchant) lookUp(scopes []Scope) func(context.Context, *http.Request) (key, value any, err error) {
	return func(ctx context.Context, r *http.Request) (key, value any, err error) {
		if client, ok := FromContext(ctx); ok && client.merchant == m {
			return contextKey{}, client, m.connector.Covers(client.account, scopes)
		}
		client, account := m.newClient()
		return contextKey{}, client, m.connector.Authenticate(ctx, r, account, scopes)
	}
}
