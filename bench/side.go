package bench

import (
	"fmt"
	"runtime"
	"time"
)

// Side is one of two ways to do a piece of work. One goroutine uses it.
type Side struct {
	// Prepare readies the next n runs of Do. It is neither timed nor counted.
	// Nil prepares nothing.
	Prepare func(n int) error
	// Single says that Prepare readies one run at a time.
	Single bool
	// Waits is how long a run waits for a server that takes no processor time
	// meanwhile. It is added to the processor time. Where the clock on the wall
	// counts it is zero.
	Waits time.Duration
	// Do does the work once.
	Do func() error
	// Answer tells what the last Do came to, in words that the other side would
	// use for the same.
	Answer func() string
}

// Ready prepares n runs, of which there are at most Most.
func (s Side) Ready(n int) error {
	if s.Prepare == nil {
		return nil
	}
	return s.Prepare(n)
}

// Most is how many runs there may be between two calls of Ready: what those
// prepare takes room until it is used.
func (s Side) Most() int {
	switch {
	case s.Single:
		return 1
	case s.Prepare != nil:
		return 1000
	}
	return 100_000
}

// sample is what one run of Do cost, on average over a round.
type sample struct {
	time   time.Duration
	allocs float64
}

// clock tells the time that a side is charged.
type clock func() (time.Duration, error)

// wallClock is for sides that wait for others.
func wallClock() (time.Duration, error) { return time.Since(epoch), nil }

var epoch = time.Now()

// round does the work n times. The collector has run before, so that no side
// pays for what the other one left behind.
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

// roundLasts is long against the clock, and short against what changes on a
// machine.
const roundLasts = 5 * time.Millisecond

// size is how many runs make a round.
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
