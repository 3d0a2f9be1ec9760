package connect

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// RateLimitError is returned by Config.RateLimit to say when to try again. The
// response has it as Retry-After. errors.Is matches it with ErrTooManyAttempts.
type RateLimitError struct {
	RetryAfter time.Duration // rounded up to seconds; if zero or less, the response has no Retry-After
}

// Error returns the text of ErrTooManyAttempts.
func (e *RateLimitError) Error() string { return ErrTooManyAttempts.Error() }

// Unwrap returns ErrTooManyAttempts.
func (e *RateLimitError) Unwrap() error { return ErrTooManyAttempts }

// limit calls Config.RateLimit.
func (c *Connector) limit(r *http.Request) error {
	if c.config.RateLimit == nil {
		return nil
	}
	err := c.config.RateLimit(r)
	if err == nil || errors.Is(err, ErrTooManyAttempts) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrTooManyAttempts, err)
}

// limited refuses prefetches, and calls Config.RateLimit before next uses the
// session.
func (c *Connector) limited(next http.HandlerFunc) http.Handler {
	withSession := c.withSession(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isPrefetch(r) {
			protect(w)
			w.WriteHeader(http.StatusServiceUnavailable) // browsers then load the page again when the user opens it
			return
		}
		if err := c.limit(r); err != nil {
			protect(w)
			c.fail(w, r, err, "")
			return
		}
		withSession.ServeHTTP(w, r)
	})
}
