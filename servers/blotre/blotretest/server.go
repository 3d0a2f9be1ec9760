package blotretest

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"crypto/rand"

	"github.com/go-gloebit/gloebit/internal/oauthtest"
)

// How long things are good at Blot're.
const (
	CodeLife    = 3600 * time.Second  // an authorization code
	AccessLife  = 7200 * time.Second  // an access token
	RefreshLife = 14 * 24 * time.Hour // a refresh token
	OneTimeLife = 1200 * time.Second  // the code of a disposable application
	oneTimeType = "https://oauth2grant.blot.re/onetime_code"
)

// Server is a Blot're in memory. Make it with [New]. It is an [http.Handler],
// and its methods are safe for concurrent use.
type Server struct {
	base    *oauthtest.Server
	clients map[string]*client
	users   map[string]*user // by id
	streams []*stream        // the newest last
	onetime map[string]*onetime
}

type client struct {
	id, secret, name, blurb string
	redirects               []string // without a slash at their end
	disposable              bool
	user                    string // the id of the one user of a disposable client
}

type onetime struct {
	client   string
	ends     time.Time
	redeemed bool
}

// Client is a registered application.
type Client struct{ ID, Secret string }

// User is a user, who has a root stream.
type User struct{ ID, Name, RootStream string }

type user struct{ User }

// New returns a server without users and applications. A nil clock is time.Now.
func New(clock func() time.Time) *Server {
	s := &Server{
		base: oauthtest.New(clock), clients: map[string]*client{}, users: map[string]*user{}, onetime: map[string]*onetime{},
	}
	s.routes()
	return s
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path := r.URL.Path; len(path) > 1 && strings.HasSuffix(path, "/") && r.Method == http.MethodGet {
		to := url.URL{Path: strings.TrimSuffix(path, "/"), RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, to.String(), http.StatusMovedPermanently)
		return
	}
	s.base.ServeHTTP(w, r)
}

// AddUser adds a user with a name.
func (s *Server) AddUser(name string) User {
	var added User
	s.base.Do(func() {
		u := &user{User{newID(), name, ""}}
		root := &stream{
			id: newID(), name: name, uri: normal(name), owner: u.ID, created: s.base.Now(), updated: s.base.Now(),
			color: white,
		}
		u.RootStream = root.id
		s.users[u.ID], s.streams = u, append(s.streams, root)
		added = u.User
	})
	return added
}

// AddClient registers an application with at most ten redirect URIs.
func (s *Server) AddClient(name string, redirectURIs ...string) Client {
	made := &client{id: newID(), secret: oauthtest.Text(48), name: name}
	for _, uri := range redirectURIs {
		made.redirects = append(made.redirects, strings.TrimSuffix(uri, "/"))
	}
	s.base.Do(func() { s.clients[made.id] = made })
	return Client{made.id, made.secret}
}

// Approve lets a user approve every authorization request without a page.
func (s *Server) Approve(u User) { s.base.Approve(u.ID) }

// Deny lets a user deny every authorization request without a page.
func (s *Server) Deny(u User) { s.base.Decline(u.ID) }

// SignIn signs a user in, who is then shown the pages. The zero User signs the
// user out.
func (s *Server) SignIn(u User) { s.base.Ask(u.ID) }

// Redeem lets a user enter the code of a disposable application, and approve
// it. It reports whether Blot're accepted the code.
func (s *Server) Redeem(u User, code string) (ok bool) {
	s.base.Do(func() {
		c := s.redeemable(code, u.ID)
		if ok = c != nil; ok {
			s.redeem(code, u.ID)
		}
	})
	return ok
}

// Revoke ends the tokens of all applications of a user, as the user can on the
// account page.
func (s *Server) Revoke(u User) {
	s.base.Do(func() { s.base.Grants.Remove(func(g *oauthtest.Grant) bool { return g.User == u.ID }) })
}

// Inject lets a fault answer the next requests to a path, as many as times
// says. An empty path means every path. The fault gets the handler in whose
// place it answers.
func (s *Server) Inject(path string, times int, fault func(next http.Handler) http.Handler) {
	s.base.Inject(path, times, fault)
}

// Request is a request as it came.
type Request struct {
	Method, Path string
	Query        url.Values
	Header       http.Header
	Body         []byte
	Form         url.Values // of Body, if it is a form
}

// Requests returns the requests to a path so far, the oldest first. An empty
// path means all.
func (s *Server) Requests(path string) []Request {
	var requests []Request
	for _, r := range s.base.Requests(path) {
		requests = append(requests, Request(r))
	}
	return requests
}

// Transport returns an [http.RoundTripper] that calls the server in memory.
func (s *Server) Transport() http.RoundTripper { return oauthtest.Transport{Handler: s} }

// newID returns 24 hexadecimal digits.
func newID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

func isID(id string) bool {
	return len(id) == 24 && !strings.ContainsFunc(id, func(r rune) bool {
		return !strings.ContainsRune("0123456789abcdefABCDEF", r)
	})
}

// writeJSON writes a value as JSON.
func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // the values are the server's own
	}
	oauthtest.Write(w, status, string(body), "Content-Type", "application/json; charset=utf-8")
}

// fail writes the Error object.
func fail(w http.ResponseWriter, status int, text string, details any) {
	writeJSON(w, status, map[string]any{"type": "Error", "error": text, "details": details})
}

func page(w http.ResponseWriter, status int, text string) {
	oauthtest.Page(status, text)(nil).ServeHTTP(w, nil)
}

// uncached is around the routes whose answers must not be kept.
func uncached(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache, no-store, must-revalidate")
		w.Header().Set("Expires", "0")
		next(w, r)
	}
}

func (s *Server) routes() {
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET /v0/oauth2/authorize":     s.authorize,
		"POST /v0/oauth2/authorize":    s.consent,
		"POST /v0/oauth2/access_token": uncached(s.token),
		"GET /v0/oauth2/token_info":    uncached(s.tokenInfo),
		"POST /v0/oauth2/revoke":       uncached(s.revoke),
		"PUT /v0/oauth2/disposable":    uncached(s.disposable),
		"GET /v0/oauth2/redeem":        s.redeemPage,
		"POST /v0/oauth2/redeem":       s.redeemForm,
		"GET /v0/oauth2/redeemSuccessful": func(w http.ResponseWriter, _ *http.Request) {
			page(w, http.StatusOK, "Redeemed")
		},
		"GET /login": func(w http.ResponseWriter, _ *http.Request) {
			page(w, http.StatusOK, "Log in")
		},
		"GET /v0/api/stream":                          s.search,
		"PUT /v0/api/stream":                          s.withBody(s.create),
		"GET /v0/api/stream/{id}":                     s.onStream(s.show),
		"DELETE /v0/api/stream/{id}":                  s.onOwn(s.remove),
		"GET /v0/api/stream/{id}/status":              s.onStream(s.status),
		"POST /v0/api/stream/{id}/status":             s.withBody(s.onOwn(s.setStatus)),
		"GET /v0/api/stream/{id}/children":            s.onStream(s.children),
		"GET /v0/api/stream/{id}/children/{child}":    s.onStream(s.child),
		"PUT /v0/api/stream/{id}/children/{child}":    s.bare(s.onOwn(s.link)),
		"DELETE /v0/api/stream/{id}/children/{child}": s.bare(s.onOwn(s.unlink)),
		"GET /v0/api/stream/{id}/tags":                s.onStream(s.tags),
		"POST /v0/api/stream/{id}/tags":               s.withBody(s.onOwn(s.setTags)),
		"GET /v0/api/stream/{id}/tags/{tag}":          s.onStream(s.tag),
		"PUT /v0/api/stream/{id}/tags/{tag}":          s.bare(s.onOwnTag(s.addTag)),
		"DELETE /v0/api/stream/{id}/tags/{tag}":       s.bare(s.onOwnTag(s.addTag)), // Blot're's fault
		"GET /v0/api/tag/{tag}/children":              s.tagged,
		"GET /v0/api/user/{id}":                       s.user,
		"/": func(w http.ResponseWriter, _ *http.Request) {
			page(w, http.StatusNotFound, "Not found")
		},
	} {
		s.base.Handle(pattern, handler)
	}
}

// withBody is around calls that take JSON: another content type is 415, and
// what is no JSON is 400 HTML.
func (s *Server) withBody(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
			page(w, http.StatusUnsupportedMediaType, "Expecting application/json body")
			return
		}
		body, ok := readBody(r)
		if !ok {
			page(w, http.StatusBadRequest, "Invalid Json")
			return
		}
		next(w, withJSON(r, body))
	}
}

// bare is around calls without a body, of which an empty one is read as JSON if
// its type says so.
func (s *Server) bare(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind == "application/json" {
			if _, ok := readBody(r); !ok {
				page(w, http.StatusBadRequest, "Invalid Json")
				return
			}
		}
		next(w, r)
	}
}

func sortedNewest(streams []*stream) []*stream {
	newest := slices.Clone(streams)
	slices.SortStableFunc(newest, func(a, b *stream) int { return b.created.Compare(a.created) })
	return newest
}
