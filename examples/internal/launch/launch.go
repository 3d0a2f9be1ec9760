// Package launch starts an example shop. It parses the flags, listens, runs a
// sandbox beside the shop unless a real Gloebit is selected, and stops both
// gracefully. All example shops share its flags.
package launch

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"golang.org/x/sync/errgroup"

	"github.com/go-gloebit/gloebit/examples/internal/books"
)

// Settings configures a shop.
type Settings struct {
	// URL is the shop's public URL: scheme and host, without a path.
	URL          string
	Provider     gloebit.Provider
	ClientID     string
	ClientSecret gloebit.Secret
	Logger       *slog.Logger
	// Trial says that Gloebit is a sandbox beside the shop, with play money.
	Trial bool
	// Books is the shop's database. It is open until the shop has stopped.
	Books *books.Books
	// RetryAfter and StuckAfter configure the ledger, for tests that need short
	// waits. Zero means the ledger's default.
	RetryAfter, StuckAfter time.Duration
	// SettleWait is how long the response to a purchase waits for Gloebit's
	// callbacks. Tests on slow machines need more than the default, which is 2
	// seconds.
	SettleWait time.Duration
}

// Shop is the result of Build.
type Shop struct {
	Handler http.Handler
	// Purchases runs while the shop is open. It may be nil.
	Purchases *ledger.Ledger
}

// Build builds a shop.
type Build func(Settings) (Shop, error)

// Main is a shop's main function. It runs the shop until an interrupt or a
// termination signal, and exits.
func Main(build Build) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := Run(ctx, os.Args[1:], os.Stdout, os.Stderr, build)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

// Run runs a shop until ctx ends. Once shop and sandbox accept connections, it
// prints their URLs and the database's location to stdout, one line each. It
// logs to stderr. It returns when all requests have been answered, all
// purchases in progress have been saved, and all ports are free.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, build Build) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx) // a failure stops everything
	// The shop may need Gloebit to answer its last requests, so the sandbox
	// stops after it.
	sandboxCtx, stopSandbox := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSandbox()
	r := running{options: o, group: group, log: slog.New(slog.NewTextHandler(stderr, nil))}
	lines, open, err := r.start(sandboxCtx, build)
	if err == nil {
		group.Go(func() error {
			defer stopSandbox()
			return open(ctx)
		})
		_, err = io.WriteString(stdout, lines)
	}
	if err != nil {
		stop()
		stopSandbox()
	}
	return errors.Join(err, group.Wait())
}

// running is a shop that is starting.
type running struct {
	options
	group *errgroup.Group
	log   *slog.Logger
}

// start starts the sandbox, unless a real Gloebit is selected. It returns the
// lines to print and a function that runs the shop.
func (r running) start(
	sandboxCtx context.Context, build Build,
) (lines string, open func(context.Context) error, err error) {
	listener, err := net.Listen("tcp", r.addr)
	if err != nil {
		return "", nil, fmt.Errorf("%w: name another address with -addr", err)
	}
	defer func() {
		if err != nil {
			_ = listener.Close() // it is not used
		}
	}()
	settings := Settings{URL: r.url, Logger: r.log}
	if settings.URL == "" {
		settings.URL = address(listener)
	}
	lines = "shop: " + settings.URL + "\n"
	if r.gloebit != "" {
		err = r.real(&settings, os.Getenv)
	} else {
		var at string
		at, err = startSandbox(sandboxCtx, r.group, r.options, &settings)
		lines += "sandbox: " + at + "\n"
	}
	if err != nil {
		return "", nil, err
	}
	settings.Books, err = books.Open(sandboxCtx, r.db, settings.ClientID)
	if err != nil {
		return "", nil, err
	}
	shop, err := build(settings)
	if err != nil {
		return "", nil, errors.Join(err, settings.Books.Close())
	}
	return lines + "kept in: " + r.keptIn() + "\n", func(ctx context.Context) error {
		return errors.Join(runShop(ctx, listener, shop, r.log), settings.Books.Close())
	}, nil
}
