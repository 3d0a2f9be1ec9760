package connect

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
)

// The last characters of a state say when it expires, so that a late callback
// can be told from a used one when neither the store nor the session has the
// state any more. A browser can change them: only the text of the page depends
// on them.
const (
	expiryLength = 7 // base 36, good until the year 4453
	stateLength  = nonceLength + expiryLength
)

func newState(expires time.Time) string {
	return newNonce() + fmt.Sprintf("%0*s", expiryLength, strconv.FormatInt(max(expires.Unix(), 0), 36))
}

// isExpired reports whether a state says that it has expired.
func (c *Connector) isExpired(state string) bool {
	if len(state) != stateLength {
		return false
	}
	expires, err := strconv.ParseInt(state[nonceLength:], 36, 64)
	return err == nil && c.clock().Unix() >= expires
}

// attemptCookie is the name of a cookie that holds the binding of one
// connection. Two tabs that start to connect before either has a session get a
// session each, and the browser keeps one of them; two requests of one session
// may each save a binding, and the session keeps one of them. This cookie is
// still there for the other tab. The name has the start of the state's hash.
func (c *Connector) attemptCookie(hashed string) string { return c.attemptPrefix() + hashed[:8] }

func (c *Connector) attemptPrefix() string {
	prefix := c.name + "-" + c.id + "-"
	if c.redirect.Scheme == "https" {
		return "__Host-" + prefix
	}
	return prefix
}

// setAttemptCookie sets a cookie of an attempt; an empty binding deletes it.
func (c *Connector) setAttemptCookie(w http.ResponseWriter, name, binding string) {
	cookie := &http.Cookie{
		Name: name, Value: binding, Path: "/", MaxAge: int(c.connectFor.Seconds()),
		Secure: c.redirect.Scheme == "https", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if binding == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

// giveAttemptCookie sets the cookie of an attempt whose binding is new. The
// cookies that the browser has from a session before are deleted.
func (c *Connector) giveAttemptCookie(w http.ResponseWriter, r *http.Request, started attempt) {
	if !started.bindingIsNew || c.server.StateNotReturned {
		return
	}
	for _, cookie := range r.Cookies() {
		if strings.HasPrefix(cookie.Name, c.attemptPrefix()) {
			c.setAttemptCookie(w, cookie.Name, "")
		}
	}
	c.setAttemptCookie(w, c.attemptCookie(stateID(started.state)), started.binding)
}

// returning is a browser that comes back with a callback.
type returning struct {
	query     url.Values
	state     string
	hashed    string   // its stateID; empty if it can't be a state
	bindings  []string // of the browser; empty without a session
	hasCookie bool     // the cookie of the attempt came too
}

// returning reads a callback. The error is ErrInvalidState if the query can't be
// read, or that of the session.
func (c *Connector) returning(r *http.Request) (back returning, err error) {
	if back.query, err = queryOf(r); err != nil {
		return back, fmt.Errorf("%w: %w", ErrInvalidState, err)
	}
	back.state = back.query.Get("state")
	if len(back.state) == stateLength {
		back.hashed = stateID(back.state)
	}
	if back.bindings, back.hasCookie, err = c.bindings(r, back.hashed); err != nil {
		_, end := c.start(r.Context(), c.trace.Callback, "")
		end(err)
	}
	return back, err
}

// bindings returns what binds a connection to this browser: the value in its
// session and, beside that, the one in the cookie of this state's attempt. The
// cookie alone does not count: signing out and connecting end the attempts of a
// session.
func (c *Connector) bindings(r *http.Request, hashed string) (bindings []string, hasCookie bool, err error) {
	binding, err := c.session(r.Context(), c.keys.binding)
	if err != nil || binding == "" {
		return nil, false, err
	}
	if hashed == "" {
		return []string{binding}, false, nil
	}
	cookie, err := r.Cookie(c.attemptCookie(hashed))
	if err != nil || len(cookie.Value) != nonceLength {
		return []string{binding}, err == nil, nil
	}
	return []string{binding, cookie.Value}, true, nil
}

// sentCookie reports whether the browser sent the session's cookie or, where
// its name is not known, any cookie.
func (c *Connector) sentCookie(r *http.Request) bool {
	manager, ok := c.sessions.(*scs.SessionManager)
	if c.ownSessions != nil {
		manager, ok = c.ownSessions.manager, true
	}
	if !ok {
		return len(r.Cookies()) > 0
	}
	return hasCookie(r, manager.Cookie.Name)
}

func hasCookie(r *http.Request, name string) bool {
	_, err := r.Cookie(name)
	return err == nil
}

// reloadedParam is a parameter of the callback. It says that the page of the
// callback has loaded it again.
const reloadedParam = "reloaded"

// reload answers a callback that came from another site without a session by a
// page that loads it again, now from this site: browsers then send a cookie
// that is SameSite=Strict too. It reports whether it has answered.
func (c *Connector) reload(w http.ResponseWriter, r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	binding, err := c.session(r.Context(), c.keys.binding)
	switch {
	case err != nil || len(r.URL.RawQuery) > maxQuery:
	case binding == "" && site == "cross-site" && !r.URL.Query().Has(reloadedParam) && isPageLoad(r):
		again := "?" + r.URL.RawQuery + "&" + reloadedParam + "=1"
		w.Header().Set("Refresh", "0; url="+again)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set(
			"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
		)
		_, _ = fmt.Fprintf(
			w, "<!DOCTYPE html>\n<title>Connecting</title>\n<p><a href=\"%s\">Continue</a></p>\n", html.EscapeString(again),
		)
		return true
	case binding != "" && site == "same-origin" && r.URL.Query().Has(reloadedParam):
		c.log.WarnContext(r.Context(), c.name+": the session's cookie came only when the browser loaded the callback again: "+
			"it is SameSite=Strict; set SameSite=Lax", "reason", "cookie_strict")
	}
	return false
}

// pageOfState returns the page to go on to when the user is connected and the
// state is of no more use: the page of the connection that it was of, if that
// is still known.
func (c *Connector) pageOfState(r *http.Request) string {
	ctx, state := r.Context(), r.URL.Query().Get("state")
	if len(state) != stateLength {
		return c.homePath
	}
	hashed := stateID(state)
	if done, err := c.session(ctx, c.keys.done); err == nil {
		page, ok := strings.CutPrefix(done, hashed+" ")
		if _, err := CheckReturnTo(page); ok && err == nil {
			return page
		}
	}
	if page := c.pageOfAttempt(r, state); page != "" {
		return page
	}
	return c.homePath
}

// pageOfAttempt returns the page of a connection that this browser started, and
// ends the connection. It leaves connections that another browser started alone,
// because an attacker may have chosen their pages.
func (c *Connector) pageOfAttempt(r *http.Request, state string) string {
	ctx := r.Context()
	ended, err := c.session(ctx, c.keys.ended)
	if err != nil {
		return ""
	}
	hashed := stateID(state)
	bindings, _, err := c.bindings(r, hashed)
	if err != nil {
		return ""
	}
	if cookie, err := r.Cookie(c.attemptCookie(hashed)); err == nil {
		bindings = append(bindings, cookie.Value)
	}
	if ended == "" && len(bindings) == 0 {
		return ""
	}
	pending, err := c.states.Take(ctx, c.key(hashed))
	if err != nil || !pending.isBoundTo(bindings) && !equalInConstantTime(pending.BrowserHash, ended) {
		return ""
	}
	return pending.ReturnTo
}

// maxDone is of a page that a session remembers: sessions may be cookies.
const maxDone = 256

// remember notes the page of a completed connection in the session, for a
// browser that loads the callback again.
func (c *Connector) remember(ctx context.Context, hashed, page string) {
	if hashed != "" && page != c.homePath && len(page) <= maxDone {
		c.sessions.Put(ctx, c.keys.done, hashed+" "+page)
	}
}
