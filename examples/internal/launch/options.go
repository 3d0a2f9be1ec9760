package launch

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/go-gloebit/gloebit"
)

// The environment variables that hold the key and secret for a real Gloebit.
// They are not flags, because every user of the machine can read a command
// line.
const (
	keyVariable    = "GLOEBIT_CLIENT_ID"
	secretVariable = "GLOEBIT_CLIENT_SECRET"
)

// defaultDB is the default database, in the working directory.
const defaultDB = "brim-and-feather.db"

// options holds the command line.
type options struct {
	addr, sandboxAddr, gloebit, url, db string
}

// parse parses the command line. Package flag writes its messages to stderr.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("shop", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`HOST:PORT` of the shop; port 0 takes a free one")
	flags.StringVar(
		&o.sandboxAddr, "sandbox-addr", "127.0.0.1:8081",
		"`HOST:PORT` of the sandbox; port 0 takes a free one",
	)
	flags.StringVar(
		&o.gloebit, "gloebit", "",
		"Gloebit server to use instead of a local sandbox: `production`, sandbox (Gloebit's own) or a URL;\n"+
			"the key and the secret are in "+keyVariable+" and "+secretVariable,
	)
	flags.StringVar(
		&o.url, "url", "", "public `URL` of the shop behind a proxy; the default is the address of -addr",
	)
	flags.StringVar(
		&o.db, "db", defaultDB,
		"`FILE` of the database, with the keys and the sandbox's data in files beside it;\n-db '' keeps all data in memory",
	)
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q: the program takes only flags", flags.Arg(0))
	}
	if o.url != "" {
		u, err := url.Parse(o.url)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" ||
			u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return options{}, fmt.Errorf("-url %q: want scheme and host, such as https://shop.example", o.url)
		}
		o.url = u.Scheme + "://" + u.Host
	}
	return o, nil
}

// keptIn describes the location of the database.
func (o options) keptIn() string {
	if o.db == "" {
		return "memory"
	}
	return o.db
}

// sandboxFile returns the sandbox's state file. It is in the directory of the
// shop's database, which can't be used without that state.
func (o options) sandboxFile() string {
	if o.db == "" {
		return ""
	}
	return o.db + "-sandbox"
}

// real fills the settings for a real Gloebit.
func (o options) real(s *Settings, getenv func(string) string) error {
	switch o.gloebit {
	case "production":
		s.Provider = gloebit.Production()
	case "sandbox":
		s.Provider = gloebit.Sandbox()
	default:
		s.Provider = gloebit.ProviderAt(o.gloebit)
	}
	s.ClientID, s.ClientSecret = getenv(keyVariable), gloebit.Secret(getenv(secretVariable))
	if s.ClientID == "" || s.ClientSecret == "" {
		return errors.New("-gloebit needs the application's key in " + keyVariable + " and its secret in " + secretVariable)
	}
	s.Logger.Info("shop: set this redirect URL on Gloebit's merchant page", "url", s.URL+CallbackPath)
	return nil
}
