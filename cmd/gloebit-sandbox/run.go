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
	// stopTimeout is how long requests under way may take to end before they are cut off.
	stopTimeout = 5 * time.Second
)

// run serves the sandbox that args describe until ctx ends, and then returns nil once everything is
// saved. It prints where it listens, and its key and secret as lines for a shell; requests, callbacks
// and failures are logged to stderr, without secrets.
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

// quoted is the text for a POSIX shell, which takes nothing in it for more than text.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// listen opens the port. It returns the URL for browsers and, if that has another host, the address.
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

// shownAddress returns the host of -addr with the port that the listener has and, where that host is not the
// address that the listener has, that address too.
func shownAddress(addr, actual string) string {
	host, _, _ := net.SplitHostPort(addr)
	_, port, _ := net.SplitHostPort(actual)
	if host == "" || net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1" // one of all addresses, and one that a browser can open
	}
	shown := net.JoinHostPort(host, port)
	if shown != actual {
		shown += " (listens on " + actual + ")"
	}
	return shown
}

// serve answers requests until ctx ends: then it lets those under way end, stops the queue, and saves.
func serve(ctx context.Context, box *sandbox.Sandbox, listener net.Listener, logger *slog.Logger) error {
	server := &http.Server{
		Handler:           box.Handler(),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug), // handshakes that browsers break off
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
