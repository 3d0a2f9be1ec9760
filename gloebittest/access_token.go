package gloebittest

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// tokenRequest is a request to the token endpoint, with the application's
// credentials taken out of the form or the Authorization header.
type tokenRequest struct {
	form        url.Values
	credentials []credentials // the first that are valid count
	basic       bool          // they came in the Authorization header
}

// credentials are an application's key and secret.
type credentials struct{ key, secret string }

// tokenError is an error response (RFC 6749, section 5.2) with Gloebit's
// reason.
type tokenError struct{ code, reason string }

// accessToken serves oauth2/access-token. It takes a POST with a form or, as
// one published client sends it, a GET with a query.
func (g *Gloebit) accessToken(w http.ResponseWriter, r *http.Request) {
	request, refusal := readTokenRequest(r)
	var answer reply
	if refusal == nil {
		answer, refusal = g.answerToken(request)
	}
	if refusal == nil {
		w.Header().Set("Pragma", "no-cache")
		writeJSON(w, http.StatusOK, answer)
		return
	}
	status := http.StatusBadRequest
	if refusal.code == "invalid_client" {
		status = http.StatusUnauthorized
		if request.basic {
			w.Header().Set("WWW-Authenticate", `Basic realm="gloebit"`)
		}
	}
	writeJSON(w, status, reply{"error": refusal.code, "reason": refusal.reason})
}

// readTokenRequest reads the parameters. It refuses a repeated parameter.
func readTokenRequest(r *http.Request) (tokenRequest, *tokenError) {
	var request tokenRequest
	if r.Method == http.MethodPost {
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if kind != "" && kind != formType {
			return request, &tokenError{"invalid_request", "the body is not a form"}
		}
		r.Header.Set("Content-Type", formType) // some clients send no Content-Type
	}
	if err := r.ParseForm(); err != nil {
		return request, &tokenError{"invalid_request", "the parameters are not well formed"}
	}
	request.form = r.Form
	if r.Method == http.MethodPost {
		request.form = r.PostForm
	}
	for name, values := range request.form {
		if len(values) > 1 {
			return request, &tokenError{"invalid_request", "a parameter is there twice: " + name}
		}
	}
	key, secret := request.form.Get("client_id"), request.form.Get("client_secret")
	user, password, basic := r.BasicAuth()
	if !basic {
		request.credentials = []credentials{{key, secret}}
		return request, nil
	}
	request.basic, request.credentials = true, basicCredentials(user, password)
	matches := func(c credentials) bool { return key == "" || key == c.key }
	if secret != "" || !slices.ContainsFunc(request.credentials, matches) {
		return request, &tokenError{"invalid_request", "the application's credentials are there twice"}
	}
	return request, nil
}

// basicCredentials returns the credentials in a Basic header: form-encoded, as
// RFC 6749, section 2.3.1 requires, and as they are, because the published PHP
// client does not encode them.
func basicCredentials(user, password string) []credentials {
	list := []credentials{{user, password}}
	key, err := url.QueryUnescape(user)
	if err != nil {
		return list
	}
	secret, err := url.QueryUnescape(password)
	if err != nil {
		return list
	}
	return append(list, credentials{key, secret})
}

// authenticateApplication returns the application of the request, or nil. The
// caller holds g.mu.
func (g *Gloebit) authenticateApplication(request tokenRequest) *Application {
	for _, c := range request.credentials {
		if app := g.application(c.key); app != nil && equalSecrets(app.Secret, c.secret) {
			return app
		}
	}
	return nil
}

// answerToken answers a token request atomically.
func (g *Gloebit) answerToken(request tokenRequest) (reply, *tokenError) {
	g.mu.Lock()
	defer g.mu.Unlock()
	app := g.authenticateApplication(request)
	if app == nil {
		return nil, &tokenError{"invalid_client", "unknown consumer"}
	}
	switch request.form.Get("grant_type") {
	case "authorization_code":
		return g.redeem(app, request)
	case "refresh_token":
		if g.cfg.RefreshTokens {
			return g.refresh(app, request.form)
		}
	case "":
		return nil, &tokenError{"invalid_request", "grant_type is missing"}
	}
	return nil, &tokenError{"unsupported_grant_type", "grant_type is not supported"}
}

// redeem exchanges an authorization code for a token. If the code was used
// before, it refuses the request and revokes the token issued for the code (RFC
// 6749, section 4.1.2). The scope must be repeated unless the application's
// credentials are in the Authorization header: the published client that sends
// them there sends no scope.
func (g *Gloebit) redeem(app *Application, request tokenRequest) (reply, *tokenError) {
	form := request.form
	for _, name := range []string{"code", "redirect_uri", "scope"} {
		if form.Get(name) == "" && (name != "scope" || !request.basic) {
			return nil, &tokenError{"invalid_request", name + " is missing"}
		}
	}
	c := g.codes[digestOf(form.Get("code"))]
	if c == nil || c.application != app.Key {
		return nil, &tokenError{"invalid_grant", "unknown code"}
	}
	if c.token != nil {
		g.removeToken(c.token)
		return nil, &tokenError{"invalid_grant", "the code was used before"}
	}
	scopes, ok := c.asked, true
	if form.Get("scope") != "" {
		scopes, ok = g.cfg.APIVersion.parseScopes(form.Get("scope"))
	}
	switch {
	case !g.now().Before(c.expires):
		return nil, &tokenError{"invalid_grant", "the code has expired"}
	case form.Get("redirect_uri") != c.redirectURI:
		return nil, &tokenError{"invalid_grant", "redirect_uri is not the one that the code was given for"}
	case !ok || !sameScopes(scopes, c.asked):
		return nil, &tokenError{"invalid_scope", "scope is not the one that the code was given for"}
	case c.challenge != "" && !equalSecrets(c.challenge, s256(form.Get("code_verifier"))):
		return nil, &tokenError{"invalid_grant", "code_verifier does not fit"}
	}
	c.token = g.tokenFor(app.Key, c.user, c.granted, c.label, c.auto)
	return g.tokenReply(c.token), nil
}

// refresh replaces the token pair of a refresh token. The old pair is no longer
// valid.
func (g *Gloebit) refresh(app *Application, form url.Values) (reply, *tokenError) {
	if form.Get("refresh_token") == "" {
		return nil, &tokenError{"invalid_request", "refresh_token is missing"}
	}
	t := g.refreshTokens[digestOf(form.Get("refresh_token"))]
	if t == nil || t.Application != app.Key {
		return nil, &tokenError{"invalid_grant", "unknown token"}
	}
	if form.Get("scope") != "" {
		scopes, ok := g.cfg.APIVersion.parseScopes(form.Get("scope"))
		if !ok || !sameScopes(scopes, t.Scopes) {
			return nil, &tokenError{"invalid_scope", "scope is not the token's"}
		}
	}
	g.renew(t)
	return g.tokenReply(t), nil
}

// tokenReply is the response that holds a token. The caller holds g.mu.
func (g *Gloebit) tokenReply(t *token) reply {
	answer := reply{"access_token": t.Access, "scope": joinScopes(t.Scopes), "app_user_id": t.User}
	if t.Refresh != "" {
		answer["refresh_token"] = t.Refresh
	}
	if !t.Expires.IsZero() {
		answer["expires_in"] = int64(t.Expires.Sub(g.now()) / time.Second)
	}
	return answer
}
