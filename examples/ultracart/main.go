// Ultracart is a page that shows the users of the connected merchant's UltraCart
// account.
package main

import (
	"html/template"
	"log"
	"log/slog"
	"net/http"
	"os"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/servers/ultracart"
)

func main() {
	id := os.Getenv("ULTRACART_CLIENT_ID")
	if id == "" {
		log.Fatal("ULTRACART_CLIENT_ID is not set: create a developer application at UltraCart " +
			"with the scope user_read and the redirect URL http://127.0.0.1:8080/oauth/callback")
	}
	site, err := newSite(connect.Config{
		Server:      ultracart.Server(ultracart.Production),
		ClientID:    id, // no secret: the application is a public client
		RedirectURL: "http://127.0.0.1:8080/oauth/callback",
		Logger:      slog.Default(),
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Print("listening on http://127.0.0.1:8080")
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", site))
}

// users is the part of the response to GET /user/users that the page uses.
type users struct {
	Users []struct {
		Login    string `json:"login"`
		FullName string `json:"full_name"`
		Email    string `json:"email"`
	} `json:"users"`
}

func newSite(config connect.Config) (http.Handler, error) {
	connector, err := connect.New(config)
	if err != nil {
		return nil, err
	}
	home := func(w http.ResponseWriter, r *http.Request) { // runs only for connected merchants
		var list users
		client := ultracart.NewClient(connect.MustFromContext(r.Context()))
		if err := client.Do(r.Context(), http.MethodGet, "/user/users", nil, &list); err != nil {
			connector.HandleError(w, r, err) // not connected any more, disabled, UltraCart down, ...
			return
		}
		_ = page.Execute(w, list) // an error means that the browser has disconnected
	}
	left := func(w http.ResponseWriter, _ *http.Request) { _ = goodbye.Execute(w, nil) }
	mux := http.NewServeMux()
	mux.Handle("/oauth/", connector.Handler()) // connect, callback, disconnect
	mux.Handle("GET /{$}", connector.Require()(http.HandlerFunc(home)))
	mux.HandleFunc("GET /left", left)
	return mux, nil
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

var page = template.Must(template.New("page").Parse(head + `<title>Your UltraCart account</title>
<main>
<h1>Users of your UltraCart account</h1>
<ul>
{{range .Users}}<li>{{or .FullName .Login}}{{with .Email}}, {{.}}{{end}}</li>
{{else}}<li>none</li>
{{end}}</ul>
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
