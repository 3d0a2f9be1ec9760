package redact_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/internal/redact"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

// failureOf returns the redacted error of a request whose query is a secret, or
// of reading its response.
func failureOf(t *testing.T, ctx context.Context, client *http.Client, server string) error {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/canary?q=canary", nil)
	require.NoError(t, err)
	response, err := client.Do(r)
	if err == nil {
		defer response.Body.Close()
		_, err = io.ReadAll(response.Body)
	}
	require.Error(t, err)
	return redact.Failure(err)
}

// saying is the URL of a server that answers each request with the same bytes.
func saying(t *testing.T, words string) string {
	t.Helper()
	return testkit.RawServer(t, func(*http.Request, string) string { return words })
}

func TestFailureOmitsServerText(t *testing.T) {
	for name, words := range map[string]string{
		"a header":          testkit.BadHeader("canary"),
		"a status":          testkit.BadStatus("canary"),
		"a protocol":        "canary/1.1 200 OK\r\n\r\n",
		"a length":          "HTTP/1.1 200 OK\r\nContent-Length: canary\r\n\r\n",
		"a location":        testkit.BadLocation("canary"),
		"a transfer coding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: canary\r\n\r\n",
		"a trailer":         testkit.BadTrailer("canary canary"),
		"half a reply":      "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncanary",
		"nothing":           "",
	} {
		t.Run(name, func(t *testing.T) {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			err := failureOf(t, t.Context(), client, saying(t, words))
			for wrapped := err; wrapped != nil; wrapped = errors.Unwrap(wrapped) {
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", wrapped, wrapped, wrapped), "canary")
			}
		})
	}
}

func TestFailureKeepsItsKind(t *testing.T) {
	t.Run("connection refused", func(t *testing.T) {
		address := testkit.ClosedPort(t)
		var dial *net.OpError
		failure := failureOf(t, t.Context(), http.DefaultClient, "http://"+address)
		require.ErrorAs(t, failure, &dial)
		require.Equal(t, "dial", dial.Op)
		require.ErrorIs(t, failure, syscall.ECONNREFUSED)
		require.Contains(t, failure.Error(), address)
	})
	t.Run("an unknown host", func(t *testing.T) {
		var name *net.DNSError
		require.ErrorAs(
			t,
			redact.Failure(&url.Error{Err: &net.OpError{Op: "dial", Err: &net.DNSError{Name: "x.invalid", IsNotFound: true}}}),
			&name,
		)
		require.True(t, name.IsNotFound)
	})
	t.Run("a proxy that can't be reached", func(t *testing.T) {
		inner := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		require.Equal(t, inner, redact.Failure(&net.OpError{Op: "proxyconnect", Err: inner}))
		require.NotContains(t, redact.Failure(&net.OpError{Op: "proxyconnect", Err: errors.New("canary")}).Error(), "canary")
	})
	end := make(chan struct{}) // and not the request's end, when a response could still arrive
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	defer server.Close()
	defer close(end)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that is refused
	server.StartTLS()
	t.Run("an untrusted certificate", func(t *testing.T) {
		var certificate *tls.CertificateVerificationError
		require.ErrorAs(t, failureOf(t, t.Context(), &http.Client{Transport: &http.Transport{}}, server.URL), &certificate)
	})
	t.Run("the caller's timeout", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.Equal(t, context.DeadlineExceeded, failureOf(t, ctx, server.Client(), server.URL))
	})
	t.Run("the client's timeout", func(t *testing.T) {
		client := *server.Client()
		client.Timeout = 50 * time.Millisecond
		require.ErrorIs(t, failureOf(t, t.Context(), &client, server.URL), context.DeadlineExceeded)
	})
	t.Run("the transport's timeout", func(t *testing.T) {
		require.Equal(t, context.DeadlineExceeded, redact.Failure(fmt.Errorf("slow: %w", os.ErrDeadlineExceeded)))
	})
	t.Run("the caller's leaving", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Equal(t, context.Canceled, failureOf(t, ctx, server.Client(), server.URL))
	})
	t.Run("https where http is spoken", func(t *testing.T) {
		plain := httptest.NewServer(http.NotFoundHandler())
		defer plain.Close()
		require.Equal(
			t, http.ErrSchemeMismatch, failureOf(t, t.Context(), http.DefaultClient, "https"+plain.URL[len("http"):]),
		)
	})
	t.Run("half a reply", func(t *testing.T) {
		require.Equal(
			t, io.ErrUnexpectedEOF,
			failureOf(t, t.Context(), http.DefaultClient, saying(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")),
		)
	})
}
