package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/ledger/export"
)

const (
	maxPage      = 1000
	overdueAfter = time.Minute // the same as in ledger.Ledger.Counts
)

// stateOf returns the state of a purchase, and whether it is stuck or overdue.
func (a *app) stateOf(p ledger.Purchase) string {
	switch {
	case p.Stuck():
		return string(p.State) + ", stuck"
	case !p.NextAt.IsZero() && p.NextAt.Before(a.now().Add(-overdueAfter)):
		return string(p.State) + ", overdue"
	}
	return string(p.State)
}

func (a *app) purchaseTable(list []ledger.Purchase) (rows table) {
	rows.add("ID", "CREATED", "USER", "ITEM", "QUANTITY", "G$", "STATE")
	for _, p := range list {
		rows.add(p.ID, p.CreatedAt, p.UserID, cmp.Or(p.Item, p.Product), p.Quantity, p.Total(), a.stateOf(p))
	}
	return rows
}

func (a *app) printPurchases(list []ledger.Purchase) error {
	if a.json {
		return a.printJSON(append([]ledger.Purchase{}, list...))
	}
	return a.purchaseTable(list).print(a.out)
}

// filtered returns a command that runs with the query of its flags.
func (a *app) filtered(
	use, short, long string, run func(context.Context, *ledger.Ledger, ledger.Query) error,
) *cobra.Command {
	var q ledger.Query
	var from, until string
	var states []string
	var overdue bool
	var known []string
	for _, state := range ledger.States() {
		known = append(known, string(state))
	}
	command := leaf(use, short, long, cobra.NoArgs, a.onLedger(func(
		ctx context.Context, l *ledger.Ledger, _ []string,
	) (err error) {
		if q.From, err = parseMoment("from", from); err != nil {
			return err
		}
		if q.Until, err = parseMoment("until", until); err != nil {
			return err
		}
		if overdue {
			q.DueBefore = a.now().Add(-overdueAfter)
		}
		for _, name := range states {
			if !slices.Contains(known, name) {
				return usage("--state %q is none of %s", name, strings.Join(known, ", "))
			}
			q.States = append(q.States, ledger.State(name))
		}
		return run(ctx, l, q)
	}))
	flags := command.Flags()
	flags.StringVar(&q.UserID, "user", "", "only those of this user `ID`")
	flags.StringVar(&q.GloebitID, "account", "", "only those paid by this account `ID` at Gloebit")
	flags.StringVar(&q.Item, "item", "", "only those of this item or product `NAME`")
	flags.StringSliceVar(&states, "state", nil, "only those in this `STATE`; repeat it for several")
	flags.StringVar(&from, "from", "", "only those created at this `TIME` or later")
	flags.StringVar(&until, "until", "", "only those created before this `TIME`")
	flags.BoolVar(&q.Stuck, "stuck", false, "only those that are stuck")
	flags.BoolVar(&overdue, "overdue", false, "only those whose next step should have been tried a minute ago")
	flags.BoolVar(&q.OldestFirst, "oldest-first", false, "the oldest first")
	choice(command, "state", known...)
	return command
}

func (a *app) list() *cobra.Command {
	var after string
	var limit int
	run := func(ctx context.Context, l *ledger.Ledger, q ledger.Query) (err error) {
		if q.After, err = ledger.ParseCursor(after); err != nil {
			return usage("--after is no place in a list")
		}
		if q.Limit = limit; limit < 1 || limit > maxPage {
			return usage("--limit is not between 1 and %d", maxPage)
		}
		list, err := l.List(ctx, q)
		if err != nil {
			return err
		}
		if len(list) == q.Limit {
			fmt.Fprintln(a.log, "There may be more: --after", list[len(list)-1].Cursor())
		}
		return a.printPurchases(list)
	}
	command := a.filtered("list", "List purchases, the newest first", "", run)
	command.Flags().IntVar(&limit, "limit", 100, "the most purchases to list, up to 1000")
	command.Flags().StringVar(&after, "after", "", "continue after this `CURSOR`, printed below the previous page")
	return command
}

func (a *app) show() *cobra.Command {
	return leaf("show ID", "Show a purchase with its history", "", cobra.ExactArgs(1),
		a.onLedger(func(ctx context.Context, l *ledger.Ledger, args []string) error {
			p, err := l.Get(ctx, args[0])
			if err != nil {
				return fmt.Errorf("purchase %s: %w", args[0], err)
			}
			if a.json {
				return a.printJSON(p)
			}
			var fields, history table
			for _, field := range [][]any{
				{"id", p.ID}, {"state", a.stateOf(p)}, {"cause", p.Cause}, {"outcome", p.Outcome}, {"user", p.UserID},
				{"account", p.GloebitID},
				{"item", p.Item}, {"product", p.Product}, {"price", p.Price}, {"quantity", p.Quantity}, {"gloebits", p.Total()},
				{"created", p.CreatedAt}, {"paid", p.PaidAt}, {"stuck", p.StuckAt}, {"next try", p.NextAt},
				{"failed tries", p.Attempts},
			} {
				fields.add(field...)
			}
			history.add("AT", "FROM", "TO", "BY", "CAUSE")
			for _, c := range p.History {
				history.add(c.At, c.From, c.To, c.By, c.Cause)
			}
			if err := fields.print(a.out); err != nil {
				return err
			}
			fmt.Fprintln(a.out)
			return history.print(a.out)
		}))
}

func (a *app) export() *cobra.Command {
	var format string
	command := a.filtered("export", "Write all purchases as CSV or JSON",
		"Write all purchases that the flags select. If it fails, what was written is incomplete and the exit code is 1.",
		func(ctx context.Context, l *ledger.Ledger, q ledger.Query) error {
			write := export.CSV
			switch format {
			case "csv":
			case "json":
				write = export.JSON
			default:
				return usage("--format is csv or json")
			}
			q.Limit = maxPage
			out := bufio.NewWriter(a.out)
			if err := write(out, l.All(ctx, q)); err != nil {
				return fmt.Errorf("the export is incomplete: %w", err)
			}
			return out.Flush()
		})
	command.Flags().StringVar(&format, "format", "csv", "csv or json")
	choice(command, "format", "csv", "json")
	return command
}
