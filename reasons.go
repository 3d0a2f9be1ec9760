package gloebit

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
)

// linkPurchase is the link to Gloebit's page for buying gloebits.
const linkPurchase = "purchase"

// charge says whether the calls with a transaction's ID have charged the user.
type charge int

const (
	chargeUnknown charge = iota // not charged by the refused call, but possibly by an earlier one
	chargeNone                  // not charged by any call: the answer is about the queued transaction, and final
	chargeMade                  // charged
)

// callRefusal is a row of the table of refused calls: the server's words, their
// meaning, and the response to the user's request.
type callRefusal struct {
	connect.Refusal          // zero if the words mean errors of connecting only
	connecting      []error  // the errors of connecting that the words mean
	words           []string // the server's status or reason, in lower case
	outcome         Outcome
	charged         charge
	again           bool // a retry with the same ID may have another result
}

// unknownOutcome takes precedence over every row. An error that also suggests
// what to do must not hide that the call may have succeeded.
var unknownOutcome = connect.Refusal{
	Err: ErrOutcomeUnknown, Name: "ErrOutcomeUnknown", Status: http.StatusServiceUnavailable,
	Text: "Gloebit did not answer in time, so it is not known yet whether this was done. " +
		"Please look at your Gloebit account before you try again.",
}

// calls are the refusals of calls to Gloebit. A text says that nothing was
// charged only if no call with the transaction's ID can have charged. Most
// refusals are checks before the queue. An earlier call with the same ID may
// have charged before the check began to fail, for example because the account
// was locked in between.
var calls = []callRefusal{
	{
		connecting: []error{ErrTokenRefused, ErrNotConnected},
		words: []string{
			"unknown token", "unknown token1", "unknown token2", "unknown oauth2 token", "invalid access token",
			"token_rejected", "token_revoked", // OAuth 1.0a
		},
	},
	{
		connecting: []error{ErrTokenExpired, ErrNotConnected},
		words:      []string{"token has expired", "token_expired"},
	},
	{
		connecting: []error{ErrScopeMissing},
		words:      []string{"missing domain"},
	},
	{
		Refusal: connect.Refusal{
			Err: ErrInsufficientBalance, Name: "ErrInsufficientBalance", Status: http.StatusPaymentRequired, Link: linkPurchase,
			Text: "You don't have enough gloebits for this. Nothing was charged.",
		},
		words:   []string{"insufficient balance"},
		outcome: OutcomeInsufficientBalance,
		charged: chargeNone,
	},
	{
		Refusal: connect.Refusal{
			Err: ErrCannotSpend, Name: "ErrCannotSpend", Status: http.StatusForbidden,
			Text: "Your Gloebit account can't spend right now, so this was not accepted.",
		},
		words:   []string{"cannot-spend"},
		outcome: OutcomeCannotSpend,
	},
	{
		Refusal: connect.Refusal{
			Err: ErrCannotReceive, Name: "ErrCannotReceive", Status: http.StatusBadGateway,
			Text: "This site can't receive gloebits right now, so this was not accepted.",
		},
		words:   []string{"cannot-receive"},
		outcome: OutcomeCannotReceive,
	},
	{
		Refusal: connect.Refusal{
			Err: ErrUnknownMerchant, Name: "ErrUnknownMerchant", Status: http.StatusBadGateway,
			Text: "This site can't receive gloebits right now, so this was not accepted.",
		},
		words:   []string{"unknown-merchant"},
		outcome: OutcomeUnknownMerchant,
	},
	{
		Refusal: connect.Refusal{
			Err: ErrUnknownApplication, Name: "ErrUnknownApplication", Status: http.StatusBadGateway,
			Text: "This site is not set up correctly at Gloebit.",
		},
		words: []string{"unknown consumer"},
	},
	{
		Refusal: connect.Refusal{
			Err: ErrUnknownUser, Name: "ErrUnknownUser", Status: http.StatusForbidden,
			Text: "Gloebit does not know your account any more.",
		},
		words: []string{"unknown user"},
	},
	{
		Refusal: connect.Refusal{
			Err: ErrUnknownSubscription, Name: "ErrUnknownSubscription", Status: http.StatusBadGateway,
			Text: "Gloebit does not know this subscription.",
		},
		words:   []string{"unknown-subscription", "subscription-not-found"},
		outcome: OutcomeUnknownSubscription,
	},
	{
		Refusal: connect.Refusal{
			Err: ErrUnknownSubscriptionAuthorization, Name: "ErrUnknownSubscriptionAuthorization", Status: http.StatusForbidden,
			Text: "You have not authorized this subscription.",
		},
		words:   []string{"unknown-subscription-authorization"},
		outcome: OutcomeUnknownSubscriptionAuthorization,
	},
	{
		Refusal: connect.Refusal{
			Err: ErrSubscriptionAuthorizationPending, Name: "ErrSubscriptionAuthorizationPending", Status: http.StatusForbidden,
			Text: "You have not answered at Gloebit yet whether you authorize this subscription.",
		},
		words:   []string{"subscription-authorization-pending"},
		outcome: OutcomeSubscriptionAuthorizationPending,
	},
	{
		Refusal: connect.Refusal{
			Err: ErrSubscriptionAuthorizationDeclined, Name: "ErrSubscriptionAuthorizationDeclined",
			Status: http.StatusForbidden,
			Text:   "You declined this subscription.",
		},
		words:   []string{"subscription-authorization-declined", declinedBefore},
		outcome: OutcomeSubscriptionAuthorizationDeclined,
	},
	{
		Refusal: connect.Refusal{
			Err: ErrSubscriptionExists, Name: "ErrSubscriptionExists", Status: http.StatusConflict,
			Text: "There is another subscription of this name.",
		},
		words: []string{"different subscription exists with this app-subscription-id"},
	},
	{
		Refusal: connect.Refusal{
			Err: ErrSubscriptionMismatch, Name: "ErrSubscriptionMismatch", Status: http.StatusBadGateway,
			Text: "Gloebit does not know this subscription.",
		},
		words: []string{"mismatched-application-key", "mis-matched-subscription-ids"},
	},
	{
		Refusal: connect.Refusal{
			Err: ErrSubscriptionDisabled, Name: "ErrSubscriptionDisabled", Status: http.StatusForbidden,
			Text: "This subscription is not offered any more.",
		},
		words: []string{"subscription-disabled"},
	},
	{
		Refusal: connect.Refusal{
			Err: ErrCannotTransact, Name: "ErrCannotTransact", Status: http.StatusForbidden,
			Text: "This site may not charge your Gloebit account.",
		},
		words: []string{"cannot-transact"},
	},
	{
		Refusal: connect.Refusal{
			Err: ErrPriceChanged, Name: "ErrPriceChanged", Status: http.StatusConflict,
			Text: "The price has changed, and Gloebit charged the new one. Your Gloebit account shows what was charged.",
		},
		charged: chargeMade,
	},
	{
		Refusal: connect.Refusal{
			Err: ErrKeyReused, Name: "ErrKeyReused", Status: http.StatusConflict,
			Text: "You have already ordered this. To order again, please reload the page you came from.",
		},
	},
	{
		Refusal: connect.Refusal{
			Err: ErrOrderCanceled, Name: "ErrOrderCanceled", Status: http.StatusConflict,
			Text: "This order was canceled, and its gloebits are not taken. To order again, please reload the page you " +
				"came from.",
		},
	},
	{
		Refusal: connect.Refusal{
			Err: ErrRateLimited, Name: "ErrRateLimited", Status: http.StatusServiceUnavailable,
			Text: "Gloebit is busy. Please try again in a moment.",
		},
	},
	{
		Refusal: connect.Refusal{
			Err: ErrTransactionPending, Name: "ErrTransactionPending", Status: http.StatusServiceUnavailable,
			Text: "Gloebit is still working on this. Please look at your Gloebit account before you try again.",
		},
		words:   []string{"pending"},
		outcome: OutcomeTransactionPending,
		again:   true,
	},
	{
		Refusal: connect.Refusal{
			Err: ErrQueuingFailed, Name: "ErrQueuingFailed", Status: http.StatusServiceUnavailable,
			Text: "Gloebit could not take this. Please try again in a moment.",
		},
		words:   []string{"queuing-failed", "retry"},
		outcome: OutcomeQueuingFailed,
		again:   true,
	},
	{
		Refusal: connect.Refusal{
			Err: ErrRefused, Name: "ErrRefused", Status: http.StatusBadGateway,
			Text: "Gloebit refused this.",
		},
	},
}

// failuresOf returns the errors that the status and reason of a refused call
// mean. The status takes precedence, unless it says that queuing failed: the
// reason may say why a retry would fail, too. A pending transaction may still
// charge the user, whatever the reason.
func failuresOf(status, reason string) []error {
	row, ok := rowOf(status)
	if why, known := rowOf(reason); known && (!ok || row.outcome == OutcomeQueuingFailed && !why.again) {
		row, ok = why, true
	}
	switch {
	case !ok:
		return []error{ErrRefused}
	case row.Err == nil:
		return slices.Clone(row.connecting)
	}
	return []error{row.Err}
}

// rowOf returns the row that has the server's word, and whether there is one.
func rowOf(word string) (callRefusal, bool) {
	word = strings.ToLower(strings.TrimSpace(word))
	for _, row := range calls {
		if slices.Contains(row.words, word) {
			return row, true
		}
	}
	return callRefusal{}, false
}
