// Torture makes purchases through a ledger while everything around it fails. In
// the end it compares: every purchase that Gloebit has charged must have been
// delivered exactly once.
//
// Usage:
//
//	go run ./internal/torture -purchases 20000 -kill 100 -faults all -store sqlite
//
// This process runs Gloebit and the buyers. The shop runs in two child
// processes of the same program. They are replicas that store their purchases
// in one database. The shop delivers a purchase by writing a row in the
// ledger's transaction. Torture repeatedly kills one or both shop processes
// with SIGKILL and starts them again.
//
// Buyers repeat an order under its idempotency key until it is answered. Some
// orders are for a product, which Gloebit itself grants to the user. Some users
// disconnect during the run and connect with another account. As its documents
// describe, Gloebit ignores the content of the responses to consume and cancel.
// It repeats a callback that got no response.
//
// In the end the faults stop, and the ledger finishes the interrupted
// purchases. The last line of the output is the result:
//
//	purchases 20000 charged 18840 delivered 18840 lost 0 doubled 0 stuck 0 (canceled 790 refused 370 unpaid 0 wrong 0)
//
// The numbers are:
//
//   - purchases: the orders that were placed.
//   - charged: the transactions that buyers paid at Gloebit.
//   - delivered: the purchases with the shop's row.
//   - lost: purchases that were paid but have no row, purchases that are
//     missing after the buyer got a response, and paid products that Gloebit
//     has not granted.
//   - doubled: purchases that were paid, delivered, reserved, released or
//     granted more than once.
//   - stuck: orders that are not answered or not finished.
//   - canceled: orders that the shop or Gloebit canceled.
//   - refused: orders that were refused because the buyer could not pay.
//   - unpaid: purchases that were delivered but not paid.
//   - wrong: responses that were not allowed, rows that don't fit the state of
//     the purchase, and purchases that were paid by another account than the
//     one that ordered.
//
// Every purchase that was not delivered must have been canceled or refused. The
// exit status is 1 if lost, doubled, stuck, unpaid or wrong is not 0. Standard
// error then has the details.
//
// Torture does not test one case. If a process answers a consume or cancel with
// 503, it holds the callback only in memory until it has saved it. A kill
// before that loses the callback, as docs/ledger.md says. So torture kills the
// process only after the callback was saved.
//
// The flags are:
//
//	-purchases N
//		How many orders are placed. The default is 1000.
//	-kill N
//		How often a process of the shop is killed. The default is 10.
//	-merchants N
//		How many merchants share the database. Each has its own Gloebit, buyers
//		and shop processes, and makes the given number of purchases and kills.
//		All merchants use the same user names, idempotency keys and signing key
//		of the hold URLs. The default is 1.
//	-faults LIST
//		"all", "none", or a comma-separated list of the kinds below. The default
//		is all.
//
//		gloebit: the shop's requests to Gloebit are dropped, refused or delayed,
//		and their responses are lost or truncated.
//		callbacks: Gloebit's callbacks come early, late, repeatedly, concurrently
//		or out of order, and requests and responses are lost.
//		cancel: Gloebit rolls some purchases back.
//		shop: the shop declines some purchases, asks for others to be retried,
//		and fails to deliver after it has written.
//		store: the shop's store is down at times, for a shorter or a longer time
//		than the ledger retries it, and some of its results are lost.
//		users: some users disconnect, and connect again or with another account,
//		while some of their orders are not sent yet.
//		clocks: the clock of one replica is 20 minutes ahead of the other.
//	-store NAME
//		sqlite, postgres or mysql (MySQL or MariaDB). The default is sqlite.
//	-dsn DSN
//		The database server, in the format of pgx or go-sql-driver/mysql. Torture
//		creates its own schema or database there and removes it afterwards. The
//		default is GLOEBIT_TEST_POSTGRES or GLOEBIT_TEST_MYSQL, or else the
//		server on this machine. For sqlite, DSN is a file. It must not exist and
//		is not removed. The default is a temporary file.
//	-seed N
//		The seed of the random numbers. The default is a new seed for each run;
//		it is printed. The same seed gives the same orders and faults, but the
//		timing of processes and networks differs.
//	-time D
//		How long the run may take. The default is 10m.
//	-v
//		Write the ledger's log to standard error.
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
	if shopWanted() {
		exit(runShop(os.Stdin, os.Stdout))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(command(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func exit(err error) {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		os.Exit(0)
	}
	fmt.Fprintln(os.Stderr, "torture:", err)
	os.Exit(1)
}

var errBad = errors.New("something was lost, doubled or stuck")

// command makes the run that the arguments describe, and prints the result.
func command(ctx context.Context, args []string, out, log io.Writer) error {
	o, store, dsn, err := parse(args, log)
	if err != nil {
		return err
	}
	var remove func()
	if o.place, remove, err = newPlace(ctx, store, dsn); err != nil {
		return err
	}
	defer remove()
	_, _ = fmt.Fprintf(out, "seed %d store %s faults %s kills %d\n", o.seed, store, o.faults, o.kills)
	start := time.Now()
	v, err := torture(ctx, o)
	if err != nil {
		return fmt.Errorf("seed %d: %w", o.seed, err)
	}
	v.explain(log)
	_, _ = fmt.Fprintf(
		out, "killed %d times, %d faults on the wire, in %s\n", v.kills, v.faults, time.Since(start).Round(time.Second),
	)
	_, _ = fmt.Fprintln(out, v)
	if v.bad() {
		return fmt.Errorf("%w: seed %d", errBad, o.seed)
	}
	return nil
}

// parse reads the flags.
func parse(args []string, log io.Writer) (o options, store, dsn string, err error) {
	flags := flag.NewFlagSet("torture", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.IntVar(&o.purchases, "purchases", 1000, "how many `orders` are placed")
	flags.IntVar(&o.kills, "kill", 10, "how `often` a process of the shop is killed")
	flags.IntVar(&o.merchants, "merchants", 1, "how many `merchants` share the database")
	list := flags.String(
		"faults", "all", "a `list` of gloebit, callbacks, cancel, shop, store, users and clocks; or all, or none",
	)
	flags.StringVar(&store, "store", "sqlite", "sqlite, postgres or mysql")
	flags.StringVar(&dsn, "dsn", "", "the database")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "the `seed` of the random numbers")
	flags.DurationVar(&o.limit, "time", 10*time.Minute, "how long the run may take")
	flags.BoolVar(&o.verbose, "v", false, "write the ledger's log to standard error")
	if err = flags.Parse(args); err != nil {
		return o, "", "", err
	}
	if flags.NArg() > 0 || o.purchases < 1 || o.kills < 0 || o.limit <= 0 {
		return o, "", "", errors.New("want a number of purchases, of kills, some time, and no arguments")
	}
	o.faults, err = parseFaults(*list)
	return o, store, dsn, err
}
