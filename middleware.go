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
// problem+json (RFC 9457) with the member connect_url. With a store down the
// answer is 503. Whether the token is still good shows at the first call:
// give its error to [Merchant.HandleError].
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
	return m.withSession(func(w http.ResponseWriter, r *http.Request) {
		client, err := m.authenticate(r, scopes)
		if err != nil {
			m.HandleError(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), client)))
	})
}

// Optional puts the user's client into the context when there is one, and lets
// next run in any case. With a store down the answer is 503: that a user looks
// disconnected for a moment would mislead.
func (m *Merchant) Optional(next http.Handler) http.Handler {
	mustHandler(next)
	return m.withSession(func(w http.ResponseWriter, r *http.Request) {
		client, err := m.authenticate(r, nil)
		switch {
		case err == nil:
			r = r.WithContext(NewContext(r.Context(), client))
		case !errors.Is(err, ErrNotConnected) && !errors.Is(err, ErrNoUser):
			m.HandleError(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// authenticate finds the client of the request's user. Its errors are those of
// [Merchant.Client], and ErrNoUser, ErrNoSession and a [ScopeError].
func (m *Merchant) authenticate(r *http.Request, scopes []Scope) (*Client, error) {
	client, ok := FromContext(r.Context())
	if !ok || client.merchant != m {
		user, err := m.User(r)
		if err != nil {
			return nil, err
		}
		if client, err = m.client(r.Context(), user); err != nil {
			return nil, err
		}
	}
	if missing := missingScopes(client.Scopes(), scopes); len(missing) > 0 {
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
	if err := CheckUserID(user.ID); err != nil {
		return nil, err
	}
	credential, err := m.tokens.Load(ctx, user.ID)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, ErrNotConnected
	case err != nil:
		return nil, storeError("load the credential", err)
	case !credential.Until.IsZero() && !m.clock().Before(credential.Until):
		return nil, ErrNotConnected
	}
	return &Client{merchant: m, user: user, credential: credential}, nil
}

func mustHandler(next http.Handler) {
	if next == nil {
		panic("gloebit: the middleware was given a nil handler")
	}
}
