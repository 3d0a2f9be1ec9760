package bench_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit/bench"
	"github.com/stretchr/testify/require"
)

func TestBarIsMetWithinAllLimits(t *testing.T) {
	for name, c := range map[string]struct {
		bar  bench.Bar
		got  bench.Result
		meet bool
	}{
		"as fast as allowed":   {bench.Bar{Ratio: 2}, bench.Result{Ratio: 2}, true},
		"too slow":             {bench.Bar{Ratio: 2}, bench.Result{Ratio: 2.01}, false},
		"as many allocations":  {bench.Bar{Ratio: 2, Allocs: 5}, bench.Result{Ratio: 1, OursAllocs: 5.2}, true},
		"too many allocations": {bench.Bar{Ratio: 2, Allocs: 5}, bench.Result{Ratio: 1, OursAllocs: 6}, false},
		"as many more as allowed": {
			bench.Bar{Ratio: 2, MoreAllocs: 5}, bench.Result{Ratio: 1, OursAllocs: 85, PeerAllocs: 80}, true,
		},
		"too many more": {
			bench.Bar{Ratio: 2, MoreAllocs: 5}, bench.Result{Ratio: 1, OursAllocs: 86, PeerAllocs: 80}, false,
		},
		"as much memory as allowed":  {bench.Bar{Bytes: 400}, bench.Result{Bytes: 400}, true},
		"too much memory":            {bench.Bar{Bytes: 400}, bench.Result{Bytes: 401}, false},
		"nothing measured":           {bench.Bar{Ratio: 2}, bench.Result{}, false},
		"no memory measured, either": {bench.Bar{Bytes: 400}, bench.Result{}, false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.meet, c.bar.Meets(c.got)) })
	}
}

// taking is a side that waits.
func taking(wait time.Duration, answer string) bench.Side {
	return bench.Side{Do: func() error { time.Sleep(wait); return nil }, Answer: func() string { return answer }}
}

func comparison(ours, peer bench.Side) bench.Comparison {
	return bench.Comparison{Waits: true, Open: func(context.Context) (*bench.Pair, error) {
		return &bench.Pair{Ours: ours, Peer: peer}, nil
	}}
}

func TestRatioIsOurTimeToPeerTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, err := comparison(
			taking(3*time.Millisecond, "hats"), taking(2*time.Millisecond, "hats"),
		).Measure(t.Context(), time.Second)
		require.NoError(t, err)
		require.InDelta(t, 1.5, result.Ratio, 0.001)
		require.Equal(t, 3*time.Millisecond, result.Ours)
		require.Equal(t, 2*time.Millisecond, result.Peer)
		require.GreaterOrEqual(t, result.Rounds, 15)
	})
}

func TestSidesThatAnswerDifferentlyAreNotMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := comparison(
			taking(time.Millisecond, "hats"), taking(time.Millisecond, "coats"),
		).Measure(t.Context(), time.Second)
		require.ErrorContains(t, err, "do not do the same")
	})
}
