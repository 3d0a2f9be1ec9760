// Scale prints how the package behaves with many users: the memory of each, the
// time of a request, concurrent connections, and purchases per second through
// the ledger and with bare statements. It prints figures and has no limits.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"time"

	"github.com/go-gloebit/gloebit/bench"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("scale: ")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	for _, measure := range []func(context.Context) error{memory, requests, flows, sales} {
		if err := measure(ctx); err != nil {
			log.Fatal(err)
		}
	}
}

var crowds = []int{1_000, 10_000, 100_000, 1_000_000}

func memory(context.Context) error {
	fmt.Println("memory per connected user in MemoryTokenStore, beyond the strings")
	for _, users := range crowds {
		bytes, err := bench.MemoryPerUser(users)
		if err != nil {
			return err
		}
		fmt.Printf("  %9d users  %4.0f B\n", users, bytes)
	}
	return nil
}

func requests(context.Context) error {
	fmt.Println("processor time per request through RequireGloebit, users at random")
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	shop, err := bench.NewGrowing()
	if err != nil {
		return err
	}
	for _, users := range crowds {
		if err := shop.Grow(users); err != nil {
			return err
		}
		took, err := shop.RequestTime()
		if err != nil {
			return err
		}
		fmt.Printf("  %9d users  %v\n", users, took)
	}
	return nil
}

func flows(ctx context.Context) error {
	const crowd = 10_000
	c, err := bench.ConnectAtOnce(ctx, crowd)
	if err != nil {
		return err
	}
	fmt.Printf("%d connect flows at once\n", crowd)
	fmt.Printf("  all at Gloebit after %v, with %.0f B of the heap each\n", c.Start.Round(time.Millisecond), c.Bytes)
	fmt.Printf(
		"  all connected after %v more; each with its own token, each state accepted once\n", c.Back.Round(time.Millisecond),
	)
	return nil
}

func sales(ctx context.Context) error {
	fmt.Println("purchases a second, from the order to the delivery: ledger, bare statements")
	for _, place := range []struct {
		name string
		sell func(context.Context, int, time.Duration) (bench.Sales, error)
	}{{"PostgreSQL", bench.SalesOnPostgres}, {"SQLite", bench.SalesOnSQLite}} {
		for _, buyers := range []int{1, 16} {
			s, err := place.sell(ctx, buyers, 5*time.Second)
			if errors.Is(err, bench.ErrNoServer) {
				fmt.Printf("  %-10s  %v\n", place.name, err)
				break
			}
			if err != nil {
				return fmt.Errorf("%s: %w", place.name, err)
			}
			fmt.Printf("  %-10s  %2d at once  %5.0f  %5.0f\n", place.name, buyers, s.Ledger, s.Bare)
		}
	}
	return nil
}
