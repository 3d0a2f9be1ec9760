package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/sandbox"
)

// runFleet runs the sandbox, the replicas and the proxy until ctx ends.
func runFleet(ctx context.Context, o options, stdout, stderr io.Writer) error {
	if err := prepareStorage(ctx, o); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return fmt.Errorf("-addr: %w", err)
	}
	o.url = "http://" + listener.Addr().String()
	group, ctx := errgroup.WithContext(ctx)
	if o.gloebit == "" {
		if o.gloebit, err = startSandbox(ctx, group, o, stdout); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	var targets []*url.URL
	for i := range o.replicas {
		target, err := startReplica(ctx, group, o, strconv.Itoa(i+1), stdout, stderr)
		if err != nil {
			return errors.Join(err, listener.Close(), group.Wait())
		}
		targets = append(targets, target)
	}
	if _, err := fmt.Fprintf(stdout, "shop: %s\n", o.url); err != nil {
		return err
	}
	group.Go(func() error { return serve(ctx, listener, newProxy(targets)) })
	return group.Wait()
}

// prepareStorage creates the tables before the replicas start. If the database
// is down, its error says what to do.
func prepareStorage(ctx context.Context, o options) error {
	store, err := openStorage(ctx, o)
	if err != nil {
		return err
	}
	defer store.close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := store.prepare(ctx); err != nil {
		return fmt.Errorf(
			"%s can't be reached: start it, name another server with -dsn, or choose another -store: %w", o.store, err,
		)
	}
	return nil
}

// startSandbox runs a sandbox in the group. It sets the shop's key and secret in
// the environment, which the replicas inherit.
func startSandbox(ctx context.Context, group *errgroup.Group, o options, stdout io.Writer) (string, error) {
	box, err := sandbox.New(sandbox.Config{
		Name: "Hat Shop", HomeURL: o.url + "/", RedirectPrefixes: []string{o.url + "/"},
		Products: []gloebittest.Product{{Name: "green-hat", Price: 40}},
	})
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", o.sandboxAddr)
	if err != nil {
		return "", fmt.Errorf("-sandbox-addr: %w", err)
	}
	group.Go(func() error { return box.Run(ctx) })
	group.Go(func() error { return serve(ctx, listener, box.Handler()) })
	app := box.Application()
	if err := errors.Join(
		os.Setenv("GLOEBIT_CLIENT_ID", app.Key), os.Setenv("GLOEBIT_CLIENT_SECRET", app.Secret),
	); err != nil {
		return "", err
	}
	_, err = fmt.Fprintf(stdout, "sandbox: http://%s\n", listener.Addr())
	return "http://" + listener.Addr().String(), err
}

// startReplica starts this program as a replica in a new process, and returns
// the replica's URL. If the replica ends before ctx, that is printed to stderr,
// and the others continue.
func startReplica(
	ctx context.Context, group *errgroup.Group, o options, name string, stdout, stderr io.Writer,
) (*url.URL, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(
		ctx, program, "-replica", name, "-store", o.store, "-prefix", o.prefix, "-lease", o.lease.String(), "-gloebit",
		o.gloebit, "-url", o.url,
	)
	// not among the arguments, which every user of the machine can read
	command.Env = append(os.Environ(), dsnVariable+"="+o.dsn)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 10 * time.Second
	command.Stderr = stderr
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("replica %s did not start", name), command.Wait())
	}
	_, address, _ := strings.Cut(strings.TrimSpace(line), ": ")
	if _, err := fmt.Fprintf(stdout, "replica %s: %s (process %d)\n", name, address, command.Process.Pid); err != nil {
		return nil, err
	}
	group.Go(func() error {
		if err := command.Wait(); ctx.Err() == nil {
			fmt.Fprintf(stderr, "replica %s ended: %v; the others go on\n", name, err)
		}
		return nil
	})
	return url.Parse(address)
}

// newProxy returns a proxy that sends each request to the next replica or, if
// that can't be reached, to the one after it.
func newProxy(targets []*url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetXForwarded()
			r.Out.Host = r.In.Host
			r.Out.URL.Scheme = "http"
		},
		Transport: &roundRobin{targets: targets, base: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
}

type roundRobin struct {
	targets []*url.URL
	next    atomic.Uint64
	base    http.RoundTripper
}

// RoundTrip implements http.RoundTripper. It retries a request only if it could
// not connect to the replica, so no request is processed twice.
func (t *roundRobin) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body = io.NopCloser(r.Body) // a failed attempt would close it; the server closes it at the end
	}
	for attempt := 1; ; attempt++ {
		r.URL.Host = t.targets[t.next.Add(1)%uint64(len(t.targets))].Host
		resp, err := t.base.RoundTrip(r)
		var dial *net.OpError
		if errors.As(err, &dial) && dial.Op == "dial" && attempt < len(t.targets) {
			continue
		}
		return resp, err
	}
}
