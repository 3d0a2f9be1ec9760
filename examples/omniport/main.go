// Omniport is a page that shows the connected user's data from an Omniport,
// such as channeli.in.
package main

import (
	"html/template"
	"log"
	"log/slog"
	"net/http"
	"os"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/servers/omniport"
)

func main() {
	base, id, secret := os.Getenv("OMNIPORT_URL"), os.Getenv("OMNIPORT_CLIENT_ID"), os.Getenv("OMNIPORT_CLIENT_SECRET")
	if base == "" || id == "" || secret == "" {
		log.Fatal("OMNIPORT_URL, OMNIPORT_CLIENT_ID or OMNIPORT_CLIENT_SECRET is not set: " +
			"register an application on the Omniport's page /developer/add, " +
			"with the redirect URL http://127.0.0.1:8080/oauth/callback")
	}
	site, err := newSite(connect.Config{
		Server:       omniport.Server(base), // such as https://channeli.in
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
		user, err := omniport.NewClient(connect.MustFromContext(r.Context())).User(r.Context())
		if err != nil {
			connector.HandleError(w, r, err) // not connected any more, Omniport down, ...
			return
		}
		_ = page.Execute(w, user) // an error means that the browser has disconnected
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

var page = template.Must(template.New("page").Parse(head + `<title>You at Omniport</title>
<main>
<h1>{{or .Name "A user without a name"}}</h1>
<p>User {{.ID}}{{with .Student}}{{if .EnrolmentNumber}}, enrolment number {{.EnrolmentNumber}}{{end}}{{end}}</p>
{{with .Student}}{{with .BranchName}}<p>Studies {{.}}</p>{{end}}{{end}}
{{with .FacultyMember}}{{with .Designation}}<p>{{.}}</p>{{end}}{{end}}
{{with .ContactInformation}}{{with .InstituteWebmailAddress}}<p>{{.}}</p>{{end}}{{end}}
{{range $site, $url := .SocialInformation}}<p><a href="{{$url}}">{{$site}}</a></p>
{{end}}<form method="post" action="/oauth/disconnect">
<input type="hidden" name="return_to" value="/left"><button>Disconnect</button></form>
</main>
`))

var goodbye = template.Must(template.New("goodbye").Parse(head + `<title>Disconnected</title>
<main>
<h1>You are disconnected.</h1>
<p><a href="/">Connect again</a></p>
</main>
`))
