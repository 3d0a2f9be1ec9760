// Replicas runs one shop in several processes behind a round-robin proxy. The
// replicas share sessions, states and tokens in PostgreSQL, MariaDB or Redis,
// and charge at a sandbox. Sessions are not sticky: each request goes to the
// next replica, so three replicas handle connect, callback and purchase.
//
//	go run ./examples/replicas
//
// The flags are:
//
//	-store postgres|mysql|redis
//		Where sessions, states and tokens are stored. The default is
//		postgres.
//	-dsn DSN
//		The DSN of the store. The default is $GLOEBIT_POSTGRES,
//		$GLOEBIT_MYSQL or $GLOEBIT_REDIS. If that is not set, it is the
//		database test (for Redis, 0) at the standard port of this machine;
//		-h prints these DSNs.
//	-prefix PREFIX, -lease DURATION
//		With redis, the prefix of all keys, and the longest time for which
//		a user waits for a replica that died. The defaults are replicas:
//		and 30s.
//	-replicas N
//		The number of replicas, up to 64. The default is 3.
//	-addr HOST:PORT, -sandbox-addr HOST:PORT
//		The addresses of the proxy and of the sandbox. The defaults are
//		127.0.0.1:8080 and 127.0.0.1:8081. Port 0 selects a free port.
//	-gloebit URL
//		Instead of starting a sandbox, charge at the Gloebit at URL, with the
//		key in GLOEBIT_CLIENT_ID and the secret in GLOEBIT_CLIENT_SECRET.
//
// If you stop a replica by its process ID, the others continue. If the database
// is down at the start, the program says so and exits. If it goes down later,
// the replicas respond 503 until it is up again.
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

// options holds the command line. The program starts each replica with its own
// command line, which has a name and the proxy's URL.
type options struct {
	store, dsn, prefix string
	replicas           int
	lease              time.Duration
	addr, sandboxAddr  string
	gloebit            string // the URL of another Gloebit; its key and secret are in the environment
	replica, url       string // only for replicas: the name, and the proxy's URL
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	dsnHelp := "data source name (`DSN`) of the store; the default is"
	for _, s := range standards() {
		dsnHelp += fmt.Sprintf("\nfor %s $%s or, if that is empty, %s", s.store, s.variable, s.dsn)
	}
	flags := flag.NewFlagSet("replicas", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.store, "store", "postgres", "shared store: `postgres|mysql|redis`")
	flags.StringVar(&o.dsn, "dsn", "", dsnHelp)
	flags.StringVar(&o.prefix, "prefix", "replicas:", "with redis, the `PREFIX` of all keys")
	flags.DurationVar(
		&o.lease, "lease", 30*time.Second, "with redis, how long a user's lock outlives a replica that has died",
	)
	flags.IntVar(&o.replicas, "replicas", 3, "number `N` of replicas")
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`HOST:PORT` of the proxy; port 0 takes a free one")
	flags.StringVar(&o.sandboxAddr, "sandbox-addr", "127.0.0.1:8081", "`HOST:PORT` of the sandbox")
	flags.StringVar(&o.gloebit, "gloebit", "", "`URL` of a Gloebit to use instead of the sandbox")
	flags.StringVar(&o.replica, "replica", "", "for internal use: run as the replica with this `NAME`")
	flags.StringVar(&o.url, "url", "", "for internal use: `URL` of the proxy")
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
