package peers_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

// clientSecret has the characters that HTTP Basic must encode (RFC 6749 section
// 2.3.1).
const clientSecret = "s3:cr/et+ &%20é"

// peers are the servers that the tests run against, each with the redirect URL
// of its only client.
var peers = map[string]func(t *testing.T, redirectURL string) *peer{
	"fosite":                newFosite,
	"fosite public client":  newPublicFosite,
	"zitadel":               newZitadel,
	"zitadel public client": newPublicZitadel,
}

// peer is an OAuth server whose consent page tests answer in a browser.
type peer struct {
	server   connect.Server
	fosite   *fositeStore // nil of the others
	clientID string
	secret   connect.Secret
	scopes   []connect.Scope // what every user is asked for, in the order that the server writes them
	optional connect.Scope   // the last of them, which a user may leave out
	api      string          // a URL that needs a token
	refused  int             // the API's status for an invalid token
	says     bool            // whether that answer has a challenge with invalid_token
	detects  bool            // whether the reuse of a refresh token revokes its successors
	// expire makes the server refuse all access tokens that it gave so far.
	expire func(t *testing.T)
	// introspectAs is who asks the server about tokens. Nil asks the API, where
	// the server has no client that may introspect.
	introspectAs *url.Userinfo

	lost atomic.Bool // whether answers to token requests are lost on their way

	redirectURL string
	http        *http.Client
	url         string

	mu       sync.Mutex
	grants   []string                // the grant type of each token request
	redirect func(answer url.Values) // changes an authorization response
	before   func()                  // runs before a token request is answered
}

// start serves a server on an address of its own. What makes the server is given
// its URL.
func (p *peer) start(t *testing.T, redirectURL string, handler func(baseURL string) http.Handler) {
	t.Helper()
	site := httptest.NewUnstartedServer(nil)
	p.url = "http://" + site.Listener.Addr().String()
	p.redirectURL = redirectURL
	p.http = testkit.NewBrowser(t)
	next := handler(p.url)
	site.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.url+r.URL.Path == p.server.Endpoint.TokenURL {
			p.count(r)
			if p.lost.Load() {
				next.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler) // which closes the connection
			}
		}
		next.ServeHTTP(&redirecting{w, p}, r)
	})
	site.Start()
	t.Cleanup(site.Close)
}

// count writes down a token request.
func (p *peer) count(r *http.Request) {
	_ = r.ParseForm() // the server answers for it
	grant := r.PostForm.Get("grant_type")
	p.mu.Lock()
	p.grants = append(p.grants, grant)
	before := p.before
	p.mu.Unlock()
	if before != nil {
		before()
	}
}

// hold calls before ahead of each response to a token request.
func (p *peer) hold(before func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before = before
}

// change changes each authorization response before the browser gets it.
func (p *peer) change(redirect func(answer url.Values)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.redirect = redirect
}

// granted returns how many token requests of a grant type came.
func (p *peer) granted(grant string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.grants) - len(slices.DeleteFunc(slices.Clone(p.grants), func(g string) bool { return g == grant }))
}

// redirecting changes the query of redirects to the application.
type redirecting struct {
	http.ResponseWriter
	peer *peer
}

// WriteHeader implements [http.ResponseWriter].
func (w *redirecting) WriteHeader(status int) {
	w.peer.mu.Lock()
	change := w.peer.redirect
	w.peer.mu.Unlock()
	if to, err := url.Parse(w.Header().Get("Location")); err == nil && change != nil &&
		strings.HasPrefix(to.String(), w.peer.redirectURL+"?") {
		query := to.Query()
		change(query)
		to.RawQuery = query.Encode()
		w.Header().Set("Location", to.String())
	}
	w.ResponseWriter.WriteHeader(status)
}

// post sends a form as the client, and returns the status and the answer.
func (p *peer) post(t *testing.T, target string, form url.Values, as *url.Userinfo) (int, map[string]any) {
	t.Helper()
	if p.server.PublicClient && as == nil {
		form.Set("client_id", p.clientID)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if as == nil && !p.server.PublicClient {
		as = url.UserPassword(p.clientID, p.secret.Reveal())
	}
	if as != nil {
		password, _ := as.Password()
		r.SetBasicAuth(url.QueryEscape(as.Username()), url.QueryEscape(password))
	}
	resp, err := p.http.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer map[string]any
	_ = json.NewDecoder(resp.Body).Decode(&answer) // the answer to a revocation is empty
	return resp.StatusCode, answer
}

// revoke revokes a token (RFC 7009), as the server's own page would.
func (p *peer) revoke(t *testing.T, token connect.Secret) {
	t.Helper()
	status, _ := p.post(t, p.server.RevokeURL, url.Values{"token": {token.Reveal()}}, nil)
	require.Equal(t, http.StatusOK, status)
}

// refresh refreshes a token behind the application's back, and returns the status.
func (p *peer) refresh(t *testing.T, token connect.Secret) int {
	t.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.Reveal()}}
	status, _ := p.post(t, p.server.Endpoint.TokenURL, form, nil)
	return status
}

// active reports whether an access token is valid, by introspection (RFC 7662)
// where the server has a client for that.
func (p *peer) active(t *testing.T, token connect.Secret) bool {
	t.Helper()
	if p.introspectAs != nil {
		status, answer := p.post(t, p.url+"/oauth/introspect", url.Values{"token": {token.Reveal()}}, p.introspectAs)
		require.Equal(t, http.StatusOK, status)
		return answer["active"] == true
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.api, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token.Reveal())
	resp, err := p.http.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}

// consent is the page on which the user signs in and answers. It accepts the
// answer only from the browser that loaded it.
func consent(decide func(w http.ResponseWriter, r *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			http.SetCookie(w, &http.Cookie{Name: "consent", Value: "seen", Path: "/", HttpOnly: true})
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, `<form method="post">May the application do this?</form>`)
			return
		}
		if _, err := r.Cookie("consent"); err != nil {
			http.Error(w, "this browser has not seen the page", http.StatusForbidden)
			return
		}
		decide(w, r)
	}
}

// allow is the user's answer that grants scopes.
func allow(scopes ...connect.Scope) url.Values {
	answer := url.Values{"answer": {"allow"}}
	for _, scope := range scopes {
		answer.Add("grant", string(scope))
	}
	return answer
}

// deny is the user's answer that denies access.
func deny() url.Values { return url.Values{"answer": {"deny"}} }

// account returns the account that the application has for its user.
func account(t *testing.T, connector *connect.Connector) *connect.Account {
	t.Helper()
	found, err := connector.Account(context.WithoutCancel(t.Context()), "ann")
	require.NoError(t, err)
	return found
}
