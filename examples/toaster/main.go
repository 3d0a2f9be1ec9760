// Command toaster posts the state of a toaster as the color of a stream at
// Blot're. On its first run it asks the user to enter a code. Later runs use
// the saved login.
//
//	toaster -color '#ff8800'
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/connect/cli"
	"github.com/go-gloebit/gloebit/servers/blotre"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "toaster:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("toaster", flag.ContinueOnError)
	color := flags.String("color", "#ff8800", "the `color` to post, as #rrggbb")
	name := flags.String("stream", "Toaster", "the `name` of the stream")
	address := flags.String("address", blotre.Address, "the `URL` of Blot're")
	dir := flags.String("dir", "", "the `directory` of the login; the default is in the user's configuration")
	if err := flags.Parse(args); err != nil {
		return err
	}
	store := &cli.FileStore{Dir: *dir}
	if *dir == "" {
		var err error
		if store, err = cli.UserStore("toaster"); err != nil {
			return err
		}
	}
	app := blotre.Disposable{
		Name: "Toaster", Blurb: "Posts the state of a toaster", Store: store, Address: *address,
		Show: func(_ context.Context, code connect.DeviceCode) error {
			_, err := fmt.Fprintf(out, "Enter the code %s at %s, then press Enter here.\n", code.UserCode, code.URL)
			return err
		},
		Wait: enter(in),
	}
	account, err := app.Open(ctx)
	if err != nil {
		return err
	}
	client := blotre.NewClient(account)
	user, err := client.User(ctx, account.Credential().Subject)
	if err != nil {
		return err
	}
	stream, created, err := client.CreateStream(ctx, blotre.NewStream{
		Name: *name, URI: blotre.JoinURI(user.Name, *name), Color: *color,
	})
	if err != nil {
		return err
	}
	made := "set"
	if created {
		made = "created with"
	}
	_, err = fmt.Fprintf(out, "%s: %s %s\n", stream.URI, made, stream.Status.Color)
	return err
}

// enter returns a function that waits for a line of input.
func enter(in io.Reader) func(context.Context) error {
	lines := bufio.NewReader(in)
	return func(ctx context.Context) error {
		read := make(chan error, 1)
		go func() {
			_, err := lines.ReadString('\n')
			read <- err
		}()
		select {
		case err := <-read:
			if errors.Is(err, io.EOF) {
				return errors.New("the input ended before Enter was pressed")
			}
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
