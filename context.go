package gloebit

import "context"

// contextKey is the key under which a request's context holds its client.
type contextKey struct{}

// FromContext returns the client of the user who makes the request, and whether
// there is one. In a handler wrapped in [Merchant.RequireGloebit] or
// [Merchant.RequireScopes] there always is. In one wrapped in
// [Merchant.Optional] there may be.
func FromContext(ctx context.Context) (*Client, bool) {
	client, ok := ctx.Value(contextKey{}).(*Client)
	return client, ok
}

// MustFromContext returns the client of the user who makes the request. It
// panics when there is none, which means that the handler is not wrapped in
// [Merchant.RequireGloebit].
func MustFromContext(ctx context.Context) *Client {
	client, ok := FromContext(ctx)
	if !ok {
		panic("gloebit: no client in the context: wrap the handler in RequireGloebit")
	}
	return client
}

// NewContext returns a copy of ctx that holds the client, as the middleware
// does. It is for tests of handlers and for adapters of frameworks.
func NewContext(ctx context.Context, client *Client) context.Context {
	return context.WithValue(ctx, contextKey{}, client)
}
