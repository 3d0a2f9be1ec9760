package connect

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Handler serves the connect, callback and disconnect paths. Mount it at the
// directory of Config.RedirectURL, "/oauth/" for
// https://shop.example/oauth/callback. It also works behind a proxy or a router
// that strips a prefix of the path.
func (c *Connector) Handler() http.Handler {
	connect, callback, disconnect := c.ConnectHandler(), c.CallbackHandler(), c.DisconnectHandler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch at := strings.TrimSuffix(r.URL.Path, "/"); {
		case isTail(at, c.connectPath):
			connect.ServeHTTP(w, r)
		case isTail(at, c.callbackPath):
			callback.ServeHTTP(w, r)
		case isTail(at, c.disconnectPath):
			disconnect.ServeHTTP(w, r)
		default:
			c.warnOfMount(r)
			c.fail(w, r, ErrNotFound, "")
		}
	})
}

// ConnectHandler starts a connection: it redirects a GET or HEAD to the
// server's authorization page. An htmx request gets 204 with HX-Redirect
// instead. The query may hold return_to, the local path to return to, and
// scope, a space-separated list of additional scopes to request. It responds
// 400 if the query is invalid, 401 or with a redirect to Config.SignInURL if no
// user is signed in, 405 to any other method, 429 if Config.RateLimit refuses,
// and 503 if a store fails.
func (c *Connector) ConnectHandler() http.Handler {
	return c.limited(func(w http.ResponseWriter, r *http.Request) {
		protect(w)
		if !c.allow(w, r, http.MethodGet, http.MethodHead) {
			return
		}
		query, err := queryOf(r)
		if err == nil && c.isOtherName(r.Host) && !query.Has(movedParam) {
			query.Set(movedParam, "1")
			here := url.URL{
				Scheme: c.redirect.Scheme, Host: c.redirect.Host, Path: r.URL.Path, RawPath: r.URL.RawPath,
				RawQuery: query.Encode(),
			}
			if isTail(here.Path, c.connectPath) { // a proxy may have stripped a prefix
				here.Path, here.RawPath = c.connectPath, ""
			}
			navigate(w, r, here.String())
			return
		}
		if err == nil && (len(query["return_to"]) > 1 || len(query["scope"]) > 1) {
			err = errors.New("return_to or scope came more than once")
		}
		if err != nil {
			c.fail(w, r, fmt.Errorf("%w: %w", ErrInvalidRequest, err), "")
			return
		}
		returnTo, scopes := query.Get("return_to"), ParseScopes(query.Get("scope"))
		started, err := c.startConnection(r, returnTo, scopes)
		switch {
		case c.leadsToSignIn(err): // the sign-in page redirects back to connect
			c.fail(w, r, err, c.ConnectURL(returnTo, scopes...))
			return
		case err != nil:
			c.fail(w, r, err, "")
			return
		}
		c.giveAttemptCookie(w, r, started)
		navigate(w, r, started.url)
	})
}

// CallbackHandler completes a connection and redirects the browser to the page
// where the user started (303). If the state is not valid but the user is
// connected, it redirects a page load (302) to that page or, if it is not
// known, to Config.HomePath. If the state is not valid and the user is not
// connected, it responds 400; the error page and the attribute "reason" in the
// log name the cause. A cross-site callback without a session gets a page that
// loads the callback again, in case the cookie of the SessionStore is
// SameSite=Strict. It also responds:
//
//   - 401, or a redirect to Config.SignInURL: no user is signed in.
//   - 403: the user denied access or a required scope, or a different user is
//     signed in than the one who started.
//   - 429: Config.RateLimit refused.
//   - 502: the authorization or the token request failed, such as when the
//     server is down.
//   - 503: a store or, with SignIn, the server's identity endpoint is
//     unavailable.
//   - 504: a timeout.
func (c *Connector) CallbackHandler() http.Handler {
	return c.limited(func(w http.ResponseWriter, r *http.Request) {
		protect(w)
		if !c.allow(w, r, http.MethodGet) {
			return
		}
		if c.reload(w, r) {
			return
		}
		connection, err := c.finishOnce(w, r)
		switch {
		case c.canContinue(r, err):
			c.log.InfoContext(r.Context(), c.name+": connected already", "reason", reasonOf(err), "cause", err.Error())
			// the status differs from the 303 of a completed connection
			redirectWith(w, http.StatusFound, c.external(r, c.callbackPath, c.pageOfState(r)))
		case err != nil:
			c.fail(w, r, err, "")
		default:
			redirect(w, c.external(r, c.callbackPath, connection.ReturnTo))
		}
	})
}

// DisconnectHandler removes the user's credential and, without Config.User,
// removes the user from the session. It takes a POST from the application's own
// pages, and redirects to the form's return_to, a local path, or to
// Config.HomePath. If the Server has a revocation endpoint, it also revokes the
// token there, and logs a failure to do so.
func (c *Connector) DisconnectHandler() http.Handler {
	return c.withSession(func(w http.ResponseWriter, r *http.Request) {
		protect(w)
		if !c.allow(w, r, http.MethodPost) {
			return
		}
		returnTo, err := c.disconnect(w, r)
		if err != nil {
			c.fail(w, r, err, "")
			return
		}
		redirect(w, c.external(r, c.disconnectPath, returnTo))
	})
}

// canContinue reports whether a failed callback can be answered with a
// redirect, because the user is connected: it came from an old tab or was
// loaded again.
func (c *Connector) canContinue(r *http.Request, err error) bool {
	if err == nil {
		return false
	}
	var cause *stateError
	return errors.As(err, &cause) && isPageLoad(r) && c.isConnected(r)
}

// isConnected reports whether the request's user is connected.
func (c *Connector) isConnected(r *http.Request) bool {
	return c.Authenticate(r.Context(), r, new(Account), nil) == nil
}

// allow responds to other methods with 405. It reports whether the method is
// allowed.
func (c *Connector) allow(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	for _, method := range methods {
		if r.Method == method {
			return true
		}
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	c.fail(w, r, errMethod, "")
	return false
}
