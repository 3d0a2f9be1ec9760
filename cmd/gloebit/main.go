// Gloebit is the operator's command: it shows the purchases of a shop that uses
// package ledger and resolves stuck ones, creates and maintains its tables,
// generates keys, and checks that a shop is ready for production. See
// README.md.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitProblem = 3 // doctor found a problem or could check nothing
)

var (
	errUsage   = errors.New("see --help")
	errProblem = errors.New("the doctor found a problem")
)

func usage(format string, args ...any) error {
	return fmt.Errorf(format+" (%w)", append(args, errUsage)...)
}

// app is one run of the command.
type app struct {
	in     io.Reader
	out    io.Writer // results
	log    io.Writer // questions, hints and errors
	getenv func(string) string
	now    func() time.Time
	canAsk bool // whether in is a terminal

	config, server, realm, prefix string // the flags of all commands
	json                          bool
	began                         bool // the command line was valid, and the command has started

	as, reason  string // the flags of commands that change something
	yes, dryRun bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	a := &app{
		in: os.Stdin, out: os.Stdout, log: os.Stderr, getenv: os.Getenv, now: time.Now,
		canAsk: isatty.IsTerminal(os.Stdin.Fd()),
	}
	code := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run runs a command line, and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.log)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errProblem):
		return exitProblem
	}
	fmt.Fprintln(a.log, "gloebit:", printable(err.Error()))
	if !a.began || errors.Is(err, errUsage) {
		return exitUsage
	}
	return exitFailed
}

const about = `Gloebit shows the purchases of a shop that uses package ledger and resolves stuck
ones, maintains its tables, and checks that it is ready for production.

Settings come from the environment, so that no secret is on a command line:

  GLOEBIT_DATABASE       postgres://…, mysql://USER:PASSWORD@tcp(HOST:PORT)/NAME or sqlite:FILE
  GLOEBIT_CLIENT_ID      the application's key, from Gloebit's merchant page
  GLOEBIT_CLIENT_SECRET  its secret, for login, whoami and balance
  GLOEBIT_REDIRECT_URL   the URL of the shop's callback handler, for doctor
  GLOEBIT_CALLBACK_URL   the URL of the ledger's handler, for doctor
  GLOEBIT_SIGNING_KEYS   the ledger's keys, for doctor
  GLOEBIT_SEALING_KEYS   the keys of package sealed, for doctor and reseal

Several keys are separated by commas, spaces or newlines.
A global flag can be set in the environment too, such as --server as GLOEBIT_SERVER.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the doctor found a problem or could check nothing.`

func (a *app) root() *cobra.Command {
	root := group("gloebit", "Operate a shop that takes gloebits",
		group("purchases", "Show purchases, and resolve stuck ones", append(a.acts(), a.list(), a.show(), a.export())...),
		a.stats(), a.migrate(), a.schema(), a.sweep(), a.prune(), a.erase(), group("keys", "Generate keys", a.newKey()),
		a.reseal(),
		a.doctor(), a.login(), a.logout(), a.whoami(), a.balance(), a.sandbox())
	root.Long, root.SilenceUsage, root.SilenceErrors = about, true, true
	root.Version = "(unknown)"
	if build, ok := debug.ReadBuildInfo(); ok {
		root.Version = cmp.Or(build.Main.Version, root.Version)
	}
	flags := root.PersistentFlags()
	flags.StringVar(
		&a.config, "config", "", "`FILE` with the client id, secret and redirect URL, as gloebit.ConfigFromFile reads it",
	)
	flags.StringVar(
		&a.server, "server", "",
		"production, sandbox, local (gloebit-sandbox) or the `URL` of a Gloebit; "+
			"the default is that of --config, or production",
	)
	flags.StringVar(&a.realm, "realm", "", "gloebit.Config.Realm of the shop, if it is not the client `ID`")
	flags.StringVar(&a.prefix, "prefix", "", "`PREFIX` of the names of the tables, as sqlstore.Config.Prefix")
	flags.BoolVar(&a.json, "json", false, "print JSON instead of a table")
	root.PersistentPreRun = func(*cobra.Command, []string) {
		for name, flag := range map[string]*string{
			"config": &a.config, "server": &a.server, "realm": &a.realm, "prefix": &a.prefix,
		} {
			if !flags.Changed(name) {
				*flag = a.getenv("GLOEBIT_" + strings.ToUpper(name))
			}
		}
		a.began = true
	}
	return root
}

// group returns a command that only has subcommands.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	command := &cobra.Command{Use: name, Short: short, RunE: func(command *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("%q is no command of %s", args[0], command.CommandPath())
		}
		return command.Help()
	}}
	command.AddCommand(commands...)
	return command
}

// leaf returns a command without subcommands.
func leaf(
	use, short, long string, args cobra.PositionalArgs, run func(ctx context.Context, args []string) error,
) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Long: long, Args: args,
		RunE: func(command *cobra.Command, args []string) error {
			return run(command.Context(), args)
		}}
}

// choice completes a flag with fixed values.
func choice(command *cobra.Command, flag string, values ...string) {
	// It fails only for an unknown flag.
	_ = command.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
