// Package omniporttest is a test Omniport: an [http.Handler] that behaves like
// Omniport, including its quirks, and fails on demand.
//
//	server := omniporttest.New(nil)
//	server.AddApplication(omniporttest.Application{
//		ClientID: "id", ClientSecret: "secret", RedirectURIs: []string{callback},
//	})
//	server.AddUser(omniport.User{ID: 7, Person: &omniport.Person{FullName: "Ann"}})
//	server.Approve("7") // who is signed in, and approves without a page
//	at := httptest.NewServer(server)
package omniporttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/servers/omniport"
)

// Omniport's default settings.
const (
	codeLife    = 60 * time.Second
	accessLife  = 36000 * time.Second
	tokenLength = 30
	scopes      = "read write"
)

// Application is an application that an administrator has approved.
type Application struct {
	ClientID, ClientSecret string
	RedirectURIs           []string
}

// Server is a test Omniport. It has these methods of its base, besides its own:
//
//	Approve(user string)  // the user of that ID is signed in and allows everything, without a page
//	Decline(user string)  // denies everything
//	Ask(user string)      // is shown the page
//	Inject(path string, times int, fault func(next http.Handler) http.Handler)
//	Requests(path string) // the requests so far
//
// Inject lets a handler of yours answer the next requests to a path. All
// methods are safe for concurrent use.
type Server struct {
	*oauthtest.Server
	applications map[string]Application
	users        map[string]omniport.User
}

// New returns a server without applications and users. If clock is nil, it is
// time.Now.
func New(clock func() time.Time) *Server {
	s := &Server{
		Server:       oauthtest.New(clock),
		applications: map[string]Application{},
		users:        map[string]omniport.User{},
	}
	s.Handle("GET /oauth/authorise", s.page)
	s.Handle("GET /oauth/authorise/{$}", s.page)
	s.Handle("POST /open_auth/authorise/{$}", s.consent)
	s.Handle("POST /open_auth/token/{$}", s.token)
	s.Handle("POST /open_auth/revoke_token/{$}", s.revoke)
	s.Handle("/open_auth/get_user_data/{$}", s.userData)
	for _, path := range []string{"authorise", "token", "revoke_token", "get_user_data"} {
		s.Handle("/open_auth/"+path, slash)
	}
	s.Handle("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { page(w, http.StatusOK, "Omniport") })
	return s
}

// AddApplication adds an application, or replaces the one with its ClientID.
func (s *Server) AddApplication(a Application) { s.Do(func() { s.applications[a.ClientID] = a }) }

// AddUser adds a user, or replaces the one with its ID. Applications get all
// data that the user has, as if they were registered with its data points.
func (s *Server) AddUser(u omniport.User) {
	s.Do(func() { s.users[strconv.FormatInt(u.ID, 10)] = u })
}

// RemoveApplication removes an application. Its tokens stay, as at Omniport.
func (s *Server) RemoveApplication(clientID string) {
	s.Do(func() { delete(s.applications, clientID) })
}

// Withdraw revokes all tokens of a user, as if the user revoked every approval.
func (s *Server) Withdraw(user string) {
	s.Do(func() { s.Grants.Remove(func(g *oauthtest.Grant) bool { return g.User == user }) })
}

// slash redirects to the path with a trailing slash. A POST that follows the
// redirect becomes a GET.
func slash(w http.ResponseWriter, r *http.Request) {
	to := url.URL{Path: r.URL.Path + "/", RawQuery: r.URL.RawQuery}
	oauthtest.Write(w, http.StatusMovedPermanently, "", "Location", to.String())
}

func page(w http.ResponseWriter, status int, text string) {
	oauthtest.Page(status, text)(nil).ServeHTTP(w, nil)
}

func object(w http.ResponseWriter, status int, v any) {
	body, _ := json.Marshal(v) // the server's own values can be encoded
	oauthtest.Write(w, status, string(body),
		"Content-Type", "application/json", "Cache-Control", "no-store", "Pragma", "no-cache")
}

// refuse answers as the token endpoint does. It leaves an empty description
// out.
func refuse(w http.ResponseWriter, code, description string) {
	answer := map[string]string{"error": code}
	if description != "" {
		answer["error_description"] = description
	}
	if code != "invalid_client" {
		object(w, http.StatusBadRequest, answer)
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer error="invalid_client"`)
	object(w, http.StatusUnauthorized, answer)
}

// csrf is the name of the token against cross-site forms, and of its cookie.
const csrf = "csrfmiddlewaretoken"

// page is what Omniport's page does in the browser: it fills in missing
// parameters and drops unknown ones.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	app, known := s.applications[query.Get("client_id")]
	if !known {
		page(w, http.StatusOK, "Error")
		return
	}
	or := func(name, other string) string {
		if value := query.Get(name); value != "" {
			return value
		}
		return other
	}
	fields := url.Values{
		"client_id":     {app.ClientID},
		"redirect_uri":  {or("redirect_uri", strings.Join(app.RedirectURIs[:min(1, len(app.RedirectURIs))], ""))},
		"state":         {or("state", "state")},
		"response_type": {or("response_type", "code")},
		"allow":         {"Authorize"},
		"scope":         {scopes},
	}
	switch user, answer := s.Consent(); {
	case user == "":
		page(w, http.StatusOK, "Sign in")
	case answer == "allow":
		s.decide(w, user, fields)
	case answer == "deny": // the button is a link
		http.Redirect(w, r, "/", http.StatusFound)
	default:
		token := oauthtest.Text(32)
		http.SetCookie(w, &http.Cookie{Name: "csrftoken", Value: token, Path: "/", SameSite: http.SameSiteLaxMode})
		fields.Set(csrf, token)
		oauthtest.Form(w, "Authorise external app", "/open_auth/authorise/", fields, [3]string{"", "", "Allow"})
	}
}

// consent handles the page's form.
func (s *Server) consent(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm() // ignores an invalid form
	cookie, err := r.Cookie("csrftoken")
	user, _ := s.Consent()
	if err != nil || cookie.Value != r.PostForm.Get(csrf) || user == "" {
		page(w, http.StatusForbidden, "CSRF verification failed. Request aborted.")
		return
	}
	s.decide(w, user, r.PostForm)
}

// decide answers an authorization request.
func (s *Server) decide(w http.ResponseWriter, user string, form url.Values) {
	app, known := s.applications[form.Get("client_id")]
	to, err := url.Parse(form.Get("redirect_uri"))
	if !known || err != nil || !slices.Contains(app.RedirectURIs, form.Get("redirect_uri")) {
		page(w, http.StatusBadRequest, "Error: invalid_request Mismatching redirect URI.")
		return
	}
	answer := to.Query()
	switch {
	case form.Get("response_type") != "code":
		answer.Set("error", "unsupported_response_type")
	case form.Get("allow") == "":
		answer.Set("error", "access_denied")
	default:
		grant := &oauthtest.Grant{
			Client: app.ClientID, User: user, RedirectURI: form.Get("redirect_uri"), Scope: form.Get("scope"),
			Code: oauthtest.Text(tokenLength), CodeEnds: s.Now().Add(codeLife),
		}
		s.Grants.Add(grant)
		answer.Set("code", grant.Code)
	}
	if form.Get("state") != "" {
		answer.Set("state", form.Get("state"))
	}
	to.RawQuery = answer.Encode()
	oauthtest.Write(w, http.StatusFound, "", "Location", to.String())
}

// client returns the application that authenticates with Basic or in the body.
func (s *Server) client(r *http.Request) (Application, bool) {
	id, secret, basic := r.BasicAuth()
	if basic { // RFC 6749 section 2.3.1
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	app, known := s.applications[id]
	return app, known && secret != "" && app.ClientSecret == secret
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery != "" {
		page(w, http.StatusInternalServerError, "Server Error (500)")
		return
	}
	_ = r.ParseForm() // ignores an invalid form; the toolkit does not read JSON
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		s.exchange(w, r)
	case "refresh_token":
		s.refresh(w, r)
	default:
		refuse(w, "unsupported_grant_type", "")
	}
}

func (s *Server) exchange(w http.ResponseWriter, r *http.Request) {
	form := r.PostForm
	if form.Get("code") == "" {
		refuse(w, "invalid_request", "Missing code parameter.")
		return
	}
	app, ok := s.client(r)
	grant := s.Grants.WithCode(form.Get("code"))
	to := form.Get("redirect_uri")
	if to == "" && len(app.RedirectURIs) == 1 {
		to = app.RedirectURIs[0]
	}
	switch {
	case !ok:
		refuse(w, "invalid_client", "")
	case grant == nil || grant.Client != app.ClientID:
		refuse(w, "invalid_grant", "")
	case to == "":
		refuse(w, "invalid_request", "Missing redirect URI.")
	case to != grant.RedirectURI:
		refuse(w, "invalid_request", "Mismatching redirect URI.")
	default:
		grant.Code = ""
		s.issue(w, grant)
	}
}

func (s *Server) refresh(w http.ResponseWriter, r *http.Request) {
	form := r.PostForm
	old := form.Get("refresh_token")
	if old == "" {
		refuse(w, "invalid_request", "Missing refresh token parameter.")
		return
	}
	app, ok := s.client(r)
	if !ok {
		refuse(w, "invalid_client", "")
		return
	}
	grant := s.Grants.WithRefresh(old)
	if grant == nil { // a refresh concurrent with the one that replaced the token gets the same pair
		grant = s.Grants.Find(func(g *oauthtest.Grant) bool {
			return g.Replaced == old && oauthtest.Arrival(r) <= g.ReplacedAt
		})
		if grant != nil && grant.Client == app.ClientID {
			s.answer(w, grant)
			return
		}
	}
	if grant == nil || grant.Client != app.ClientID {
		refuse(w, "invalid_grant", "")
		return
	}
	if grant.Access == "" { // the toolkit reads the scope of the access token, which was revoked
		page(w, http.StatusInternalServerError, "Server Error (500)")
		return
	}
	if asked := strings.Fields(form.Get("scope")); len(asked) > 0 {
		for _, scope := range asked {
			if !slices.Contains(strings.Fields(grant.Scope), scope) {
				refuse(w, "invalid_scope", "")
				return
			}
		}
		grant.Scope = strings.Join(asked, " ")
	}
	grant.Replaced, grant.ReplacedAt = old, s.Arrived()
	s.issue(w, grant)
}

// issue replaces the tokens of a grant. The old ones are revoked at once.
func (s *Server) issue(w http.ResponseWriter, grant *oauthtest.Grant) {
	grant.Access, grant.Refresh = oauthtest.Text(tokenLength), oauthtest.Text(tokenLength)
	grant.Issued, grant.AccessEnds = s.Now(), s.Now().Add(accessLife)
	s.answer(w, grant)
}

func (s *Server) answer(w http.ResponseWriter, grant *oauthtest.Grant) {
	object(w, http.StatusOK, map[string]any{
		"access_token": grant.Access, "refresh_token": grant.Refresh, "token_type": "Bearer", "scope": grant.Scope,
		"expires_in": int(accessLife / time.Second),
	})
}

func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm() // ignores an invalid form
	app, ok := s.client(r)
	token := r.PostForm.Get("token")
	switch {
	case !ok:
		refuse(w, "invalid_client", "")
	case token == "":
		refuse(w, "invalid_request", "Missing token parameter.")
	default: // an unknown token counts as revoked
		s.Grants.Remove(func(g *oauthtest.Grant) bool { return g.Client == app.ClientID && g.Refresh == token })
		if grant := s.Grants.WithAccess(token); grant != nil && grant.Client == app.ClientID {
			grant.Access = ""
		}
		oauthtest.Write(w, http.StatusOK, "", "Content-Type", "text/html; charset=utf-8")
	}
}

func (s *Server) userData(w http.ResponseWriter, r *http.Request) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme == "" && !r.URL.Query().Has("access_token") {
		unauthorized(w, "")
		return
	}
	if scheme != "Bearer" { // the scheme is case-sensitive here
		page(w, http.StatusInternalServerError, "Server Error (500)")
		return
	}
	grant := s.Grants.WithAccess(token)
	switch {
	case grant == nil:
		unauthorized(w, `,error="invalid_token",error_description="The access token is invalid."`)
		return
	case s.Grants.Expired(grant):
		unauthorized(w, `,error="invalid_token",error_description="The access token has expired."`)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		object(w, http.StatusMethodNotAllowed, map[string]string{"detail": fmt.Sprintf("Method %q not allowed.", r.Method)})
		return
	}
	if _, known := s.applications[grant.Client]; !known {
		object(w, http.StatusNotFound, "No such application")
		return
	}
	user, known := s.users[grant.User]
	if id, err := strconv.ParseInt(grant.User, 10, 64); !known && err == nil {
		user.ID = id // a user that is not a person
	}
	object(w, http.StatusOK, user)
}

// unauthorized answers with 401. Only WWW-Authenticate has the reason.
func unauthorized(w http.ResponseWriter, why string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="api"`+why)
	object(w, http.StatusUnauthorized, map[string]string{"detail": "Authentication credentials were not provided."})
}
