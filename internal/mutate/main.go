// Mutate applies the mutations in testdata one at a time and checks that the
// tests named beside each one fail.
//
// Usage, from the top of the repository:
//
//	go run ./internal/mutate [-run NN]
//
// With -run it tries the mutations of one requirement. No file is changed: the
// go command is given an overlay. A mutation is
//
//	caught           when all its tests fail,
//	SURVIVED         when one of its tests passes,
//	does not apply   when its file or function lacks the line or has it twice,
//	does not compile when the changed code does not compile,
//	FAILED TO RUN    when a test is missing or does not finish.
//
// The exit status is 1 unless all are caught.
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// mutations are those of each requirement, in a file that its number names.
//
//go:embed testdata/*.diff
var mutations embed.FS

func main() {
	number := flag.String("run", "", "the `number` of the requirement to try; empty means all")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	list, err := load(mutations)
	if err == nil {
		err = run(ctx, os.Stdout, ".", only(list, *number))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// run tries the mutations in the repository at root.
func run(ctx context.Context, out io.Writer, root string, list []mutation) error {
	if len(list) == 0 {
		return errors.New("the requirement has no mutations")
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	if err := passes(ctx, root, list); err != nil {
		return err
	}
	caught := 0
	for _, m := range list {
		begun := time.Now()
		verdict := m.try(ctx, root)
		if err := ctx.Err(); err != nil {
			return err
		}
		if verdict.kind == wasCaught {
			caught++
		}
		seconds := time.Since(begun).Seconds()
		fmt.Fprintf(out, "%s %-16s %4.1fs  %s: %s\n", m.number, verdict.kind, seconds, m.file, m.words)
		if verdict.why != "" {
			fmt.Fprintf(out, "   %s\n", verdict.why)
		}
	}
	fmt.Fprintf(out, "%d of %d caught\n", caught, len(list))
	if caught < len(list) {
		return errors.New("not all were caught")
	}
	return nil
}
