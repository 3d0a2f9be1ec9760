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

// Lifetimes at Blot're.
const (
	CodeLife    = 3600 * time.Second  // an authorization code
	AccessLife  = 7200 * time.Second  // an access token
	RefreshLife = 14 * 24 * time.Hour // a refresh token
	OneTimeLife = 1200 * time.Second  // the code of a disposable application
	oneTimeType = "https://oauth2grant.blot.re/onetime_code"
)

// Server is an in-memory Blot're. Create it with [New]. It is an
// [http.Handler], and its methods are safe for concurrent use.
type Server struct {
	base    *oauthtest.Server
	clients map[string]*client
	users   map[string]*user // by id
	streams []*stream        // oldest first
	onetime map[string]*onetime
}

type client struct {
	id, secret, name, blurb string
	redirects               []string // without a trailing slash
	disposable              bool
	user                    string // the ID of a disposable client's only user
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

// New returns a server without users and applications. If clock is nil, it is
// time.Now.
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

// Approve makes a user approve every authorization request without a page.
func (s *Server) Approve(u User) { s.base.Approve(u.ID) }

// Deny makes a user deny every authorization request without a page.
func (s *Server) Deny(u User) { s.base.Decline(u.ID) }

// SignIn signs a user in. The user is then shown the pages. The zero User signs
// the user out.
func (s *Server) SignIn(u User) { s.base.Ask(u.ID) }

// Redeem makes a user enter the code of a disposable application and approve
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

// Revoke revokes the user's tokens for all applications, as the account page
// does.
func (s *Server) Revoke(u User) {
	s.base.Do(func() { s.base.Grants.Remove(func(g *oauthtest.Grant) bool { return g.User == u.ID }) })
}

// Inject makes fault answer the next requests to a path, as many as times says.
// An empty path matches every path. next is the handler that fault replaces.
func (s *Server) Inject(path string, times int, fault func(next http.Handler) http.Handler) {
	s.base.Inject(path, times, fault)
}

// Request is a received request.
type Request struct {
	Method, Path string
	Query        url.Values
	Header       http.Header
	Body         []byte
	Form         url.Values // the Body's form, if it is one
}

// Requests returns the requests to a path so far, the oldest first. An empty
// path matches all.
func (s *Server) Requests(path string) []Request {
	var requests []Request
	for _, r := range s.base.Requests(path) {
		requests = append(requests, Request(r))
	}
	return requests
}

// Transport returns an [http.RoundTripper] that calls the server without a
// network.
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
		panic(err) // the server's own values can be encoded
	}
	oauthtest.Write(w, status, string(body), "Content-Type", "application/json; charset=utf-8")
}

// fail writes an Error object.
func fail(w http.ResponseWriter, status int, text string, details any) {
	writeJSON(w, status, map[string]any{"type": "Error", "error": text, "details": details})
}

func page(w http.ResponseWriter, status int, text string) {
	oauthtest.Page(status, text)(nil).ServeHTTP(w, nil)
}

// uncached wraps routes whose responses must not be cached.
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
		"DELETE /v0/api/stream/{id}/tags/{tag}":       s.bare(s.onOwnTag(s.addTag)), // as on Blot're, by mistake
		"GET /v0/api/tag/{tag}/children":              s.tagged,
		"GET /v0/api/user/{id}":                       s.user,
		"/": func(w http.ResponseWriter, _ *http.Request) {
			page(w, http.StatusNotFound, "Not found")
		},
	} {
		s.base.Handle(pattern, handler)
	}
}

// withBody wraps calls that need JSON. Another content type gets 415, and an
// invalid body gets 400 with HTML.
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

// bare wraps calls without a body. Like Blot're, it reads an empty body as JSON
// if the content type is JSON.
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
