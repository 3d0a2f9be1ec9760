package gloebit

import (
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ScopeError says which scopes a user has yet to grant. It is an
// ErrScopeMissing.
type ScopeError struct {
	Missing []Scope
}

// Error names the scopes.
func (e *ScopeError) Error() string {
	return fmt.Sprintf("%v: %s", ErrScopeMissing, joinScopes(e.Missing))
}

// Unwrap returns ErrScopeMissing.
func (e *ScopeError) Unwrap() error { return ErrScopeMissing }

// ConnectError is a connection that failed after its state was believed. It
// unwraps to the reason.
type ConnectError struct {
	ReturnTo string  // where the user wanted to go; empty for Config.HomePath
	Scopes   []Scope // what the user can't go on without
	UserID   string  // who was connecting; empty until that is known
	Err      error
}

// Error is the reason's.
func (e *ConnectError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *ConnectError) Unwrap() error { return e.Err }

// HandleError answers a request that failed with an error of this package. A
// user who is not connected, or has yet to grant a scope, is sent to connect
// when the request is a page load and comes back to the page; when that happens
// twice in a minute, the second one is answered with a page that has a link.
// A page load of a user who is not signed in leads to Config.SignInURL.
// Everything else goes to Config.ErrorHandler. It logs the error; the user sees a plain
// message.
func (m *Merchant) HandleError(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Add("Vary", "Accept, Sec-Fetch-Mode")
	if canConnect(err) && isPageLoad(r) && !m.connectedInVain(r, err) {
		m.log.DebugContext(r.Context(), "gloebit: sent to connect", "cause", err.Error())
		redirect(w, m.ConnectURL(m.pageOf(r), scopesOf(err)...))
		return
	}
	m.fail(w, r, err, m.pageOf(r))
}

// connectInVain is how soon a call that fails again shows that connecting does
// not help.
const connectInVain = time.Minute

// connectedInVain reports whether a call to Gloebit fails although its failing
// has sent this browser to connect a moment ago: with a server that keeps
// refusing, and approves without asking, that would never end.
func (m *Merchant) connectedInVain(r *http.Request, err error) bool {
	var call *APIError
	if !errors.As(err, &call) {
		return false
	}
	ctx, now := r.Context(), m.clock()
	last, sessionErr := m.session(ctx, m.keys.again)
	if sessionErr != nil {
		return false
	}
	if at, err := time.Parse(time.RFC3339, last); err == nil && now.Before(at.Add(connectInVain)) {
		return true
	}
	m.putBriefly(ctx, m.keys.again, now.UTC().Format(time.RFC3339))
	return false
}

// canConnect reports whether connecting is what helps.
func canConnect(err error) bool {
	row, _ := findRefusal(err, refusals)
	return row.Link == linkConnect
}

// scopesOf returns the scopes that an error says are missing.
func scopesOf(err error) []Scope {
	var narrow *ScopeError
	if errors.As(err, &narrow) {
		return narrow.Missing
	}
	var call *APIError
	if errors.As(err, &call) && errors.Is(err, ErrScopeMissing) && call.Scope != "" {
		return []Scope{call.Scope}
	}
	return nil
}

// problem is the answer to a request that failed (RFC 9457).
type problem struct {
	Type        string `json:"type"`
	Title       string `json:"title"`
	Status      int    `json:"status"`
	Detail      string `json:"detail"`
	ConnectURL  string `json:"connect_url,omitempty"`
	SignInURL   string `json:"sign_in_url,omitempty"`
	PurchaseURL string `json:"purchase_url,omitempty"`

	Home       string        `json:"-"`
	RetryAfter time.Duration `json:"-"`
}

// fail redirects to the application's sign-in where that helps. Otherwise it
// logs the error and lets the application answer, or answers itself.
func (m *Merchant) fail(w http.ResponseWriter, r *http.Request, err error, returnTo string) {
	if m.leadsToSignIn(err) && isPageLoad(r) {
		m.log.DebugContext(r.Context(), "gloebit: sent to sign in", "cause", err.Error())
		redirect(w, m.signInURL(err, returnTo))
		return
	}
	status := StatusCode(err)
	level := slog.LevelInfo // ordinary: not connected, not enough gloebits
	switch {
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case errors.Is(err, ErrLimited):
		level = slog.LevelDebug // a flood of requests must not become one of records
	case errors.Is(err, ErrState), errors.Is(err, ErrUserChanged), errors.Is(err, ErrCrossOrigin), errors.Is(err, ErrReturnTo):
		level = slog.LevelWarn // somebody may be trying something
	}
	record := []any{"status", status, "method", r.Method, "path", r.URL.Path, "cause", err.Error()}
	var failed *ConnectError
	if errors.As(err, &failed) && failed.UserID != "" {
		record = append(record, "user", failed.UserID)
	}
	m.log.Log(r.Context(), level, "gloebit: request failed", record...)
	if m.config.ErrorHandler != nil {
		m.config.ErrorHandler(w, r, err)
		return
	}
	m.problemOf(err, returnTo).answer(w, r)
}

// WriteError answers a request that failed as it is answered without a
// Config.ErrorHandler: with a plain page for those who accept HTML, and
// problem+json (RFC 9457) for others. For an ErrorHandler that has words of its
// own for some.
func (m *Merchant) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	m.problemOf(err, m.pageOf(r)).answer(w, r)
}

func (m *Merchant) problemOf(err error, returnTo string) problem {
	p := problem{
		Type:   "about:blank",
		Title:  http.StatusText(http.StatusInternalServerError),
		Status: http.StatusInternalServerError,
		Detail: "Something went wrong on this site.",
		Home:   m.homePath,
	}
	row, ok := findRefusal(err, refusals)
	if ok {
		p.Title, p.Status, p.Detail = http.StatusText(row.Status), row.Status, row.Text
	}
	if row.Name != "" {
		p.Type = "https://pkg.go.dev/github.com/go-gloebit/gloebit#" + row.Name
	}
	if m.provider.Name != "Gloebit" {
		p.Detail = strings.ReplaceAll(p.Detail, "Gloebit", m.provider.Name)
	}
	var failed *ConnectError
	switch {
	case errors.As(err, &failed) && !errors.Is(err, ErrNoUser):
		p.ConnectURL = m.ConnectURL(failed.ReturnTo, failed.Scopes...)
	case row.Link == linkConnect, row.Link == linkRestart:
		p.ConnectURL = m.ConnectURL(returnTo, scopesOf(err)...)
	}
	if m.leadsToSignIn(err) {
		p.SignInURL = m.signInURL(err, returnTo)
	}
	var limited *LimitError
	if errors.As(err, &limited) && limited != nil {
		p.RetryAfter = limited.RetryAfter
	}
	if row.Link == linkPurchase {
		p.PurchaseURL = m.purchaseGloebitsURL(returnTo)
	}
	return p
}

// answer writes the problem as a page for those who accept HTML, and as
// problem+json for the others.
func (p problem) answer(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if p.Status == http.StatusUnauthorized { // RFC 9110 section 15.5.2 wants a challenge
		h.Set("WWW-Authenticate", `Gloebit realm="gloebit"`)
	}
	if p.RetryAfter > 0 { // RFC 9110 section 10.2.3: whole seconds
		h.Set("Retry-After", strconv.FormatInt(int64((p.RetryAfter-1)/time.Second)+1, 10))
	}
	if acceptsHTML(r) {
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		w.WriteHeader(p.Status)
		_ = problemPage.Execute(w, p) // the client has gone if this fails
		return
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client has gone if this fails
}

// Headline is the first sentence of the detail, for the page.
func (p problem) Headline() string {
	headline, _, _ := strings.Cut(p.Detail, ". ")
	return strings.TrimSuffix(headline, ".")
}

// Rest is what follows the headline.
func (p problem) Rest() string {
	_, rest, _ := strings.Cut(p.Detail, ". ")
	return rest
}

var problemPage = template.Must(template.New("problem").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{.Headline}}</title>
<style>
body { font: 1.125rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto 2rem; padding: 0 1.25rem }
h1 { font-size: 1.6rem; line-height: 1.25 }
a { display: inline-block; padding: .6rem 0; margin-right: 1.5rem }
</style>
</head>
<body>
<h1>{{.Headline}}</h1>
{{with .Rest}}<p>{{.}}</p>
{{end}}<p>{{with .ConnectURL}}<a href="{{.}}">Connect with Gloebit</a>
{{end}}{{with .SignInURL}}<a href="{{.}}">Sign in</a>
{{end}}{{with .PurchaseURL}}<a href="{{.}}">Get more gloebits</a>
{{end}}<a href="{{.Home}}">Back to the site</a></p>
</body>
</html>
`))
