// Torture buys through a ledger while everything around it fails, and then
// counts: what Gloebit has charged must have been delivered, once.
//
// Usage:
//
//	go run ./internal/torture -purchases 20000 -kill 100 -faults all -store sqlite
//
// This process is Gloebit and the buyers. The shop is two child processes,
// replicas of this same program, with its purchases in one database. It delivers
// a purchase by writing a row within the transaction that the ledger gives it.
// Its processes are killed (SIGKILL) again and again, one or both, and started
// again. Buyers repeat an order under its key until they have an answer; some of
// them order a product, which Gloebit hands out by itself, and some disconnect
// and connect with another account in the middle. Gloebit ignores how consume
// and cancel are answered, as its documents say; what got no answer at all, it
// calls again. In the end the faults stop, the ledger picks up what was cut off,
// and the last line of the output says what came of it:
//
//	purchases 20000 charged 18840 delivered 18840 lost 0 doubled 0 stuck 0 (canceled 790 refused 370 unpaid 0 wrong 0)
//
// Purchases are the orders that were placed. Charged are the transactions that
// the buyers have paid at Gloebit, and delivered the purchases with the shop's
// row. Lost was paid without a row, or told to a buyer and is gone, or is a paid
// product that Gloebit has not handed out. Doubled was paid, delivered, reserved,
// released or handed out more than once. Stuck are orders without an answer or
// an end. Wrong is an answer that should not be, rows that don't fit the state,
// or another account that paid than the one that ordered.
//
// A process that has answered a consume or cancel with 503 is killed only when
// the store knows of it again. Until then it is in that process's memory alone
// and is lost with it, as docs/ledger.md says; that a kill comes between is not
// tried here.
//
// Every purchase that was not delivered was canceled, by the shop or by Gloebit,
// or refused, because its buyer couldn't pay. The exit status is 1 when anything
// was lost, doubled or stuck, delivered unpaid or answered wrongly; what it was
// is then told on standard error.
//
// The flags are:
//
//	-purchases N
//		How many orders are placed. The default is 1000.
//	-kill N
//		How often a process of the shop is killed. The default is 10.
//	-merchants N
//		How many merchants share the database, each with a Gloebit, buyers and
//		shops of its own, and with so many purchases and kills. They share the
//		names of users, the keys of orders and the key that signs hold URLs. The
//		default is 1.
//	-faults LIST
//		"all", "none", or some of these with commas between them: gloebit (the
//		shop's requests to Gloebit are dropped, refused, delayed, and their
//		answers lost or cut off), callbacks (Gloebit's callbacks come early,
//		late, repeated, at once, out of order, and are lost on either way),
//		cancel (Gloebit rolls some purchases back), shop (the shop declines some,
//		asks for others to come again, and fails to deliver after it has
//		written), store (the shop's store is down now and then, for less than the
//		ledger insists on it and for longer, and loses answers), users (some
//		disconnect, and connect again or with another account, while orders of
//		theirs are not sent yet) and clocks (one replica's clock is 20 minutes
//		ahead of the other's). The default is all.
//	-store NAME
//		sqlite, postgres or mysql (MySQL or MariaDB). The default is sqlite.
//	-dsn DSN
//		The server, as pgx or go-sql-driver/mysql writes it; the tables go to a
//		schema or database of their own there, which is removed afterwards. For
//		sqlite it is a file, which must not be there yet and stays; without, it
//		is a temporary one. The default is GLOEBIT_TEST_POSTGRES or
//		GLOEBIT_TEST_MYSQL, or else the server on this machine.
//	-seed N
//		What chance is drawn from. The default is another one each time; it is
//		printed. The same seed gives the same orders and faults, but processes
//		and networks take their own time.
//	-time D
//		How long it may take. The default is 10m.
//	-v
//		Write what the ledger logs to standard error.
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

// command runs the torture that its arguments say, and prints what came of it.
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
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "what chance is drawn from")
	flags.DurationVar(&o.limit, "time", 10*time.Minute, "how long it may take")
	flags.BoolVar(&o.verbose, "v", false, "write what the ledger logs to standard error")
	if err = flags.Parse(args); err != nil {
		return o, "", "", err
	}
	if flags.NArg() > 0 || o.purchases < 1 || o.kills < 0 || o.limit <= 0 {
		return o, "", "", errors.New("want a number of purchases, of kills, some time, and no arguments")
	}
	o.faults, err = parseFaults(*list)
	return o, store, dsn, err
}
