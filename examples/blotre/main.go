// Blotre is a page that shows the connected Blot're user and the color of the
// user's stream, which the user can change.
package main

import (
	"html/template"
	"log"
	"log/slog"
	"net/http"
	"os"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/servers/blotre"
)

func main() {
	id, secret := os.Getenv("BLOTRE_CLIENT_ID"), os.Getenv("BLOTRE_CLIENT_SECRET")
	if id == "" || secret == "" {
		log.Fatal("BLOTRE_CLIENT_ID or BLOTRE_CLIENT_SECRET is not set: register an application at Blot're, " +
			"with the redirect URI http://127.0.0.1:8080/oauth/callback")
	}
	site, err := newSite(connect.Config{
		Server:       blotre.Server(os.Getenv("BLOTRE_URL")), // empty is https://blot.re
		ClientID:     id,
		ClientSecret: connect.Secret(secret),
		RedirectURL:  "http://127.0.0.1:8080/oauth/callback",
		Logger:       slog.Default(),
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Print("listening on http://127.0.0.1:8080")
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", site))
}

func newSite(config connect.Config) (http.Handler, error) {
	connector, err := connect.New(config)
	if err != nil {
		return nil, err
	}
	home := func(w http.ResponseWriter, r *http.Request) { // runs only for connected users
		account := connect.MustFromContext(r.Context())
		client := blotre.NewClient(account)
		user, err := client.User(r.Context(), account.Credential().Subject)
		if err != nil {
			connector.HandleError(w, r, err) // not connected any more, Blot're down, ...
			return
		}
		stream, err := client.Stream(r.Context(), user.RootStream)
		if err != nil {
			connector.HandleError(w, r, err)
			return
		}
		_ = page.Execute(w, map[string]any{"User": user, "Stream": stream}) // fails if the browser has disconnected
	}
	paint := func(w http.ResponseWriter, r *http.Request) {
		client := blotre.NewClient(connect.MustFromContext(r.Context()))
		if _, err := client.SetStatus(r.Context(), r.FormValue("stream"), r.FormValue("color")); err != nil {
			connector.HandleError(w, r, err)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
	left := func(w http.ResponseWriter, _ *http.Request) { _ = goodbye.Execute(w, nil) }
	mux := http.NewServeMux()
	mux.Handle("/oauth/", connector.Handler()) // connect, callback, disconnect
	mux.Handle("GET /{$}", connector.Require()(http.HandlerFunc(home)))
	mux.Handle("POST /paint", connector.Require()(http.HandlerFunc(paint)))
	mux.HandleFunc("GET /left", left)
	return http.NewCrossOriginProtection().Handler(mux), nil // refuses forms from other sites
}

const head = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>
body { font: 1.125rem/1.5 system-ui; background: Canvas; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
a, button, input { font: inherit; display: inline-block; min-height: 2.75rem; margin: .25rem .5rem .25rem 0 }
</style>
`

var page = template.Must(template.New("page").Parse(head + `<title>You at Blot're</title>
<main>
<h1>{{.User.Name}}</h1>
<p>You are connected as {{.User.Name}}. If this is not your account, disconnect.</p>
<p>Your stream {{.Stream.Name}} is {{.Stream.Status.Color}}.</p>
<form method="post" action="/paint">
<input type="hidden" name="stream" value="{{.Stream.ID}}">
<label>Color <input type="color" name="color" value="{{.Stream.Status.Color}}"></label> <button>Paint it</button></form>
<form method="post" action="/oauth/disconnect">
<input type="hidden" name="return_to" value="/left"><button>Disconnect</button></form>
</main>
`))

var goodbye = template.Must(template.New("goodbye").Parse(head + `<title>Disconnected</title>
<main>
<h1>You are disconnected.</h1>
<p><a href="/">Connect again</a></p>
</main>
`))
