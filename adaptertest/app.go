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
	// Name tells it from others that are tested beside it. It may be empty.
	Name string
	// New builds the application with the framework: see [App].
	New func(*App) http.Handler
	// Sessions makes the application's sessions and a function that makes their
	// store fail from then on, to load and to save, or with nil work again. Nil
	// means those of scs, and the table is then run with the package's own
	// sessions too.
	Sessions func() (sessions Sessions, fail func(load, save error))
	// Detached says that handlers have no http.ResponseWriter and are not told
	// when the client disconnects, as with fasthttp. App.Raw, and the cases that
	// need either, are left out.
	Detached bool
}

// Sessions are an application's sessions with the middleware around everything.
type Sessions interface {
	gloebit.SessionStore
	LoadAndSave(next http.Handler) http.Handler
}

// App is the application that a framework is to serve. Outermost is what turns a
// panic into status 500, then Sessions unless nil, then these routes, all below
// Prefix:
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
//	                 it, where a chain goes on by itself, Later
type App struct {
	Merchant *gloebit.Merchant
	Sessions Sessions // nil with the package's own
	Prefix   string   // empty, or begins with a slash

	*journal
	gate chan struct{} // lets Stream end
	left chan struct{} // gets one when the context of a Balance has ended, if there is room
}

// laterHeader is set by Later.
const laterHeader = "X-Later"

// Later is the middleware behind Require: it must not run when Require refused.
func (a *App) Later(h http.Header) {
	a.note("later")
	h.Set(laterHeader, "ran")
}

// Greet is the body for who may enter; the client may be nil where that is
// optional.
func (a *App) Greet(client *gloebit.Client) string {
	a.note("handler")
	if client == nil {
		return "hello, guest"
	}
	a.print(client)
	return "hello, " + client.User().Name
}

// Balance is what Gloebit says that the user has.
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

// Failure is the error that the handler of /fail fails with.
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

// Stream changes the session, writes and flushes the first chunk, and goes on
// only when the client has it.
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

// journal is what happened in an application, in all of its processes.
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

// print notes what a careless application logs.
func (j *journal) print(value any) {
	text := fmt.Sprintf("%v\n%+v\n%#v\n%q", value, value, value, value)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.printed = append(j.printed, text)
}

// prints returns what was printed.
func (j *journal) prints() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.printed, "\n")
}

// took returns what ran since it was last called.
func (j *journal) took() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	ran := j.ran
	j.ran = nil
	return ran
}
