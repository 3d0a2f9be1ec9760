package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"
)

// options holds the command line.
type options struct {
	addr         string
	hosts        values // those of -host, and the host of addr unless it is every address
	tls          bool
	tlsCert      string
	state        string
	clientID     string
	clientSecret string
	name         string
	redirects    values
}

// values is a flag that may be repeated, and may contain several values
// separated by commas.
type values []string

func (v *values) String() string { return strings.Join(*v, ",") }

func (v *values) Set(value string) error {
	for one := range strings.SplitSeq(value, ",") {
		one = strings.TrimSpace(one)
		if one == "" {
			return errors.New("a value is empty")
		}
		*v = append(*v, one)
	}
	return nil
}

// parse parses the command line. Package flag writes its messages to stderr.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("gloebit-sandbox", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8081", "listen on this `HOST:PORT`; port 0 takes a free one")
	flags.Var(&o.hosts, "host", "also answer under this host `NAME`, and put it into the certificate of -tls; repeatable")
	flags.BoolVar(&o.tls, "tls", false, "serve https, with a self-signed certificate made at the start")
	flags.StringVar(
		&o.tlsCert, "tls-cert", "", "with -tls, write the certificate to this `FILE` too, for clients to trust",
	)
	flags.StringVar(&o.state, "state", "", "keep everything in this `FILE`, across restarts")
	flags.StringVar(&o.clientID, "client-id", "", "`KEY` of the application to start with; made when empty")
	flags.StringVar(&o.clientSecret, "client-secret", "", "its `SECRET`; made when empty")
	flags.StringVar(&o.name, "name", "", "its `NAME`, as users see it; Hat Shop when empty")
	flags.Var(&o.redirects, "redirect", "allow redirect URLs that begin with this `PREFIX`; repeatable;\n"+
		"replaces those that -state has kept; without it, a new application gets\n"+
		"http://127.0.0.1:8080/ and http://localhost:8080/")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q: the program takes only flags", flags.Arg(0))
	}
	if o.tlsCert != "" && !o.tls {
		return options{}, errors.New("-tls-cert needs -tls")
	}
	for _, host := range o.hosts {
		if !isHost(host) {
			return options{}, fmt.Errorf("-host: %q is no host name: leave out the scheme, the port and the path", host)
		}
	}
	host, _, err := net.SplitHostPort(o.addr)
	if err != nil {
		return options{}, fmt.Errorf("-addr: %w", err)
	}
	if host != "" && !net.ParseIP(host).IsUnspecified() {
		o.hosts = append(o.hosts, host)
	}
	return o, nil
}

// isHost reports whether a text is an IP address, or may be a host name.
func isHost(text string) bool {
	return net.ParseIP(text) != nil || !strings.ContainsAny(text, ":/@[]*? ")
}
