package gloebit

import "strings"

// failuresOf says what the status and the reason of a reply without success
// mean. The status decides where both do.
func failuresOf(status, reason string) []error {
	for _, word := range []string{status, reason} {
		switch strings.ToLower(strings.TrimSpace(word)) {
		case "unknown token", "unknown token1", "unknown token2", "unknown oauth2 token", "invalid access token":
			return []error{ErrTokenRefused, ErrNotConnected}
		case "token_rejected", "token_revoked": // OAuth 1.0a
			return []error{ErrTokenRefused, ErrNotConnected}
		case "token has expired", "token_expired":
			return []error{ErrTokenExpired, ErrNotConnected}
		case "missing domain":
			return []error{ErrScopeMissing}
		case "unknown consumer":
			return []error{ErrUnknownApplication}
		case "unknown user":
			return []error{ErrUnknownUser}
		case "insufficient balance":
			return []error{ErrInsufficientBalance}
		case "pending":
			return []error{ErrPending}
		case "queuing-failed":
			return []error{ErrQueuingFailed}
		case "cannot-spend":
			return []error{ErrCannotSpend}
		case "cannot-receive":
			return []error{ErrCannotReceive}
		case "unknown-merchant":
			return []error{ErrUnknownMerchant}
		case "different subscription exists with this app-subscription-id":
			return []error{ErrSubscriptionExists}
		case "mismatched-application-key", "mis-matched-subscription-ids":
			return []error{ErrSubscriptionMismatch}
		case "subscription-disabled":
			return []error{ErrSubscriptionDisabled}
		case "cannot-transact":
			return []error{ErrCannotTransact}
		case "retry":
			return []error{ErrQueuingFailed}
		case "unknown-subscription", "subscription-not-found":
			return []error{ErrUnknownSubscription}
		case "unknown-subscription-authorization":
			return []error{ErrUnknownSubscriptionAuthorization}
		case "subscription-authorization-pending":
			return []error{ErrSubscriptionAuthorizationPending}
		case "subscription-authorization-declined", declinedBefore:
			return []error{ErrSubscriptionAuthorizationDeclined}
		}
	}
	return []error{ErrRefused}
}
