package bench_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/bench"
	"github.com/stretchr/testify/require"
)

func TestConcurrentBrowsersGetTheirOwnTokens(t *testing.T) {
	connected, err := bench.ConnectAtOnce(t.Context(), 200)
	require.NoError(t, err)
	require.Positive(t, connected.Back)
}

func TestSalesAreCountedOnBothSides(t *testing.T) {
	for name, sell := range map[string]func() (bench.Sales, error){
		"SQLite":     func() (bench.Sales, error) { return bench.SalesOnSQLite(t.Context(), 3, time.Second) },
		"PostgreSQL": func() (bench.Sales, error) { return bench.SalesOnPostgres(t.Context(), 3, time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			sales, err := sell()
			if errors.Is(err, bench.ErrNoServer) && os.Getenv("GLOEBIT_TEST_REQUIRE") != "all" {
				t.Skip(err)
			}
			require.NoError(t, err)
			require.Positive(t, sales.Ledger)
			require.Positive(t, sales.Bare)
		})
	}
}

func TestEveryUserOfAGrowingShopIsConnected(t *testing.T) {
	shop, err := bench.NewGrowing()
	require.NoError(t, err)
	for _, users := range []int{10, 100} {
		require.NoError(t, shop.Grow(users))
		took, err := shop.RequestTime()
		require.NoError(t, err)
		require.Positive(t, took)
	}
}
