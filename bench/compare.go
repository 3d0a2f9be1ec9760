package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// ErrNoServer is returned when the server of a comparison does not respond.
var ErrNoServer = errors.New("not run: no PostgreSQL")

// Comparison is one line of the report. It compares our side with a peer that
// does the same work.
type Comparison struct {
	Name string
	Bar  Bar
	// Waits says that the sides wait for a server, so wall-clock time is
	// measured. Otherwise it is the processor time of this process, which other
	// processes do not change.
	Waits bool
	// Open prepares the sides. The error is [ErrNoServer] if they need a server
	// that does not respond.
	Open func(ctx context.Context) (*Pair, error)
}

// Pair is the two sides of a comparison.
type Pair struct {
	Ours, Peer Side
	// Close releases the resources of the sides. It may be nil.
	Close func() error
}

// close calls Close, and joins its error with another.
func (p *Pair) close(err *error) {
	if p.Close != nil {
		*err = errors.Join(*err, p.Close())
	}
}

// Same runs each side once, and returns an error unless both give the same
// answer.
func (p *Pair) Same() error {
	var answers [2]string
	for i, side := range []Side{p.Ours, p.Peer} {
		if _, err := side.round(1, wallClock); err != nil {
			return err
		}
		answers[i] = side.Answer()
	}
	if answers[0] != answers[1] || answers[0] == "" {
		return fmt.Errorf("the sides do not do the same: ours answers %q, the peer %q", answers[0], answers[1])
	}
	return nil
}

const fewestRounds = 15

// Measure runs both sides alternately until the time is over, and at least
// fifteen times. It only compares rounds that ran one right after the other,
// because the speed of the machine changes from second to second.
func (c Comparison) Measure(ctx context.Context, lasts time.Duration) (r Result, err error) {
	pair, err := c.Open(ctx)
	if err != nil {
		return Result{}, err
	}
	defer pair.close(&err)
	if err := pair.Same(); err != nil {
		return Result{}, err
	}
	now := clock(processorTime)
	if c.Waits {
		now = wallClock
	}
	ours, err := pair.Ours.size(now)
	if err != nil {
		return Result{}, fmt.Errorf("ours: %w", err)
	}
	peers, err := pair.Peer.size(now)
	if err != nil {
		return Result{}, fmt.Errorf("the peer: %w", err)
	}
	var rounds []round
	for until := time.Now().Add(lasts); time.Now().Before(until) || len(rounds) < fewestRounds; {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		next, err := pair.both(now, ours, peers, len(rounds)%2 == 1)
		if err != nil {
			return Result{}, err
		}
		rounds = append(rounds, next)
	}
	return sum(rounds), nil
}

// round is one round of our side and one of the peer's, in succession.
type round struct{ ours, peer sample }

func (r round) ratio() float64 { return float64(r.ours.time) / float64(r.peer.time) }

// both runs a round of each side. The side that goes first alternates.
func (p *Pair) both(now clock, ours, peers int, peerFirst bool) (r round, err error) {
	if peerFirst {
		if r.peer, err = p.Peer.round(peers, now); err != nil {
			return r, fmt.Errorf("the peer: %w", err)
		}
	}
	if r.ours, err = p.Ours.round(ours, now); err != nil {
		return r, fmt.Errorf("ours: %w", err)
	}
	if !peerFirst {
		if r.peer, err = p.Peer.round(peers, now); err != nil {
			return r, fmt.Errorf("the peer: %w", err)
		}
	}
	return r, nil
}

func sum(rounds []round) Result {
	each := func(value func(round) float64) []float64 {
		var values []float64
		for _, r := range rounds {
			values = append(values, value(r))
		}
		slices.Sort(values)
		return values
	}
	at := func(sorted []float64, share float64) float64 {
		return sorted[int(math.Round(share*float64(len(sorted)-1)))]
	}
	ratios := each(round.ratio)
	return Result{
		Ours:       time.Duration(at(each(func(r round) float64 { return float64(r.ours.time) }), 0.5)),
		Peer:       time.Duration(at(each(func(r round) float64 { return float64(r.peer.time) }), 0.5)),
		OursAllocs: at(each(func(r round) float64 { return r.ours.allocs }), 0.5),
		PeerAllocs: at(each(func(r round) float64 { return r.peer.allocs }), 0.5),
		Ratio:      at(ratios, 0.5),
		Low:        at(ratios, 0.25),
		High:       at(ratios, 0.75),
		Rounds:     len(rounds),
	}
}
