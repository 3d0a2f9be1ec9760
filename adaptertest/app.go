package adaptertest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/go-gloebit/gloebit"
)

// Framework is the implementation under test.
type Framework struct {
	// Name distinguishes the framework from others in the same test. It may be
	// empty.
	Name string
	// New returns the application's handler: see [App].
	New func(*App) http.Handler
	// Sessions returns the application's sessions, and a function that sets the
	// errors with which their store loads and saves; nil means success. If
	// Sessions is nil, the cases run with the sessions of scs and with the
	// package's own.
	Sessions func() (sessions Sessions, fail func(load, save error))
	// Detached means that handlers have no http.ResponseWriter and don't learn
	// that the client disconnected, as with fasthttp. The cases that need
	// either, such as those of App.Raw, are left out.
	Detached bool
}

// Sessions are an application's sessions. LoadAndSave is the outermost
// middleware but for the one that recovers from panics.
type Sessions interface {
	gloebit.SessionStore
	LoadAndSave(next http.Handler) http.Handler
}

// App describes the application to build with a framework. The outermost
// middleware answers a panic with status 500. Next is Sessions, unless nil.
// Then come these routes, all below Prefix:
//
//	the merchant's handlers, as the adapter mounts them
//	GET  /optional   Optional;  writes Greet
//	GET  /note       Optional;  calls Remember, answers 204 without a body
//	GET  /noted      Optional;  writes Recall
//	GET  /stream     Optional;  Stream
//	any  /raw/WHAT   Optional;  Raw with WHAT and the framework's own response
//	                 writer
//	any  /private    Require, then Later; writes Greet
//	GET  /inventory  Require with ScopeInventory, then Later; writes Greet
//	GET  /balance    Require;   writes Balance, or the error helper with its error
//	GET  /panic      Require;   panics
//	any  /fail/WHAT  Require;   the error helper with Failure(WHAT), and behind
//	                 it, if a chain continues automatically, Later
type App struct {
	Merchant *gloebit.Merchant
	Sessions Sessions // nil with the package's own sessions
	Prefix   string   // empty, or begins with a slash

	*journal
	gate chan struct{} // receiving from it ends Stream
	left chan struct{} // receives a value, if there is room, when the context of a Balance ends
}

// laterHeader is set by Later.
const laterHeader = "X-Later"

// Later is the middleware behind Require. It must not run if Require refused.
func (a *App) Later(h http.Header) {
	a.note("later")
	h.Set(laterHeader, "ran")
}

// Greet returns the body for a user. The client may be nil behind Optional.
func (a *App) Greet(client *gloebit.Client) string {
	a.note("handler")
	if client == nil {
		return "hello, guest"
	}
	a.print(client)
	return "hello, " + client.User().Name
}

// Balance returns the user's balance at Gloebit.
func (a *App) Balance(ctx context.Context, client *gloebit.Client) (string, error) {
	a.note("handler")
	context.AfterFunc(ctx, func() {
		select {
		case a.left <- struct{}{}:
		default:
		}
	})
	balance, err := client.Balance(ctx)
	if err != nil {
		a.print(err)
		return "", err
	}
	return balance.String(), nil
}

// Failure returns the error of the handler of /fail.
func (a *App) Failure(what string) error {
	a.note("handler")
	switch what {
	case "balance":
		return fmt.Errorf("buy: %w", gloebit.ErrInsufficientBalance)
	case "connection":
		return fmt.Errorf("buy: %w", gloebit.ErrNotConnected)
	case "scope":
		return fmt.Errorf("buy: %w", &gloebit.ScopeError{Missing: []gloebit.Scope{gloebit.ScopeInventory}})
	default:
		return fmt.Errorf("buy: %w: the secret word is sesame", gloebit.ErrStore)
	}
}

const noteKey = "adaptertest.note"

// Remember changes the session. With the package's own sessions it does nothing.
func (a *App) Remember(ctx context.Context) {
	if a.Sessions != nil {
		a.Sessions.Put(ctx, noteKey, "noted")
	}
}

// Recall returns what Remember put into the session.
func (a *App) Recall(ctx context.Context) string {
	if a.Sessions == nil {
		return "noted"
	}
	return a.Sessions.GetString(ctx, noteKey)
}

// The chunks of Stream.
const (
	firstChunk  = "first\n"
	secondChunk = "second\n"
)

// Stream changes the session, writes and flushes the first chunk, and continues
// when the client has received it.
func (a *App) Stream(ctx context.Context, write func(string), flush func()) {
	a.Remember(ctx)
	write(firstChunk)
	flush()
	select {
	case <-a.gate:
	case <-ctx.Done():
	}
	write(secondChunk)
}

// journal records what ran in all processes of an application.
type journal struct {
	mu      sync.Mutex
	ran     []string
	printed []string
}

func (j *journal) note(what string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ran = append(j.ran, what)
}

// print records a value as a careless application would log it.
func (j *journal) print(value any) {
	text := fmt.Sprintf("%v\n%+v\n%#v\n%q", value, value, value, value)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.printed = append(j.printed, text)
}

// prints returns the recorded values.
func (j *journal) prints() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.printed, "\n")
}

// took returns what ran since the last call.
func (j *journal) took() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	ran := j.ran
	j.ran = nil
	return ran
}
