// Gloebit-sandbox runs a whole Gloebit on this machine, with play money, to try applications against:
// users sign in without a password, approve or refuse applications, buy gloebits and see what they
// spent; merchants find their key and secret and set up products.
//
// Usage:
//
//	gloebit-sandbox [flags]
//
// The flags are:
//
//	-addr HOST:PORT
//		Listen there. The default is 127.0.0.1:8081; port 0 takes a free one.
//	-host NAME
//		Answer under this host name too, and put it into the certificate of -tls. Repeat the flag, or
//		separate several with commas. Without it, the sandbox answers under loopback names, the host of
//		-addr, and the address that a request came in on; requests for other hosts get status 421.
//	-tls
//		Serve https, with a certificate made at the start and signed by itself.
//	-tls-cert FILE
//		With -tls, write the certificate there too (PEM), for clients to trust.
//	-state FILE
//		Keep users, applications, approvals and transactions in FILE, across restarts. Without it,
//		everything is forgotten at the end.
//	-client-id KEY, -client-secret SECRET
//		Key and secret of the application to start with. They are made when absent and, with -state,
//		stay what they were.
//	-name NAME
//		What users see the application called. The default is Hat Shop.
//	-redirect PREFIX
//		Users may be sent back to addresses that begin with PREFIX. Repeat the flag, or separate
//		several with commas. The prefixes given replace those that -state has kept. Without the
//		flag, those stay; a new application gets http://127.0.0.1:8080/ and http://localhost:8080/.
//
// The application sells six products; its page under /merchant adds and changes products.
//
// It prints one line with the sandbox's URL, with the address that it listens on where that is another, and two
// to paste into the shell of an application, which export its key as GLOEBIT_CLIENT_ID and its secret as
// GLOEBIT_CLIENT_SECRET. It runs until it gets an interrupt or a termination signal. Anyone who can reach the
// address can sign in as anyone and see every secret, so keep it on the loopback interface unless the network is
// yours. It warns when it listens beyond that interface.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gloebit-sandbox:", err)
		os.Exit(1)
	}
}
