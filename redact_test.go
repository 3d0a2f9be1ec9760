package gloebit_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

// failing is a Protocol whose Begin fails with an error.
type failing struct {
	granting
	err error
}

func (f failing) Begin(
	context.Context, connect.Application, connect.AuthorizationRequest,
) (string, gloebit.Secret, error) {
	return "", "", f.err
}

// silent is an error whose text omits its cause.
type silent struct{ cause error }

func (s silent) Error() string { return "failed" }

func (s silent) Unwrap() error { return s.cause }

// everyError returns the errors in the tree of err.
func everyError(err error) []error {
	if err == nil {
		return nil
	}
	all := []error{err}
	switch wrapping := err.(type) {
	case interface{ Unwrap() error }:
		all = append(all, everyError(wrapping.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, cause := range wrapping.Unwrap() {
			all = append(all, everyError(cause)...)
		}
	}
	return all
}

// TestProtocolErrorTree checks that no error in the returned tree contains a
// secret.
func TestProtocolErrorTree(t *testing.T) {
	const secret = "a client secret of the shop"
	quoting := errors.New("got " + secret)
	for name, err := range map[string]error{
		"cause of an operation":   &net.OpError{Op: "read", Net: "tcp", Err: quoting},
		"network of an operation": &net.OpError{Op: "dial", Net: secret, Err: syscall.ECONNREFUSED},
		"cause behind a cause":    &net.OpError{Op: "read", Net: "tcp", Err: silent{quoting}},
		"certificate":             &tls.CertificateVerificationError{Err: quoting},
		"scope":                   &gloebit.ScopeError{Missing: []gloebit.Scope{secret}},
		"two requests": errors.Join(
			&url.Error{Op: "Get", URL: "https://one.example/?a=1", Err: errors.New("one")},
			&url.Error{Op: "Get", URL: "https://two.example/?s=" + url.QueryEscape(secret), Err: quoting}),
		"wrapped": fmt.Errorf("%w: %w", gloebit.ErrTokenExchange, &url.Error{
			Op: "Post", URL: "https://x.example", Err: quoting,
		}),
	} {
		t.Run(name, func(t *testing.T) {
			var got error
			w := newWorld(t, func(_ *world, c *gloebit.Config) {
				c.User, c.ClientSecret, c.Protocol = headerUser, secret, failing{err: err}
				c.ErrorHandler = func(_ http.ResponseWriter, _ *http.Request, err error) { got = err }
			})
			w.browser("ann").get("/gloebit/connect")
			require.Error(t, got)
			for _, each := range everyError(got) {
				require.NotContains(t, each.Error(), secret)
				require.NotContains(t, each.Error(), url.QueryEscape(secret))
				require.NotContains(t, fmt.Sprintf("%+v %#v", each, each), secret)
			}
			require.NotContains(t, w.log.String(), secret)
		})
	}
}

// TestProtocolKeepsScopes checks that scope names that a Protocol keeps beside
// its verifier are not redacted.
func TestProtocolKeepsScopes(t *testing.T) {
	kept := gloebit.Secret(`{"verifier":"0123456789012345678901234567890123456789012","scope":"id transact inventory"}`)
	w := newWorld(t, func(_ *world, c *gloebit.Config) {
		c.User = headerUser
		c.Protocol = granting{credential: connect.Credential{
			AccessToken: "a token of the server", Scopes: []gloebit.Scope{"id", "transact", "inventory"},
		}, verifier: kept}
	})
	w.browser("ann").get("/gloebit/connect")
	credential, err := w.tokens.Load(t.Context(), keyOf(w.merchant, "id of ann"))
	require.NoError(t, err)
	require.Len(t, credential.Scopes, 3)
}

func TestRedactedSecretCannotBeUnmarshaled(t *testing.T) {
	type record struct{ Token gloebit.Secret }
	encoded, err := json.Marshal(record{"canary"})
	require.NoError(t, err)
	var read record
	err = json.Unmarshal(encoded, &read)
	require.ErrorContains(t, err, "Reveal")
	require.NoError(t, json.Unmarshal([]byte(`{"Token":"x"}`), &read))
	require.Equal(t, gloebit.Secret("x"), read.Token)
	require.Error(t, json.Unmarshal([]byte(`{"Token":7}`), &read))
}
