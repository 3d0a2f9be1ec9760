package ledger

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// retry repeats do until the store does not fail or ctx ends.
func retry(ctx context.Context, do func() error) {
	next := backoff.NewExponentialBackOff()
	next.InitialInterval, next.Multiplier, next.MaxInterval = 20*time.Millisecond, 2, time.Second
	_, _ = backoff.Retry(ctx, func() (struct{}, error) { // its error is that of do, or the context's
		err := do()
		if _, refused := err.(*fulfillerError); refused || missing(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(next), backoff.WithMaxElapsedTime(0))
}

// every calls do every Config.PollInterval, and when wake receives, until ctx
// ends.
func (l *Ledger) every(ctx context.Context, wake <-chan struct{}, do func()) {
	for ctx.Err() == nil {
		do()
		timer := time.NewTimer(l.config.PollInterval)
		select {
		case <-timer.C:
		case <-wake:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// streak counts consecutive failures. After a few, the store is assumed to be
// down, and the caller pauses.
type streak struct {
	inRow int
	first error // later errors have the same cause
}

const maxStreak = 3

func (s *streak) add(err error) {
	if err == nil || missing(err) {
		s.inRow = 0
		return
	}
	s.inRow++
	if s.first == nil {
		s.first = err
	}
}

func (s *streak) over() bool { return s.inRow >= maxStreak }

// rarely limits a log that many goroutines would write.
type rarely struct {
	mu   sync.Mutex
	next time.Time
}

// due reports whether it has not returned true for that long.
func (r *rarely) due(every time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Before(r.next) {
		return false
	}
	r.next = now.Add(every)
	return true
}
