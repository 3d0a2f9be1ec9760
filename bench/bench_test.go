package bench_test

import (
	"errors"
	"os"
	"testing"

	"github.com/go-gloebit/gloebit/bench"
	"github.com/stretchr/testify/require"
)

func TestBothSidesOfAComparisonDoTheSame(t *testing.T) {
	for _, comparison := range bench.Comparisons() {
		t.Run(comparison.Name, func(t *testing.T) {
			pair := open(t, comparison)
			require.NoError(t, pair.Same())
		})
	}
}

func BenchmarkComparisons(b *testing.B) {
	for _, comparison := range bench.Comparisons() {
		b.Run(comparison.Name, func(b *testing.B) {
			pair := open(b, comparison)
			b.Run("ours", func(b *testing.B) { run(b, pair.Ours) })
			b.Run("peer", func(b *testing.B) { run(b, pair.Peer) })
		})
	}
}

// run does the work b.N times, some of it concurrently: what Prepare sets up
// takes memory.
func run(b *testing.B, side bench.Side) {
	b.ReportAllocs()
	for left := b.N; left > 0; left -= side.Most() {
		n := min(left, side.Most())
		b.StopTimer()
		require.NoError(b, side.Ready(n))
		b.StartTimer()
		for range n {
			if err := side.Do(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// open prepares a comparison. It is skipped if its server is missing, unless
// GLOEBIT_open_REQUIRE is all.
func open(tb testing.TB, comparison bench.Comparison) *bench.Pair {
	tb.Helper()
	pair, err := comparison.Open(tb.Context())
	if errors.Is(err, bench.ErrNoServer) && os.Getenv("GLOEBIT_TEST_REQUIRE") != "all" {
		tb.Skip(err)
	}
	require.NoError(tb, err)
	tb.Cleanup(func() {
		if pair.Close != nil {
			require.NoError(tb, pair.Close())
		}
	})
	return pair
}
