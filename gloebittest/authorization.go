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

// codeLifetime is how long an authorization code is good for. Used and expired
// codes are remembered ten times as long, to tell a second use.
const codeLifetime = time.Minute

// Authorization is a valid authorize request that waits for a user's
// decision. It belongs to one HTTP request and is not kept.
type Authorization struct {
	// Application is who asks. Its Secret and Products are left out.
	Application Application
	// Scopes is what is asked for, without repetitions. A page may take some
	// out before Approve, to grant less.
	Scopes []string
	// UserLabel is what the application calls the user, possibly empty: for
	// display only.
	UserLabel string
	// ReturnTo is where a link back to the application leads.
	ReturnTo string
	// RedirectURI is where the browser goes after an approval. It is "oob" for
	// an OAuth 1.0a application without an address: its users are shown a code
	// to carry there.
	RedirectURI string

	engine       *Gloebit
	request      *requestToken // of OAuth 1.0a; nil: OAuth 2.0
	responseType string
	state        *string // nil: none was sent
	asked        []string
	auto         bool
	challenge    string
}

// code is an authorization code that was given out.
type code struct {
	application, user, redirectURI, label, challenge string
	asked, granted                                   []string
	auto                                             bool
	expires                                          time.Time
	token                                            *token // what its first use gave
}

// decision is what happens to authorize requests without asking.
type decision struct {
	approve, refuse bool
	user            string
	scopes          []string // nil: all that is asked
}

// Approve grants every authorize request from now on at once, in the name of
// that user. With scopes, only those among the ones asked for are granted. It
// fails when the user is unknown.
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

// Refuse refuses every authorize request from now on at once.
func (g *Gloebit) Refuse() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.standing = decision{refuse: true}
}

// Ask puts every authorize request from now on to the consent page again.
func (g *Gloebit) Ask() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.standing = decision{}
}

// decide answers a valid authorize request by the standing decision, or asks.
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

// Approved reports whether the user need not be asked: the application said
// approval_prompt=auto and the user has approved all scopes before.
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
// application with a code and, if one was sent, the state; for
// response_type=token with the token in the fragment; for OAuth 1.0a with
// oauth_token and oauth_verifier. An unknown user, or no scope at all, gets a
// page that says so.
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

// grant records the approval and makes the code, the token or the verifier. The
// problem is for the person at the browser.
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

// Refuse shows a page that says so, with a link back to the application. As
// with Gloebit, the application is not told: there is no redirect.
func (a *Authorization) Refuse(w http.ResponseWriter, r *http.Request) {
	a.engine.cfg.Notice(w, r, Notice{
		Status: http.StatusOK, Title: "Not connected",
		Text:     "You did not allow " + a.Application.Name + " to use your Gloebit account.",
		ReturnTo: a.ReturnTo, Application: a.Application.Name,
	})
}

// parameter is one parameter of a redirect.
type parameter struct{ name, value string }

// redirect sends the browser back to the application. A code goes into the
// query, behind what the redirect URI has there already, a token into the
// fragment (RFC 6749, section 4.2.2).
func (a *Authorization) redirect(w http.ResponseWriter, parameters ...parameter) {
	if a.state != nil {
		parameters = append(parameters, parameter{"state", *a.state})
	}
	encoded := make([]string, len(parameters))
	for i, p := range parameters {
		encoded[i] = p.name + "=" + url.QueryEscape(p.value)
	}
	separator := "?"
	switch {
	case a.responseType == "token":
		separator = "#"
	case strings.HasSuffix(a.RedirectURI, "?"), strings.HasSuffix(a.RedirectURI, "&"):
		separator = ""
	case strings.Contains(a.RedirectURI, "?"):
		separator = "&"
	}
	header := w.Header()
	header.Set("Location", a.RedirectURI+separator+strings.Join(encoded, "&"))
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusFound)
}

// grant1 marks the request token as approved. The caller holds g.mu.
func (a *Authorization) grant1(userID string, granted []string) (answer []parameter, problem string) {
	g, t := a.engine, a.request
	if g.requestTokenOf(t.id) != t || t.verifier != "" {
		return nil, "The request was answered before, or is too old."
	}
	g.approve(a.Application.Key, userID, granted, a.UserLabel)
	t.user, t.granted, t.verifier = userID, granted, rand.Text()
	return []parameter{{"oauth_token", t.id}, {"oauth_verifier", t.verifier}}, ""
}
