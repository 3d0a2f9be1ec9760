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

// A state ends with its expiry, so that an expired callback and a used one can
// be distinguished after the store and the session have forgotten the state. A
// browser can change the expiry: only the page's text depends on it.
const (
	expiryLength = 7 // base 36, enough until the year 4453
	stateLength  = nonceLength + expiryLength
)

func newState(expires time.Time) string {
	return newNonce() + fmt.Sprintf("%0*s", expiryLength, strconv.FormatInt(max(expires.Unix(), 0), 36))
}

// isExpired reports whether the state's expiry has passed.
func (c *Connector) isExpired(state string) bool {
	if len(state) != stateLength {
		return false
	}
	expires, err := strconv.ParseInt(state[nonceLength:], 36, 64)
	return err == nil && c.clock().Unix() >= expires
}

// attemptCookie is the name of the cookie that holds the binding of one
// connection. It is needed for two tabs that start to connect at once. If
// neither has a session, each gets one and the browser keeps one of them. If
// they share a session, each may save a binding and the session keeps one of
// them. The other tab still has this cookie. The name contains the start of the
// state's hash.
func (c *Connector) attemptCookie(hashed string) string { return c.attemptPrefix + hashed[:8] }

// setAttemptCookie sets the cookie of an attempt. An empty binding deletes it.
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

// giveAttemptCookie sets the cookie of an attempt with a new binding. It
// deletes the cookies of an earlier session.
func (c *Connector) giveAttemptCookie(w http.ResponseWriter, r *http.Request, started attempt) {
	if !started.bindingIsNew || c.server.StateNotReturned {
		return
	}
	for _, cookie := range r.Cookies() {
		if strings.HasPrefix(cookie.Name, c.attemptPrefix) {
			c.setAttemptCookie(w, cookie.Name, "")
		}
	}
	c.setAttemptCookie(w, c.attemptCookie(stateID(started.state)), started.binding)
}

// returning is a callback and the browser that sent it.
type returning struct {
	query    url.Values
	state    string
	hashed   string // its stateID; empty if it can't be a state
	bindings bindings
	cookie   string // the name of the attempt's cookie; empty if the browser did not send it
}

// bindings are the values that bind connections to a browser. Both are empty
// without a session.
type bindings struct {
	session string // the value in the session
	cookie  string // the value in the cookie of the state's attempt; empty if there is none
}

// returning reads a callback. The error is ErrInvalidState if the query can't
// be read, or the error of the session.
func (c *Connector) returning(r *http.Request) (back returning, err error) {
	if back.query, err = queryOf(r); err != nil {
		return back, fmt.Errorf("%w: %w", ErrInvalidState, err)
	}
	back.state = back.query.Get("state")
	if len(back.state) == stateLength {
		back.hashed = stateID(back.state)
	}
	if back.bindings, back.cookie, err = c.bindings(r, back.hashed); err != nil {
		_, end := c.start(r.Context(), c.trace.Callback, "")
		end(err)
	}
	return back, err
}

// bindings returns the browser's bindings, and the name of the attempt's cookie
// if the browser sent it. Without the session's value the cookie's value is
// ignored, because signing out and connecting end the attempts of a session.
func (c *Connector) bindings(r *http.Request, hashed string) (found bindings, cookieName string, err error) {
	found.session, err = c.session(r.Context(), c.keys.binding)
	if err != nil || found.session == "" || hashed == "" {
		return found, "", err
	}
	cookie, err := r.Cookie(c.attemptCookie(hashed))
	if err != nil {
		return found, "", nil
	}
	if len(cookie.Value) == nonceLength {
		found.cookie = cookie.Value
	}
	return found, cookie.Name, nil
}

// sentCookie reports whether the browser sent the session's cookie. If the
// cookie's name is not known, any cookie counts.
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

// reloadedParam is a parameter of the callback. It means that the callback's
// page has loaded the callback again.
const reloadedParam = "reloaded"

// reload handles a callback from another site without a session. It responds
// with a page that loads the callback again from this site, because browsers
// then send SameSite=Strict cookies, too. It reports whether it has responded.
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

// pageOfState returns the page to redirect a connected user to when the
// callback's state is no longer usable. It is the page of the state's
// connection, if that is still known.
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
// ends the connection. It ignores connections of other browsers, because an
// attacker may have chosen their pages.
func (c *Connector) pageOfAttempt(r *http.Request, state string) string {
	ctx := r.Context()
	ended, err := c.session(ctx, c.keys.ended)
	if err != nil {
		return ""
	}
	hashed := stateID(state)
	found, _, err := c.bindings(r, hashed)
	if err != nil {
		return ""
	}
	if cookie, err := r.Cookie(c.attemptCookie(hashed)); err == nil {
		found.cookie = cookie.Value
	}
	if ended == "" && found == (bindings{}) {
		return ""
	}
	pending, err := c.states.Take(ctx, c.key(hashed))
	if err != nil || !pending.isBoundTo(found) && !equalInConstantTime(pending.BrowserHash, ended) {
		return ""
	}
	return pending.ReturnTo
}

// maxDone is the greatest length of a page stored in a session, in bytes.
// Sessions may be cookies.
const maxDone = 256

// remember stores the page of a completed connection in the session, for a
// browser that loads the callback again.
func (c *Connector) remember(ctx context.Context, hashed, page string) {
	if hashed != "" && page != c.homePath && len(page) <= maxDone {
		c.sessions.Put(ctx, c.keys.done, hashed+" "+page)
	}
}
