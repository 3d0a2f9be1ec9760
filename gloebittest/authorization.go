package gloebittest

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// codeLifetime is how long an authorization code is valid. Codes are kept ten
// times as long, to recognize a second use.
const codeLifetime = time.Minute

// Authorization is a valid authorization request that waits for the user's
// decision. It is valid during one HTTP request.
type Authorization struct {
	// Application is the requesting application, without Secret and Products.
	Application Application
	// Scopes are the requested scopes, without duplicates. To grant fewer, a
	// page removes some before it calls Approve.
	Scopes []string
	// UserLabel is the application's name for the user, for display only. It
	// may be empty.
	UserLabel string
	// ReturnTo is the target of a link back to the application.
	ReturnTo string
	// RedirectURI is where the browser is redirected after an approval. It is
	// "oob" for an OAuth 1.0a application without a URL: the user is shown a
	// code to enter there.
	RedirectURI string

	engine       *Gloebit
	request      *requestToken // of OAuth 1.0a; nil for OAuth 2.0
	responseType string
	codeIsToken  bool    // the client reads the token of response_type=token as code in the query
	state        *string // nil if not sent
	asked        []string
	auto         bool
	challenge    string
}

// code is an issued authorization code.
type code struct {
	application, user, redirectURI, label, challenge string
	asked, granted                                   []string
	auto                                             bool
	expires                                          time.Time
	token                                            *token // the token it was exchanged for, if any
}

// decision is the answer to authorization requests that don't show a page.
type decision struct {
	approve, refuse bool
	user            string
	scopes          []string // nil means all requested scopes
}

// Approve makes the Gloebit grant every authorization request from now on, in
// the name of the user and without a page. If scopes are given, only requested
// scopes among them are granted. It fails if the user is unknown.
func (g *Gloebit) Approve(user string, scopes ...string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.user(user)
	if a == nil {
		return fmt.Errorf("gloebittest: no user %q", user)
	}
	g.standing = decision{approve: true, user: a.id, scopes: slices.Clone(scopes)}
	return nil
}

// Refuse makes the Gloebit refuse every authorization request from now on,
// without asking the user.
func (g *Gloebit) Refuse() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.standing = decision{refuse: true}
}

// Ask makes the Gloebit show the consent page again. It undoes Approve and
// Refuse.
func (g *Gloebit) Ask() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.standing = decision{}
}

// decide answers a valid authorization request with the standing decision, or
// shows the consent page.
func (g *Gloebit) decide(w http.ResponseWriter, r *http.Request, a *Authorization) {
	g.mu.Lock()
	d := g.standing
	g.mu.Unlock()
	switch {
	case d.refuse:
		a.Refuse(w, r)
	case d.approve:
		if len(d.scopes) > 0 {
			a.Scopes = intersectScopes(a.Scopes, d.scopes)
		}
		a.Approve(w, r, d.user)
	default:
		g.cfg.Consent(w, r, a)
	}
}

// Approved reports whether the consent page can be skipped: the application
// sent approval_prompt=auto, and the user has approved all requested scopes
// before.
func (a *Authorization) Approved(user string) bool {
	a.engine.mu.Lock()
	defer a.engine.mu.Unlock()
	account := a.engine.user(user)
	if account == nil || !a.auto {
		return false
	}
	p := a.engine.approval(a.Application.Key, account.id)
	return p != nil && coversScopes(p.Scopes, a.asked)
}

// Approve grants a.Scopes in the user's name and redirects the browser to the
// application. The redirect carries a code, for response_type=token a token in
// the fragment, and for OAuth 1.0a oauth_token and oauth_verifier; and the
// state, if one was sent. If the user is unknown or no scope is granted, it
// shows a page that says so.
func (a *Authorization) Approve(w http.ResponseWriter, r *http.Request, user string) {
	granted := intersectScopes(a.asked, a.Scopes)
	n := Notice{
		Status: http.StatusBadRequest, Title: "Not connected", ReturnTo: a.ReturnTo, Application: a.Application.Name,
		Text: "Nothing that the application asked for was allowed.",
	}
	if len(granted) > 0 {
		var answer []parameter
		answer, n.Text = a.grant(user, granted)
		switch {
		case n.Text != "":
		case a.RedirectURI == outOfBand:
			n.Status, n.Title = http.StatusOK, "Connected"
			n.Text = "Tell " + a.Application.Name + " this code: " + answer[len(answer)-1].value
		default:
			a.redirect(w, answer...)
			return
		}
	}
	a.engine.cfg.Notice(w, r, n)
}

// grant records the approval and issues the code, the token or the verifier.
// The problem is a text for the user.
func (a *Authorization) grant(user string, granted []string) (answer []parameter, problem string) {
	g := a.engine
	g.mu.Lock()
	defer g.mu.Unlock()
	account := g.user(user)
	if account == nil {
		return nil, "There is no such user."
	}
	if a.request != nil {
		return a.grant1(account.id, granted)
	}
	g.approve(a.Application.Key, account.id, granted, a.UserLabel)
	if a.responseType == "token" {
		t := g.tokenFor(a.Application.Key, account.id, granted, a.UserLabel, a.auto)
		if a.codeIsToken {
			a.RedirectURI = withQuery(a.RedirectURI, "code="+url.QueryEscape(t.Access))
		}
		return []parameter{{"token", t.Access}}, ""
	}
	now := g.now()
	for d, c := range g.codes {
		if now.Sub(c.expires) > 9*codeLifetime {
			delete(g.codes, d)
		}
	}
	secret := rand.Text()
	g.codes[digestOf(secret)] = &code{
		application: a.Application.Key, user: account.id, redirectURI: a.RedirectURI, label: a.UserLabel,
		challenge: a.challenge, asked: a.asked, granted: granted, auto: a.auto, expires: now.Add(codeLifetime),
	}
	return []parameter{{"code", secret}}, ""
}

// Refuse shows a page that says so, with a link back to the application. As on
// Gloebit, the browser is not redirected, so that the application does not
// learn of it.
func (a *Authorization) Refuse(w http.ResponseWriter, r *http.Request) {
	a.engine.cfg.Notice(w, r, Notice{
		Status: http.StatusOK, Title: "Not connected",
		Text:     "You did not allow " + a.Application.Name + " to use your Gloebit account.",
		ReturnTo: a.ReturnTo, Application: a.Application.Name,
	})
}

// parameter is one parameter of a redirect.
type parameter struct{ name, value string }

// redirect redirects the browser to the application. A code is added to the
// query of the redirect URI, a token to the fragment (RFC 6749, section 4.2.2).
func (a *Authorization) redirect(w http.ResponseWriter, parameters ...parameter) {
	if a.state != nil {
		parameters = append(parameters, parameter{"state", *a.state})
	}
	encoded := make([]string, len(parameters))
	for i, p := range parameters {
		encoded[i] = p.name + "=" + url.QueryEscape(p.value)
	}
	location := a.RedirectURI + "#" + strings.Join(encoded, "&")
	if a.responseType != "token" {
		location = withQuery(a.RedirectURI, strings.Join(encoded, "&"))
	}
	header := w.Header()
	header.Set("Location", location)
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusFound)
}

// withQuery adds parameters to the query of a URL without a fragment.
func withQuery(address, parameters string) string {
	switch {
	case strings.HasSuffix(address, "?"), strings.HasSuffix(address, "&"):
		return address + parameters
	case strings.Contains(address, "?"):
		return address + "&" + parameters
	}
	return address + "?" + parameters
}

// grant1 marks the OAuth 1.0a request token as approved. The caller holds g.mu.
func (a *Authorization) grant1(userID string, granted []string) (answer []parameter, problem string) {
	g, t := a.engine, a.request
	if g.requestTokenOf(t.id) != t || t.verifier != "" {
		return nil, "The request was answered before, or is too old."
	}
	g.approve(a.Application.Key, userID, granted, a.UserLabel)
	t.user, t.granted, t.verifier = userID, granted, rand.Text()
	return []parameter{{"oauth_token", t.id}, {"oauth_verifier", t.verifier}}, ""
}
