package connect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// The errors of connecting a user. Match them with errors.Is. A call is an API
// request of a package that is built on this one, such as gloebit.
var (
	// ErrNotConnected is returned by [Connector.Account] and by every API call
	// when the user has no usable connection: the user never connected,
	// disconnected, or the server refused their token. [Connector.HandleError]
	// redirects them to connect.
	ErrNotConnected = errors.New("the user is not connected")
	// ErrNoUser is returned by Config.User when no user is signed in to the
	// application. A User without an ID means the same.
	ErrNoUser = errors.New("no user is signed in")
	// ErrNoSession is returned by the methods of a [Connector] that use the
	// session when the request has none: the handler is not wrapped in the
	// session manager's LoadAndSave or, if Config.Sessions is nil, in
	// [Connector.Optional].
	ErrNoSession = errors.New("the request has no session: wrap the handler in Config.Sessions.LoadAndSave")
	// ErrInvalidState is returned by [Connector.Exchange] when the state is
	// missing, repeated, unknown, expired, used, or another browser's (RFC 6749
	// section 10.12), or when the callback has neither a code nor an error, or
	// has one that is empty or repeated.
	ErrInvalidState = errors.New("the state of the callback is not valid")
	// ErrInvalidReturnTo is returned by [Connector.AuthorizationURL] when
	// return_to leads away from the application.
	ErrInvalidReturnTo = errors.New("return_to is not a path of this application")
	// ErrAccessDenied is returned by [Connector.Exchange] when the user denied
	// access (RFC 6749 section 4.1.2.1).
	ErrAccessDenied = errors.New("the user refused access")
	// ErrUserChanged is returned by [Connector.Exchange] when the signed-in
	// user is not the one who started to connect or, with Config.SignIn, when
	// the user approved with an account other than the one signed in.
	ErrUserChanged = errors.New("the user changed while connecting")
	// ErrAuthorizationFailed is returned by [Connector.Exchange] when the
	// server reports an error other than a denial (RFC 6749 section 4.1.2.1),
	// or the response is not from Server.Issuer (RFC 9207).
	ErrAuthorizationFailed = errors.New("the authorization failed")
	// ErrTokenExchange is returned by [Connector.Exchange], and by calls that
	// refresh a token, when the token endpoint gave no usable token (RFC 6749
	// sections 5.1 and 5.2).
	ErrTokenExchange = errors.New("no token was given")
	// ErrCodeExpired is returned by [Connector.ConnectDevice] when the user did
	// not enter the code before it expired.
	ErrCodeExpired = errors.New("the code has expired")
	// ErrTooManyAttempts is returned by [Connector.AuthorizationURL] and
	// [Connector.Exchange] when Config.RateLimit refused the request.
	ErrTooManyAttempts = errors.New("too many attempts to connect")
	// ErrCrossOrigin is passed to Config.ErrorHandler when a form came from
	// another site.
	ErrCrossOrigin = errors.New("the form came from another site")
	// ErrStore is returned when a session, state or token store failed, and
	// when Config.User failed.
	ErrStore = errors.New("a store failed")
	// ErrNotFound is returned by a [StateStore] and a [TokenStore] when the
	// store has no such entry.
	ErrNotFound = errors.New("not found")
	// ErrTokenRefused is returned by every API call when the server does not
	// know the access token: the user revoked it, or a newer token replaced it.
	// errors.Is also matches ErrNotConnected.
	ErrTokenRefused = errors.New("the token was refused")
	// ErrTokenExpired is returned by every API call when the access token has
	// expired and there is no refresh token, or the server refused to refresh
	// it. errors.Is also matches ErrNotConnected.
	ErrTokenExpired = errors.New("the token has expired")
	// ErrScopeMissing is returned by a call when the user did not grant the
	// scope that it needs. [Connector.HandleError] redirects them to grant it.
	ErrScopeMissing = errors.New("the scope was not granted")
	// ErrUnavailable is returned when the server can't be reached, does not
	// answer in time, or responds with a server error, such as status 503.
	ErrUnavailable = errors.New("the server is not available")
	// ErrInvalidResponse is returned when the response could not be parsed, is
	// too long, or lacks required fields.
	ErrInvalidResponse = errors.New("the reply can't be read")
	// ErrInvalidRequest is returned when a value is invalid, such as an unknown
	// scope or an ID that is too long. Nothing was sent.
	ErrInvalidRequest = errors.New("invalid request")
)

// stateError is an ErrInvalidState with a known cause. The log record has its
// reason as an attribute.
type stateError struct{ reason, cause string }

// Error returns the cause and, if a setting causes it, what to set.
func (e *stateError) Error() string { return ErrInvalidState.Error() + ": " + e.cause }

// Unwrap returns ErrInvalidState.
func (e *stateError) Unwrap() error { return ErrInvalidState }

// The causes of an ErrInvalidState. An ErrInvalidState without a cause is a
// callback that no server sent.
var (
	errCookieMissing = &stateError{"cookie_missing", "the browser sent no session cookie: " +
		"it blocks cookies, or the user started to connect in another browser or at another host than that of " +
		"Config.RedirectURL"}
	errSessionLost = &stateError{"session_lost", "the session that the browser named started no connection: " +
		"it has ended since, or replicas or restarts don't share Config.Sessions"}
	errOtherBrowser = &stateError{"other_browser", "another browser started this connection"}
	errStateExpired = &stateError{"state_expired", "the user took longer than Config.ConnectTimeout"}
	errStateUsed    = &stateError{
		"state_used", "this connection was completed before, or the session has started too many since",
	}
	errStateLost = &stateError{"state_lost", "the state store no longer has what this browser started: " +
		"another browser has loaded this callback, or the store was restarted or reached its capacity, " +
		"or replicas don't share Config.States"}
)

// reasonOf returns the reason of an ErrInvalidState, and "" for other errors.
func reasonOf(err error) string {
	var cause *stateError
	switch {
	case errors.As(err, &cause):
		return cause.reason
	case errors.Is(err, ErrInvalidState):
		return "callback_malformed"
	}
	return ""
}

var errMethod = errors.New("the method is not allowed")

// storeError wraps a store's failure.
func storeError(doing string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrStore, doing, err)
}

// connecting are the refusals of connecting a user, including those that calls
// share with it. The first match counts.
var connecting = []Refusal{
	{
		ErrTooManyAttempts, "ErrTooManyAttempts", http.StatusTooManyRequests, "",
		"Too many attempts to connect. Please try again in a moment.",
	},
	{
		ErrStore, "ErrStore", http.StatusServiceUnavailable, "",
		"This site can't reach its own records right now. Please try again in a moment.",
	},
	{ErrNoSession, "ErrNoSession", http.StatusInternalServerError, "", "This site is not set up correctly."},
	{ErrNoUser, "ErrNoUser", http.StatusUnauthorized, "", "Please sign in first."},
	{
		errCookieMissing, "ErrInvalidState", http.StatusBadRequest, linkRestart,
		"Your browser sent no cookie. Please allow cookies for this site, and start again in this browser.",
	},
	{
		errSessionLost, "ErrInvalidState", http.StatusBadRequest, linkRestart,
		"Your session on this site has ended since you started to connect. Please start again.",
	},
	{
		errOtherBrowser, "ErrInvalidState", http.StatusBadRequest, linkRestart,
		"You started to connect in another browser or window. Please go on there, or start again here.",
	},
	{
		errStateExpired, "ErrInvalidState", http.StatusBadRequest, linkRestart,
		"Connecting took too long. Please start again.",
	},
	{
		errStateUsed, "ErrInvalidState", http.StatusBadRequest, linkRestart,
		"This attempt to connect was used already. If you are not connected, please start again.",
	},
	{
		errStateLost, "ErrInvalidState", http.StatusBadRequest, linkRestart,
		"This site no longer knows your attempt to connect. Please start again.",
	},
	{
		ErrInvalidState, "ErrInvalidState", http.StatusBadRequest, linkRestart,
		"The address of this page is incomplete or was changed. Please start again.",
	},
	{ErrInvalidReturnTo, "ErrInvalidReturnTo", http.StatusBadRequest, "", "The link leads away from this site."},
	{
		ErrAccessDenied, "ErrAccessDenied", http.StatusForbidden, "",
		"You did not approve the connection, so this site got no new access.",
	},
	{
		ErrUserChanged, "ErrUserChanged", http.StatusForbidden, "",
		"You are signed in as a different user now. Please start again.",
	},
	{ErrCrossOrigin, "ErrCrossOrigin", http.StatusForbidden, "", "The form came from another site."},
	{ErrScopeMissing, "ErrScopeMissing", http.StatusForbidden, linkConnect, "Your approval does not cover this yet."},
	{
		ErrNotConnected, "ErrNotConnected", http.StatusUnauthorized, linkConnect,
		"Please connect your {server} account first.",
	},
	{
		ErrTokenRefused, "ErrTokenRefused", http.StatusUnauthorized, linkConnect,
		"Please connect your {server} account first.",
	},
	{
		ErrTokenExpired, "ErrTokenExpired", http.StatusUnauthorized, linkConnect,
		"Please connect your {server} account first.",
	},
	{errMethod, "", http.StatusMethodNotAllowed, "", "This address takes another kind of request."},
	{ErrInvalidRequest, "ErrInvalidRequest", http.StatusBadRequest, "", "The request is not valid."},
	{
		context.DeadlineExceeded, "ErrUnavailable", http.StatusGatewayTimeout, "",
		"{server} did not answer in time. Please try again.",
	},
	{
		ErrTokenExchange, "ErrTokenExchange", http.StatusBadGateway, "",
		"{server} did not complete the connection. Please start again.",
	},
	{ErrCodeExpired, "ErrCodeExpired", http.StatusGone, "", "The code has expired. Please start again."},
	{
		ErrUnavailable, "ErrUnavailable", http.StatusServiceUnavailable, "",
		"{server} can't be reached right now. Please try again in a moment.",
	},
	{
		ErrAuthorizationFailed, "ErrAuthorizationFailed", http.StatusBadGateway, "",
		"{server} could not complete the connection. Please start again.",
	},
	{
		ErrInvalidResponse, "ErrInvalidResponse", http.StatusBadGateway, "",
		"{server} sent an answer that this site can't read.",
	},
	{ErrNotFound, "ErrNotFound", http.StatusNotFound, "", "There is nothing here."},
}
