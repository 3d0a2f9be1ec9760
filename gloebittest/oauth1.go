package gloebittest

import (
	"net/http"
	"net/url"
)

// authorize1 serves oauth/authorize. If the request token has no scope, the
// query must have it. Errors are shown on a page and never redirected.
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

// identifyAuthorization1 reads the request token, the application and the
// scopes. The problem is a text for the user.
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
		scopes, ok = g.cfg.APIVersion.readDomain(query)
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
