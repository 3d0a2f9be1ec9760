package gloebit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestEverySentinelHasStatusAndMessage(t *testing.T) {
	for _, err := range []error{
		gloebit.ErrNotConnected, gloebit.ErrNoUser, gloebit.ErrNoSession, gloebit.ErrInvalidState, gloebit.ErrInvalidReturnTo,
		gloebit.ErrAccessDenied,
		gloebit.ErrUserChanged, gloebit.ErrAuthorizationFailed, gloebit.ErrTokenExchange, gloebit.ErrCrossOrigin,
		gloebit.ErrStore,
		gloebit.ErrTokenRefused, gloebit.ErrTokenExpired, gloebit.ErrScopeMissing, gloebit.ErrUnknownApplication,
		gloebit.ErrUnknownUser,
		gloebit.ErrInsufficientBalance, gloebit.ErrCannotSpend, gloebit.ErrCannotReceive, gloebit.ErrUnknownMerchant,
		gloebit.ErrUnknownSubscription,
		gloebit.ErrUnknownSubscriptionAuthorization, gloebit.ErrSubscriptionAuthorizationPending,
		gloebit.ErrSubscriptionAuthorizationDeclined,
		gloebit.ErrSubscriptionExists, gloebit.ErrSubscriptionMismatch, gloebit.ErrSubscriptionDisabled,
		gloebit.ErrCannotTransact,
		gloebit.ErrTransactionPending, gloebit.ErrQueuingFailed, gloebit.ErrRefused, gloebit.ErrRateLimited,
		gloebit.ErrUnavailable, gloebit.ErrInvalidResponse,
		gloebit.ErrOutcomeUnknown, gloebit.ErrInvalidRequest, gloebit.ErrTooManyAttempts,
	} {
		if errors.Is(err, gloebit.ErrTokenRefused) || errors.Is(err, gloebit.ErrTokenExpired) {
			err = errors.Join(err, gloebit.ErrNotConnected) // as always
		}
		merchant, configErr := gloebit.New(validConfig())
		require.NoError(t, configErr)
		recorder := httptest.NewRecorder()
		merchant.HandleError(recorder, httptest.NewRequest(http.MethodPost, "/", nil), err)
		require.Contains(t, recorder.Body.String(), "gloebit#Err", "%v", err)
		if !errors.Is(err, gloebit.ErrNoSession) {
			require.NotEqual(t, http.StatusInternalServerError, recorder.Code, "%v", err)
		}
	}
}

func TestUncertainErrorsNeverClaimNothingHappened(t *testing.T) {
	merchant, err := gloebit.New(validConfig())
	require.NoError(t, err)
	for _, err := range []error{
		errors.Join(gloebit.ErrOutcomeUnknown, gloebit.ErrStore, gloebit.ErrNotConnected), gloebit.ErrStore,
		gloebit.ErrTransactionPending,
		gloebit.ErrUnavailable, errors.New("the application's own, after it was paid"), gloebit.ErrRefused,
		gloebit.ErrInvalidResponse, context.DeadlineExceeded,
	} {
		recorder := httptest.NewRecorder()
		merchant.HandleError(recorder, httptest.NewRequest(http.MethodPost, "/", nil), err)
		require.NotContains(t, recorder.Body.String(), "Nothing was", "%v", err)
	}
}

func TestFailingCallDoesNotLoop(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) { c.ApprovalPrompt = gloebit.PromptAuto })
	w.mux.Handle("/balance", w.merchant.RequireGloebit(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if _, err := gloebit.MustFromContext(r.Context()).Balance(r.Context()); err != nil {
			w.merchant.HandleError(rw, r, err)
		}
	})))
	w.gloebit.Inject(gloebittest.Fault{Path: "balance", Reason: "missing domain"})
	b := w.browser("")
	p := b.get("/balance")
	require.Equal(t, http.StatusForbidden, p.status, "after connecting once more")
	require.Contains(t, p.body, "/gloebit/connect?return_to=%2Fbalance&amp;scope=balance")
	require.Equal(t, 2, w.exchanges())
	w.clock.Advance(time.Minute)
	require.Equal(t, "/gloebit/connect", b.location("/balance").Path, "a minute later it may be worth another try")
}

func TestHandleErrorResponses(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		err      error
		status   int
		location string
		body     string
	}{
		"not connected": {
			gloebit.ErrNotConnected, 303, "/gloebit/connect?return_to=%2Fcart%3Fa%3Db", "",
		},
		"a scope": {
			&gloebit.ScopeError{Missing: []gloebit.Scope{"balance"}}, 303,
			"/gloebit/connect?return_to=%2Fcart%3Fa%3Db&scope=balance", "",
		},
		"not enough gloebits": {gloebit.ErrInsufficientBalance, 402, "", "purchase?r="},
		"Gloebit down":        {gloebit.ErrUnavailable, 503, "", "can&#39;t be reached"},
		"a store down": {
			errors.Join(gloebit.ErrStore, gloebit.ErrNotConnected), 503, "", "own records",
		},
		"an unknown error":   {errors.New("secret detail"), 500, "", "Something went wrong"},
		"an unknown outcome": {gloebit.ErrOutcomeUnknown, 503, "", "not known yet whether this was done"},
		"an unknown outcome and a dead token": {
			errors.Join(gloebit.ErrOutcomeUnknown, gloebit.ErrNotConnected), 503, "", "not known yet whether this was done",
		},
		"an error of the page": {gloebit.ErrInvalidRequest, 400, "", "not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, "/cart?a=b", nil)
			r.Header.Set("Accept", "text/html")
			w.merchant.HandleError(recorder, r, test.err)
			require.Equal(t, test.status, recorder.Code)
			require.Equal(t, test.location, recorder.Header().Get("Location"))
			require.Contains(t, recorder.Body.String(), test.body)
			require.NotContains(t, recorder.Body.String(), "secret detail")
		})
	}
}

func TestErrorHandlerWritesResponse(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
			w.WriteHeader(gloebit.StatusCode(err))
			_, _ = io.WriteString(w, "in my own words")
		}
	})
	p := w.browser("").do(http.MethodPost, "/private", nil, nil)
	require.Equal(t, http.StatusUnauthorized, p.status)
	require.Equal(t, "in my own words", p.body)
	p = w.browser("").get("/gloebit/callback?state=x&code=y")
	require.Equal(t, http.StatusBadRequest, p.status)
	require.Equal(t, "in my own words", p.body)
	require.Equal(t, "/private", w.browser("").get("/private").url.Path, "a page load is still sent to connect")
}

func TestStatusCodes(t *testing.T) {
	for _, test := range []struct {
		err  error
		want int
	}{
		{gloebit.ErrNotConnected, http.StatusUnauthorized},
		{gloebit.ErrNoUser, http.StatusUnauthorized},
		{&gloebit.ScopeError{Missing: []gloebit.Scope{gloebit.ScopeBalance}}, http.StatusForbidden},
		{fmt.Errorf("buying: %w", gloebit.ErrInsufficientBalance), http.StatusPaymentRequired},
		{fmt.Errorf("%w: %w", gloebit.ErrStore, gloebit.ErrNotConnected), http.StatusServiceUnavailable},
		{fmt.Errorf("%w: %w", gloebit.ErrTokenExchange, gloebit.ErrUnavailable), http.StatusBadGateway},
		{gloebit.ErrUnavailable, http.StatusServiceUnavailable},
		{errors.New("something else"), http.StatusInternalServerError},
	} {
		require.Equal(t, test.want, gloebit.StatusCode(test.err), "%v", test.err)
	}
}
