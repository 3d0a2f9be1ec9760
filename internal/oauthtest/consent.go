package oauthtest

import (
	"html/template"
	"net/http"
	"net/url"
)

// consent is the user of the browser, and the answer to authorization requests.
type consent struct {
	user   string
	answer string // allow, deny, or empty to ask
}

// Approve makes the user approve every authorization request, without a page.
func (s *Server) Approve(user string) { s.setConsent(user, "allow") }

// Decline makes the user deny every authorization request, without a page.
func (s *Server) Decline(user string) { s.setConsent(user, "deny") }

// Ask signs the user in, and shows a page with a form for each authorization
// request.
func (s *Server) Ask(user string) { s.setConsent(user, "") }

func (s *Server) setConsent(user, answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.consent = consent{user, answer}
}

// Consent returns the user who is signed in, if any, and the answer without a
// page: allow, deny, or empty. Handlers may call it.
func (s *Server) Consent() (user, answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.consent.user, s.consent.answer
}

// Form writes a page with a form that posts the fields. Each button adds a
// field: its name, its value, and the button's text.
func Form(w http.ResponseWriter, title, action string, fields url.Values, buttons ...[3]string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = formPage.Execute(w, map[string]any{ // an error means that the client has disconnected
		"Title": title, "Action": action, "Fields": fields, "Buttons": buttons,
	})
}

var formPage = template.Must(template.New("form").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title></head>
<body><h1>{{.Title}}</h1>
<form method="post" action="{{.Action}}">
{{range $name, $values := .Fields}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">
{{end}}{{end}}{{range .Buttons}}<button name="{{index . 0}}" value="{{index . 1}}">{{index . 2}}</button>
{{end}}</form></body></html>
`))
