package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/go-gloebit/gloebit/ledger"
)

// changes adds the flags of a command that changes existing data: --as if it
// records its operator, and --yes if it asks.
func (a *app) changes(command *cobra.Command, names, asks bool) *cobra.Command {
	flags := command.Flags()
	flags.BoolVar(&a.dryRun, "dry-run", false, "print what would be done, and do nothing")
	if names {
		flags.StringVar(&a.as, "as", "", "`NAME` of the operator, for the history; the default is $USER")
	}
	if asks {
		flags.BoolVar(&a.yes, "yes", false, "do not ask")
	}
	return command
}

// act returns the operator and the reason.
func (a *app) act() (ledger.Act, error) {
	act := ledger.Act{By: cmp.Or(a.as, a.getenv("USER")), Reason: a.reason}
	if act.By == "" {
		return act, usage("who does it? add --as NAME")
	}
	return act, nil
}

// acts returns the commands with which an operator acts on purchases.
func (a *app) acts() []*cobra.Command {
	return []*cobra.Command{
		a.do("retry", "Have the shop try the next step again",
			`Have the shop try the next step of stuck purchases again, as if it had not failed.
Repair first what "show" names as the cause. The command itself sends and delivers
nothing: a running shop does it within seconds. A finished purchase stays as it is.`,
			"`WHY`, for the history", false, (*ledger.Ledger).Retry),
		a.do("cancel", "Cancel purchases that Gloebit was not asked to continue",
			`Cancel purchases that are created or accepted. Gloebit then gives the gloebits
back, and a running shop calls Release. Purchases that are reserved, settled or
delivered can't be canceled.`,
			"`WHY`, for the history", true, (*ledger.Ledger).Cancel),
		a.do("mark-paid", "Mark stuck purchases as paid",
			`Mark stuck purchases as paid, when Gloebit's merchant page shows it. One that
was reserved is then delivered by a running shop. One that was created or accepted
was never reserved in the shop: it is settled and stays stuck, and "retry" has it
delivered.`,
			"`WHAT` shows that they are paid, for the history; must be set", true, (*ledger.Ledger).MarkPaid),
	}
}

func (a *app) do(
	name, short, long, reason string, asks bool, do func(
		*ledger.Ledger, context.Context, string, ledger.Act,
	) (ledger.Purchase, error),
) *cobra.Command {
	run := func(ctx context.Context, l *ledger.Ledger, ids []string) error {
		act, err := a.act()
		if err != nil {
			return err
		}
		if name == "mark-paid" && a.reason == "" {
			return usage("what shows that it is paid? add --reason")
		}
		var seen []ledger.Purchase
		for i, id := range ids {
			if slices.Contains(ids[:i], id) {
				continue
			}
			p, err := l.Get(ctx, id)
			if err != nil {
				return fmt.Errorf("purchase %s: %w; nothing was done", id, err)
			}
			seen = append(seen, p)
		}
		if a.dryRun {
			fmt.Fprintf(a.log, "Without --dry-run, %s would %s:\n", printable(act.By), name)
			return a.printPurchases(seen)
		}
		if err := a.purchaseTable(seen).print(a.log); err != nil {
			return err
		}
		if err := a.confirm(a.yes || !asks, fmt.Sprintf("Really %s %d of them?", name, len(seen))); err != nil {
			return err
		}
		var done []ledger.Purchase
		var failed []error
		for _, p := range seen {
			act.Seen = p.UpdatedAt
			p, err := do(l, ctx, p.ID, act)
			if err != nil {
				failed = append(failed, err)
				continue
			}
			done = append(done, p)
		}
		return errors.Join(append(failed, a.printPurchases(done))...)
	}
	command := leaf(name+" ID...", short, long, cobra.MinimumNArgs(1), a.onLedger(run))
	command.Flags().StringVar(&a.reason, "reason", "", reason)
	return a.changes(command, true, asks)
}
