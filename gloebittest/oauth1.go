package gloebittest

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// answerSigned has a signed request to one of OAuth 1.0a's endpoints worked
// under the lock and writes the answer, a form.
func (g *Gloebit) answerSigned(w http.ResponseWriter, r *http.Request, work func(signed) (url.Values, string)) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		writeForm(w, http.StatusBadRequest, url.Values{"oauth_problem": {"parameter_rejected"}})
		return
	}
	s, problem := readSigned(r, body)
	var answer url.Values
	if problem == "" {
		g.mu.Lock()
		answer, problem = work(s)
		g.mu.Unlock()
	}
	if problem != "" {
		writeProblem(w, problem)
		return
	}
	writeForm(w, http.StatusOK, answer)
}

// oauthChallenge is what a refused request might be signed for.
const oauthChallenge = `OAuth realm="Gloebit"`

// writeProblem refuses a signed request.
func writeProblem(w http.ResponseWriter, problem string) {
	w.Header().Set("WWW-Authenticate", oauthChallenge)
	writeForm(w, http.StatusUnauthorized, url.Values{"oauth_problem": {problem}})
}

func writeForm(w http.ResponseWriter, status int, values url.Values) {
	body := values.Encode()
	header := w.Header()
	header.Set("Content-Type", formType)
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// authorize1 serves oauth/authorize. The scope may also be said here, when the
// request token has none. What is wrong gets a page, never a redirect.
func (g *Gloebit) authorize1(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		g.authorizePage(w, r, "The address is not well formed.", "")
		return
	}
	a, problem := g.identifyAuthorization1(query)
	if problem != "" {
		g.authorizePage(w, r, problem, a.ReturnTo)
		return
	}
	g.decide(w, r, a)
}

// identifyAuthorization1 reads who asks for what. The problem is for the
// person at the browser.
func (g *Gloebit) identifyAuthorization1(query url.Values) (a *Authorization, problem string) {
	a = &Authorization{engine: g}
	id, ids := single(query, "oauth_token")
	if ids != 1 {
		return a, "The application did not say which request it is about."
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.requestTokenOf(id)
	if t == nil {
		return a, "The request is not known, or it was answered or is too old."
	}
	app := g.application(t.application)
	if app == nil {
		return a, "The application is not known."
	}
	a.Application = app.clone()
	a.Application.Secret, a.Application.Products = "", nil
	a.RedirectURI, a.responseType, a.request = t.callback, "code", t
	a.ReturnTo = returnLink(query.Get("return-to"), a.Application, t.callback)
	scopes, ok := t.scopes, true
	if scopes == nil {
		scopes, ok = g.cfg.Vintage.readDomain(query)
	}
	switch {
	case t.verifier != "":
		return a, "The request was answered before."
	case !ok || scopes == nil:
		return a, "The application did not say what it asks for, or asks for something unknown."
	}
	a.asked, a.Scopes, a.UserLabel = scopes, append([]string(nil), scopes...), t.label
	return a, ""
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

// authenticateSigned finds the token of a call that is signed. The reason is
// one of the API's own; the problem is that of a signature.
func (g *Gloebit) authenticateSigned(c *call) (reason, problem string) {
	s, problem := readSigned(c.request, c.body)
	if problem != "" {
		return "", problem
	}
	app := g.application(s.protocol["oauth_consumer_key"])
	if app == nil {
		return "unknown consumer", ""
	}
	t := g.tokens[digestOf(s.protocol["oauth_token"])]
	if t == nil || t.Secret == "" || t.Application != app.Key {
		return "unknown token", ""
	}
	if problem := g.checkSigned(s, app.Secret, t.Secret); problem != "" {
		return "", problem
	}
	if t.expired(g.now()) {
		return "token has expired", ""
	}
	c.token = t
	return "", ""
}

// signingTokenFor gives the token of a new OAuth 1.0a grant, in the place of
// one that is there for the same application, user and scope. The caller holds
// g.mu.
func (g *Gloebit) signingTokenFor(appKey, userID string, scopes []string, label string) *token {
	g.removeTokens(func(t *token) bool {
		return t.Secret != "" && t.Application == appKey && t.User == userID && sameScopes(t.Scopes, scopes)
	})
	t := &token{Secret: rand.Text(), Application: appKey, User: userID, Scopes: scopes, UserLabel: label}
	g.renew(t)
	return t
}

// IssueSigningToken is [Gloebit.IssueToken] for OAuth 1.0a: it makes an access
// token and the secret that signs with it.
func (g *Gloebit) IssueSigningToken(appKey, user string, scopes ...string) (token, secret string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	app, a := g.application(appKey), g.user(user)
	if app == nil || a == nil {
		return "", "", fmt.Errorf("gloebittest: no application %q or no user %q", appKey, user)
	}
	checked, ok := g.cfg.Vintage.checkScopes(scopes)
	if !ok {
		return "", "", fmt.Errorf("gloebittest: unknown scope among %q, or none", scopes)
	}
	g.approve(appKey, a.id, checked, "")
	t := g.signingTokenFor(appKey, a.id, checked, "")
	return t.Access, t.Secret, nil
}
