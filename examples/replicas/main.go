// Replicas runs one shop in several processes behind a round-robin proxy, with
// everything they share in PostgreSQL, MariaDB or Redis, and a sandbox to charge
// at. Nothing is sticky: each request goes to the next replica, so that connect,
// callback and purchase are answered by three of them.
//
//	go run ./examples/replicas
//
// The flags are:
//
//	-store postgres|mysql|redis
//		Where sessions, states and tokens are. The default is postgres.
//	-dsn DSN
//		Where that is. The default is $GLOEBIT_POSTGRES, $GLOEBIT_MYSQL or
//		$GLOEBIT_REDIS, and without that the database test, or 0, at the standard
//		port of this machine; -h has the DSNs.
//	-replicas N
//		How many. The default is 3.
//	-addr HOST:PORT, -sandbox-addr HOST:PORT
//		Where the proxy and the sandbox listen. The defaults are 127.0.0.1:8080
//		and 127.0.0.1:8081; port 0 takes a free one.
//
// Stop a replica by its process id and the others go on. When the database is
// not there, the program says so at the start; when it goes away later, the
// replicas answer 503 until it is back, and go on by themselves.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "replicas:", err)
		os.Exit(1)
	}
}

// options are the command line; replicas get the same with their own name.
type options struct {
	store, dsn, prefix string
	replicas           int
	lease              time.Duration
	addr, sandboxAddr  string
	gloebit            string // a Gloebit elsewhere, with key and secret in the environment
	replica, url       string // of a replica: its name, and the proxy's URL
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	dsnHelp := "it is at this `DSN`; the default is"
	for _, s := range standards() {
		dsnHelp += fmt.Sprintf("\nfor %s $%s, or %s without it", s.store, s.variable, s.dsn)
	}
	flags := flag.NewFlagSet("replicas", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.store, "store", "postgres", "keep what is shared in `postgres|mysql|redis`")
	flags.StringVar(&o.dsn, "dsn", "", dsnHelp)
	flags.StringVar(&o.prefix, "prefix", "replicas:", "with redis, begin keys with this `PREFIX`")
	flags.DurationVar(
		&o.lease, "lease", 30*time.Second, "with redis, a user waits no longer than this for a replica that died",
	)
	flags.IntVar(&o.replicas, "replicas", 3, "run `N` replicas")
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "the proxy listens on this `HOST:PORT`; port 0 takes a free one")
	flags.StringVar(&o.sandboxAddr, "sandbox-addr", "127.0.0.1:8081", "the sandbox listens on this `HOST:PORT`")
	flags.StringVar(&o.gloebit, "gloebit", "", "charge at the Gloebit of this `URL` instead")
	flags.StringVar(&o.replica, "replica", "", "be the replica of this `NAME`; for the program's own use")
	flags.StringVar(&o.url, "url", "", "the proxy's `URL`; for the program's own use")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.replicas < 1 || o.replicas > 64 {
		return fmt.Errorf("-replicas %d: want 1 to 64", o.replicas)
	}
	if o.replica != "" {
		return runReplica(ctx, o, stdout)
	}
	return runFleet(ctx, o, stdout, stderr)
}
