package bench

import (
	"fmt"
	"runtime"
	"time"
)

// Side is one of two ways to do the same work. Only one goroutine uses it.
type Side struct {
	// Prepare prepares the next n runs of Do. It is neither timed nor counted.
	// It may be nil.
	Prepare func(n int) error
	// Single says that Prepare can prepare only one run.
	Single bool
	// Waits is how long a run waits for a server without using processor time.
	// It is added to the processor time. It is zero if wall-clock time is
	// measured.
	Waits time.Duration
	// Do does the work once.
	Do func() error
	// Answer returns the result of the last Do in a form that can be compared
	// with the other side's.
	Answer func() string
}

// Ready prepares n runs, at most Most.
func (s Side) Ready(n int) error {
	if s.Prepare == nil {
		return nil
	}
	return s.Prepare(n)
}

// Most returns the largest number of runs that one call of Ready prepares,
// because prepared runs take memory.
func (s Side) Most() int {
	switch {
	case s.Single:
		return 1
	case s.Prepare != nil:
		return 1000
	}
	return 100_000
}

// sample is the cost of one run of Do, averaged over a round.
type sample struct {
	time   time.Duration
	allocs float64
}

// clock returns the time that a side is charged.
type clock func() (time.Duration, error)

// wallClock is for sides that wait for a server.
func wallClock() (time.Duration, error) { return time.Since(epoch), nil }

var epoch = time.Now()

// round does the work n times. It collects garbage first, so that no side pays
// for the other's.
func (s Side) round(n int, now clock) (sample, error) {
	if err := s.Ready(n); err != nil {
		return sample{}, fmt.Errorf("prepare: %w", err)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start, err := now()
	for range n {
		if err == nil {
			err = s.Do()
		}
	}
	if err != nil {
		return sample{}, err
	}
	end, err := now()
	runtime.ReadMemStats(&after)
	return sample{
		time:   (end-start)/time.Duration(n) + s.Waits,
		allocs: float64(after.Mallocs-before.Mallocs) / float64(n),
	}, err
}

// roundLasts is long for the clock, and short compared with changes of the
// machine's speed.
const roundLasts = 5 * time.Millisecond

// size returns how many runs make a round.
func (s Side) size(now clock) (int, error) {
	for n := 1; ; n = min(2*n, s.Most()) {
		cost, err := s.round(n, now)
		if err != nil {
			return 0, err
		}
		if cost.time*time.Duration(n) >= roundLasts/2 || n == s.Most() {
			return min(s.Most(), max(1, int(roundLasts/max(cost.time, 1)))), nil
		}
	}
}
