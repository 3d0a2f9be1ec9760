// Report measures the package side by side with its peers. It prints a table
// with the cost of both sides, their ratio, its limit, and whether the limit is
// met. It exits with 1 if a limit is missed, or if a row could not be run.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"time"

	"github.com/go-gloebit/gloebit/bench"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("report: ")
	only := flag.String("run", "", "measure only the rows whose names match this `regexp`")
	lasts := flag.Duration("for", 10*time.Second, "how long a row is measured")
	flag.Parse()
	names, err := regexp.Compile(*only)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	runtime.GOMAXPROCS(1) // as go test -cpu 1 does: no work runs in parallel
	met, err := report(ctx, os.Stdout, names, *lasts)
	if err != nil {
		log.Fatal(err)
	}
	if !met {
		log.Fatal("not all bars are met")
	}
}

// report prints the table, and reports whether all limits are met.
func report(ctx context.Context, to io.Writer, names *regexp.Regexp, lasts time.Duration) (met bool, err error) {
	const line = "%-50s %-20s %-20s %-18s %-25s %s\n"
	if _, err := fmt.Fprintf(to, line, "name", "ours", "peer", "ratio", "bar", ""); err != nil {
		return false, err
	}
	met = true
	for _, row := range bench.Rows() {
		if !names.MatchString(row.Name) {
			continue
		}
		result, err := row.Measure(ctx, lasts)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		verdict := "ok"
		switch {
		case err != nil:
			verdict = err.Error()
		case !row.Bar.Meets(result):
			verdict = "MISSED"
		}
		met = met && verdict == "ok"
		ours, peer, ratio := cells(result)
		if _, err := fmt.Fprintf(to, line, row.Name, ours, peer, ratio, row.Bar, verdict); err != nil {
			return false, err
		}
	}
	_, err = fmt.Fprintf(
		to, "\n%s %s/%s, one processor; a ratio is the median of pairs of rounds, with its quartiles\n", runtime.Version(),
		runtime.GOOS, runtime.GOARCH,
	)
	return met, err
}

// cells returns the texts of ours, peer and ratio.
func cells(r bench.Result) (ours, peer, ratio string) {
	switch {
	case r.Bytes > 0:
		return fmt.Sprintf("%.0f B", r.Bytes), "", ""
	case r.Rounds == 0:
		return "", "", ""
	}
	side := func(took time.Duration, allocs float64) string {
		unit := math.Pow(10, math.Floor(math.Log10(float64(max(took, 1))))-2) // round to three digits
		return fmt.Sprintf("%v %.0f allocs", took.Round(time.Duration(max(unit, 1))), allocs)
	}
	return side(r.Ours, r.OursAllocs), side(r.Peer, r.PeerAllocs), fmt.Sprintf("%.2f (%.2f–%.2f)", r.Ratio, r.Low, r.High)
}
