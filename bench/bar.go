package bench

import (
	"fmt"
	"math"
	"time"
)

// Bar is a limit on the cost of our side. Zero is no limit.
type Bar struct {
	Ratio      float64 // our time divided by the peer's
	Allocs     int     // per run
	MoreAllocs int     // per run, more than the peer's
	Bytes      float64 // of memory
}

// String formats the limit for the report.
func (b Bar) String() string {
	switch {
	case b.Bytes > 0:
		return fmt.Sprintf("≤ %.0f B", b.Bytes)
	case b.Allocs > 0:
		return fmt.Sprintf("≤ %.2f, ≤ %d allocs", b.Ratio, b.Allocs)
	case b.MoreAllocs > 0:
		return fmt.Sprintf("≤ %.2f, ≤ %d allocs more", b.Ratio, b.MoreAllocs)
	}
	return fmt.Sprintf("≤ %.2f", b.Ratio)
}

// Result is the result of a comparison: medians over its rounds.
type Result struct {
	Ours, Peer             time.Duration // per run
	OursAllocs, PeerAllocs float64       // per run
	Ratio                  float64       // our time divided by the peer's in the same round
	Low, High              float64       // the quartiles of the ratio
	Rounds                 int
	Bytes                  float64 // of memory, if that was measured
}

// Meets reports whether a result is within the limit.
func (b Bar) Meets(r Result) bool {
	switch {
	case b.Bytes > 0:
		return r.Bytes > 0 && r.Bytes <= b.Bytes
	case r.Ratio <= 0, r.Ratio > b.Ratio, math.IsNaN(r.Ratio):
		return false
	case b.Allocs > 0 && math.Round(r.OursAllocs) > float64(b.Allocs):
		return false
	}
	return b.MoreAllocs == 0 || math.Round(r.OursAllocs-r.PeerAllocs) <= float64(b.MoreAllocs)
}
