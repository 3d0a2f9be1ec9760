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

// pause is the growing time between the attempts of one call, with jitter.
type pause struct{ next *backoff.ExponentialBackOff }

func (m *Merchant) newPause() pause {
	next := backoff.NewExponentialBackOff()
	next.InitialInterval = m.retryDelay
	next.Multiplier = 2
	next.MaxInterval = 5 * time.Second
	return pause{next}
}

// wait waits as long as it is time to, or as the server asked for, and reports
// whether to go on. It does not start a wait that the call's end would cut off.
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

// attempts is what the attempts of one call may have done although they failed.
type attempts struct {
	lost bool // an attempt may have been carried out unheard
	held bool // the server said that it has the transaction
}

// boundTo reports whether an order must not be sent with the credential of a
// later connection: in another account's name, or when it may have been taken
// already.
func (f *attempts) boundTo(credential, newer connect.Credential) bool {
	again := !newer.ConnectedAt.Equal(credential.ConnectedAt)
	return f != nil && again && (f.lost || f.held || newer.Subject != credential.Subject)
}

// see learns from an attempt what it may have done.
func (f *attempts) see(err error) {
	var failure *APIError
	f.lost = f.lost || mayHaveArrived(err)
	f.held = f.held || errors.Is(err, ErrTransactionPending) || errors.As(err, &failure) && failure.saysCreated()
}

// reached tells how far a request came: whether it found a connection to the
// server, and whether anything was written to one.
type reached struct{ asked, got, wrote atomic.Bool }

// trace returns a context by which net/http tells.
func (r *reached) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { r.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { r.got.Store(true) },

		WroteHeaders: func() { r.wrote.Store(true) },
	})
}

// never reports whether the request was certainly not sent: the transport asked
// for a connection and got none, because a host, a proxy or TLS failed. A
// transport that does not tell is not relied on.
func (r *reached) never() bool { return r.asked.Load() && !r.got.Load() }

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

// isUntrusted reports whether the connection failed because the server could
// not prove its identity: nothing was sent, and nothing will be.
func isUntrusted(err error) bool {
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &certificate)
}
