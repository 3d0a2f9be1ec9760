package main

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"

	"github.com/go-gloebit/gloebit"
)

// runReplica serves the shop on a port of its own, which it prints, until ctx
// ends.
func runReplica(ctx context.Context, o options, stdout io.Writer) error {
	store, err := openStorage(ctx, o)
	if err != nil {
		return err
	}
	defer store.close()
	handler, err := newShop(o, store)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stdout, "replica %s: http://%s\n", o.replica, listener.Addr()); err != nil {
		return err
	}
	return serve(ctx, listener, handler)
}

// newShop builds the shop. Only Sessions, States and Tokens differ from those of
// a shop in a single process.
func newShop(o options, store *storage) (http.Handler, error) {
	sessions := scs.New()
	sessions.Store = store.sessions
	sessions.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, err error) {
		slog.Error("sessions", "replica", o.replica, "error", err)
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
	}
	provider := gloebit.ProviderAt(o.gloebit)
	provider.PKCE = true
	merchant, err := gloebit.New(gloebit.Config{
		ClientID:     os.Getenv("GLOEBIT_CLIENT_ID"),
		ClientSecret: gloebit.Secret(os.Getenv("GLOEBIT_CLIENT_SECRET")),
		RedirectURL:  o.url + "/gloebit/callback",
		Scopes:       []gloebit.Scope{gloebit.ScopeID, gloebit.ScopeBalance, gloebit.ScopeTransact},
		Provider:     provider,
		SignIn:       true,
		Sessions:     sessions,
		States:       store.states,
		Tokens:       store.tokens,
		Logger:       slog.Default().With("replica", o.replica),
	})
	if err != nil {
		return nil, err
	}
	home := func(w http.ResponseWriter, r *http.Request) {
		balance, err := gloebit.MustFromContext(r.Context()).Balance(r.Context())
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		_ = page.Execute(w, map[string]any{"Replica": o.replica, "Balance": balance, "Order": uuid.NewString()})
	}
	buy := func(w http.ResponseWriter, r *http.Request) {
		_, err := gloebit.MustFromContext(r.Context()).PurchaseProduct(r.Context(), gloebit.ProductOrder{
			IdempotencyKey: r.FormValue("order"), Product: "green-hat", Quantity: 1,
		})
		if err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
	mux := http.NewServeMux()
	mux.Handle("/gloebit/", merchant.Handler())
	mux.HandleFunc("GET /left", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(
			w, `<!DOCTYPE html><title>Replicas</title><p>You are disconnected. <a href="/">Connect again</a></p>`,
		)
	})
	mux.Handle("GET /{$}", merchant.RequireGloebit(http.HandlerFunc(home)))
	mux.Handle("POST /buy", merchant.RequireGloebit(http.HandlerFunc(buy)))
	named := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Replica", o.replica)
		sessions.LoadAndSave(mux).ServeHTTP(w, r)
	}
	return http.HandlerFunc(named), nil
}

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Replicas</title>
<h1>Replica {{.Replica}}</h1>
<p>You have {{.Balance}} G$. Reload, and another replica answers.</p>
<form method="post" action="/buy">
<input type="hidden" name="order" value="{{.Order}}"><button>Buy a green hat</button></form>
<form method="post" action="/gloebit/disconnect">
<input type="hidden" name="return_to" value="/left"><button>Disconnect</button></form>
</html>
`))

// serve answers requests until ctx ends, and then waits for those in flight.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		_ = server.Close()
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
