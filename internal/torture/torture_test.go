package main

import (
	"errors"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// parallelTests is how many tests run in parallel by default. Most of them wait
// for retries. The flag -parallel overrides it.
const parallelTests = "4"

// TestMain runs this program as a shop if a test has started it as one.
func TestMain(m *testing.M) {
	if shopWanted() {
		exit(runShop(os.Stdin, os.Stdout))
	}
	if err := flag.Set("test.parallel", parallelTests); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// newTestPlace returns a database for a test. It skips the test if there is no
// server, unless GLOEBIT_TEST_REQUIRE is "all".
func newTestPlace(t *testing.T, store string) place {
	t.Helper()
	p, remove, err := newPlace(t.Context(), store, "")
	if errors.Is(err, errNoServer) && os.Getenv("GLOEBIT_TEST_REQUIRE") != "all" {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(remove)
	return p
}

// tortured runs torture with a random seed and a limit of five minutes.
func tortured(t *testing.T, o options) *verdict {
	t.Helper()
	o.seed, o.limit = uint64(time.Now().UnixNano()), 5*time.Minute
	t.Logf("seed %d", o.seed)
	v, err := torture(t.Context(), o)
	require.NoError(t, err)
	t.Log(v)
	v.explain(t.Output())
	return v
}

var everything = faults{
	Gloebit: true, Callbacks: true, Cancel: true, Shop: true, Store: true, Users: true, Clocks: true,
}

func TestWithoutFaultsAllIsDelivered(t *testing.T) {
	t.Parallel()
	v := tortured(t, options{purchases: 50, place: newTestPlace(t, "sqlite")})
	require.False(t, v.bad(), v)
	require.Equal(t, 50, v.delivered+v.refused)
	require.Zero(t, v.canceled)
	require.Zero(t, v.faults)
}

func TestBrokenShopIsDetected(t *testing.T) {
	t.Parallel()
	t.Run("it says that it has delivered and has not", func(t *testing.T) {
		t.Parallel()
		v := tortured(t, options{
			purchases: 60, kills: 2, faults: everything, place: newTestPlace(t, "sqlite"), broken: loses,
		})
		require.True(t, v.bad())
		require.Positive(t, v.lost)
		require.Equal(t, v.charged-v.delivered, v.lost)
		require.Zero(t, v.doubled)
	})
	t.Run("it delivers twice", func(t *testing.T) {
		t.Parallel()
		v := tortured(t, options{
			purchases: 60, kills: 2, faults: everything, place: newTestPlace(t, "sqlite"), broken: doubles,
		})
		require.True(t, v.bad())
		require.Positive(t, v.doubled)
		require.Equal(t, v.charged, v.delivered)
		require.Zero(t, v.lost)
	})
	t.Run("it never delivers, and the time is over", func(t *testing.T) {
		t.Parallel()
		o := options{purchases: 20, place: newTestPlace(t, "sqlite"), broken: fails, seed: 1, limit: 3 * time.Second}
		v, err := torture(t.Context(), o)
		require.NoError(t, err)
		require.Positive(t, v.stuck)
		require.Equal(t, v.charged, v.stuck)
		require.Equal(t, v.charged, v.lost)
	})
}
