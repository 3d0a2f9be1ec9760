package redact

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
)

// connecting are the operations of package net that fail without a word of the
// server's.
var connecting = []string{"dial", "read", "write", "local error", "remote error"}

// errUnreadable is every failure that may quote what the server sent, or the
// address with its query.
var errUnreadable = errors.New("the HTTP reply can't be read")

// Failure returns what [Kind] returns, and else an error without a word of err:
// errors of package net/http quote the reply, and a *url.Error quotes the address.
func Failure(err error) error {
	if kind := Kind(err); kind != nil {
		return kind
	}
	return errUnreadable
}

// Kind returns what kind the error of a request is, or of reading its reply:
// context.Canceled; context.DeadlineExceeded for everything that took too long;
// the *net.OpError of a connection; the *tls.CertificateVerificationError of a
// server that could not prove its identity; io.EOF, io.ErrUnexpectedEOF and
// http.ErrSchemeMismatch. It returns nil for any other error.
func Kind(err error) error {
	var certificate *tls.CertificateVerificationError
	var connection *net.OpError
	var network net.Error
	switch {
	case errors.As(err, &certificate):
		return certificate
	case errors.As(err, &connection) && connection.Err != nil && slices.Contains(connecting, connection.Op):
		return connection
	case connection != nil && connection.Err != nil: // a proxy's, whose words may be in it
		return Kind(connection.Err)
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return context.DeadlineExceeded
	}
	for _, kind := range []error{io.ErrUnexpectedEOF, io.EOF, http.ErrSchemeMismatch} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return nil
}
