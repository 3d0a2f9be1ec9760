package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sealed"
)

// finding is the result of one check.
type finding struct {
	Check  string
	Result string // ok, problem or skipped
	Text   string
}

// skipped is the error of a check that was not made.
type skipped string

func (s skipped) Error() string { return string(s) }

// examination is one run of doctor.
type examination struct {
	*app
	serves   []string // other realms that have a ledger
	timeout  time.Duration
	config   gloebit.Config    // the shop's, as configured
	merchant *gloebit.Merchant // nil if its configuration is invalid
	d        *database         // nil if it can't be reached
}

func (a *app) doctor() *cobra.Command {
	e := &examination{app: a}
	command := leaf("doctor", "Check that a shop is ready for production",
		`Check the database, its settings that could lose purchases, its clock, the keys, the
URLs that browsers and Gloebit load, and whether purchases are stuck or overdue. It
changes nothing except that it loads the connect page once. Run it from outside the
shop's network too, from where Gloebit loads the URLs; there it needs only the URL
settings. A check is skipped if its setting is missing, or if the connect page requires
a sign-in. The exit code is 3 if it finds a problem, or could check nothing.`,
		cobra.NoArgs, func(ctx context.Context, _ []string) error {
			findings := e.examine(ctx)
			if e.d != nil {
				defer e.d.db.Close()
			}
			if a.json {
				if err := a.printJSON(findings); err != nil {
					return err
				}
			} else if err := tableOf(findings).print(a.out); err != nil {
				return err
			}
			has := func(result string) bool {
				return slices.ContainsFunc(findings, func(f finding) bool { return f.Result == result })
			}
			if has("problem") || !has("ok") { // a cron job without its settings would check nothing
				return errProblem
			}
			return ctx.Err()
		})
	command.Flags().StringSliceVar(
		&e.serves, "serves", nil, "another `REALM` that has a ledger, such as www.gloebit.com/ID; repeat it for several",
	)
	command.Flags().DurationVar(&e.timeout, "timeout", 10*time.Second, "`LENGTH` of time that each check may take")
	return command
}

// oneLine joins lines, including the indented lines of pgx's errors.
var oneLine = strings.NewReplacer(":\n\t", ": ", "\n\t", "; ", "\n", "; ")

func tableOf(findings []finding) (rows table) {
	rows.add("CHECK", "RESULT", "WHAT")
	for _, f := range findings {
		rows.add(f.Check, f.Result, oneLine.Replace(f.Text))
	}
	return rows
}

// examine makes all checks. Each returns a success message or an error. A check
// is skipped if another that it needs is not ok.
func (e *examination) examine(ctx context.Context) (findings []finding) {
	results := map[string]string{}
	for _, check := range []struct {
		name  string
		make  func(context.Context) (string, error)
		needs []string
	}{
		{"settings", e.settings, nil}, {"signing keys", e.signingKeys, []string{"settings"}},
		{"sealing keys", e.sealingKeys, nil}, {"database", e.database, nil},
		{"durability", e.durability, []string{"database"}}, {"clock", e.clock, []string{"database"}},
		{"schema", e.schema, []string{"database"}}, {"purchases", e.purchases, []string{"settings", "database"}},
		{"redirect URL", e.redirectURL, nil}, {"connect URL", e.connectURL, nil}, {"callback URL", e.callbackURL, nil},
	} {
		var text string
		err := after(results, check.needs)
		if err == nil {
			within, stop := context.WithTimeout(ctx, e.timeout)
			text, err = check.make(within)
			stop()
		}
		result := "ok"
		if skip := skipped(""); errors.As(err, &skip) {
			result, text = "skipped", string(skip)
		} else if err != nil {
			result, text = "problem", err.Error()
		}
		results[check.name] = result
		findings = append(findings, finding{check.name, result, text})
	}
	return findings
}

// after returns an error if a check that this one needs is not ok.
func after(results map[string]string, needs []string) error {
	for _, name := range needs {
		if result := results[name]; result != "ok" {
			return skipped(name + map[string]string{"problem": " failed", "skipped": " was skipped"}[result])
		}
	}
	return nil
}

// has returns an error that names the settings that are missing.
func (e *examination) has(names ...string) error {
	names = slices.DeleteFunc(names, func(name string) bool { return e.getenv(name) != "" })
	if len(names) == 0 {
		return nil
	}
	return skipped("not set: " + strings.Join(names, ", "))
}

func (e *examination) settings(context.Context) (_ string, err error) {
	e.config, err = e.merchantConfig()
	server := "the server is " + e.config.Provider.APIURL
	if errors.Is(err, errNoShop) {
		return "", skipped("not set: GLOEBIT_CLIENT_ID, --config or --realm; " + server)
	} else if err != nil {
		return "", err
	}
	if e.merchant, err = e.app.merchant(nil); err != nil {
		return "", err
	}
	return server + ", the realm is " + e.merchant.Realm(), nil
}

// signingKeys checks the keys as the ledger does.
func (e *examination) signingKeys(context.Context) (string, error) {
	if err := e.has("GLOEBIT_SIGNING_KEYS", "GLOEBIT_CALLBACK_URL"); err != nil {
		return "", err
	}
	config := ledger.Config{Merchant: e.merchant, CallbackURL: e.getenv("GLOEBIT_CALLBACK_URL")}
	separates := func(r rune) bool { return r == ',' || unicode.IsSpace(r) }
	for _, key := range strings.FieldsFunc(e.getenv("GLOEBIT_SIGNING_KEYS"), separates) {
		config.Keys = append(config.Keys, gloebit.Secret(key))
	}
	_, err := ledger.New(config)
	return keyCount(len(config.Keys)), err
}

func keyCount(n int) string {
	if n == 1 {
		return "1 key"
	}
	return fmt.Sprintf("%d keys", n)
}

func (e *examination) sealingKeys(context.Context) (string, error) {
	if err := e.has("GLOEBIT_SEALING_KEYS"); err != nil {
		return "", skipped(err.Error() + "; without any, tokens are readable in the database")
	}
	keys, err := sealed.ParseKeys(e.getenv("GLOEBIT_SEALING_KEYS"))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, sealing with %s", keyCount(len(keys)), keys[0].ID), nil
}

// purchases checks that no purchase waits for an operator, or for a ledger that
// does not run.
func (e *examination) purchases(ctx context.Context) (string, error) {
	counts, err := e.d.purchases.Counts(ctx, e.now().Add(-overdueAfter))
	if err != nil {
		return "", err
	}
	var problems []error
	served, unfinished := append(slices.Clone(e.serves), e.merchant.Realm()), int64(0)
	for _, c := range counts {
		unfinished += c.Purchases
		if !slices.Contains(served, c.Realm) {
			if c.Purchases == 0 { // a finished state
				continue
			}
			problems = append(problems, fmt.Errorf("%d %s of the realm %s, which is not served: serve it, or name it with "+
				"--serves",
				c.Purchases, c.State, c.Realm))
			continue
		}
		if c.Unreported > 0 {
			problems = append(problems, fmt.Errorf(
				"%d %s have changes that OnChange has not accepted: see why in the shop's log, at \"OnChange has failed\"",
				c.Unreported, c.State,
			))
		}
		if c.Stuck > 0 {
			problems = append(problems, fmt.Errorf("%d %s are stuck: see gloebit purchases list --stuck", c.Stuck, c.State))
		}
		if c.Overdue > 0 {
			problems = append(
				problems,
				fmt.Errorf("%d %s are overdue since %s: does Ledger.Run run?", c.Overdue, c.State, moment(c.OverdueSince)),
			)
		}
	}
	return fmt.Sprintf("%d are unfinished, none is stuck or overdue", unfinished), errors.Join(problems...)
}
