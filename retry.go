package gloebit

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-gloebit/gloebit/connect"
)

// transient reports whether the same call may succeed later.
func transient(err error) bool {
	var failure *APIError
	return errors.As(err, &failure) && failure.transient
}

// pause is the growing delay between the attempts of one call, with jitter.
type pause struct{ next *backoff.ExponentialBackOff }

func (m *Merchant) newPause() pause {
	next := backoff.NewExponentialBackOff()
	next.InitialInterval = m.retryDelay
	next.Multiplier = 2
	next.MaxInterval = 5 * time.Second
	return pause{next}
}

// wait waits for the next delay or, if it is longer, the server's Retry-After.
// It reports whether to try again. It returns false at once if the delay would
// exceed until.
func (p pause) wait(ctx context.Context, until time.Time, err error) bool {
	delay := p.next.NextBackOff()
	var failure *APIError
	if errors.As(err, &failure) {
		delay = max(delay, failure.RetryAfter)
	}
	if time.Until(until) < delay {
		return false
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// attempts records what failed attempts of one call may have done.
type attempts struct {
	lost bool // the server may have processed an attempt whose response was lost
	held bool // the server reported that it has the transaction
}

// boundTo reports whether an order must not be sent with the newer credential,
// because that is another account's or because the server may have processed
// the order already.
func (f *attempts) boundTo(credential, newer connect.Credential) bool {
	again := !newer.ConnectedAt.Equal(credential.ConnectedAt)
	return f != nil && again && (f.lost || f.held || newer.Subject != credential.Subject)
}

// record records what a failed attempt may have done.
func (f *attempts) record(err error) {
	var failure *APIError
	f.lost = f.lost || mayHaveArrived(err)
	f.held = f.held || errors.Is(err, ErrTransactionPending) || errors.As(err, &failure) && failure.saysCreated()
}

// reached records whether the transport requested and got a connection, and
// whether it wrote the request. Nil records nothing.
type reached struct{ asked, got, wrote atomic.Bool }

// trace returns a context that makes net/http report these events.
func (r *reached) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { r.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { r.got.Store(true) },

		WroteHeaders: func() { r.wrote.Store(true) },
	})
}

// notSent reports whether the request was certainly not sent: the transport
// requested a connection and got none, because a host, a proxy or TLS failed.
// It is false for a transport that does not report.
func (r *reached) notSent() bool { return r != nil && r.asked.Load() && !r.got.Load() }

// written reports whether the transport wrote the request.
func (r *reached) written() bool { return r != nil && r.wrote.Load() }

// mayHaveArrived reports whether the server may have processed a request that
// failed.
func mayHaveArrived(err error) bool {
	call := new(APIError)
	if errors.As(err, &call); call.unsent {
		return false
	}
	var dial *net.OpError
	if !call.written && (errors.As(err, &dial) && dial.Op == "dial" || isUntrusted(err)) {
		return false
	}
	return errors.Is(err, ErrUnavailable) || errors.Is(err, ErrInvalidResponse)
}

// isUntrusted reports whether the server could not prove its identity. Nothing
// was sent, and a retry would not help.
func isUntrusted(err error) bool {
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &certificate)
}
