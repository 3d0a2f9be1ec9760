package gloebit

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// transient reports whether the same call may fare better later.
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
