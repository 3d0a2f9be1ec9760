package bench

import (
	"fmt"
	"math"
	"time"
)

// Bar is the most that our side may cost. Zero is no bar.
type Bar struct {
	Ratio      float64 // of our time to the peer's
	Allocs     int     // a run
	MoreAllocs int     // a run, than the peer makes
	Bytes      float64 // of memory
}

// String says it as the report does.
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

// Result is what a comparison came to: medians over its rounds.
type Result struct {
	Ours, Peer             time.Duration // a run
	OursAllocs, PeerAllocs float64       // a run
	Ratio                  float64       // of our time to the peer's in the same round
	Low, High              float64       // the quartiles of the ratio
	Rounds                 int
	Bytes                  float64 // of memory, where that is what is measured
}

// Meets reports whether a result is within the bar.
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
