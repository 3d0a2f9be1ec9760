package gloebit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-gloebit/gloebit/connect"
)

// Handler serves the connect, callback and disconnect paths. Mount it at the
// directory of Config.RedirectURL, "/gloebit/" for
// https://shop.example/gloebit/callback. It also works behind a proxy or a
// router that strips a prefix of the path.
func (m *Merchant) Handler() http.Handler {
	return m.connector.Handler()
}

// ConnectHandler starts a connection: it redirects a GET or HEAD to the
// provider's authorization page. An htmx request gets 204 with HX-Redirect
// instead. The query may hold return_to, the local path to return to, and
// scope, a space-separated list of additional scopes to request. It responds
// 400 if the query is invalid, 401 or with a redirect to Config.SignInURL if no
// user is signed in, 405 to any other method, 429 if Config.RateLimit refuses,
// and 503 if a store fails.
func (m *Merchant) ConnectHandler() http.Handler {
	return m.connector.ConnectHandler()
}

// CallbackHandler completes a connection and redirects the browser to the page
// where the user started (303). If the state is not valid but the user is
// connected, it redirects a page load (302) to that page or, if it is not
// known, to Config.HomePath. If the state is not valid and the user is not
// connected, it responds 400; the error page and the attribute "reason" in the
// log name the cause. A cross-site callback without a session gets a page that
// loads the callback again, in case the cookie of the SessionStore is
// SameSite=Strict. It also responds:
//
//   - 401, or a redirect to Config.SignInURL: no user is signed in.
//   - 403: the user denied access or a required scope, or a different user is
//     signed in than the one who started.
//   - 429: Config.RateLimit refused.
//   - 502: the authorization or the token request failed, such as when the
//     server is down.
//   - 503: a store or, with SignIn, the server's identity endpoint is
//     unavailable.
//   - 504: a timeout.
func (m *Merchant) CallbackHandler() http.Handler {
	return m.connector.CallbackHandler()
}

// DisconnectHandler removes the user's credential and, without Config.User,
// removes the user from the session. It takes a POST from the application's own
// pages, and redirects to the form's return_to, a local path, or to
// Config.HomePath. Gloebit has no revocation endpoint, so the token stays valid
// there until the user revokes it at Provider.AccountURL.
func (m *Merchant) DisconnectHandler() http.Handler {
	return m.connector.DisconnectHandler()
}

// Paths returns the paths of the three handlers as browsers see them, for
// routers that register each path separately. They are siblings, and callback
// is the path of Config.RedirectURL.
func (m *Merchant) Paths() (connect, callback, disconnect string) {
	return m.connector.Paths()
}

// Routes returns every path at which a router may have to serve
// [Merchant.Handler]. The first three are those of [Merchant.Paths], as
// browsers see them. A router below a proxy or mount that strips a prefix sees
// shorter paths. So Routes also returns the three paths without their first
// segment, without their first two, and so on, until one directory is left.
//
// For https://shop.example/shop/gloebit/callback it returns three paths in
// /shop/gloebit and three in /gloebit.
func (m *Merchant) Routes() []string {
	return m.connector.Routes()
}

// Disconnect removes a user's credential outside a request, for instance when
// the user's account is deleted. It logs as [Merchant.DisconnectHandler] does.
// It returns nil if the user has no credential. Disconnect touches no session
// and does not call Config.OnDisconnect, which needs a request; a pending
// connection can still be completed. Errors: ErrInvalidRequest for an ID that
// [Merchant.Client] refuses, ErrStore.
func (m *Merchant) Disconnect(ctx context.Context, userID string) error {
	return m.connector.Disconnect(ctx, userID)
}

// ConnectURL returns the local URL that starts a connection, for links. The
// user comes back to the local path returnTo; empty means Config.HomePath. The
// scopes are requested in addition to Config.Scopes.
func (m *Merchant) ConnectURL(returnTo string, scopes ...Scope) string {
	return m.connector.ConnectURL(returnTo, scopes...)
}

// User returns the user who makes the request: the user from Config.User, the
// user who is signed in with Gloebit (Config.SignIn), or the user of the
// browser session. It does not check whether the user is connected. Errors:
// ErrNoUser; ErrNotConnected when Config.User is nil and the session has no
// user; ErrNoSession; ErrStore when Config.User failed.
func (m *Merchant) User(r *http.Request) (User, error) {
	return m.connector.User(r)
}

// SignOut removes the user and their pending connections from the session, and
// gives the session a new ID. With Config.User, or when no user is in the
// session, it changes nothing. The credential stays, so other devices stay
// connected; to remove it, use [Merchant.DisconnectHandler]. Call SignOut from
// a handler that takes a POST from the application's own pages. Errors:
// ErrNoSession, ErrStore.
func (m *Merchant) SignOut(r *http.Request) error {
	return m.connector.SignOut(r)
}

// HandleError responds to a request that failed with an error of this package.
// If the user is not connected, or has not granted a scope, it redirects a page
// load to connect, and from there back to the page. To prevent a redirect loop,
// it does this at most once a minute for each session. If the user is not
// signed in, it redirects a page load to Config.SignInURL. In all other cases
// Config.ErrorHandler responds. An htmx request gets the header HX-Redirect
// instead of a redirect; the limit of one redirect a minute then holds for GET
// and HEAD only. HandleError always logs the error.
func (m *Merchant) HandleError(w http.ResponseWriter, r *http.Request, err error) {
	setRetryAfter(w, err)
	m.connector.HandleError(w, r, err)
}

// setRetryAfter sets Retry-After (RFC 9110 section 10.2.3) to the wait that
// Gloebit requests, in whole seconds.
func setRetryAfter(w http.ResponseWriter, err error) {
	var call *APIError
	if errors.As(err, &call) && call.RetryAfter > 0 && (errors.Is(err, ErrRateLimited) || errors.Is(err, ErrUnavailable)) {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((call.RetryAfter-1)/time.Second)+1, 10))
	}
}

// WriteError writes the default response to a request that failed: a plain page
// for clients that accept HTML, and problem+json (RFC 9457) for others. Use it
// in a Config.ErrorHandler that writes its own response to some errors only.
func (m *Merchant) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	setRetryAfter(w, err)
	m.connector.WriteError(w, r, err)
}

// ScopeError lists the scopes that a user has not granted. errors.Is matches it
// with ErrScopeMissing; see [connect.ScopeError].
type ScopeError = connect.ScopeError

// ConnectError is a connection that failed after its state was redeemed. It
// unwraps to the reason; see [connect.ConnectError].
type ConnectError = connect.ConnectError

// RateLimitError is returned by Config.RateLimit to say when to try again.
// errors.Is matches it with ErrTooManyAttempts; see [connect.RateLimitError].
type RateLimitError = connect.RateLimitError

// link returns the link with a name from the table of refusals.
func (m *Merchant) link(name, returnTo string) connect.Link {
	if name != linkPurchase {
		panic(fmt.Sprintf("gloebit: unknown link %q", name))
	}
	return connect.Link{Member: "purchase_url", Text: "Get more gloebits", URL: m.purchaseGloebitsURL(returnTo)}
}
