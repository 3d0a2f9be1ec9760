// Mutate breaks the code in one line at a time, and looks that a test notices:
// each change of the list in docs/security.md must make the test fail that is
// named beside it.
//
// Usage, from the top of the repository:
//
//	go run ./internal/mutate [-run NN]
//
// With -run it tries the changes of one requirement alone. No file is touched:
// the changed one is laid over the true one (go test -overlay). A change is
//
//	caught           when its test fails,
//	SURVIVED         when its test passes,
//	does not apply   when its file does not have the line, or has it twice,
//	does not compile when it is no change that the compiler takes.
//
// The exit status is 1 unless all are caught.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// document is where the list is.
const document = "docs/security.md"

func main() {
	number := flag.String("run", "", "the `number` of the requirement to try; empty means all")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, ".", *number); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// run tries the mutations of a requirement, or all, of the repository at root.
func run(ctx context.Context, out io.Writer, root, number string) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	list, err := load(root)
	if err != nil {
		return err
	}
	if list = only(list, number); len(list) == 0 {
		return fmt.Errorf("%s has no mutation of requirement %q", document, number)
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
		fmt.Fprintf(out, "%s %-16s %4.1fs  %s: %s\n", m.number, verdict.kind, time.Since(begun).Seconds(), m.file, m.words)
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
