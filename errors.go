package gloebit

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/connect"
)

// The errors of connecting a user, from package connect. Match them with
// errors.Is.
var (
	// ErrNotConnected is returned by [Merchant.Client] and by every API call
	// when the user has no usable connection: the user never connected,
	// disconnected, or the server refused their token. [Merchant.HandleError]
	// redirects them to connect.
	ErrNotConnected = connect.ErrNotConnected
	// ErrNoUser is returned by Config.User when no user is signed in to the
	// application. Returning a User without an ID has the same effect.
	ErrNoUser = connect.ErrNoUser
	// ErrNoSession is returned by [Merchant.AuthorizationURL],
	// [Merchant.Exchange], [Merchant.User] and [Merchant.SignOut] when the
	// request has no session: the handler is not wrapped in the session
	// manager's LoadAndSave or, if Config.Sessions is nil, in
	// [Merchant.Optional].
	ErrNoSession = connect.ErrNoSession
	// ErrInvalidState is returned by [Merchant.Exchange] when the state is
	// missing, repeated, unknown, expired, used, or another browser's (RFC 6749
	// section 10.12), or when the callback has neither a code nor an error, or
	// has one that is empty or repeated.
	ErrInvalidState = connect.ErrInvalidState
	// ErrInvalidReturnTo is returned by [Merchant.AuthorizationURL] when
	// return_to leads away from the application.
	ErrInvalidReturnTo = connect.ErrInvalidReturnTo
	// ErrAccessDenied is returned by [Merchant.Exchange] when the user denied
	// access (RFC 6749 section 4.1.2.1).
	ErrAccessDenied = connect.ErrAccessDenied
	// ErrUserChanged is returned by [Merchant.Exchange] when the signed-in user
	// is not the one who started to connect or, with Config.SignIn, when the
	// user approved with an account other than the one signed in.
	ErrUserChanged = connect.ErrUserChanged
	// ErrAuthorizationFailed is returned by [Merchant.Exchange] when the
	// provider reports an error other than a denial (RFC 6749 section 4.1.2.1),
	// or the response is not from Provider.Issuer (RFC 9207).
	ErrAuthorizationFailed = connect.ErrAuthorizationFailed
	// ErrTokenExchange is returned by [Merchant.Exchange], and by calls that
	// refresh a token, when the token endpoint gave no usable token (RFC 6749
	// sections 5.1 and 5.2).
	ErrTokenExchange = connect.ErrTokenExchange
	// ErrTooManyAttempts is returned by [Merchant.AuthorizationURL] and
	// [Merchant.Exchange] when Config.RateLimit refused the request.
	ErrTooManyAttempts = connect.ErrTooManyAttempts
	// ErrCrossOrigin is passed to Config.ErrorHandler when a form came from
	// another site.
	ErrCrossOrigin = connect.ErrCrossOrigin
	// ErrStore is returned when a session, state, token or purchase store
	// failed, and when Config.User failed.
	ErrStore = connect.ErrStore
	// ErrNotFound is returned by a [StateStore] and a [TokenStore] when the
	// store has no such entry, and by Ledger.Get of package ledger when there
	// is no such purchase.
	ErrNotFound = connect.ErrNotFound
	// ErrTokenRefused is returned by every API call when the server does not
	// know the access token: the user revoked it, or a newer token replaced it.
	// errors.Is also matches ErrNotConnected.
	ErrTokenRefused = connect.ErrTokenRefused
	// ErrTokenExpired is returned by every API call when the access token has
	// expired and there is no refresh token, or the server refused to refresh
	// it. errors.Is also matches ErrNotConnected.
	ErrTokenExpired = connect.ErrTokenExpired
	// ErrScopeMissing is returned by a call when the user did not grant the
	// scope that it needs. [Merchant.HandleError] redirects them to grant it.
	ErrScopeMissing = connect.ErrScopeMissing
	// ErrUnavailable is returned when the server can't be reached, does not
	// answer in time, or responds with a server error, such as status 503.
	ErrUnavailable = connect.ErrUnavailable
	// ErrInvalidResponse is returned when the response could not be parsed, is
	// too long, or lacks required fields.
	ErrInvalidResponse = connect.ErrInvalidResponse
	// ErrInvalidRequest is returned when the request is invalid and was not
	// sent: a negative price, an item without a price, an empty name, an ID that
	// is too long, no idempotency key.
	ErrInvalidRequest = connect.ErrInvalidRequest
)

// The errors of a call to Gloebit. Match them with errors.Is. To read the
// server's reason, use errors.As to find the [APIError].
var (
	// ErrUnknownApplication is returned by every API call when the server does
	// not know the client id.
	ErrUnknownApplication = errors.New("gloebit: the application is unknown to the server")
	// ErrUnknownUser is returned by every API call when the server does not
	// know the token's user.
	ErrUnknownUser = errors.New("gloebit: the user is unknown to the server")
	// ErrInsufficientBalance is returned by [Client.Transact] when the user
	// can't pay. No call with the transaction's ID has charged the user. The ID
	// may be sent again later.
	ErrInsufficientBalance = errors.New("gloebit: insufficient balance")
	// ErrCannotSpend is returned by [Client.Transact] when the payer's account
	// is locked. The call was not accepted; an earlier call with the same ID
	// may have charged the user.
	ErrCannotSpend = errors.New("gloebit: the user's account can't spend")
	// ErrCannotReceive is returned by [Client.Transact] when the payee's
	// account is locked. The call was not accepted; an earlier call with the
	// same ID may have charged the user.
	ErrCannotReceive = errors.New("gloebit: the payee's account can't receive")
	// ErrUnknownMerchant is returned by [Client.Transact] when the server can't
	// determine which account to pay. The call was not accepted; an earlier
	// call with the same ID may have charged the user.
	ErrUnknownMerchant = errors.New("gloebit: the payee is unknown to the server")
	// ErrUnknownSubscription is returned by [Client.Transact] and
	// [Client.CreateSubscriptionAuthorization] when there is no such
	// subscription.
	ErrUnknownSubscription = errors.New("gloebit: unknown subscription")
	// ErrUnknownSubscriptionAuthorization is returned by [Client.Transact] when
	// the user has no authorization for the subscription.
	ErrUnknownSubscriptionAuthorization = errors.New("gloebit: unknown subscription authorization")
	// ErrSubscriptionAuthorizationPending is returned by [Client.Transact] when
	// the user has neither approved nor declined the authorization yet.
	ErrSubscriptionAuthorizationPending = errors.New("gloebit: the subscription authorization is pending")
	// ErrSubscriptionAuthorizationDeclined is returned by [Client.Transact] and
	// [Client.CreateSubscriptionAuthorization] when the user declined.
	ErrSubscriptionAuthorizationDeclined = errors.New("gloebit: the subscription authorization was declined")
	// ErrSubscriptionExists is returned by [Merchant.CreateSubscription] when
	// another subscription has the local id.
	ErrSubscriptionExists = errors.New("gloebit: another subscription has this local id")
	// ErrSubscriptionMismatch is returned by
	// [Client.CreateSubscriptionAuthorization] when the subscription is another
	// application's.
	ErrSubscriptionMismatch = errors.New("gloebit: the subscription is another application's")
	// ErrSubscriptionDisabled is returned by
	// [Client.CreateSubscriptionAuthorization] when the application has
	// disabled the subscription.
	ErrSubscriptionDisabled = errors.New("gloebit: the subscription is disabled")
	// ErrCannotTransact is returned by [Client.CreateSubscriptionAuthorization]
	// when the application may not charge the user.
	ErrCannotTransact = errors.New("gloebit: the application may not charge the user")
	// ErrTransactionPending is returned by [Client.Transact] when the server is
	// still processing the transaction. Send the transaction again with the
	// same ID.
	ErrTransactionPending = errors.New("gloebit: the transaction is pending")
	// ErrQueuingFailed is returned by [Client.Transact] and
	// [Client.CreateSubscriptionAuthorization] when the server could not queue
	// the request. Send the request again; for a transaction, use the same ID.
	ErrQueuingFailed = errors.New("gloebit: the transaction could not be queued")
	// ErrPriceChanged is returned by [Client.Transact] when the server charges
	// a total other than the one sent. The transaction stands; Receipt.Charged
	// is the new total.
	ErrPriceChanged = errors.New("gloebit: the price has changed")
	// ErrKeyReused is returned by Ledger.Purchase of package ledger when the
	// user has used the key for another order. Nothing was charged for the new
	// order.
	ErrKeyReused = errors.New("gloebit: the key belongs to another order")
	// ErrOrderCanceled is returned by Ledger.Purchase of package ledger when
	// the purchase of the order was canceled. That package calls it
	// ErrCanceled.
	ErrOrderCanceled = errors.New("gloebit: the order was canceled")
	// ErrRefused is returned by every API call when the server refused it for a
	// reason that this package does not know. The APIError holds the reason.
	ErrRefused = errors.New("gloebit: the call was refused")
	// ErrRateLimited is returned by every API call when the server answers with
	// status 429.
	ErrRateLimited = errors.New("gloebit: too many requests")
	// ErrOutcomeUnknown is returned by a call that changes something when it
	// failed but the server may have processed it: the response was lost or
	// invalid, or reported a server error. Send a transaction again with the
	// same ID. For any other call, look up whether it took effect.
	ErrOutcomeUnknown = errors.New("gloebit: the outcome is unknown")
)

// APIError describes a call that failed at the server or on the network. It
// unwraps to the matching errors of this package and, for a network failure, to
// its cause. It never holds a token or a body. Transport errors are reduced to
// their type, such as *net.OpError, because their text may quote a response.
type APIError struct {
	Call       string        // the path called, without its arguments, such as "transact"
	StatusCode int           // the HTTP status; zero when no answer came
	Status     string        // the transaction's status, when the answer had one
	Reason     string        // the server's reason, at most 200 bytes
	Scope      Scope         // the scope that the call needs
	RetryAfter time.Duration // how long the server asks to wait; zero if it does not ask

	causes    []error
	transient bool // the same call may succeed later
	unsent    bool // there was no connection to send the request on
	written   bool // the request was written, possibly by a transport that retries it
}

// Error names the call that failed and the reason, in the server's words if it
// gave one.
func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "gloebit: %s", e.Call)
	if e.StatusCode != 0 && e.StatusCode != http.StatusOK {
		fmt.Fprintf(&b, ": status %d", e.StatusCode)
	}
	if e.Status != "" && e.Status != e.Reason {
		fmt.Fprintf(&b, ": %q", e.Status)
	}
	if e.Reason != "" {
		fmt.Fprintf(&b, ": %q", e.Reason)
		return b.String()
	}
	for _, cause := range e.causes {
		fmt.Fprintf(&b, ": %s", strings.TrimPrefix(cause.Error(), "gloebit: "))
	}
	return b.String()
}

// Unwrap returns the sentinels and causes, and a [ScopeError] for a scope that
// was not granted.
func (e *APIError) Unwrap() []error {
	if e.Scope != "" && slices.Contains(e.causes, ErrScopeMissing) {
		return append([]error{&ScopeError{Missing: []Scope{e.Scope}}}, e.causes...)
	}
	return e.causes
}

// Refusals returns the table from which [Merchant.HandleError] takes the
// response to an error. The first row that matches an error applies. The Name
// of a row is empty, or a URL whose fragment names an error.
func Refusals() []connect.Refusal {
	rows := append([]connect.Refusal{unknownOutcome}, connect.Refusals()...)
	for _, row := range calls {
		if row.Err != nil {
			rows = append(rows, row.Refusal)
		}
	}
	for i, row := range rows {
		switch {
		case row.Err == connect.ErrCodeExpired: // no Merchant returns it
			rows[i].Name = "https://pkg.go.dev/github.com/go-gloebit/gloebit/connect#" + row.Name
		case row.Name != "":
			rows[i].Name = "https://pkg.go.dev/github.com/go-gloebit/gloebit#" + row.Name
		}
	}
	return rows
}

// StatusCode returns the HTTP status that fits an error of this package, for
// use in Config.ErrorHandler. For other errors it returns 500.
func StatusCode(err error) int {
	if row, ok := connect.FindRefusal(err, Refusals()); ok {
		return row.Status
	}
	return http.StatusInternalServerError
}
