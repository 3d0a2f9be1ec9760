// Package launch starts an example shop: it reads the flags, listens, runs a
// sandbox beside the shop unless a real Gloebit is asked for, and stops both
// gracefully. Every shop of the examples has the same flags because of it.
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

// Settings is what a shop is built from.
type Settings struct {
	// URL is where browsers find the shop: scheme and host, without a path.
	URL          string
	Provider     gloebit.Provider
	ClientID     string
	ClientSecret gloebit.Secret
	Logger       *slog.Logger
	// Trial says that the Gloebit is a sandbox beside the shop, with play money.
	Trial bool
	// Books are where the shop keeps everything. They are open until the shop
	// has stopped.
	Books *books.Books
	// RetryAfter and StuckAfter are the ledger's, for tests in a hurry. Zero
	// means what the ledger thinks right.
	RetryAfter, StuckAfter time.Duration
	// SettleWait is how long the answer to a purchase waits for Gloebit's
	// callbacks, for tests on slow machines. The default is 2 seconds.
	SettleWait time.Duration
}

// Shop is what is built.
type Shop struct {
	Handler http.Handler
	// Purchases are seen through for as long as the shop is open. Nil is none.
	Purchases *ledger.Ledger
}

// Build makes a shop.
type Build func(Settings) (Shop, error)

// Main is the whole of a shop's main function: it runs until an interrupt or a
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

// Run runs a shop until the context ends. It prints where it and the sandbox
// are and where everything is kept to stdout, one line each, once both accept
// connections; what it logs goes to stderr. It returns when all requests are
// answered, all purchases it was working on are written down, and all ports are
// free again.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, build Build) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx) // what fails stops everything
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

// running is a shop that is being started.
type running struct {
	options
	group *errgroup.Group
	log   *slog.Logger
}

// start starts the sandbox, if one is wanted, and returns the lines to print
// and what runs the shop.
func (r running) start(
	sandboxCtx context.Context, build Build,
) (lines string, open func(context.Context) error, err error) {
	listener, err := net.Listen("tcp", r.addr)
	if err != nil {
		return "", nil, fmt.Errorf("%w: name another address with -addr", err)
	}
	defer func() {
		if err != nil {
			_ = listener.Close() // it was not used
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
