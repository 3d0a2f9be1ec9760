package gloebittest

import (
	"bytes"
	"html/template"
	"net/http"
	"strings"
)

// newPages parses the built-in pages.
func newPages() *template.Template {
	return template.Must(template.New("").Parse(`
{{define "head"}}<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Title}} - Gloebit test server</title></head><body><h1>{{.Title}}</h1>{{end}}

{{define "notice"}}{{template "head" .}}
<p>{{.Text}}</p>
{{with .ReturnTo}}<p><a href="{{.}}">Back to the application</a></p>{{end}}
</body></html>{{end}}

{{define "consent"}}{{template "head" .}}
<p>{{.Application.Name}} asks to use your Gloebit account{{with .UserLabel}}, for its user {{.}}{{end}}:</p>
<ul>{{range .Scopes}}<li>{{.}}</li>{{end}}</ul>
<form method="post">
<label>You are <select name="user">{{range .Users}}<option value="{{.ID}}">{{.Name}}</option>{{end}}</select></label>
<button name="decision" value="approve">Approve</button>
<button name="decision" value="refuse">Refuse</button>
</form></body></html>{{end}}

{{define "subscription"}}{{template "head" .}}
<p>{{.Application.Name}} asks {{.User.Name}}{{with .Authorization.UserLabel}}, its user {{.}},{{end}}
to authorize a subscription:</p>
<dl><dt>{{.Subscription.Name}}</dt><dd>{{.Subscription.Description}}</dd></dl>
<p>It could then charge this Gloebit account without asking each time. So far: {{.Authorization.State}}.</p>
<form method="post">
<button name="decision" value="approve">Approve</button>
<button name="decision" value="decline">Decline</button>
</form>
{{with .ReturnTo}}<p><a href="{{.}}">Back to the application</a></p>{{end}}
</body></html>{{end}}

{{define "purchase"}}{{template "head" .}}
<form method="post">
<label>You are <select name="user">
{{range .Users}}<option value="{{.ID}}">{{.Name}}, {{.Balance}} G$</option>{{end}}
</select></label>
<label>G$ <input name="amount" value="1000" inputmode="decimal"></label>
<button>Buy gloebits</button>
</form>
{{with .ReturnTo}}<p><a href="{{.}}">Back to the application</a></p>{{end}}
</body></html>{{end}}
`))
}

// writePage sends one of the built-in pages.
func (g *Gloebit) writePage(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := g.pages.ExecuteTemplate(&page, name, data); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w)
}

func (g *Gloebit) noticePage(w http.ResponseWriter, _ *http.Request, n Notice) {
	g.writePage(w, n.Status, "notice", n)
}

// consentForm is the default consent page. Its form posts user (an ID or a
// name) and decision (approve or refuse) to the same URL.
func (g *Gloebit) consentForm(w http.ResponseWriter, r *http.Request, a *Authorization) {
	if r.Method == http.MethodPost {
		switch r.PostFormValue("decision") {
		case "approve":
			a.Approve(w, r, r.PostFormValue("user"))
			return
		case "refuse":
			a.Refuse(w, r)
			return
		}
	}
	g.writePage(w, http.StatusOK, "consent", struct {
		Title string
		*Authorization
		Users []User
	}{"Connect your account", a, g.Users()})
}

// purchase serves purchase, a page where users get gloebits without paying.
func (g *Gloebit) purchase(w http.ResponseWriter, r *http.Request) {
	back := r.URL.Query().Get("return-to")
	if !isWebURL(back) {
		back = ""
	}
	if r.Method != http.MethodPost {
		g.writePage(w, http.StatusOK, "purchase", struct {
			Title, ReturnTo string
			Users           []User
		}{"Buy gloebits", back, g.Users()})
		return
	}
	notice := Notice{Status: http.StatusOK, Title: "Thank you", ReturnTo: back, Text: "The gloebits are in your account."}
	amount := r.PostFormValue("amount")
	if strings.HasPrefix(amount, "-") || g.AddBalance(r.PostFormValue("user"), amount) != nil {
		notice.Status, notice.Title = http.StatusBadRequest, "Nothing bought"
		notice.Text = "There is no such user, or that is no amount."
	}
	g.cfg.Notice(w, r, notice)
}
