package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/internal/sandbox"
)

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// stopTimeout is how long a shutdown waits for requests in flight.
	stopTimeout = 5 * time.Second
)

// run serves the sandbox that args describe until ctx ends. It returns nil once
// everything is saved. It prints the URL, and the key and secret as export
// lines. It logs requests, callbacks and failures to stderr, without secrets.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	box, err := sandbox.New(sandbox.Config{
		ClientID: o.clientID, ClientSecret: o.clientSecret, Name: o.name, RedirectPrefixes: o.redirects,
		Hosts: o.hosts, StateFile: o.state, Logger: logger,
	})
	if err != nil {
		return err
	}
	listener, address, err := listen(o)
	if err != nil {
		return err
	}
	if at, ok := listener.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		fmt.Fprintf(stderr, "gloebit-sandbox: warning: it listens on %s, beyond this machine: "+
			"everyone who reaches that can sign in as anyone and read every secret\n", listener.Addr())
	}
	app := box.Application()
	_, err = fmt.Fprintf(stdout, "sandbox: %s\nexport GLOEBIT_CLIENT_ID=%s\nexport GLOEBIT_CLIENT_SECRET=%s\n",
		address, quoted(app.Key), quoted(app.Secret))
	if err != nil {
		_ = listener.Close()
		return fmt.Errorf("print the address: %w", err)
	}
	return serve(ctx, box, listener, logger)
}

// quoted quotes a text for a POSIX shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// listen opens the port. It returns the URL for browsers and, if its host
// differs, the address.
func listen(o options) (net.Listener, string, error) {
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return nil, "", fmt.Errorf("-addr: %w", err)
	}
	shown := shownAddress(o.addr, listener.Addr().String())
	if !o.tls {
		return listener, "http://" + shown, nil
	}
	certificate, err := selfSigned(o.hosts, time.Now())
	if err == nil && o.tlsCert != "" {
		err = writePEM(o.tlsCert, certificate)
	}
	if err != nil {
		_ = listener.Close()
		return nil, "", err
	}
	secured := tls.NewListener(listener, &tls.Config{
		Certificates: []tls.Certificate{certificate},
		NextProtos:   []string{"http/1.1"},
	})
	return secured, "https://" + shown, nil
}

// shownAddress returns the host of -addr with the port of the listener and, if
// that host is not the listener's address, that address too.
func shownAddress(addr, actual string) string {
	host, _, _ := net.SplitHostPort(addr)
	_, port, _ := net.SplitHostPort(actual)
	if host == "" || net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1" // an address that a browser can open
	}
	shown := net.JoinHostPort(host, port)
	if shown != actual {
		shown += " (listens on " + actual + ")"
	}
	return shown
}

// serve responds to requests until ctx ends. Then it waits for requests in
// flight, stops the queue, and saves.
func serve(ctx context.Context, box *sandbox.Sandbox, listener net.Listener, logger *slog.Logger) error {
	server := &http.Server{
		Handler:           box.Handler(),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug), // handshakes that browsers abort
	}
	queue, stopQueue := context.WithCancel(context.WithoutCancel(ctx))
	defer stopQueue()
	saved := make(chan error, 1)
	go func() { saved <- box.Run(queue) }()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if server.Shutdown(limit) != nil {
		_ = server.Close()
	}
	stopQueue()
	return errors.Join(err, <-saved)
}
