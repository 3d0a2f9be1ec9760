package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/connect"
)

// Login is the login of a program's one user at a server. Server, ClientID and
// Store must be set, and ClientSecret unless the client is public. The methods
// that log in do not ask the user when the Store has a login that is still
// valid. When several processes log in at once, one asks the user and the
// others wait for it.
type Login struct {
	// Server is the server. Set its PublicClient if the server allows that,
	// because a program's users can read a client secret (RFC 8252 section 8.5).
	// Browser always uses PKCE.
	Server connect.Server
	// ClientID and ClientSecret are those of connect.Config.
	ClientID     string
	ClientSecret connect.Secret
	// Scopes are the scopes that the user is asked for.
	Scopes []connect.Scope
	// Store keeps the login.
	Store *FileStore
	// RedirectURL is the URL to which the server redirects the browser, on a
	// loopback address. Without a port, any free port is used; set one if the
	// server requires the exact URL. The default is http://127.0.0.1/callback.
	RedirectURL string
	// Open shows the user a URL to open in the browser of this machine. The
	// default writes it to the standard error.
	Open func(ctx context.Context, url string) error
	// Show shows the user a code and where to enter it. The default writes them to
	// the standard error.
	Show func(context.Context, connect.DeviceCode) error
	// HTTPClient is connect.Config.HTTPClient.
	HTTPClient *http.Client
	// Logger is connect.Config.Logger.
	Logger *slog.Logger
}

// owner is the ID of the Store's only user.
const owner = "owner"

// Account returns the account of the login in the Store, and never asks the
// user. The error is connect.ErrNotConnected when there is no login, or when
// the server has ended it.
func (l Login) Account(ctx context.Context) (*connect.Account, error) {
	connector, err := l.connector(l.redirectURL())
	if err != nil {
		return nil, err
	}
	return account(ctx, connector)
}

// Device logs in by device authorization (RFC 8628): it shows a code, and waits
// until the user has entered it on any device. Server.Endpoint.DeviceAuthURL
// must be set. Errors: connect.ErrAccessDenied, connect.ErrCodeExpired, and
// others of connect.Connector.ConnectDevice; [ErrFile] for a Store that can't
// be used.
func (l Login) Device(ctx context.Context) (*connect.Account, error) {
	connector, err := l.connector(l.redirectURL())
	if err != nil {
		return nil, err
	}
	show := l.Show
	if show == nil {
		show = writeCode
	}
	return l.once(ctx, connector, func(ctx context.Context) error { return connector.ConnectDevice(ctx, owner, show) })
}

// Browser logs in with the browser of this machine (RFC 8252): it listens on a
// loopback address, passes the start URL to Open, and waits until the browser
// is redirected back or ctx ends. Errors: connect.ErrAccessDenied, and others
// of connect.Connector.Exchange; [ErrFile] for a Store that can't be used.
func (l Login) Browser(ctx context.Context) (*connect.Account, error) {
	connector, err := l.connector(l.redirectURL())
	if err != nil {
		return nil, err
	}
	return l.once(ctx, connector, l.browse)
}

// Logout removes the login from the Store, and revokes it if the server
// supports that. If there is none, it does nothing.
func (l Login) Logout(ctx context.Context) error {
	connector, err := l.connector(l.redirectURL())
	if err != nil {
		return err
	}
	return connector.Disconnect(ctx, owner)
}

func (l Login) redirectURL() string {
	if l.RedirectURL == "" {
		return "http://127.0.0.1/callback"
	}
	return l.RedirectURL
}

// connector returns the user's connector. The port of the redirect URL is not
// part of the Store's key.
func (l Login) connector(redirectURL string) (*connect.Connector, error) {
	if l.Store == nil {
		return nil, fmt.Errorf("cli: %w: Login.Store is not set", connect.ErrInvalidRequest)
	}
	server := l.Server
	server.PKCE = true // RFC 8252 section 8.1
	return connect.New(connect.Config{
		Server: server, ClientID: l.ClientID, ClientSecret: l.ClientSecret, RedirectURL: redirectURL, Scopes: l.Scopes,
		Tokens: l.Store, HTTPClient: l.HTTPClient, Logger: l.Logger,
		User: func(*http.Request) (connect.User, error) { return connect.User{ID: owner}, nil },
	})
}

// account returns the account in the Store. It refreshes an expired token
// first, because the user can log in now if that fails.
func account(ctx context.Context, connector *connect.Connector) (*connect.Account, error) {
	account, err := connector.Account(ctx, owner)
	if err == nil {
		_, err = account.Fresh(ctx, time.Now().Add(time.Minute))
	}
	if err != nil {
		return nil, err
	}
	return account, nil
}

// once returns the account in the Store, or logs in if there is none. Another
// process that does the same waits for this login and uses it.
func (l Login) once(
	ctx context.Context, connector *connect.Connector, login func(context.Context) error,
) (found *connect.Account, err error) {
	key := connect.Key{Realm: connector.Realm(), ID: owner + " logging in"}
	err = l.Store.exclusively(ctx, key, func() error {
		found, err = account(ctx, connector)
		if !errors.Is(err, connect.ErrNotConnected) {
			return err
		}
		// The remaining credential could not be refreshed.
		if err := l.Store.Delete(ctx, connect.Key{Realm: connector.Realm(), ID: owner}); err != nil {
			return err
		}
		if err := login(ctx); err != nil {
			return err
		}
		found, err = account(ctx, connector)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// browse serves the callback until the browser is redirected back.
func (l Login) browse(ctx context.Context) error {
	redirect, err := url.Parse(l.redirectURL())
	if err != nil {
		return fmt.Errorf("cli: %w: Login.RedirectURL: %w", connect.ErrInvalidRequest, err)
	}
	port := redirect.Port()
	if port == "" {
		port = "0"
	}
	if ip := net.ParseIP(redirect.Hostname()); redirect.Scheme != "http" || (ip == nil ||
		!ip.IsLoopback()) && redirect.Hostname() != "localhost" {
		return fmt.Errorf(
			"cli: %w: Login.RedirectURL %q is not http on a loopback address", connect.ErrInvalidRequest, l.redirectURL(),
		)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(redirect.Hostname(), port))
	if err != nil {
		return fmt.Errorf("cli: Login.RedirectURL: %w", err)
	}
	defer listener.Close()
	_, port, err = net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return fmt.Errorf("cli: %w", err)
	}
	redirect.Host = net.JoinHostPort(redirect.Hostname(), port)
	connector, err := l.connector(redirect.String())
	if err != nil {
		return err
	}
	start := "/" + rand.Text() // a secret path, because other processes on this machine can reach the port
	done := make(chan error, 1)
	mux := http.NewServeMux()
	mux.Handle("GET "+start, connector.ConnectHandler())
	mux.Handle("GET "+redirect.Path, connector.Optional(callback(connector, done)))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // Serve returns when this function does
	}()
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(closing) // gives the last page time to arrive
		_ = server.Close()
		<-served
	}()
	open := l.Open
	if open == nil {
		open = writeURL
	}
	begin := url.URL{Scheme: redirect.Scheme, Host: redirect.Host, Path: start}
	if err := open(ctx, begin.String()); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// callback completes the login. A request that matches no pending login, which
// any program on this machine can send, does not end it.
func callback(connector *connect.Connector, done chan<- error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		_, err := connector.Exchange(r)
		var believed *connect.ConnectError
		if err == nil {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'none'")
			_, _ = io.WriteString(w, connectedPage)
		} else {
			connector.WriteError(w, r, err)
		}
		if err == nil || errors.As(err, &believed) {
			select {
			case done <- err:
			default: // the login has ended
			}
		}
	})
}

const connectedPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Connected</title></head>
<body><h1>Connected</h1><p>You can close this window and go back to the program.</p></body></html>
`

func writeURL(_ context.Context, url string) error {
	_, err := fmt.Fprintf(os.Stderr, "To log in, open this address in your browser:\n%s\n", url)
	return err
}

func writeCode(_ context.Context, code connect.DeviceCode) error {
	var complete strings.Builder
	if code.CompleteURL != "" {
		fmt.Fprintf(&complete, ", or open %s", code.CompleteURL)
	}
	_, err := fmt.Fprintf(os.Stderr, "To log in, enter the code %s at %s%s\n", code.UserCode, code.URL, complete.String())
	return err
}
