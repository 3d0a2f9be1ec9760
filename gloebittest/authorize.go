package gloebittest

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
)

// authorize serves oauth2/authorize. If the application or the redirect URI is
// invalid, it shows a page; other errors are sent to the application by a
// redirect (RFC 6749, section 4.1.2.1).
func (g *Gloebit) authorize(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		g.authorizePage(w, r, "The address is not well formed.", "")
		return
	}
	a, problem := g.identifyAuthorization(query)
	if problem != "" {
		g.authorizePage(w, r, problem, a.Application.HomeURL)
		return
	}
	if code, description := a.read(query, g.cfg.APIVersion); code != "" {
		a.redirect(w, parameter{"error", code}, parameter{"error_description", description})
		return
	}
	g.decide(w, r, a)
}

func (g *Gloebit) authorizePage(w http.ResponseWriter, r *http.Request, problem, home string) {
	g.cfg.Notice(w, r, Notice{
		Status: http.StatusBadRequest, Title: "This link does not work", Text: problem, ReturnTo: home,
	})
}

// identifyAuthorization reads the application and the redirect URI. The problem
// is a text for the user.
func (g *Gloebit) identifyAuthorization(query url.Values) (a *Authorization, problem string) {
	a = &Authorization{engine: g}
	key, keys := single(query, "client_id")
	if keys == 0 {
		key, keys = single(query, "r") // the parameter's older name
	}
	if keys != 1 || key == "" {
		return a, "The application did not say which one it is."
	}
	app, ok := g.Application(key)
	if !ok {
		return a, "The application is not known."
	}
	app.Secret, app.Products = "", nil
	a.Application = app
	uri, uris := single(query, "redirect_uri")
	if uris != 1 || !redirectAllowed(uri, app.RedirectPrefixes) {
		return a, "The application asks to send you back to an address that is not registered for it. " + registered(app)
	}
	a.RedirectURI = uri
	a.ReturnTo = returnLink(query.Get("return-to"), app, uri)
	a.codeIsToken = query.Get("return-to") == uri // as only the published Unity client sends it
	return a, ""
}

// registered says which redirect prefixes an application has registered, for
// the developer who configures it. It does not repeat the requested address.
func registered(app Application) string {
	if len(app.RedirectPrefixes) == 0 {
		return "None is registered."
	}
	return "Registered addresses begin with " + strings.Join(app.RedirectPrefixes, " or ") + "."
}

// read reads the rest of the request. It returns an error code and a
// description for the application.
func (a *Authorization) read(query url.Values, v APIVersion) (code, description string) {
	a.responseType, _ = single(query, "response_type")
	if states := query["state"]; len(states) == 1 {
		a.state = &states[0]
	}
	for _, name := range []string{"response_type", "scope", "state", "approval_prompt", "access_type",
		"user", "uid", "r", "return-to", "code_challenge", "code_challenge_method"} {
		if len(query[name]) > 1 {
			return "invalid_request", name + " is there twice"
		}
	}
	switch {
	case a.responseType == "":
		return "invalid_request", "response_type is missing"
	case a.responseType != "code" && (a.responseType != "token" || !v.takes(VersionB)):
		return "unsupported_response_type", "response_type is not supported"
	}
	scopes, ok := v.parseScopes(query.Get("scope"))
	if !ok {
		return "invalid_scope", "scope is missing or names an unknown scope"
	}
	a.asked, a.Scopes = scopes, append([]string(nil), scopes...)
	a.UserLabel = query.Get("user")
	switch query.Get("approval_prompt") {
	case "", "force":
	case "auto":
		a.auto = true
	default:
		return "invalid_request", "approval_prompt is neither force nor auto"
	}
	return a.readChallenge(query)
}

// readChallenge reads the PKCE parameters (RFC 7636, section 4.3). It refuses
// the method plain, which is also the default.
func (a *Authorization) readChallenge(query url.Values) (code, description string) {
	challenge, sent := single(query, "code_challenge")
	method, methods := single(query, "code_challenge_method")
	switch {
	case sent == 0 && methods == 0:
		return "", ""
	case method != "S256":
		return "invalid_request", "code_challenge_method must be S256"
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(challenge)
	if err != nil || len(raw) != len(digest{}) {
		return "invalid_request", "code_challenge is not a SHA-256 in base64url"
	}
	a.challenge = challenge
	return "", ""
}
