package gloebit

import (
	"context"
	"fmt"
	"net/http"
)

// RequireGloebit lets next run only for users who are connected, with their
// client in the context: see [FromContext] and [MustFromContext].
//
// A page load by anybody else, which is a GET or HEAD with Sec-Fetch-Mode
// navigate or, without that header, an Accept that names HTML, is redirected
// to connect and comes back where it was. Other requests get 401 and
// problem+json (RFC 9457) with the member connect_url. When Config.User knows
// nobody, Config.SignInURL and the member sign_in_url take the place of
// connecting. With a store down the answer is 503. Whether the token is still
// good shows at the first call: give its error to [Merchant.HandleError].
func (m *Merchant) RequireGloebit(next http.Handler) http.Handler {
	return m.connector.RequireWith(m.lend(nil))(next)
}

// RequireScopes is RequireGloebit for users who granted all of the scopes. One
// whose token is too narrow is sent to connect again, with the union of what
// was granted and what is required; requests other than page loads get 403. It
// panics when a scope is none that Gloebit knows.
func (m *Merchant) RequireScopes(scopes ...Scope) func(http.Handler) http.Handler {
	for _, scope := range scopes {
		if !scopePolicy.Knows(scope) {
			panic(fmt.Sprintf("gloebit: RequireScopes: unknown scope %q", string(scope)))
		}
	}
	return m.connector.RequireWith(m.lend(scopes))
}

// Optional puts the user's client into the context when there is one, and lets
// next run in any case. With a store down the answer is 503: that a user looks
// disconnected for a moment would mislead.
func (m *Merchant) Optional(next http.Handler) http.Handler {
	return m.connector.OptionalWith(m.lend(nil))(next)
}

// lend returns a function that finds the client of a request's user, for the
// request's context: the one that is there already, below another middleware of
// this merchant.
func (m *Merchant) lend(scopes []Scope) func(context.Context, *http.Request) (key, value any, err error) {
	return func(ctx context.Context, r *http.Request) (key, value any, err error) {
		if client, ok := FromContext(ctx); ok && client.merchant == m {
			return contextKey{}, client, m.connector.Covers(client.account, scopes)
		}
		client, account := m.newClient()
		return contextKey{}, client, m.connector.Authenticate(ctx, r, account, scopes)
	}
}
