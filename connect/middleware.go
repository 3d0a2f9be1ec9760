package connect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Require returns a middleware that runs a handler only for users who are
// connected and granted all of the scopes, with their account in the context:
// see [FromContext] and [MustFromContext].
//
// A page load by any other user is redirected to connect, and from there back
// to the page. A page load is a GET or HEAD with Sec-Fetch-Mode navigate or,
// without that header, with an Accept that names HTML. Other requests get 401,
// or 403 for a missing scope: a page with a link for clients that accept HTML,
// and problem+json (RFC 9457) with the member connect_url for others; an htmx
// request gets the same URL in HX-Redirect, too. If Config.User returns no
// user, the redirect and the link are to Config.SignInURL and the member is
// sign_in_url. When a store is down, the response is 503. Require panics for a
// scope that the server does not know.
//
// Requests for the paths of [Connector.Routes] are passed to
// [Connector.Handler], because a user who is not connected must be able to
// reach them.
func (c *Connector) Require(scopes ...Scope) func(http.Handler) http.Handler {
	c.mustKnow(scopes)
	return c.RequireWith(func(ctx context.Context, r *http.Request) (key, value any, err error) {
		account, ok := FromContext(ctx)
		if ok && account.connector == c {
			return accountKey{}, account, c.Covers(account, scopes)
		}
		account = new(Account)
		return accountKey{}, account, c.Authenticate(ctx, r, account, scopes)
	})
}

// Optional is a middleware that puts the user's account into the context when
// the user is connected, and runs the handler for other users, too. When a
// store is down, it responds 503 rather than treat a connected user as
// disconnected. Cross-origin requests that Config.CrossOrigin does not accept
// get 403.
func (c *Connector) Optional(next http.Handler) http.Handler {
	return c.OptionalWith(func(ctx context.Context, r *http.Request) (key, value any, err error) {
		account := new(Account)
		return accountKey{}, account, c.Authenticate(ctx, r, account, nil)
	})(next)
}

// mustKnow panics for a scope that the server does not know.
func (c *Connector) mustKnow(scopes []Scope) {
	for _, scope := range scopes {
		if !c.server.Scopes.Knows(scope) {
			panic(fmt.Sprintf("connect: unknown scope %q", string(scope)))
		}
	}
}

// RequireWith is like Require, for packages that build on this one: it puts the
// key and value that load returns into the context instead of an Account. Load
// must call [Connector.Authenticate].
func (c *Connector) RequireWith(
	load func(context.Context, *http.Request) (key, value any, err error),
) func(http.Handler) http.Handler {
	own, routes := c.Handler(), c.Routes()
	return func(next http.Handler) http.Handler {
		mustHandler(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if slices.Contains(routes, strings.TrimSuffix(r.URL.Path, "/")) { // next may be a handler that ignores the path
				own.ServeHTTP(w, r)
				return
			}
			w, ctx, visit := c.begin(w, r)
			var key, value any
			err := c.checkOrigin(r)
			if err == nil {
				key, value, err = load(ctx, r)
			}
			if err != nil {
				c.refuse(w, r.WithContext(ctx), err, false)
			} else {
				next.ServeHTTP(w, r.WithContext(visit.withValue(ctx, key, value)))
			}
			visit.end()
		})
	}
}

// OptionalWith is like [Connector.Optional], but puts the key and value that
// load returns into the context, as [Connector.RequireWith] does.
func (c *Connector) OptionalWith(
	load func(context.Context, *http.Request) (key, value any, err error),
) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		mustHandler(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w, ctx, visit := c.begin(w, r)
			var key, value any
			err := c.checkOrigin(r)
			if err == nil {
				key, value, err = load(ctx, r)
			}
			switch {
			case err == nil:
				next.ServeHTTP(w, r.WithContext(visit.withValue(ctx, key, value)))
			case !errors.Is(err, ErrStore) && (errors.Is(err, ErrNotConnected) || errors.Is(err, ErrNoUser)):
				next.ServeHTTP(w, r.WithContext(ctx))
			default:
				c.refuse(w, r.WithContext(ctx), err, false)
			}
			visit.end()
		})
	}
}

// checkOrigin returns an ErrCrossOrigin for a cross-origin request whose method
// is not safe.
func (c *Connector) checkOrigin(r *http.Request) error {
	err := c.crossOrigin.Check(r)
	if err == nil || c.config.CrossOrigin != nil && c.config.CrossOrigin.Check(r) == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrCrossOrigin, err)
}

// Authenticate sets account to the connection of the request's user, using the
// session in ctx. Errors: those of [Connector.Account], ErrNoUser,
// ErrNoSession, and a [ScopeError] when the user did not grant all of the
// scopes.
func (c *Connector) Authenticate(ctx context.Context, r *http.Request, account *Account, scopes []Scope) error {
	user, err := c.user(ctx, r)
	if err != nil {
		return err
	}
	if err := c.find(ctx, user, account); err != nil {
		return err
	}
	return c.Covers(account, scopes)
}

// Covers returns a [ScopeError] unless the account's user granted all of the
// scopes.
func (c *Connector) Covers(account *Account, scopes []Scope) error {
	if len(scopes) == 0 {
		return nil
	}
	if missing := c.server.Scopes.Missing(account.Credential().Scopes, scopes); len(missing) > 0 {
		return &ScopeError{Missing: missing}
	}
	return nil
}

func mustHandler(next http.Handler) {
	if next == nil {
		panic("connect: the middleware was given a nil handler")
	}
}

// accountKey is the key under which a request's context holds its account.
type accountKey struct{}

// FromContext returns the account of the user who makes the request, and
// whether there is one. Below [Connector.Require] there always is; below
// [Connector.Optional] there may be.
func FromContext(ctx context.Context) (*Account, bool) {
	account, ok := ctx.Value(accountKey{}).(*Account)
	return account, ok
}

// MustFromContext returns the account of the user who makes the request. It
// panics when there is none, which means that the handler is not wrapped in
// [Connector.Require].
func MustFromContext(ctx context.Context) *Account {
	account, ok := FromContext(ctx)
	if !ok {
		panic("connect: no account in the context: wrap the handler in Connector.Require")
	}
	return account
}
