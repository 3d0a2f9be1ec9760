package connect

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// LimitError is returned by Config.Limit to say when to try again, which the
// response has as Retry-After. errors.Is matches it with ErrLimited.
type LimitError struct {
	RetryAfter time.Duration // rounded up to seconds; zero or less says nothing
}

// Error returns the text of ErrLimited.
func (e *LimitError) Error() string { return ErrLimited.Error() }

// Unwrap returns ErrLimited.
func (e *LimitError) Unwrap() error { return ErrLimited }

// limit asks Config.Limit.
func (c *Connector) limit(r *http.Request) error {
	if c.config.Limit == nil {
		return nil
	}
	err := c.config.Limit(r)
	if err == nil || errors.Is(err, ErrLimited) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrLimited, err)
}

// limited refuses prefetches, and calls Config.Limit before next uses the
// session.
func (c *Connector) limited(next http.HandlerFunc) http.Handler {
	withSession := c.withSession(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isPrefetch(r) {
			protect(w)
			w.WriteHeader(http.StatusServiceUnavailable) // browsers then load the page when the user goes there
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
