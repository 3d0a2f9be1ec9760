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

// finding is what came of one check.
type finding struct {
	Check  string
	Result string // ok, problem or skipped
	Text   string
}

// skipped is the error of a check that can't be made.
type skipped string

func (s skipped) Error() string { return string(s) }

// examination is one run of the doctor.
type examination struct {
	*app
	serves   []string // other realms that have a ledger
	timeout  time.Duration
	config   gloebit.Config    // the shop's, as it is set
	merchant *gloebit.Merchant // nil if it can't be made
	d        *database         // nil if it can't be reached
}

func (a *app) doctor() *cobra.Command {
	e := &examination{app: a}
	command := leaf("doctor", "Check that a shop is ready for production",
		`Check the database, its settings that could lose purchases, its clock, the keys, the
URLs that browsers and Gloebit load, and whether purchases are stuck or overdue. It
changes nothing except that it loads the connect page once. Run it from outside the
shop's network too, from where Gloebit loads the URLs. A check is skipped if its setting
is missing. The exit code is 3 if it finds a problem.`, cobra.NoArgs, func(ctx context.Context, _ []string) error {
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
			if slices.ContainsFunc(findings, func(f finding) bool { return f.Result == "problem" }) {
				return errProblem
			}
			return ctx.Err()
		})
	command.Flags().StringSliceVar(
		&e.serves, "serves", nil, "another `REALM` that has a ledger, such as www.gloebit.com/ID; repeat it for several",
	)
	command.Flags().DurationVar(&e.timeout, "timeout", 10*time.Second, "how `LONG` each check may take")
	return command
}

func tableOf(findings []finding) (rows table) {
	rows.add("CHECK", "RESULT", "WHAT")
	for _, f := range findings {
		rows.add(f.Check, f.Result, strings.ReplaceAll(f.Text, "\n", "; "))
	}
	return rows
}

// examine makes all checks. Each returns what is right, or what is not.
func (e *examination) examine(ctx context.Context) (findings []finding) {
	for _, check := range []struct {
		name string
		make func(context.Context) (string, error)
	}{
		{"settings", e.settings}, {"signing keys", e.signingKeys}, {"sealing keys", e.sealingKeys},
		{"database", e.database}, {"durability", e.durability}, {"clock", e.clock}, {"schema", e.schema},
		{"purchases", e.purchases},
		{"redirect URL", e.redirectURL}, {"connect URL", e.connectURL}, {"callback URL", e.callbackURL},
	} {
		within, stop := context.WithTimeout(ctx, e.timeout)
		text, err := check.make(within)
		stop()
		result := "ok"
		if skip := skipped(""); errors.As(err, &skip) {
			result, text = "skipped", string(skip)
		} else if err != nil {
			result, text = "problem", err.Error()
		}
		findings = append(findings, finding{check.name, result, text})
	}
	return findings
}

func (e *examination) settings(context.Context) (string, error) {
	merchant, err := e.app.merchant(nil)
	if err != nil {
		return "", err
	}
	e.config, err = e.merchantConfig()
	e.merchant = merchant
	return "the realm is " + merchant.Realm(), err
}

// signingKeys checks the keys as the ledger does.
func (e *examination) signingKeys(context.Context) (string, error) {
	keys, callback := e.getenv("GLOEBIT_SIGNING_KEYS"), e.getenv("GLOEBIT_CALLBACK_URL")
	if keys == "" || callback == "" || e.merchant == nil {
		return "", skipped("GLOEBIT_SIGNING_KEYS or GLOEBIT_CALLBACK_URL is not set")
	}
	config := ledger.Config{Merchant: e.merchant, CallbackURL: callback}
	for _, key := range strings.FieldsFunc(keys, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		config.Keys = append(config.Keys, gloebit.Secret(key))
	}
	_, err := ledger.New(config)
	return fmt.Sprintf("%d keys", len(config.Keys)), err
}

func (e *examination) sealingKeys(context.Context) (string, error) {
	text := e.getenv("GLOEBIT_SEALING_KEYS")
	if text == "" {
		return "", skipped("GLOEBIT_SEALING_KEYS is not set; without any, tokens are readable in the database")
	}
	keys, err := sealed.ParseKeys(text)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d keys, the first of which is %s", len(keys), keys[0].ID), nil
}

// purchases checks that none waits for an operator, or for a ledger that is not
// there.
func (e *examination) purchases(ctx context.Context) (string, error) {
	if e.merchant == nil || e.d == nil {
		return "", skipped("there is no shop or no database")
	}
	counts, err := e.d.purchases.Counts(ctx, e.now().Add(-overdueAfter))
	if err != nil {
		return "", err
	}
	var problems []error
	served, unfinished := append(slices.Clone(e.serves), e.merchant.Realm()), int64(0)
	for _, c := range counts {
		unfinished += c.Purchases
		if !slices.Contains(served, c.Realm) {
			problems = append(problems, fmt.Errorf("%d %s of the realm %s, which is not served: serve it, or name it with "+
				"--serves",
				c.Purchases, c.State, c.Realm))
			continue
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
