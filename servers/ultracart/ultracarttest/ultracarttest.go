// Package ultracarttest is a test UltraCart: an [http.Handler] with UltraCart's
// OAuth endpoints below /rest/v2, and methods of its API that you register.
//
//	server := ultracarttest.New(ultracarttest.Config{})
//	server.AddApplication(ultracarttest.Application{ClientID: "id", RedirectURIs: []string{callback}})
//	server.Answer("GET /order/orders", `{"success":true,"orders":[]}`)
//	server.Approve("merchant") // who is signed in, and approves without a page
//	at := httptest.NewServer(server)
//	connect.Config{Server: ultracart.Server(at.URL + "/rest/v2"), …}
//
// UltraCart is closed: what its documents and its own clients say is done here
// as they say, and what they do not say is a field of [Config].
package ultracarttest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/servers/ultracart"
)

const (
	base        = "/rest/v2"
	embed       = base + "/conversation_embed"
	codeLife    = time.Minute
	accessLife  = time.Hour
	deviceLife  = 10 * time.Minute
	interval    = 5 // seconds
	tokenLength = 32
)

// Config configures what UltraCart's documents leave open.
type Config struct {
	// Clock returns the time. The default is time.Now.
	Clock func() time.Time
	// Rotate replaces the refresh token at each refresh. The default keeps it
	// and sends none.
	Rotate bool
	// ErrorsIn200 sends errors of the token endpoint with status 200. The
	// default is 400.
	ErrorsIn200 bool
	// NumberExpiry sends a token's expires_in as a number, which UltraCart's
	// Python client refuses. The default is a string, as in the model.
	NumberExpiry bool
	// Parallel is how many requests are processed at the same time; one more
	// gets 429. The default is no limit.
	Parallel int
}

// Application is a registered application. It has no secret.
type Application struct {
	ClientID     string
	RedirectURIs []string
	Scope        string // the scope of its tokens; the default is order_read
}

// Server is a test UltraCart. It has these methods of its base, besides its
// own:
//
//	Approve(user string)  // the user is signed in and allows everything, without a page
//	Decline(user string)  // denies everything
//	Ask(user string)      // is shown a page
//	Inject(path string, times int, fault func(next http.Handler) http.Handler)
//	Requests(path string) // the requests so far
//
// Inject lets a handler of yours answer the next requests to a path. All
// methods are safe for concurrent use.
type Server struct {
	*oauthtest.Server
	config       Config
	atWork       atomic.Int64
	applications map[string]Application
	disabled     map[string]bool
	devices      []*device
}

// New returns a server without applications.
func New(config Config) *Server {
	s := &Server{
		Server: oauthtest.New(config.Clock), config: config,
		applications: map[string]Application{}, disabled: map[string]bool{},
	}
	s.Handle("GET "+base+"/oauth/authorize", s.authorize)
	s.Handle("POST "+base+"/oauth/authorize", s.consent)
	for _, prefix := range []string{base, embed} {
		s.Handle("POST "+prefix+"/oauth/token", s.token)
		s.Handle("POST "+prefix+"/oauth/revoke", s.revoke)
		s.Handle("POST "+prefix+"/oauth/device/authorize", s.authorizeDevice)
	}
	return s
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.atWork.Add(-1)
	if at := s.atWork.Add(1); s.config.Parallel > 0 && at > int64(s.config.Parallel) {
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, "too_many_requests", "too many requests at the same time.")
		return
	}
	s.Server.ServeHTTP(w, r)
}

// AddApplication adds an application, or replaces the one with its ClientID.
func (s *Server) AddApplication(a Application) {
	s.Do(func() {
		if a.Scope == "" {
			a.Scope = "order_read"
		}
		s.applications[a.ClientID] = a
	})
}

// Disable disables an application for all merchants. Requests with its tokens
// get status 410.
func (s *Server) Disable(clientID string) { s.Do(func() { s.disabled[clientID] = true }) }

// Answer registers a method of the API, such as "GET /order/orders", and its
// JSON response. It must not be registered before.
func (s *Server) Answer(pattern, body string) {
	method, path, _ := strings.Cut(pattern, " ")
	s.Handle(method+" "+base+path, func(w http.ResponseWriter, r *http.Request) {
		if s.authorized(w, r) {
			oauthtest.Write(w, http.StatusOK, body, "Content-Type", "application/json; charset=UTF-8")
		}
	})
}

func object(w http.ResponseWriter, status int, v any) {
	body, _ := json.Marshal(v) // the server's own values can be encoded
	oauthtest.Write(w, status, string(body),
		"Content-Type", "application/json; charset=UTF-8", "Cache-Control", "no-store")
}

// refuse answers with the model ErrorResponse.
func refuse(w http.ResponseWriter, status int, code, text string) {
	w.Header().Set("UC-REST-ERROR", text)
	object(w, status, ultracart.ErrorResponse{
		Error: &ultracart.Error{ErrorCode: code, UserMessage: text, DeveloperMessage: text},
	})
}

// refuseToken answers with the error fields of the model OauthTokenResponse.
func (s *Server) refuseToken(w http.ResponseWriter, code, text string) {
	status := http.StatusBadRequest
	if s.config.ErrorsIn200 {
		status = http.StatusOK
	} else {
		w.Header().Set("UC-REST-ERROR", text)
	}
	object(w, status, map[string]string{"error": code, "error_description": text})
}

// authorized reports whether a request may call the API. If not, it answers it.
func (s *Server) authorized(w http.ResponseWriter, r *http.Request) bool {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	grant := s.Grants.WithAccess(token)
	switch {
	case !bearer || grant == nil || s.Grants.Expired(grant):
		refuse(w, http.StatusUnauthorized, "unauthorized", "Bad credentials.")
	case s.disabled[grant.Client]:
		refuse(w, http.StatusGone, "gone", "The application has been disabled.")
	case r.Header.Get("X-UltraCart-Api-Version") != "2017-03-01":
		refuse(w, http.StatusBadRequest, "bad_request", "The header X-UltraCart-Api-Version is missing.")
	default:
		return true
	}
	return false
}

func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	user, answer := s.Consent()
	app, known := s.applications[query.Get("client_id")]
	to := query.Get("redirect_uri")
	if to == "" && len(app.RedirectURIs) > 0 {
		to = app.RedirectURIs[0]
	}
	switch {
	case !known || !slices.Contains(app.RedirectURIs, to):
		oauthtest.Page(http.StatusBadRequest, "Unknown application")(nil).ServeHTTP(w, r)
	case user == "":
		oauthtest.Page(http.StatusOK, "Sign in")(nil).ServeHTTP(w, r)
	case query.Get("response_type") != "code" || query.Get("state") == "":
		s.back(w, to, query.Get("state"), url.Values{
			"error": {"invalid_request"}, "error_description": {"response_type or state is missing"},
		})
	case answer == "":
		fields := url.Values{"client_id": {app.ClientID}, "redirect_uri": {to}, "state": {query.Get("state")}}
		oauthtest.Form(w, "Authorize "+app.ClientID, base+"/oauth/authorize", fields,
			[3]string{"answer", "allow", "Allow"}, [3]string{"answer", "deny", "Deny"})
	default:
		s.decide(w, app, to, query.Get("state"), user, answer)
	}
}

// consent handles the page's form.
func (s *Server) consent(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm() // ignores an invalid form
	user, _ := s.Consent()
	app, known := s.applications[r.PostForm.Get("client_id")]
	to := r.PostForm.Get("redirect_uri")
	if !known || user == "" || !slices.Contains(app.RedirectURIs, to) {
		oauthtest.Page(http.StatusBadRequest, "Unknown application")(nil).ServeHTTP(w, r)
		return
	}
	s.decide(w, app, to, r.PostForm.Get("state"), user, r.PostForm.Get("answer"))
}

func (s *Server) decide(w http.ResponseWriter, app Application, to, state, user, answer string) {
	if answer != "allow" {
		s.back(w, to, state, url.Values{"error": {"access_denied"}, "error_description": {"The user said no."}})
		return
	}
	grant := &oauthtest.Grant{
		Client: app.ClientID, User: user, RedirectURI: to, Scope: app.Scope,
		Code: oauthtest.Text(tokenLength), CodeEnds: s.Now().Add(codeLife),
	}
	s.Grants.Add(grant)
	s.back(w, to, state, url.Values{"code": {grant.Code}})
}

// back redirects to the application.
func (s *Server) back(w http.ResponseWriter, to, state string, answer url.Values) {
	u, err := url.Parse(to)
	if err != nil {
		oauthtest.Page(http.StatusBadRequest, "Unknown address")(nil).ServeHTTP(w, nil)
		return
	}
	query := u.Query()
	for name := range answer {
		query.Set(name, answer.Get(name))
	}
	if state != "" {
		query.Set("state", state)
	}
	u.RawQuery = query.Encode()
	oauthtest.Write(w, http.StatusFound, "", "Location", u.String())
}

// form returns the form of a registered application. If there is none, it
// answers the request.
func (s *Server) form(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/x-www-form-urlencoded" {
		refuse(w, http.StatusBadRequest, "bad_request", "The body is not a form.")
		return nil, false
	}
	_ = r.ParseForm() // ignores an invalid form
	if _, known := s.applications[r.PostForm.Get("client_id")]; !known {
		s.refuseToken(w, "invalid_client", "Unknown client_id.")
		return nil, false
	}
	return r.PostForm, true
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	form, ok := s.form(w, r)
	if !ok {
		return
	}
	embedded := strings.HasPrefix(r.URL.Path, embed)
	client := form.Get("client_id")
	switch grantType := form.Get("grant_type"); {
	case s.disabled[client]:
		refuse(w, http.StatusGone, "gone", "The application has been disabled.")
	case grantType == ultracart.AuthorizationCode && !embedded:
		grant, to := s.Grants.WithCode(form.Get("code")), form.Get("redirect_uri")
		if grant == nil || grant.Client != client || to != "" && to != grant.RedirectURI {
			s.refuseToken(w, "invalid_grant", "The code is not valid.")
			return
		}
		grant.Code, grant.Refresh = "", oauthtest.Text(tokenLength)
		s.issue(w, grant, grant.Refresh)
	case grantType == ultracart.RefreshToken:
		grant := s.Grants.WithRefresh(form.Get("refresh_token"))
		if grant == nil || grant.Client != client {
			s.refuseToken(w, "invalid_grant", "The refresh token is not valid.")
			return
		}
		sent := ""
		if s.config.Rotate {
			sent = oauthtest.Text(tokenLength)
			grant.Refresh = sent
		}
		s.issue(w, grant, sent)
	case grantType == ultracart.DeviceCode:
		s.deviceToken(w, client, form.Get("device_code"), embedded)
	default:
		s.refuseToken(w, "unsupported_grant_type", "The grant type is not supported.")
	}
}

// issue replaces the access token of a grant and sends it, with the refresh
// token unless it is empty.
func (s *Server) issue(w http.ResponseWriter, grant *oauthtest.Grant, refresh string) {
	grant.Access, grant.Issued, grant.AccessEnds = oauthtest.Text(tokenLength), s.Now(), s.Now().Add(accessLife)
	seconds := int(accessLife / time.Second)
	answer := map[string]any{
		"access_token": grant.Access, "token_type": "bearer", "scope": grant.Scope, "expires_in": strconv.Itoa(seconds),
	}
	if s.config.NumberExpiry {
		answer["expires_in"] = seconds
	}
	if refresh != "" {
		answer["refresh_token"] = refresh
	}
	object(w, http.StatusOK, answer)
}

func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	form, ok := s.form(w, r)
	if !ok {
		return
	}
	token := form.Get("token")
	embedded := strings.HasPrefix(r.URL.Path, embed)
	revoked := s.Grants.Remove(func(g *oauthtest.Grant) bool {
		return token != "" && g.Client == form.Get("client_id") && (g.Access == token || embedded && g.Refresh == token)
	})
	message := "The application has been revoked."
	if revoked == 0 {
		message = "The token is not known."
	}
	object(w, http.StatusOK, ultracart.RevokeResponse{Message: message, Successful: revoked > 0})
}
