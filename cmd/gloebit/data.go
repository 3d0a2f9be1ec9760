package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sealed"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
)

func (a *app) stats() *cobra.Command {
	var days int
	command := leaf("stats", "Show income, states and unfinished purchases", "", cobra.NoArgs,
		a.onLedger(func(ctx context.Context, l *ledger.Ledger, _ []string) error {
			if days < 1 {
				return usage("--days is less than one")
			}
			from := a.now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-days)
			tallies, rows := map[ledger.Grouping][]ledger.Tally{}, table{}
			for _, by := range []struct {
				grouping ledger.Grouping
				head     string
				name     func(ledger.Tally) any
			}{
				{ledger.ByDay, "PAID ON", func(t ledger.Tally) any { return t.Day.Format(time.DateOnly) }},
				{ledger.ByItem, "ITEM", func(t ledger.Tally) any { return t.Item }},
				{ledger.ByState, "STATE", func(t ledger.Tally) any { return t.State }},
			} {
				tally, err := l.Tally(ctx, by.grouping, from, time.Time{})
				if err != nil {
					return err
				}
				tallies[by.grouping] = append([]ledger.Tally{}, tally...)
				rows.add(by.head, "PURCHASES", "G$")
				for _, t := range tally {
					rows.add(by.name(t), t.Purchases, t.Gloebits)
				}
				rows.add()
			}
			counts, err := l.Counts(ctx)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{
					"from": from, "paid": tallies, "unfinished": append([]ledger.Count{}, counts...),
				})
			}
			rows.add("UNFINISHED IN", "STATE", "PURCHASES", "STUCK", "OVERDUE", "UNREPORTED", "OLDEST")
			for _, c := range counts {
				rows.add(c.Realm, c.State, c.Purchases, c.Stuck, c.Overdue, c.Unreported, c.Oldest)
			}
			return rows.print(a.out)
		}))
	command.Flags().IntVar(&days, "days", 30, "number of `DAYS` to add up, including today in UTC")
	return command
}

func (a *app) migrate() *cobra.Command {
	return leaf("migrate", "Create the tables, or bring them up to date", "", cobra.NoArgs,
		a.onDatabase(func(ctx context.Context, d *database, _ []string) error { return d.purchases.Migrate(ctx) }))
}

// schema is the steps of some tables, and the table with their version.
type schema struct {
	Table string
	Steps []sqlstore.Migration
}

func (d *database) schemas() []schema {
	return []schema{{"oauth_schema", d.store.Schema()}, {"gloebit_ledger_schema", d.purchases.Schema()}}
}

func (a *app) schema() *cobra.Command {
	var dialect string
	command := leaf("schema", "Print the SQL of the tables, for a migration tool", "", cobra.NoArgs, func(
		context.Context, []string,
	) error {
		known := map[string]sqlstore.Dialect{
			"postgres": sqlstore.Postgres, "mysql": sqlstore.MySQL, "sqlite": sqlstore.SQLite,
		}[dialect]
		if known == 0 {
			return usage("--dialect is postgres, mysql or sqlite")
		}
		db, err := sql.Open("sqlite", ":memory:") // never used, because the SQL is only printed
		if err != nil {
			return err
		}
		defer db.Close()
		store, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: known, Prefix: a.prefix})
		if err != nil {
			return usage("%w", err)
		}
		for _, s := range (&database{store: store, purchases: sqlledger.New(store)}).schemas() {
			for _, step := range s.Steps {
				fmt.Fprintf(a.out, "-- %s, version %d\n", a.prefix+s.Table, step.Version)
				for _, statement := range step.Statements {
					fmt.Fprintln(a.out, statement+";")
				}
			}
		}
		return nil
	})
	command.Flags().StringVar(&dialect, "dialect", "", "postgres, mysql or sqlite; must be set")
	choice(command, "dialect", "postgres", "mysql", "sqlite")
	return command
}

func (a *app) sweep() *cobra.Command {
	return leaf("sweep", "Remove expired connection attempts and credentials, of all realms", "", cobra.NoArgs,
		a.onDatabase(func(ctx context.Context, d *database, _ []string) error {
			removed, err := d.store.Sweep(ctx)
			return errors.Join(err, a.printCount("removed", removed))
		}))
}

func (a *app) prune() *cobra.Command {
	var before string
	command := leaf("prune", "Remove finished purchases that have not changed since a time",
		`Remove finished purchases that have not changed since a time. Nothing is charged
twice after it, but keep purchases for longer than a form can be sent again, such as
a year, and export them first if your accounts need them.`, cobra.NoArgs,
		a.onLedger(func(ctx context.Context, l *ledger.Ledger, _ []string) error {
			until, err := parseMoment("before", before)
			if err != nil {
				return err
			}
			if until.IsZero() || until.After(a.now()) {
				return usage("--before is not set, or is in the future")
			}
			if a.dryRun {
				n := int64(0)
				for p, err := range l.All(ctx, ledger.Query{Until: until, Limit: maxPage}) {
					if err != nil {
						return err
					}
					if p.Finished() && p.UpdatedAt.Before(until) && p.ReportAt.IsZero() {
						n++
					}
				}
				return a.printCount("would remove", n)
			}
			if err := a.confirm(
				a.yes, "Remove the finished purchases that have not changed since "+moment(until)+"?",
			); err != nil {
				return err
			}
			removed, err := l.Prune(ctx, until)
			return errors.Join(err, a.printCount("removed", removed))
		}))
	command.Flags().StringVar(&before, "before", "", "the `TIME`; must be set")
	return a.changes(command, false, true)
}

func (a *app) erase() *cobra.Command {
	return a.changes(leaf("erase USER", "Remove a user's personal data from the database",
		`Remove a user's personal data from the database: the credential, and from the user's
purchases the IDs of user and account, the key, the names, the data and the texts of
the history. Items, amounts, states and times stay. It fails while a purchase of the
user is unfinished.`, cobra.ExactArgs(1),
		a.onLedger(func(ctx context.Context, l *ledger.Ledger, args []string) error {
			act, err := a.act()
			if err != nil {
				return err
			}
			if args[0] == "" { // a query would select all users
				return usage("the user is empty")
			}
			n := int64(0)
			for p, err := range l.All(ctx, ledger.Query{UserID: args[0]}) {
				switch {
				case err != nil:
					return err
				case !p.Finished():
					return fmt.Errorf("%w: purchase %s is %s; nothing was done", ledger.ErrUnfinished, p.ID, p.State)
				}
				n++
			}
			if a.dryRun {
				return a.printCount("would erase from", n)
			}
			if err := a.confirm(a.yes, fmt.Sprintf("Erase the user %s from %d purchases?", args[0], n)); err != nil {
				return err
			}
			erased, err := l.Erase(ctx, args[0], act)
			return errors.Join(err, a.printCount("erased from", int64(erased)))
		})), true, true)
}

func (a *app) newKey() *cobra.Command {
	command := leaf("new sealing|signing FILE", "Generate a key and write it to a new file",
		`Generate a key of 32 random bytes and write it to a new file that only you can read.
A signing key is for ledger.Config.Keys, a sealing key for package sealed.`, cobra.ExactArgs(2),
		func(_ context.Context, args []string) error {
			var bytes [32]byte
			_, _ = rand.Read(bytes[:]) // never fails: crypto/rand crashes the program instead
			key := base64.StdEncoding.EncodeToString(bytes[:])
			switch args[0] {
			case "sealing":
				key = a.now().UTC().Format("20060102-") + rand.Text()[:6] + ":" + key
			case "signing":
			default:
				return usage("%q is no kind of key: it is sealing or signing", args[0])
			}
			out, err := os.OpenFile(args[1], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(out, key)
			return errors.Join(err, out.Close())
		})
	command.ValidArgs = []string{"sealing", "signing"}
	return command
}

func (a *app) reseal() *cobra.Command {
	var plain bool
	command := leaf("reseal", "Seal the shop's credentials anew with the first sealing key",
		`Seal the shop's credentials anew with the first key of GLOEBIT_SEALING_KEYS, beside
the running shop. When it ends with 0, no other key is needed any more.`, cobra.NoArgs,
		a.onDatabase(func(ctx context.Context, d *database, _ []string) error {
			merchant, err := a.merchant(d.store)
			if err != nil {
				return err
			}
			keys, err := sealed.ParseKeys(a.getenv("GLOEBIT_SEALING_KEYS"))
			if err != nil {
				return usage("GLOEBIT_SEALING_KEYS: %w", err)
			}
			seal := sealed.New
			if plain {
				seal = sealed.NewInsecureAcceptPlain
			}
			store, err := seal(d.store, keys...)
			if err != nil {
				return err
			}
			resealed, err := store.Reseal(ctx, merchant.Realm())
			return errors.Join(err, a.printCount("resealed", int64(resealed)))
		}))
	command.Flags().BoolVar(&plain, "accept-plain", false, "also seal credentials that were stored unsealed")
	return command
}
