package gloebit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What can go wrong while connecting a user. Find them with errors.Is.
var (
	// ErrNotConnected says that the user has no usable connection to Gloebit:
	// they never connected, disconnected, or their token was refused.
	// [Merchant.HandleError] sends them to connect.
	ErrNotConnected = errors.New("gloebit: the user is not connected")
	// ErrNoUser says that the application knows of no user: Config.User
	// returned this error, or a User without an ID.
	ErrNoUser = errors.New("gloebit: nobody is signed in")
	// ErrNoSession says that the request has no session: the handler is not
	// wrapped in the session manager's LoadAndSave.
	ErrNoSession = errors.New("gloebit: the request has no session: wrap the handler in Config.Sessions.LoadAndSave")
	// ErrState says that a callback's state is missing, repeated, unknown,
	// expired, used before, or another browser's (RFC 6749 section 10.12).
	ErrState = errors.New("gloebit: the state of the callback is not valid")
	// ErrReturnTo says that return_to leads away from the application.
	ErrReturnTo = errors.New("gloebit: return_to is not a path of this application")
	// ErrAccessDenied says that the user refused (RFC 6749 section 4.1.2.1).
	ErrAccessDenied = errors.New("gloebit: the user refused access")
	// ErrUserChanged says that another user came back than the one who left.
	ErrUserChanged = errors.New("gloebit: the user changed while connecting")
	// ErrAuthorization says that the provider answered the authorization
	// request with an error other than a refusal, or with an answer that
	// can't be used (RFC 6749 section 4.1.2.1).
	ErrAuthorization = errors.New("gloebit: the authorization failed")
	// ErrExchange says that the provider gave no usable token for the code or
	// the refresh token (RFC 6749 sections 5.1 and 5.2).
	ErrExchange = errors.New("gloebit: no token was given")
	// ErrLimited says that Config.Limit refused the request.
	ErrLimited = errors.New("gloebit: too many attempts to connect")
	// ErrCrossOrigin says that a form came from another site.
	ErrCrossOrigin = errors.New("gloebit: the form came from another site")
	// ErrStore says that a session, state or token store failed.
	ErrStore = errors.New("gloebit: a store failed")
	// ErrNotFound is what a [StateStore] and a [TokenStore] return for absence.
	ErrNotFound = errors.New("gloebit: not found")
)

// What a call to Gloebit can answer. Find them with errors.Is; the [APIError]
// around them, found with errors.As, holds the server's own words.
var (
	// ErrTokenRefused says that the server does not know the access token: the
	// user revoked it, or a newer one replaced it. ErrNotConnected comes with it.
	ErrTokenRefused = errors.New("gloebit: the token was refused")
	// ErrTokenExpired says that the access token has expired and could not be
	// refreshed. ErrNotConnected comes with it.
	ErrTokenExpired = errors.New("gloebit: the token has expired")
	// ErrScopeMissing says that the user did not grant the scope that the call
	// needs. [Merchant.HandleError] sends them to connect with it.
	ErrScopeMissing = errors.New("gloebit: the scope was not granted")
	// ErrUnknownApplication says that the server does not know the client id.
	ErrUnknownApplication = errors.New("gloebit: the application is unknown to the server")
	// ErrUnknownUser says that the server does not know the token's user.
	ErrUnknownUser = errors.New("gloebit: the user is unknown to the server")
	// ErrInsufficientBalance says that the user can't pay. It is final; nothing was charged.
	ErrInsufficientBalance = errors.New("gloebit: insufficient balance")
	// ErrCannotSpend says that the payer's account is locked. Nothing was charged.
	ErrCannotSpend = errors.New("gloebit: the user's account can't spend")
	// ErrCannotReceive says that the payee's account is locked. Nothing was charged.
	ErrCannotReceive = errors.New("gloebit: the payee's account can't receive")
	// ErrUnknownMerchant says that the server can't tell who is to be paid.
	ErrUnknownMerchant = errors.New("gloebit: the payee is unknown to the server")
	// ErrUnknownSubscription says that there is no such subscription.
	ErrUnknownSubscription = errors.New("gloebit: unknown subscription")
	// ErrUnknownSubscriptionAuthorization says that the user has no authorization for the subscription.
	ErrUnknownSubscriptionAuthorization = errors.New("gloebit: unknown subscription authorization")
	// ErrSubscriptionAuthorizationPending says that the user has not answered yet.
	ErrSubscriptionAuthorizationPending = errors.New("gloebit: the subscription authorization is pending")
	// ErrSubscriptionAuthorizationDeclined says that the user declined.
	ErrSubscriptionAuthorizationDeclined = errors.New("gloebit: the subscription authorization was declined")
	// ErrSubscriptionExists says that another subscription has the local id.
	ErrSubscriptionExists = errors.New("gloebit: another subscription has this local id")
	// ErrSubscriptionMismatch says that the subscription is another application's.
	ErrSubscriptionMismatch = errors.New("gloebit: the subscription is another application's")
	// ErrSubscriptionDisabled says that the application has disabled the subscription.
	ErrSubscriptionDisabled = errors.New("gloebit: the subscription is disabled")
	// ErrCannotTransact says that the application may not charge the user.
	ErrCannotTransact = errors.New("gloebit: the application may not charge the user")
	// ErrPending says that the server is still trying the transaction. Ask
	// again with the same id.
	ErrPending = errors.New("gloebit: the transaction is pending")
	// ErrQueuingFailed says that the server could not queue the transaction.
	// Send it again with the same id.
	ErrQueuingFailed = errors.New("gloebit: the transaction could not be queued")
	// ErrPriceChanged is returned when the server charges another total than it
	// was sent. The transaction stands; Receipt.Charged is the new total.
	ErrPriceChanged = errors.New("gloebit: the price has changed")
	// ErrRefused says that the server refused the call for a reason of which
	// this package knows no better name. The APIError holds it.
	ErrRefused = errors.New("gloebit: the call was refused")
	// ErrRateLimited says that the server asks for fewer calls (429).
	ErrRateLimited = errors.New("gloebit: too many requests")
	// ErrUnavailable says that the server can't be reached, did not answer in
	// time, or answered with a status that says it has failed.
	ErrUnavailable = errors.New("gloebit: the server is not available")
	// ErrBadReply says that the server's reply is none: not JSON, cut off, too
	// long, of another type, or without what the call asks for.
	ErrBadReply = errors.New("gloebit: the reply can't be read")
	// ErrOutcomeUnknown says that a call that changes something was sent but its
	// answer never came: it may have been carried out. Send a transaction again
	// with the same id; ask what became of anything else.
	ErrOutcomeUnknown = errors.New("gloebit: the outcome is unknown")
	// ErrInvalidRequest says that the call was not sent since Gloebit would
	// not take it: a price below zero, an empty name, an id that is too long.
	ErrInvalidRequest = errors.New("gloebit: invalid request")
)

var errMethod = errors.New("gloebit: the method is not allowed")

var errNoUserID = fmt.Errorf("%w: the user id is empty", ErrInvalidRequest)

// APIError is a call that failed at the server or on the way. It unwraps to the
// sentinels that say what it means, and to the cause on the network if that was
// it. It never holds a token or a body, nor what package net/http says of a reply,
// which may quote it: of that only the kind is kept, such as a *net.OpError.
type APIError struct {
	Call       string        // the path called, without its arguments, such as "transact"
	StatusCode int           // the HTTP status; zero when no answer came
	Status     string        // the transaction's status, when the answer had one
	Reason     string        // the server's reason, at most 200 bytes
	Scope      Scope         // the scope that the call needs
	RetryAfter time.Duration // how long the server asks to wait; zero when it doesn't

	causes    []error
	transient bool // the same call may fare better later
}

// Error says which call failed and why: in the server's words where it gave a
// reason.
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

// Unwrap returns the sentinels and causes.
func (e *APIError) Unwrap() []error { return e.causes }

// storeError marks the failure of a store.
func storeError(doing string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrStore, doing, err)
}

// meanings says which HTTP status fits an error, and what to tell a person.
// The first that matches counts.
var meanings = []struct {
	err    error
	name   string // of the exported error, for the problem's type
	status int
	text   string
}{
	{ErrLimited, "ErrLimited", http.StatusTooManyRequests, "Too many attempts to connect. Please try again in a moment."},
	{ErrOutcomeUnknown, "ErrOutcomeUnknown", http.StatusServiceUnavailable, "Gloebit did not answer in time, so it is not known yet whether this was done. Please look at your Gloebit account before you try again."},
	{ErrStore, "ErrStore", http.StatusServiceUnavailable, "This site can't reach its own records right now. Please try again in a moment."},
	{ErrNoSession, "ErrNoSession", http.StatusInternalServerError, "This site is not set up correctly."},
	{ErrNoUser, "ErrNoUser", http.StatusUnauthorized, "Please sign in first."},
	{ErrState, "ErrState", http.StatusBadRequest, "This attempt to connect is not valid any more, or it was started in another browser. Please start again."},
	{ErrReturnTo, "ErrReturnTo", http.StatusBadRequest, "The link leads away from this site."},
	{ErrAccessDenied, "ErrAccessDenied", http.StatusForbidden, "You did not approve the connection. Nothing was shared."},
	{ErrUserChanged, "ErrUserChanged", http.StatusForbidden, "Somebody else is signed in than when this started. Please start again."},
	{ErrCrossOrigin, "ErrCrossOrigin", http.StatusForbidden, "The form came from another site."},
	{ErrScopeMissing, "ErrScopeMissing", http.StatusForbidden, "Your approval does not cover this yet."},
	{ErrNotConnected, "ErrNotConnected", http.StatusUnauthorized, "Please connect your Gloebit account first."},
	{ErrInsufficientBalance, "ErrInsufficientBalance", http.StatusPaymentRequired, "You don't have enough gloebits for this. Nothing was charged."},
	{ErrCannotSpend, "ErrCannotSpend", http.StatusForbidden, "Your Gloebit account can't spend right now. Nothing was charged."},
	{ErrCannotReceive, "ErrCannotReceive", http.StatusBadGateway, "This site can't receive gloebits right now. Nothing was charged."},
	{ErrUnknownMerchant, "ErrUnknownMerchant", http.StatusBadGateway, "This site can't receive gloebits right now. Nothing was charged."},
	{ErrUnknownApplication, "ErrUnknownApplication", http.StatusBadGateway, "This site is not set up correctly at Gloebit."},
	{ErrUnknownUser, "ErrUnknownUser", http.StatusForbidden, "Gloebit does not know your account any more."},
	{ErrUnknownSubscription, "ErrUnknownSubscription", http.StatusBadGateway, "Gloebit does not know this subscription."},
	{ErrUnknownSubscriptionAuthorization, "ErrUnknownSubscriptionAuthorization", http.StatusForbidden, "You have not authorized this subscription."},
	{ErrSubscriptionAuthorizationPending, "ErrSubscriptionAuthorizationPending", http.StatusForbidden, "You have not answered at Gloebit yet whether you authorize this subscription."},
	{ErrSubscriptionAuthorizationDeclined, "ErrSubscriptionAuthorizationDeclined", http.StatusForbidden, "You declined this subscription."},
	{ErrSubscriptionExists, "ErrSubscriptionExists", http.StatusConflict, "There is another subscription of this name."},
	{ErrSubscriptionMismatch, "ErrSubscriptionMismatch", http.StatusBadGateway, "Gloebit does not know this subscription."},
	{ErrSubscriptionDisabled, "ErrSubscriptionDisabled", http.StatusForbidden, "This subscription is not offered any more."},
	{ErrCannotTransact, "ErrCannotTransact", http.StatusForbidden, "This site may not charge your Gloebit account."},
	{ErrPriceChanged, "ErrPriceChanged", http.StatusConflict, "The price has changed, and Gloebit charged the new one. Your Gloebit account shows what was charged."},
	{errMethod, "", http.StatusMethodNotAllowed, "This address takes another kind of request."},
	{ErrInvalidRequest, "ErrInvalidRequest", http.StatusBadRequest, "The request is not valid."},
	{context.DeadlineExceeded, "ErrUnavailable", http.StatusGatewayTimeout, "Gloebit did not answer in time. Please try again."},
	{ErrExchange, "ErrExchange", http.StatusBadGateway, "Gloebit did not complete the connection. Please start again."},
	{ErrRateLimited, "ErrRateLimited", http.StatusServiceUnavailable, "Gloebit is busy. Please try again in a moment."},
	{ErrUnavailable, "ErrUnavailable", http.StatusServiceUnavailable, "Gloebit can't be reached right now. Please try again in a moment."},
	{ErrPending, "ErrPending", http.StatusServiceUnavailable, "Gloebit is still working on this. Please look at your Gloebit account before you try again."},
	{ErrQueuingFailed, "ErrQueuingFailed", http.StatusServiceUnavailable, "Gloebit could not take this. Please try again in a moment."},
	{ErrAuthorization, "ErrAuthorization", http.StatusBadGateway, "Gloebit could not complete the connection. Please start again."},
	{ErrBadReply, "ErrBadReply", http.StatusBadGateway, "Gloebit sent an answer that this site can't read."},
	{ErrRefused, "ErrRefused", http.StatusBadGateway, "Gloebit refused this."},
	{ErrNotFound, "ErrNotFound", http.StatusNotFound, "There is nothing here."},
}

// StatusCode returns the HTTP status that fits an error of this package, for
// those who write their own Config.ErrorHandler. Errors it doesn't know are 500.
func StatusCode(err error) int {
	for _, meaning := range meanings {
		if errors.Is(err, meaning.err) {
			return meaning.status
		}
	}
	return http.StatusInternalServerError
}
