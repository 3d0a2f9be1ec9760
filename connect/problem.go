package connect

import (
	"cmp"
	"context"
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

// ScopeError lists the scopes that a user has not granted. errors.Is matches it
// with ErrScopeMissing.
type ScopeError struct {
	Missing []Scope
}

// Error names the scopes.
func (e *ScopeError) Error() string {
	return fmt.Sprintf("%v: %s", ErrScopeMissing, JoinScopes(e.Missing))
}

// Unwrap returns ErrScopeMissing.
func (e *ScopeError) Unwrap() error { return ErrScopeMissing }

// ConnectError describes a connection that failed after its state was found
// valid. It unwraps to the reason.
type ConnectError struct {
	ReturnTo string  // the page that the user wanted; empty for Config.HomePath
	Scopes   []Scope // the scopes that the user must grant
	UserID   string  // the user who was connecting; empty if unknown
	Err      error
}

// Error returns the text of the reason.
func (e *ConnectError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *ConnectError) Unwrap() error { return e.Err }

// HandleError responds to a request that failed with an error of this package.
// If the user is not connected, or has not granted a scope, it redirects a page
// load to connect, and from there back to the page. To prevent a redirect loop,
// it does this at most once a minute for each session. If the user is not
// signed in, it redirects a page load to Config.SignInURL. In all other cases
// Config.ErrorHandler responds; the default response has a plain message and,
// where connecting helps, a link. An htmx request gets the header HX-Redirect
// instead of a redirect; the limit of one redirect a minute then holds for GET
// and HEAD only. HandleError always logs the error.
func (c *Connector) HandleError(w http.ResponseWriter, r *http.Request, err error) {
	c.refuse(w, r, err, true)
}

// refuse is HandleError. With guard, the second redirect to connect within a
// minute is replaced by a page. Otherwise a server that keeps refusing a token,
// and approves without asking the user, would cause endless redirects.
func (c *Connector) refuse(w http.ResponseWriter, r *http.Request, err error, guard bool) {
	dropFile(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Add("Vary", "Accept, Sec-Fetch-Mode")
	helps := c.canConnect(err)
	switch {
	case helps && guard && !isPrefetch(r) && (isPageLoad(r) || isHTMXLoad(r)) && c.reconnectedRecently(r):
		r = r.WithContext(context.WithValue(r.Context(), againKey{}, true))
	case helps && isPageLoad(r):
		c.log.DebugContext(r.Context(), c.name+": sent to connect", "cause", err.Error())
		redirect(w, c.ConnectURL(c.pageOf(r), scopesOf(err)...))
		return
	}
	c.fail(w, r, err, c.pageOf(r))
}

// againKey is the context key of a request that must not redirect to connect
// once more.
type againKey struct{}

// reconnectWindow is how soon after a redirect to connect another failure means
// that connecting does not help.
const reconnectWindow = time.Minute

// reconnectedRecently reports whether an error of a call has redirected this
// browser to connect within reconnectWindow. If not, it records the redirect
// that follows.
func (c *Connector) reconnectedRecently(r *http.Request) bool {
	ctx, now := r.Context(), c.clock()
	last, sessionErr := c.session(ctx, c.keys.again)
	if sessionErr != nil {
		return false
	}
	if at, err := time.Parse(time.RFC3339, last); err == nil && now.Before(at.Add(reconnectWindow)) {
		return true
	}
	c.putTemporary(ctx, c.keys.again, now.UTC().Format(time.RFC3339))
	return false
}

// canConnect reports whether connecting resolves the error.
func (c *Connector) canConnect(err error) bool {
	row, _ := FindRefusal(err, c.config.Refusals)
	return row.Link == linkConnect
}

// scopesOf returns the scopes that an error says are missing.
func scopesOf(err error) []Scope {
	var narrow *ScopeError
	if errors.As(err, &narrow) {
		return narrow.Missing
	}
	return nil
}

// problem is the response to a failed request (RFC 9457).
type problem struct {
	Type       string `json:"type"`
	Title      string `json:"title"`
	Status     int    `json:"status"`
	Detail     string `json:"detail"`
	ConnectURL string `json:"connect_url,omitempty"`
	SignInURL  string `json:"sign_in_url,omitempty"`

	More       Link          `json:"-"` // empty without one
	Home       string        `json:"-"`
	Server     string        `json:"-"`
	Challenge  string        `json:"-"`
	RetryAfter time.Duration `json:"-"`
}

// fail redirects to the application's sign-in if that resolves the error.
// Otherwise it logs the error and responds, or lets Config.ErrorHandler
// respond.
func (c *Connector) fail(w http.ResponseWriter, r *http.Request, err error, returnTo string) {
	if c.leadsToSignIn(err) && isPageLoad(r) {
		c.log.DebugContext(r.Context(), c.name+": sent to sign in", "cause", err.Error())
		redirect(w, c.signInURL(err, returnTo))
		return
	}
	status := http.StatusInternalServerError
	if row, ok := FindRefusal(err, c.config.Refusals); ok {
		status = row.Status
	}
	level := slog.LevelInfo // expected errors, such as not connected or denied
	switch {
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case errors.Is(err, ErrTooManyAttempts):
		level = slog.LevelDebug // a flood of requests must not fill the log
	case errors.Is(err, ErrInvalidState), errors.Is(err, ErrUserChanged), errors.Is(err, ErrCrossOrigin),
		errors.Is(err, ErrInvalidReturnTo):
		level = slog.LevelWarn // possibly an attack
	}
	record := []any{"status", status, "method", r.Method, "path", r.URL.Path, "cause", err.Error()}
	if reason := reasonOf(err); reason != "" {
		record = append(record, "reason", reason)
	}
	var failed *ConnectError
	if errors.As(err, &failed) && failed.UserID != "" {
		record = append(record, "user", failed.UserID)
	}
	c.log.Log(r.Context(), level, c.name+": request failed", record...)
	if c.config.ErrorHandler != nil {
		c.config.ErrorHandler(w, r, err)
		return
	}
	c.answer(w, r, c.problemOf(err, returnTo))
}

// WriteError writes the default response to a request that failed: a plain page
// for clients that accept HTML, and problem+json (RFC 9457) for others. Use it
// in a Config.ErrorHandler that writes its own response to some errors only.
func (c *Connector) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	c.answer(w, r, c.problemOf(err, c.pageOf(r)))
}

// answer responds with a problem. The URL of its home page is the one that the
// browser must request.
func (c *Connector) answer(w http.ResponseWriter, r *http.Request, p problem) {
	for _, own := range []string{c.connectPath, c.callbackPath, c.disconnectPath} {
		p.Home = c.external(r, own, p.Home)
	}
	p.answer(w, r)
}

func (c *Connector) problemOf(err error, returnTo string) problem {
	p := problem{
		Type:   "about:blank",
		Title:  http.StatusText(http.StatusInternalServerError),
		Status: http.StatusInternalServerError,
		Detail: "Something went wrong on this site.",
		Home:   c.homePath,
		Server: c.server.Name,
		// RFC 9110 section 11.6.1: the scheme is a token.
		Challenge: fmt.Sprintf("%s realm=%q", cmp.Or(strings.Map(tokenCharacter, c.server.Name), "OAuth"), c.name),
	}
	row, ok := FindRefusal(err, c.config.Refusals)
	if ok {
		p.Title, p.Status = http.StatusText(row.Status), row.Status
		p.Detail = strings.ReplaceAll(row.Text, "{server}", c.server.Name)
	}
	switch {
	case strings.HasPrefix(row.Name, "https://"):
		p.Type = row.Name
	case row.Name != "":
		p.Type = "https://pkg.go.dev/github.com/go-gloebit/gloebit/connect#" + row.Name
	}
	var failed *ConnectError
	switch {
	case errors.As(err, &failed) && !errors.Is(err, ErrNoUser):
		p.ConnectURL = c.ConnectURL(failed.ReturnTo, failed.Scopes...)
	case row.Link == linkConnect, row.Link == linkRestart:
		p.ConnectURL = c.ConnectURL(returnTo, scopesOf(err)...)
	}
	if c.leadsToSignIn(err) {
		p.SignInURL = c.signInURL(err, returnTo)
	}
	var limited *RateLimitError
	if errors.As(err, &limited) && limited != nil {
		p.RetryAfter = limited.RetryAfter
	}
	if c.config.Link != nil && row.Link != "" && row.Link != linkConnect && row.Link != linkRestart {
		p.More = c.config.Link(row.Link, returnTo)
	}
	return p
}

// answer responds with a page to clients that accept HTML, and with
// problem+json to others.
func (p problem) answer(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	dropFile(h)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if p.Status == http.StatusUnauthorized { // required by RFC 9110 section 15.5.2
		h.Set("WWW-Authenticate", p.Challenge)
	}
	again := r.Context().Value(againKey{}) != nil
	if to := cmp.Or(p.SignInURL, p.ConnectURL); to != "" && isHTMX(r) && !again {
		h.Set("HX-Redirect", to) // htmx shows no error pages, but follows this
	}
	if p.RetryAfter > 0 { // whole seconds, RFC 9110 section 10.2.3
		h.Set("Retry-After", strconv.FormatInt(int64((p.RetryAfter-1)/time.Second)+1, 10))
	}
	if acceptsHTML(r) {
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set(
			"Content-Security-Policy",
			"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
		)
		w.WriteHeader(p.Status)
		_ = problemPage.Execute(w, p) // fails only if the client has disconnected
		return
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p.members()) // fails only if the client has disconnected
}

// dropFile removes the headers of a file that the handler meant to send.
func dropFile(h http.Header) {
	h.Del("Content-Length")
	h.Del("Content-Disposition")
}

// members returns the members of the problem+json.
func (p problem) members() any {
	if p.More.URL == "" {
		return p
	}
	members := map[string]any{
		"type": p.Type, "title": p.Title, "status": p.Status, "detail": p.Detail, p.More.Member: p.More.URL,
	}
	if p.ConnectURL != "" {
		members["connect_url"] = p.ConnectURL
	}
	if p.SignInURL != "" {
		members["sign_in_url"] = p.SignInURL
	}
	return members
}

// tokenCharacter returns r if it is a letter or digit of a token, and otherwise
// -1.
func tokenCharacter(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return -1
}

// Headline is the first sentence of the detail, for the page.
func (p problem) Headline() string {
	headline, _, _ := strings.Cut(p.Detail, ". ")
	return strings.TrimSuffix(headline, ".")
}

// Rest is the detail without the headline.
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
body {
  font: 1.125rem/1.6 system-ui, sans-serif; background: Canvas;
  max-width: 34rem; margin: 15vh auto 2rem; padding: 0 1.25rem
}
h1 { font-size: 1.6rem; line-height: 1.25 }
a { display: inline-block; padding: .6rem 0; margin-right: 1.5rem }
</style>
</head>
<body>
<main>
<h1>{{.Headline}}</h1>
{{with .Rest}}<p>{{.}}</p>
{{end}}<p>{{with .ConnectURL}}<a href="{{.}}">Connect with {{$.Server}}</a>
{{end}}{{with .SignInURL}}<a href="{{.}}">Sign in</a>
{{end}}{{with .More}}{{if .URL}}<a href="{{.URL}}">{{.Text}}</a>
{{end}}{{end}}<a href="{{.Home}}">Back to the site</a></p>
</main>
</body>
</html>
`))

// sessionFailed responds when the package's own session can't be saved.
func (c *Connector) sessionFailed(w http.ResponseWriter, r *http.Request, err error) {
	c.fail(w, r, err, "")
}
