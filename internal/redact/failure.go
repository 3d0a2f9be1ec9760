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

// connecting are the operations of package net whose errors contain no text of
// the server.
var connecting = []string{"dial", "read", "write", "local error", "remote error"}

// errUnreadable replaces every error that may quote the server's response, or
// the URL with its query.
var errUnreadable = errors.New("the HTTP reply can't be read")

// Failure returns the result of [Kind], or else an error without any text of
// err: errors of package net/http quote the response, and a *url.Error quotes
// the URL.
func Failure(err error) error {
	if kind := Kind(err); kind != nil {
		return kind
	}
	return errUnreadable
}

// Kind reduces the error of a request, or of reading its response, to its kind:
// context.Canceled; context.DeadlineExceeded for every timeout; the
// *net.OpError of a connection; the *tls.CertificateVerificationError of a
// server whose certificate is invalid; io.EOF, io.ErrUnexpectedEOF and
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
	case connection != nil && connection.Err != nil: // a proxy's error may contain text of the proxy
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
