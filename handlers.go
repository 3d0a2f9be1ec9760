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

// Handler serves connect, callback and disconnect. Mount it at the directory of
// Config.RedirectURL, "/gloebit/" for https://shop.example/gloebit/callback.
// A prefix may have been stripped on the way.
func (m *Merchant) Handler() http.Handler {
	return m.connector.Handler()
}

// ConnectHandler starts a connection: it answers a GET with a redirect to the
// provider's authorization page. The query may hold return_to, the local path
// to come back to, and scope, a space separated list of what to ask for in
// addition. An invalid query is answered with 400, a missing user with 401 or a
// redirect to Config.SignInURL, another method with 405, a request that
// Config.Limit refuses with 429, and a store failure with 503.
func (m *Merchant) ConnectHandler() http.Handler {
	return m.connector.ConnectHandler()
}

// CallbackHandler completes a connection and redirects the browser to the page
// where the user started. It responds 400 if the state is not valid, 401 if no
// user is signed in, 403 if the user denied access or another user is signed in,
// 429 if Config.Limit refuses, 502 if the authorization or the token request
// failed, 503 if a store or the server is unavailable, and 504 on a timeout.
func (m *Merchant) CallbackHandler() http.Handler {
	return m.connector.CallbackHandler()
}

// DisconnectHandler forgets the user's credential, and the user with
// Config.SignIn. It answers a POST from the application's own pages with a
// redirect to the form's return_to, a local path, or to Config.HomePath.
// Gloebit has no endpoint to revoke a token with: the user does that at
// Provider.AccountURL.
func (m *Merchant) DisconnectHandler() http.Handler {
	return m.connector.DisconnectHandler()
}

// Paths returns the paths of the three handlers as browsers see them, for
// routers that want each by itself. They are next to each other, and callback is
// that of Config.RedirectURL.
func (m *Merchant) Paths() (connect, callback, disconnect string) {
	return m.connector.Paths()
}

// Routes returns every path at which a router may have to serve [Merchant.Handler].
// Connect, callback and disconnect come first as browsers see them. Then come the
// same three without their first segment, without their first two, and so on: a
// router mounted below a prefix sees one of these and does not know which. The
// last three have one directory left, unless Config.RedirectURL has none.
//
// For https://shop.example/shop/gloebit/callback the routes are those of
// /shop/gloebit and of /gloebit.
func (m *Merchant) Routes() []string {
	return m.connector.Routes()
}

// Disconnect removes a user's credential outside a request, for instance when
// the user's account is deleted. It logs as [Merchant.DisconnectHandler] does.
// A user without a credential is no error. Disconnect touches no session and
// does not call Config.OnDisconnect, which needs a request; a connection that
// is under way can still be completed. Errors: ErrInvalidRequest for an ID that
// is empty, too long or not text, ErrStore.
func (m *Merchant) Disconnect(ctx context.Context, userID string) error {
	return m.connector.Disconnect(ctx, userID)
}

// ConnectURL returns the local URL that starts a connection, for links. The
// user comes back to the local path returnTo; empty means Config.HomePath.
// The scopes are asked for in addition to Config.Scopes.
func (m *Merchant) ConnectURL(returnTo string, scopes ...Scope) string {
	return m.connector.ConnectURL(returnTo, scopes...)
}

// User tells who makes the request: the application's user, or who is signed in
// with Gloebit, or whose session it is. They need not be connected. Errors:
// ErrNoUser, ErrNotConnected when nobody is known without Config.User,
// ErrNoSession, ErrStore when Config.User failed.
func (m *Merchant) User(r *http.Request) (User, error) {
	return m.connector.User(r)
}

// SignOut removes the user and their pending connections from the session, and
// gives the session a new ID. With Config.User, or when no user is in the
// session, it changes nothing. The credential stays, so other devices stay
// connected; to remove it, use [Merchant.DisconnectHandler]. Call it from a handler
// that takes a POST from the application's own pages. Errors: ErrNoSession,
// ErrStore.
func (m *Merchant) SignOut(r *http.Request) error {
	return m.connector.SignOut(r)
}

// HandleError answers a request that failed with an error of this package. A
// user who is not connected, or has yet to grant a scope, is sent to connect
// when the request is a page load and comes back to the page; when that happens
// twice in a minute, the second one is answered with a page that has a link.
// A page load of a user who is not signed in leads to Config.SignInURL.
// Everything else goes to Config.ErrorHandler. It logs the error; the user sees a plain
// message.
func (m *Merchant) HandleError(w http.ResponseWriter, r *http.Request, err error) {
	setRetryAfter(w, err)
	m.connector.HandleError(w, r, err)
}

// setRetryAfter tells the browser how long Gloebit asks to wait (RFC 9110 section
// 10.2.3), in whole seconds.
func setRetryAfter(w http.ResponseWriter, err error) {
	var call *APIError
	if errors.As(err, &call) && call.RetryAfter > 0 && (errors.Is(err, ErrRateLimited) || errors.Is(err, ErrUnavailable)) {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((call.RetryAfter-1)/time.Second)+1, 10))
	}
}

// WriteError answers a request that failed as it is answered without a
// Config.ErrorHandler: with a plain page for those who accept HTML, and
// problem+json (RFC 9457) for others. For an ErrorHandler that has words of its
// own for some.
func (m *Merchant) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	setRetryAfter(w, err)
	m.connector.WriteError(w, r, err)
}

// ScopeError says which scopes a user has yet to grant. It is an ErrScopeMissing;
// see [connect.ScopeError].
type ScopeError = connect.ScopeError

// ConnectError is a connection that failed after its state was redeemed. It
// unwraps to the reason; see [connect.ConnectError].
type ConnectError = connect.ConnectError

// LimitError is what Config.Limit returns to say when to try again. It is an
// ErrLimited; see [connect.LimitError].
type LimitError = connect.LimitError

// link is the link that a row of the refusals of calls names.
func (m *Merchant) link(name, returnTo string) connect.Link {
	if name != linkPurchase {
		panic(fmt.Sprintf("gloebit: unknown link %q", name))
	}
	return connect.Link{Member: "purchase_url", Text: "Get more gloebits", URL: m.purchaseGloebitsURL(returnTo)}
}
