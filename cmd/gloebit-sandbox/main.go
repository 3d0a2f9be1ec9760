// Gloebit-sandbox runs a Gloebit with play money on this machine, to test
// applications against. Users sign in without a password, approve or refuse
// applications, buy gloebits and see what they spent. Merchants see their key
// and secret and set up products.
//
// Usage:
//
//	gloebit-sandbox [flags]
//
// The flags are:
//
//	-addr HOST:PORT
//		Listen on this address. The default is 127.0.0.1:8081. Port 0 selects
//		a free port.
//	-host NAME
//		Also respond under this host name, and add it to the certificate of
//		-tls. Repeat the flag, or separate names with commas. The sandbox
//		always responds under loopback names, the host of -addr, and the
//		address at which a request arrived. Requests for other hosts get
//		status 421.
//	-tls
//		Serve HTTPS with a new self-signed certificate.
//	-tls-cert FILE
//		With -tls, write the certificate to FILE (PEM), for clients that must
//		trust it.
//	-state FILE
//		Keep users, applications, approvals and transactions in FILE across
//		restarts. Without it, everything is lost at the end.
//	-client-id KEY, -client-secret SECRET
//		Key and secret of the first application. The defaults are those in
//		the file of -state, or else random ones.
//	-name NAME
//		The application's name for users. The default is Hat Shop.
//	-redirect PREFIX
//		Users may be redirected to URLs that begin with PREFIX. Repeat the
//		flag, or separate prefixes with commas. They replace those in the
//		file of -state. Without the flag, those stay; a new application gets
//		http://127.0.0.1:8080/ and http://localhost:8080/.
//
// The application sells six products. Its page under /merchant adds and changes
// products.
//
// The command prints the sandbox's URL and, if it differs, the address on which
// it listens. It then prints two export lines for the application's shell,
// which set GLOEBIT_CLIENT_ID to the key and GLOEBIT_CLIENT_SECRET to the
// secret. It runs until it gets an interrupt or a termination signal.
//
// Anyone who can reach the address can sign in as anyone and see every secret.
// Keep it on the loopback interface unless you trust the network. The command
// warns when it listens beyond that interface.
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
