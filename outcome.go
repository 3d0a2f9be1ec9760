package gloebit

import (
	"errors"
	"net/http"
	"strings"
)

// Outcome is what became of a transaction, as far as its answer tells. Each but
// the first three comes with the error of the same name.
type Outcome string

// The outcomes.
const (
	OutcomeUnknown     Outcome = ""            // no verdict: it was not sent, the token or the call was refused, or no answer came
	OutcomeQueued      Outcome = "queued"      // the gloebits are on hold
	OutcomeResubmitted Outcome = "resubmitted" // this id was sent before, and the first one stands

	OutcomeInsufficientBalance               Outcome = "insufficient-balance"                // final
	OutcomePending                           Outcome = "pending"                             // the server is still trying; ask again
	OutcomeQueuingFailed                     Outcome = "queuing-failed"                      // send it again
	OutcomeCannotSpend                       Outcome = "cannot-spend"                        // final
	OutcomeCannotReceive                     Outcome = "cannot-receive"                      // final
	OutcomeUnknownMerchant                   Outcome = "unknown-merchant"                    // final
	OutcomeUnknownSubscription               Outcome = "unknown-subscription"                // final
	OutcomeUnknownSubscriptionAuthorization  Outcome = "unknown-subscription-authorization"  // final
	OutcomeSubscriptionAuthorizationPending  Outcome = "subscription-authorization-pending"  // the user has yet to answer
	OutcomeSubscriptionAuthorizationDeclined Outcome = "subscription-authorization-declined" // final
)

// verdicts pairs outcomes with the errors that they come with. A final one is the
// server's judgement of the queued transaction itself, so that no earlier sending
// of the same id can have charged the user. The others are checks before the
// queue: an account that was locked after an earlier sending fails them too.
var verdicts = []struct {
	outcome Outcome
	err     error
	final   bool
}{
	{OutcomeInsufficientBalance, ErrInsufficientBalance, true},
	{OutcomePending, ErrPending, false},
	{OutcomeQueuingFailed, ErrQueuingFailed, false},
	{OutcomeCannotSpend, ErrCannotSpend, false},
	{OutcomeCannotReceive, ErrCannotReceive, false},
	{OutcomeUnknownMerchant, ErrUnknownMerchant, false},
	{OutcomeUnknownSubscription, ErrUnknownSubscription, false},
	{OutcomeUnknownSubscriptionAuthorization, ErrUnknownSubscriptionAuthorization, false},
	{OutcomeSubscriptionAuthorizationPending, ErrSubscriptionAuthorizationPending, false},
	{OutcomeSubscriptionAuthorizationDeclined, ErrSubscriptionAuthorizationDeclined, false},
}

// outcomeOf reads the outcome from the reason of a success or from a failure.
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
	for _, verdict := range verdicts {
		if errors.Is(err, verdict.err) {
			return verdict.outcome
		}
	}
	return OutcomeUnknown
}

func (o Outcome) final() bool {
	for _, verdict := range verdicts {
		if verdict.outcome == o {
			return verdict.final
		}
	}
	return false
}

// saysCreated reports whether the server lost a race against an earlier sending
// of the same id. What became of that one shows when the id is sent again.
func (e *APIError) saysCreated() bool {
	return e.StatusCode < http.StatusInternalServerError && strings.EqualFold(strings.TrimSpace(e.Reason), "transaction already created")
}
