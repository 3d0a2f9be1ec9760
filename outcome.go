package gloebit

import (
	"errors"
	"net/http"
	"strings"
)

// Outcome is the result of a transaction according to the response. All but the
// first three have an error, as OutcomeCannotSpend has ErrCannotSpend.
type Outcome string

// The outcomes. [Outcome.Final] and [Outcome.Refused] classify them.
const (
	OutcomeUnknown     Outcome = ""            // none of the others, or there was no response
	OutcomeQueued      Outcome = "queued"      // the gloebits are on hold
	OutcomeResubmitted Outcome = "resubmitted" // this ID was sent before, and the first transaction stands

	OutcomeInsufficientBalance               Outcome = "insufficient-balance"
	OutcomeTransactionPending                Outcome = "pending"        // send it again with the same ID
	OutcomeQueuingFailed                     Outcome = "queuing-failed" // send it again with the same ID
	OutcomeCannotSpend                       Outcome = "cannot-spend"
	OutcomeCannotReceive                     Outcome = "cannot-receive"
	OutcomeUnknownMerchant                   Outcome = "unknown-merchant"
	OutcomeUnknownSubscription               Outcome = "unknown-subscription"
	OutcomeUnknownSubscriptionAuthorization  Outcome = "unknown-subscription-authorization"
	OutcomeSubscriptionAuthorizationPending  Outcome = "subscription-authorization-pending"
	OutcomeSubscriptionAuthorizationDeclined Outcome = "subscription-authorization-declined"
)

// outcomeOf returns the outcome of a successful response with that reason or,
// if err is not nil, of a failed call.
func outcomeOf(reason string, err error) Outcome {
	if err == nil {
		if strings.EqualFold(strings.TrimSpace(reason), "resubmitted") {
			return OutcomeResubmitted
		}
		return OutcomeQueued
	}
	var failure *APIError
	if errors.As(err, &failure) && failure.saysCreated() {
		return OutcomeResubmitted
	}
	for _, row := range calls {
		if row.outcome != OutcomeUnknown && errors.Is(err, row.Err) {
			return row.outcome
		}
	}
	return OutcomeUnknown
}

// Err returns the error that comes with the outcome, such as ErrCannotSpend. It
// is nil for OutcomeQueued, OutcomeResubmitted and OutcomeUnknown; the call
// with OutcomeUnknown may still have returned an error.
func (o Outcome) Err() error { return o.row().Err }

// Final reports whether no call with the transaction's ID has charged the user.
// It returns true for OutcomeInsufficientBalance only. Any other refusal says
// only that this call was not queued: an earlier call with the same ID may have
// charged the user.
func (o Outcome) Final() bool { return o.row().charged == chargeNone }

// Refused reports whether the server refused the transaction for a reason that
// sending it again at once does not change. It returns false for
// OutcomeTransactionPending and OutcomeQueuingFailed; after these, send the
// transaction again with the same ID.
func (o Outcome) Refused() bool { return o.Err() != nil && !o.row().again }

// row returns the outcome's row. It is zero if there is none.
func (o Outcome) row() callRefusal {
	for _, row := range calls {
		if o != OutcomeUnknown && row.outcome == o {
			return row
		}
	}
	return callRefusal{}
}

// saysCreated reports whether the server refused a request because of a
// concurrent one with the same ID. To learn the outcome of that one, send the ID
// again.
func (e *APIError) saysCreated() bool {
	return e.StatusCode < http.StatusInternalServerError && strings.EqualFold(
		strings.TrimSpace(e.Reason), "transaction already created",
	)
}
