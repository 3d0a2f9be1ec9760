package gloebit_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestEveryFailureOfEveryCall(t *testing.T) {
	failures := map[string]error{
		"missing domain":       gloebit.ErrScopeMissing,
		"unknown consumer":     gloebit.ErrUnknownApplication,
		"unknown user":         gloebit.ErrUnknownUser,
		"unknown token":        gloebit.ErrTokenRefused,
		"unknown token1":       gloebit.ErrTokenRefused,
		"unknown token2":       gloebit.ErrTokenRefused,
		"unknown OAuth2 token": gloebit.ErrTokenRefused,
		"invalid access token": gloebit.ErrTokenRefused,
		"token has expired":    gloebit.ErrTokenExpired,
		"anything else":        gloebit.ErrRefused,
	}
	for _, row := range rows() {
		for reason, want := range failures {
			client, merchant, _ := clientOf(t, answering(200, `{"success":false,"reason":"`+reason+`","id":7,"balance":"none"}`))
			_, err := row.call(t.Context(), client, merchant)
			require.ErrorIs(t, err, want, "%s: %s", row.name, reason)
			require.Equal(t, reason, reasonOf(t, err))
		}
		for _, rubbish := range append(row.rubbish, ``, `[]`, `{}`, `<html>`, `{"success":true`) {
			client, merchant, _ := clientOf(t, answering(200, rubbish))
			_, err := row.call(t.Context(), client, merchant)
			require.ErrorIs(t, err, gloebit.ErrInvalidResponse, "%s: %s", row.name, rubbish)
		}
	}
}

func reasonOf(t *testing.T, err error) string {
	t.Helper()
	var failure *gloebit.APIError
	require.ErrorAs(t, err, &failure)
	return failure.Reason
}

func TestTheFailuresOfTransactions(t *testing.T) {
	for answer, want := range map[string]struct {
		outcome gloebit.Outcome
		err     error
	}{
		`"status":"queued","reason":"insufficient balance"`: {
			gloebit.OutcomeInsufficientBalance, gloebit.ErrInsufficientBalance,
		},
		`"status":"queued","reason":"pending"`: {
			gloebit.OutcomeTransactionPending, gloebit.ErrTransactionPending,
		},
		`"status":"queuing-failed","reason":"the queue is full"`: {
			gloebit.OutcomeQueuingFailed, gloebit.ErrQueuingFailed,
		},
		`"status":"cannot-spend","reason":"locked"`: {gloebit.OutcomeCannotSpend, gloebit.ErrCannotSpend},
		`"status":"cannot-receive","reason":"locked"`: {
			gloebit.OutcomeCannotReceive, gloebit.ErrCannotReceive,
		},
		`"status":"unknown-merchant"`: {
			gloebit.OutcomeUnknownMerchant, gloebit.ErrUnknownMerchant,
		},
		`"status":"unknown-subscription"`: {
			gloebit.OutcomeUnknownSubscription, gloebit.ErrUnknownSubscription,
		},
		`"status":"unknown-subscription-authorization"`: {
			gloebit.OutcomeUnknownSubscriptionAuthorization, gloebit.ErrUnknownSubscriptionAuthorization,
		},
		`"status":"subscription-authorization-pending","reason":"x"`: {
			gloebit.OutcomeSubscriptionAuthorizationPending, gloebit.ErrSubscriptionAuthorizationPending,
		},
		`"status":"subscription-authorization-declined","reason":"x"`: {
			gloebit.OutcomeSubscriptionAuthorizationDeclined, gloebit.ErrSubscriptionAuthorizationDeclined,
		},
		`"reason":"unknown OAuth2 token"`: {gloebit.OutcomeUnknown, gloebit.ErrTokenRefused},
	} {
		for name, call := range map[string]func(*gloebit.Client) (gloebit.Receipt, error){
			"transact": func(c *gloebit.Client) (gloebit.Receipt, error) {
				return c.Transact(t.Context(), gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1})
			},
			"v2/transact": func(c *gloebit.Client) (gloebit.Receipt, error) {
				return c.TransactV2(t.Context(), gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1})
			},
			"transact-u2u": func(c *gloebit.Client) (gloebit.Receipt, error) {
				return c.TransactU2U(
					t.Context(), gloebit.Transaction{IdempotencyKey: uuid.NewString(), Total: 1},
					gloebit.Seller{Email: "b@x.example"},
				)
			},
		} {
			client, _, _ := clientOf(t, answering(200, `{"success":false,`+answer+`}`))
			receipt, err := call(client)
			require.ErrorIs(t, err, want.err, "%s: %s", name, answer)
			require.Equal(t, want.outcome, receipt.Outcome)
			require.NotEmpty(t, receipt.TransactionID)
			require.NotErrorIs(t, err, gloebit.ErrOutcomeUnknown)
		}
	}
}

func TestTheFailuresOfSubscriptions(t *testing.T) {
	for answer, want := range map[string]error{
		`"status":"subscription-not-found"`:                    gloebit.ErrUnknownSubscription,
		`"status":"mismatched-application-key"`:                gloebit.ErrSubscriptionMismatch,
		`"status":"mis-matched-subscription-ids"`:              gloebit.ErrSubscriptionMismatch,
		`"status":"subscription-disabled"`:                     gloebit.ErrSubscriptionDisabled,
		`"status":"cannot-transact"`:                           gloebit.ErrCannotTransact,
		`"status":"duplicate-and-previously-declined-by-user"`: gloebit.ErrSubscriptionAuthorizationDeclined,
		`"status":"retry","reason":"Please try again."`:        gloebit.ErrQueuingFailed,
		`"status":"failed","reason":"Unknown DB Error"`:        gloebit.ErrRefused,
	} {
		client, _, _ := clientOf(t, answering(200, `{"success":false,`+answer+`}`))
		_, err := client.CreateSubscriptionAuthorization(t.Context(), "s-1")
		require.ErrorIs(t, err, want, answer)
	}
	_, merchant, _ := clientOf(
		t,
		answering(
			200,
			`{"success":false,"status":"failed","reason":"different subscription exists with this app-subscription-id",`+
				`"existing-subscription-id":"s-9","existing-subscription-name":"Old",`+
				`"existing-subscription-description":"d","existing-subscription-ctime":1}`,
		),
	)
	created, err := merchant.CreateSubscription(t.Context(), gloebit.Subscription{LocalID: "l", Name: "n"})
	require.ErrorIs(t, err, gloebit.ErrSubscriptionExists)
	require.Equal(t, &gloebit.ExistingSubscription{ID: "s-9", Name: "Old", Description: "d"}, created.Existing)
	require.Equal(
		t, "a%2F1/", strings.SplitAfter(merchant.SubscriptionAuthorizationURL("a/1"), "authorize-subscription/")[1],
	)
	require.NotContains(t, fmt.Sprintf("%+v", err), "secret\"")
}

func TestEveryFailureIsASentinel(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   []error
		final  bool // not ErrNotConnected
	}{
		"unknown token": {
			200, `{"success":false,"reason":"unknown token"}`, []error{gloebit.ErrTokenRefused, gloebit.ErrNotConnected},
			false,
		},
		"unknown token1": {
			200, `{"success":false,"reason":"unknown token1"}`, []error{gloebit.ErrTokenRefused, gloebit.ErrNotConnected},
			false,
		},
		"unknown token2": {
			200, `{"success":false,"reason":"unknown token2"}`, []error{gloebit.ErrTokenRefused, gloebit.ErrNotConnected},
			false,
		},
		"unknown OAuth2 token": {
			200, `{"success":false,"reason":"unknown OAuth2 token"}`,
			[]error{gloebit.ErrTokenRefused, gloebit.ErrNotConnected}, false,
		},
		"invalid access token": {
			200, `{"success":false,"reason":"invalid access token"}`,
			[]error{gloebit.ErrTokenRefused, gloebit.ErrNotConnected}, false,
		},
		"expired": {
			200, `{"success":false,"reason":"token has expired"}`, []error{gloebit.ErrTokenExpired, gloebit.ErrNotConnected},
			false,
		},
		"missing domain": {
			200, `{"success":false,"reason":"missing domain"}`, []error{gloebit.ErrScopeMissing}, true,
		},
		"unknown consumer": {
			200, `{"success":false,"reason":"unknown consumer"}`, []error{gloebit.ErrUnknownApplication}, true,
		},
		"unknown user": {
			200, `{"success":false,"reason":"unknown user"}`, []error{gloebit.ErrUnknownUser}, true,
		},
		"insufficient balance": {
			200, `{"success":false,"status":"queued","reason":"insufficient balance"}`,
			[]error{gloebit.ErrInsufficientBalance}, true,
		},
		"pending": {
			200, `{"success":false,"status":"queued","reason":"pending"}`, []error{gloebit.ErrTransactionPending}, true,
		},
		"queuing failed": {
			200, `{"success":false,"status":"queuing-failed"}`, []error{gloebit.ErrQueuingFailed}, true,
		},
		"cannot spend": {
			200, `{"success":false,"status":"cannot-spend"}`, []error{gloebit.ErrCannotSpend}, true,
		},
		"cannot receive": {
			200, `{"success":false,"status":"cannot-receive"}`, []error{gloebit.ErrCannotReceive}, true,
		},
		"unknown merchant": {
			200, `{"success":false,"status":"unknown-merchant"}`, []error{gloebit.ErrUnknownMerchant}, true,
		},
		"unknown subscription": {
			200, `{"success":false,"status":"unknown-subscription"}`, []error{gloebit.ErrUnknownSubscription}, true,
		},
		"unknown authorization": {
			200, `{"success":false,"status":"unknown-subscription-authorization"}`,
			[]error{gloebit.ErrUnknownSubscriptionAuthorization}, true,
		},
		"authorization pending": {
			200, `{"success":false,"status":"subscription-authorization-pending"}`,
			[]error{gloebit.ErrSubscriptionAuthorizationPending}, true,
		},
		"authorization declined": {
			200, `{"success":false,"status":"subscription-authorization-declined"}`,
			[]error{gloebit.ErrSubscriptionAuthorizationDeclined}, true,
		},
		"an unknown reason": {
			200, `{"success":false,"reason":"the moon is full"}`, []error{gloebit.ErrRefused}, true,
		},
		"no reason":                 {200, `{"success":false}`, []error{gloebit.ErrRefused}, true},
		"a null reason":             {200, `{"success":false,"reason":null}`, []error{gloebit.ErrRefused}, true},
		"too many requests":         {429, ``, []error{gloebit.ErrRateLimited}, true},
		"a server error":            {500, `oops`, []error{gloebit.ErrUnavailable}, true},
		"a gateway error":           {502, `<html>`, []error{gloebit.ErrUnavailable}, true},
		"a denial":                  {403, ``, []error{gloebit.ErrRefused}, true},
		"a 401 without a challenge": {401, ``, []error{gloebit.ErrRefused}, true},
		"a 401 with a reason": {
			401, `{"success":false,"reason":"unknown token"}`, []error{gloebit.ErrTokenRefused, gloebit.ErrNotConnected},
			false,
		},
		"a redirect":                {302, ``, []error{gloebit.ErrInvalidResponse}, true},
		"another good status":       {201, `{"success":true}`, []error{gloebit.ErrInvalidResponse}, true},
		"a success under a failure": {409, `{"success":true}`, []error{gloebit.ErrInvalidResponse}, true},
		"the server timed out":      {408, ``, []error{gloebit.ErrUnavailable}, true},
		"not JSON":                  {200, `<html>`, []error{gloebit.ErrInvalidResponse}, true},
		"empty":                     {200, ``, []error{gloebit.ErrInvalidResponse}, true},
		"JSON cut off":              {200, `{"success":true,"balance":1`, []error{gloebit.ErrInvalidResponse}, true},
		"JSON and more":             {200, `{"success":true}{"success":true}`, []error{gloebit.ErrInvalidResponse}, true},
		"an array":                  {200, `[true]`, []error{gloebit.ErrInvalidResponse}, true},
		"null":                      {200, `null`, []error{gloebit.ErrInvalidResponse}, true},
		"without success": {
			200, `{"balance":1,"id":"x","products":{},"count":1}`, []error{gloebit.ErrInvalidResponse}, true,
		},
		"a null success":           {200, `{"success":null,"balance":1}`, []error{gloebit.ErrInvalidResponse}, true},
		"success of another type":  {200, `{"success":"true","balance":1}`, []error{gloebit.ErrInvalidResponse}, true},
		"a reason of another type": {200, `{"success":false,"reason":7}`, []error{gloebit.ErrInvalidResponse}, true},
		"too long": {
			200, `{"success":true,"x":"` + strings.Repeat("x", 1<<20) + `"}`, []error{gloebit.ErrInvalidResponse}, true,
		},
	} {
		for path, call := range calls {
			t.Run(name+" to "+path, func(t *testing.T) {
				client, merchant, tokens := clientOf(t, answering(test.status, test.body))
				err := call(t.Context(), client)
				for _, want := range test.want {
					require.ErrorIs(t, err, want)
				}
				require.Equal(t, !test.final, isNotConnected(err))
				var failure *gloebit.APIError
				require.ErrorAs(t, err, &failure)
				require.Equal(t, path, failure.Call)
				require.Equal(t, test.status, failure.StatusCode)
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), string(canaryToken))

				_, err = tokens.Load(t.Context(), keyOf(merchant, "u"))
				require.Equal(t, !test.final, err != nil, "the credential is forgotten when the token was refused, and only then")
			})
		}
	}
}

func isNotConnected(err error) bool {
	return err != nil && gloebit.StatusCode(err) == http.StatusUnauthorized
}

func TestIncompleteResponsesAreErrors(t *testing.T) {
	for path, bodies := range map[string][]string{
		"user": {
			`{"success":true}`, `{"success":true,"id":7}`, `{"success":true,"id":""}`,
			`{"success":true,"id":"x","params":[1]}`,
		},
		"balance": {
			`{"success":true}`, `{"success":true,"balance":"none"}`, `{"success":true,"balance":null}`,
			`{"success":true,"balance":1e999}`,
		},
		"get-user-products": {
			`{"success":true}`, `{"success":true,"products":[]}`, `{"success":true,"products":{"hat":1.5}}`,
			`{"success":true,"products":null}`,
		},
		"consume-user-product": {
			`{"success":true}`, `{"success":true,"count":"one"}`, `{"success":true,"product-count":1.5}`,
		},
		"transact": {`{"success":true,"id":"another"}`, `{"success":true,"id":7}`},
	} {
		for _, body := range bodies {
			t.Run(path+" "+body, func(t *testing.T) {
				client, _, _ := clientOf(t, answering(200, body))
				err := calls[path](t.Context(), client)
				require.ErrorIs(t, err, gloebit.ErrInvalidResponse)
				if path == "transact" {
					require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown, "the user may have been charged")
				}
			})
		}
	}
}

func TestInvalidProductCountsAreErrors(t *testing.T) {
	for _, products := range []string{`{"hat":null}`, `{"hat":-1}`, `null`} {
		client, _, _ := clientOf(t, answering(200, `{"success":true,"products":`+products+`}`))
		_, err := client.Products(t.Context())
		require.ErrorIs(t, err, gloebit.ErrInvalidResponse, products)
	}
}

func TestOAuth1ProblemsAreUnderstood(t *testing.T) {
	for body, want := range map[string]error{
		"oauth_problem=token_rejected":    gloebit.ErrNotConnected,
		"oauth_problem=token_revoked":     gloebit.ErrNotConnected,
		"oauth_problem=token_expired":     gloebit.ErrNotConnected,
		"oauth_problem=timestamp_refused": gloebit.ErrRefused,
	} {
		client, _, _ := clientOf(t, answering(401, body))
		_, err := client.Balance(t.Context())
		require.ErrorIs(t, err, want, body)
		require.Equal(t, strings.TrimPrefix(body, "oauth_problem="), reasonOf(t, err))
	}
}
