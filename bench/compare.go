package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// ErrNoServer is that of a comparison whose server does not answer.
var ErrNoServer = errors.New("not run: no PostgreSQL")

// Comparison is one line of the report: our way and a peer's of doing the same
// work.
type Comparison struct {
	Name string
	Bar  Bar
	// Waits says that the sides wait for others, so that the clock on the wall
	// counts. Else it is the processor time of this process, which is the same
	// on a machine that does nothing else.
	Waits bool
	// Open readies the sides. The error is [ErrNoServer] when a server that
	// they need is not there.
	Open func(ctx context.Context) (*Pair, error)
}

// Pair are the two sides of a comparison.
type Pair struct {
	Ours, Peer Side
	// Close frees what the sides hold. Nil frees nothing.
	Close func() error
}

// close frees what the sides hold, and joins its error with another.
func (p *Pair) close(err *error) {
	if p.Close != nil {
		*err = errors.Join(*err, p.Close())
	}
}

// Same does the work once on both sides, and returns an error unless both come
// to the same answer.
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

// Measure runs both sides in turn until the time is over, and at least fifteen
// times. Only what both did one right after the other is compared: what else
// the machine does changes from second to second, and hits both alike.
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

// round is one of our side and one of the peer's, one right after the other.
type round struct{ ours, peer sample }

func (r round) ratio() float64 { return float64(r.ours.time) / float64(r.peer.time) }

// both runs a round of each. Who goes first takes turns, too.
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
