package gloebit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/leaktest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

// ownFlow is an application's Protocol that keeps two secrets until the callback.
type ownFlow struct {
	begin      func(state string) error
	finish     func() (connect.Credential, error)
	authorize  error
	state      *string
	keptSecret gloebit.Secret
}

func (f ownFlow) Begin(
	_ context.Context, _ connect.Application, ask connect.AuthorizationRequest,
) (string, gloebit.Secret, error) {
	*f.state = ask.State
	return "https://provider.example/", f.keptSecret, f.begin(ask.State)
}

func (f ownFlow) Finish(
	context.Context, connect.Application, url.Values, gloebit.Secret, []gloebit.Scope,
) (connect.Credential, error) {
	return f.finish()
}

// Refresh implements [connect.Protocol]. There is nothing to refresh.
func (ownFlow) Refresh(_ context.Context, _ connect.Application, _ connect.Credential) (connect.Credential, error) {
	return connect.Credential{}, connect.ErrNotConnected
}

func (f ownFlow) Authorize(connect.Application, *http.Request, connect.Credential) error {
	return f.authorize
}

// The secrets of a connection with ownFlow, beside its state.
const (
	flowClientSecret = "the-client-secret"
	flowCode         = "the-code-of-the-callback"
	flowOAuthToken   = "the-request-token"
	flowVerifier     = "the-oauth-verifier"
	flowKept         = "the-secret-that-is-kept"
	flowAccess       = "the-access-token"
	flowRefresh      = "the-refresh-token"
	flowTokenSecret  = "the-token-secret"
)

// flowAttempt is a connection with ownFlow, and a call after it.
type flowAttempt struct {
	connection gloebit.Connection
	err        error
	state, log string
}

// connectWith connects through the handlers, and asks for the balance.
func connectWith(t *testing.T, flow ownFlow) flowAttempt {
	t.Helper()
	var got flowAttempt
	flow.state = &got.state
	flow.keptSecret = `{"token":"` + flowOAuthToken + `","secret":"` + flowKept + `"}`
	if flow.begin == nil {
		flow.begin = func(string) error { return nil }
	}
	if flow.finish == nil {
		flow.finish = func() (connect.Credential, error) {
			return connect.Credential{AccessToken: flowAccess, RefreshToken: flowRefresh, TokenSecret: flowTokenSecret}, nil
		}
	}
	var log testkit.Log
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: "key", ClientSecret: flowClientSecret, RedirectURL: "http://127.0.0.1/gloebit/callback",
		Provider: gloebit.ProviderAt("http://127.0.0.1:1"), Protocol: flow,
		User:         func(*http.Request) (gloebit.User, error) { return gloebit.User{ID: "alice"}, nil },
		Logger:       log.Logger(),
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) { got.err = err },
		OnConnect: func(_ *http.Request, connection gloebit.Connection) error {
			got.connection = connection
			return nil
		},
	})
	require.NoError(t, err)
	connect := httptest.NewRecorder()
	merchant.Handler().ServeHTTP(connect, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/gloebit/connect", nil))
	if got.err == nil {
		query := url.Values{
			"state": {got.state}, "code": {flowCode}, "oauth_token": {flowOAuthToken}, "oauth_verifier": {flowVerifier},
		}
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/gloebit/callback?"+query.Encode(), nil)
		for _, cookie := range connect.Result().Cookies() {
			r.AddCookie(cookie)
		}
		merchant.Handler().ServeHTTP(httptest.NewRecorder(), r)
	}
	if got.err == nil {
		client, err := merchant.Client(t.Context(), "alice")
		require.NoError(t, err)
		_, got.err = client.Balance(t.Context())
	}
	got.log = log.String()
	return got
}

// wantsNoSecret fails if any result of an attempt contains one of the secrets.
func (got flowAttempt) wantsNoSecret(t *testing.T) {
	t.Helper()
	var watch leaktest.Witness
	watch.Secret("secret", got.state, flowClientSecret, flowCode, flowOAuthToken, flowVerifier, flowKept)
	watch.Secret("secret", flowAccess, flowRefresh, flowTokenSecret)
	watch.Saw("log", fmt.Sprint(got.err), fmt.Sprintf("%+v %#v", got.err, got.err), got.log)
	watch.Saw("log", got.connection.Subject, fmt.Sprint(got.connection.Granted))
	watch.Wants(t, leaktest.Table{"secret": nil})
}

func TestSecurity22FlowErrorsHoldNoSecret(t *testing.T) {
	secrets := []string{
		flowClientSecret, flowCode, flowOAuthToken, flowVerifier, flowKept, flowAccess, flowRefresh, flowTokenSecret,
	}
	whole := connect.Credential{AccessToken: flowAccess, RefreshToken: flowRefresh, TokenSecret: flowTokenSecret}
	t.Run("begin", func(t *testing.T) {
		for _, secret := range []string{flowClientSecret, flowOAuthToken, flowKept} {
			got := connectWith(t, ownFlow{begin: func(state string) error {
				return fmt.Errorf("%w: said %s and %s", gloebit.ErrTokenExchange, secret, url.QueryEscape(state+"/"))
			}})
			require.ErrorIs(t, got.err, gloebit.ErrTokenExchange)
			require.ErrorContains(t, got.err, "[redacted]")
			got.wantsNoSecret(t)
		}
	})
	t.Run("finish", func(t *testing.T) {
		for _, secret := range secrets {
			got := connectWith(t, ownFlow{finish: func() (connect.Credential, error) {
				return whole, fmt.Errorf("%w: said %s", gloebit.ErrTokenExchange, secret)
			}})
			require.ErrorIs(t, got.err, gloebit.ErrTokenExchange)
			require.ErrorContains(t, got.err, "[redacted]")
			got.wantsNoSecret(t)
		}
	})
	t.Run("authorize", func(t *testing.T) {
		for _, secret := range []string{flowClientSecret, flowAccess, flowRefresh, flowTokenSecret} {
			got := connectWith(t, ownFlow{authorize: errors.New("said " + secret)})
			require.ErrorContains(t, got.err, "[redacted]")
			got.wantsNoSecret(t)
		}
	})
	t.Run("the id", func(t *testing.T) {
		for _, secret := range secrets {
			got := connectWith(t, ownFlow{authorize: io.EOF, finish: func() (connect.Credential, error) {
				credential := whole
				credential.Subject = "id of " + secret
				return credential, nil
			}})
			require.Equal(t, "alice", got.connection.User.ID)
			require.Empty(t, got.connection.Subject)
			got.wantsNoSecret(t)
		}
	})
	t.Run("the scopes", func(t *testing.T) {
		for _, secret := range secrets {
			got := connectWith(t, ownFlow{finish: func() (connect.Credential, error) {
				credential := whole
				credential.Scopes = []gloebit.Scope{gloebit.Scope(secret)}
				return credential, nil
			}})
			require.ErrorIs(t, got.err, gloebit.ErrTokenExchange)
			got.wantsNoSecret(t)
		}
	})
	t.Run("an error of net/http", func(t *testing.T) {
		for name, step := range map[string]func(error) ownFlow{
			"begin":     func(err error) ownFlow { return ownFlow{begin: func(string) error { return err }} },
			"authorize": func(err error) ownFlow { return ownFlow{authorize: err} },
		} {
			got := connectWith(t, step(fmt.Errorf("%w: %w", gloebit.ErrTokenExchange, &url.Error{
				Op: "Post", URL: "http://provider.example/?token=unknown-to-the-merchant",
				Err: errors.New("malformed header: another-that-is-unknown"),
			})))
			require.ErrorIs(t, got.err, gloebit.ErrTokenExchange, name)
			require.NotContains(t, got.err.Error()+got.log, "unknown", name)
			var quoted *url.Error
			require.NotErrorAs(t, got.err, &quoted, name)
		}
	})
}

func TestSecurity28FlowResponsesAreCapped(t *testing.T) {
	for length, want := range map[int]error{16 << 10: io.EOF, 16<<10 + 1: gloebit.ErrTokenExchange} {
		got := connectWith(t, ownFlow{authorize: io.EOF, finish: func() (connect.Credential, error) {
			scopes := []gloebit.Scope{gloebit.Scope(strings.Repeat("x", length))}
			return connect.Credential{AccessToken: flowAccess, Subject: strings.Repeat("y", 300), Scopes: scopes}, nil
		}})
		require.ErrorIs(t, got.err, want)
		if want == io.EOF {
			require.Len(t, got.connection.Subject, 200)
		}
	}
}

func TestFlowErrors(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for name, test := range map[string]struct {
		err  error
		want []error
		text string
	}{
		"this package's": {
			fmt.Errorf("%w: %w", gloebit.ErrTokenExchange, gloebit.ErrUnavailable),
			[]error{gloebit.ErrTokenExchange, gloebit.ErrUnavailable}, "no token was given",
		},
		"a refusal":          {fmt.Errorf("x: %w", gloebit.ErrAccessDenied), []error{gloebit.ErrAccessDenied}, "x: "},
		"a context canceled": {fmt.Errorf("x: %w", context.Canceled), []error{context.Canceled}, "x: context canceled"},
		"a context too late": {
			fmt.Errorf("x: %w", context.DeadlineExceeded),
			[]error{context.DeadlineExceeded}, "x: context deadline exceeded",
		},
		"a connection": {
			&url.Error{Op: "Post", URL: "http://x/?query", Err: refused},
			[]error{refused}, "dial tcp: connection refused",
		},
		"of another package": {errors.New("own words"), nil, "own words"},
	} {
		t.Run(name, func(t *testing.T) {
			got := connectWith(t, ownFlow{begin: func(string) error { return test.err }})
			for _, want := range test.want {
				require.ErrorIs(t, got.err, want)
			}
			require.ErrorContains(t, got.err, test.text)
			require.NotContains(t, got.err.Error(), "query")
		})
	}
	t.Run("missing scopes", func(t *testing.T) {
		got := connectWith(t, ownFlow{authorize: &gloebit.ScopeError{Missing: []gloebit.Scope{"balance"}}})
		var missing *gloebit.ScopeError
		require.ErrorAs(t, got.err, &missing)
		require.Equal(t, []gloebit.Scope{"balance"}, missing.Missing)
		require.ErrorIs(t, got.err, gloebit.ErrScopeMissing)
	})
	t.Run("a caller's type", func(t *testing.T) {
		got := connectWith(t, ownFlow{begin: func(string) error { return ownError{time.Now()} }})
		require.Error(t, got.err)
		var own ownError
		require.NotErrorAs(t, got.err, &own)
	})
}

// ownError is an error of the application's Protocol.
type ownError struct{ at time.Time }

func (e ownError) Error() string { return "own " + e.at.String() }
