package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"

	"github.com/spf13/cobra"
	"golang.org/x/oauth2"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/connect/cli"
)

func (a *app) login() *cobra.Command {
	var redirect string
	command := leaf("login", "Log in at Gloebit with your browser, for whoami and balance",
		`Log in at Gloebit with the browser of this machine. The login is kept in a file that
only you can read. A loopback redirect URL must be registered for the application.`, cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			login, _, err := a.account()
			if err != nil {
				return err
			}
			login.RedirectURL = redirect
			if _, err := login.Browser(ctx); err != nil {
				return err
			}
			fmt.Fprintln(a.log, "You are logged in.")
			return nil
		})
	command.Flags().StringVar(&redirect, "redirect", "",
		"the registered loopback `URL`; the default is http://127.0.0.1/callback with any port")
	return command
}

func (a *app) logout() *cobra.Command {
	return leaf("logout", "Remove the login of this machine", "", cobra.NoArgs, func(
		ctx context.Context, _ []string,
	) error {
		login, _, err := a.account()
		if err != nil {
			return err
		}
		return login.Logout(ctx)
	})
}

// account returns the login flow, and the configuration of a merchant that uses
// the login.
func (a *app) account() (cli.Login, gloebit.Config, error) {
	config, err := a.merchantConfig()
	if err != nil {
		return cli.Login{}, config, err
	}
	if config.ClientSecret == "" {
		return cli.Login{}, config, usage("no client secret: set GLOEBIT_CLIENT_SECRET, or --config FILE")
	}
	store, err := cli.UserStore("gloebit")
	if err != nil {
		return cli.Login{}, config, err
	}
	p := config.Provider
	config.Realm, config.RedirectURL, config.Tokens = "", "http://127.0.0.1/callback", store
	config.Scopes = []connect.Scope{gloebit.ScopeID, gloebit.ScopeBalance}
	return cli.Login{
		Server: connect.Server{
			Name: p.Name, Endpoint: oauth2.Endpoint{
				AuthURL: p.AuthURL, TokenURL: p.TokenURL, AuthStyle: oauth2.AuthStyleInParams,
			},
			TokenParams: func(asked []connect.Scope) url.Values { return url.Values{"scope": {connect.JoinScopes(asked)}} },
		},
		ClientID: config.ClientID, ClientSecret: config.ClientSecret, Scopes: config.Scopes, Store: store,
		Open: func(_ context.Context, url string) error {
			_, err := fmt.Fprintln(a.log, "Open this page in the browser of this machine:", url)
			return err
		},
	}, config, nil
}

// asUser returns a command for the user who is logged in. It prints a value as
// JSON, or a text for people.
func (a *app) asUser(
	name, short string, do func(context.Context, *gloebit.Client) (value any, text string, err error),
) *cobra.Command {
	return leaf(name, short, "", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		login, config, err := a.account()
		if err != nil {
			return err
		}
		account, err := login.Account(ctx)
		if errors.Is(err, connect.ErrNotConnected) {
			return fmt.Errorf("you are not logged in: run gloebit login: %w", err)
		}
		if err != nil {
			return err
		}
		merchant, err := gloebit.New(config)
		if err != nil {
			return err
		}
		client, err := merchant.Client(ctx, account.User().ID)
		if err != nil {
			return err
		}
		value, text, err := do(ctx, client)
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(value)
		}
		_, err = fmt.Fprintln(a.out, printable(text))
		return err
	})
}

func (a *app) whoami() *cobra.Command {
	return a.asUser("whoami", "Show the user who is logged in", func(
		ctx context.Context, client *gloebit.Client,
	) (any, string, error) {
		who, err := client.Identity(ctx)
		return map[string]string{"id": who.ID, "name": who.Name}, cmp.Or(who.Name, who.ID), err
	})
}

func (a *app) balance() *cobra.Command {
	return a.asUser("balance", "Show the balance of the user who is logged in", func(
		ctx context.Context, client *gloebit.Client,
	) (any, string, error) {
		balance, err := client.Balance(ctx)
		return map[string]gloebit.Amount{"balance": balance}, balance.String() + " G$", err
	})
}

func (a *app) sandbox() *cobra.Command {
	const program = "gloebit-sandbox"
	run := func(ctx context.Context, args []string) error {
		path, err := exec.LookPath(program)
		if err != nil {
			return fmt.Errorf("%w: install it with: go install github.com/go-gloebit/gloebit/cmd/%s@latest", err, program)
		}
		sandbox := exec.CommandContext(ctx, path, args...)
		sandbox.Stdin, sandbox.Stdout, sandbox.Stderr = a.in, a.out, a.log
		sandbox.Cancel = func() error { return sandbox.Process.Signal(os.Interrupt) }
		if err := sandbox.Run(); ctx.Err() == nil {
			return err
		}
		return nil
	}
	command := leaf("sandbox [FLAGS]", "Run "+program+", a Gloebit to develop against", "", nil, run)
	command.DisableFlagParsing = true
	return command
}
