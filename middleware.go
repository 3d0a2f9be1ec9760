package gloebit

import (
	"context"
	"errors"
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
	return m.require(next, nil)
}

// RequireScopes is RequireGloebit for users who granted all of the scopes. One
// whose token is too narrow is sent to connect again, with the union of what
// was granted and what is required; requests other than page loads get 403. It
// panics when a scope is none that Gloebit knows.
func (m *Merchant) RequireScopes(scopes ...Scope) func(http.Handler) http.Handler {
	for _, scope := range scopes {
		if !scope.known() {
			panic(fmt.Sprintf("gloebit: RequireScopes: unknown scope %q", string(scope)))
		}
	}
	return func(next http.Handler) http.Handler { return m.require(next, scopes) }
}

func (m *Merchant) require(next http.Handler, scopes []Scope) http.Handler {
	mustHandler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w, ctx, visit := m.begin(w, r)
		client, err := m.authenticate(ctx, r, scopes)
		if err != nil {
			m.HandleError(w, r.WithContext(ctx), err)
		} else {
			next.ServeHTTP(w, r.WithContext(visit.lend(ctx, client)))
		}
		visit.end()
	})
}

// Optional puts the user's client into the context when there is one, and lets
// next run in any case. With a store down the answer is 503: that a user looks
// disconnected for a moment would mislead.
func (m *Merchant) Optional(next http.Handler) http.Handler {
	mustHandler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w, ctx, visit := m.begin(w, r)
		client, err := m.authenticate(ctx, r, nil)
		switch {
		case err == nil:
			next.ServeHTTP(w, r.WithContext(visit.lend(ctx, client)))
		case errors.Is(err, ErrStore): // whatever else the store calls it
			m.HandleError(w, r.WithContext(ctx), err)
		case errors.Is(err, ErrNotConnected), errors.Is(err, ErrNoUser):
			next.ServeHTTP(w, r.WithContext(ctx))
		default:
			m.HandleError(w, r.WithContext(ctx), err)
		}
		visit.end()
	})
}

// authenticate finds the client of the request's user, by the session that is in
// ctx. Its errors are those of [Merchant.Client], and ErrNoUser, ErrNoSession and
// a [ScopeError].
func (m *Merchant) authenticate(ctx context.Context, r *http.Request, scopes []Scope) (*Client, error) {
	client, ok := FromContext(ctx)
	if !ok || client.merchant != m {
		user, err := m.user(ctx, r)
		if err != nil {
			return nil, err
		}
		if client, err = m.client(ctx, user); err != nil {
			return nil, err
		}
	}
	if len(scopes) == 0 {
		return client, nil
	}
	if missing := missingScopes(client.current().Scopes, scopes); len(missing) > 0 {
		return nil, &ScopeError{Missing: missing}
	}
	return client, nil
}

// Client returns the client of a user, for work outside a request. The error
// is ErrNotConnected when the user has no credential, ErrStore when the store
// fails.
func (m *Merchant) Client(ctx context.Context, userID string) (*Client, error) {
	return m.client(ctx, User{ID: userID})
}

func (m *Merchant) client(ctx context.Context, user User) (*Client, error) {
	credential, err := m.tokens.Load(ctx, user.ID)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, ErrNotConnected
	case errors.Is(err, ErrInvalidRequest): // the user id
		return nil, err
	case err != nil:
		return nil, storeError("load the credential", err)
	}
	return &Client{merchant: m, user: user, credential: credential}, nil
}

func mustHandler(next http.Handler) {
	if next == nil {
		panic("gloebit: the middleware was given a nil handler")
	}
}
