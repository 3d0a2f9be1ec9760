package connect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Handler serves connect, callback and disconnect. Mount it at the directory of
// Config.RedirectURL, "/oauth/" for https://shop.example/oauth/callback.
// A prefix may have been stripped on the way.
func (c *Connector) Handler() http.Handler {
	connect, callback, disconnect := c.ConnectHandler(), c.CallbackHandler(), c.DisconnectHandler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch at := strings.TrimSuffix(r.URL.Path, "/"); {
		case isTail(at, c.connectPath):
			connect.ServeHTTP(w, r)
		case isTail(at, c.callbackPath):
			callback.ServeHTTP(w, r)
		case isTail(at, c.leavePath):
			disconnect.ServeHTTP(w, r)
		default:
			c.warnOfMount(r)
			c.fail(w, r, ErrNotFound, "")
		}
	})
}

// warnOfMount logs that Handler is mounted at another path than Config.RedirectURL
// says, when a request shows that.
func (c *Connector) warnOfMount(r *http.Request) {
	for _, own := range []string{c.connectPath, c.callbackPath, c.leavePath} {
		if path.Base(own) == path.Base(r.URL.Path) {
			c.log.WarnContext(r.Context(), c.name+": the handler is mounted at another path than Config.RedirectURL says",
				"path", r.URL.Path, "want", own)
			return
		}
	}
}

// movedParam is a parameter of connect: the browser was sent from another name of
// this host already. Behind a proxy that rewrites Host it would be sent for ever.
const movedParam = "moved"

// isOtherName reports whether a request came by another name of this host than
// the redirect URL has: with or without "www.", or by another loopback name on
// the same port. To a browser these are two sites: the callback comes to the
// configured one, so the connection has to start there.
func (c *Connector) isOtherName(host string) bool {
	u := url.URL{Host: host}
	here, there := strings.ToLower(u.Hostname()), strings.ToLower(c.redirect.Hostname())
	if here == "www."+there || there == "www."+here {
		return true
	}
	return isLoopback(here) && isLoopback(there) && here != there && u.Port() == c.redirect.Port()
}

// Paths returns the paths of the three handlers as browsers see them, for
// routers that want each by itself. They are next to each other, and callback is
// that of Config.RedirectURL.
func (c *Connector) Paths() (connect, callback, disconnect string) {
	return c.connectPath, c.callbackPath, c.leavePath
}

// Routes returns every path at which a router may have to serve [Connector.Handler].
// Connect, callback and disconnect come first as browsers see them. Then come the
// same three without their first segment, without their first two, and so on: a
// router mounted below a prefix sees one of these and does not know which. The
// last three have one directory left, unless Config.RedirectURL has none.
//
// For https://shop.example/shop/oauth/callback the routes are those of
// /shop/oauth and of /oauth.
func (c *Connector) Routes() []string {
	routes := []string{c.connectPath, c.callbackPath, c.leavePath}
	for at := 0; strings.Count(routes[at], "/") > 2; at += 3 {
		for _, route := range routes[at : at+3] {
			_, rest, _ := strings.Cut(route[1:], "/")
			routes = append(routes, "/"+rest)
		}
	}
	return routes
}

// isTail reports whether p is whole, or whole less some segments at its front.
func isTail(p, whole string) bool {
	return strings.HasPrefix(p, "/") && strings.HasSuffix(whole, p)
}

// ConnectHandler starts a connection: it answers a GET with a redirect to the
// provider's authorization page. The query may hold return_to, the local path
// to come back to, and scope, a space separated list of what to ask for in
// addition. An invalid query is answered with 400, a missing user with 401 or a
// redirect to Config.SignInURL, another method with 405, a request that
// Config.Limit refuses with 429, and a store failure with 503.
func (c *Connector) ConnectHandler() http.Handler {
	return c.limited(func(w http.ResponseWriter, r *http.Request) {
		protect(w)
		if !c.allow(w, r, http.MethodGet, http.MethodHead) {
			return
		}
		query, err := queryOf(r)
		if err == nil && c.isOtherName(r.Host) && !query.Has(movedParam) {
			query.Set(movedParam, "1")
			here := url.URL{Scheme: c.redirect.Scheme, Host: c.redirect.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: query.Encode()}
			if isTail(here.Path, c.connectPath) { // a prefix may have been stripped
				here.Path, here.RawPath = c.connectPath, ""
			}
			redirect(w, here.String())
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
		to, err := c.startConnection(r, returnTo, scopes)
		switch {
		case c.leadsToSignIn(err): // and from there back to connect
			c.fail(w, r, err, c.ConnectURL(returnTo, scopes...))
			return
		case err != nil:
			c.fail(w, r, err, "")
			return
		}
		redirect(w, to)
	})
}

// CallbackHandler completes a connection and redirects the browser to the page
// where the user started. It responds 400 if the state is not valid, 401 if no
// user is signed in, 403 if the user denied access or another user is signed in,
// 429 if Config.Limit refuses, 502 if the authorization or the token request
// failed, 503 if a store or the server is unavailable, and 504 on a timeout.
func (c *Connector) CallbackHandler() http.Handler {
	return c.limited(func(w http.ResponseWriter, r *http.Request) {
		protect(w)
		if !c.allow(w, r, http.MethodGet) {
			return
		}
		connection, err := c.finishOnce(r)
		switch {
		case errors.Is(err, ErrState) && c.isConnected(r): // an old tab, or a callback that was loaded again
			w.Header().Set("Refresh", "0; url="+c.external(r, c.callbackPath, c.homePath))
			c.fail(w, r, fmt.Errorf("%w: %w", errConnected, err), "")
		case err != nil:
			c.fail(w, r, err, "")
		default:
			redirect(w, c.external(r, c.callbackPath, connection.ReturnTo))
		}
	})
}

// DisconnectHandler forgets the user's credential, and the user with
// Config.SignIn. It answers a POST from the application's own pages with a
// redirect to the form's return_to, a local path, or to Config.HomePath.
// Where the Server has a revocation endpoint, the token is revoked there too; a
// failure of that is logged.
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
		redirect(w, c.external(r, c.leavePath, returnTo))
	})
}

// isConnected reports whether the request's user has a connection.
func (c *Connector) isConnected(r *http.Request) bool {
	return c.Authenticate(r.Context(), r, new(Account), nil) == nil
}

const largestForm = 64 << 10

func (c *Connector) disconnect(w http.ResponseWriter, r *http.Request) (returnTo string, err error) {
	if err := c.checkOrigin(r); err != nil {
		return "", err
	}
	r.Body = http.MaxBytesReader(w, r.Body, largestForm)
	if err := r.ParseForm(); err != nil {
		return "", fmt.Errorf("%w: the form can't be read", ErrInvalidRequest)
	}
	returnTo = c.homePath
	if to := r.PostForm.Get("return_to"); to != "" {
		if returnTo, err = CheckReturnTo(to); err != nil {
			return "", err
		}
	}
	user, err := c.User(r)
	if c.config.User == nil && errors.Is(err, ErrNotConnected) {
		return returnTo, c.leave(r.Context())
	}
	if err != nil {
		return "", err
	}
	return returnTo, c.forgetUser(r, user)
}

func (c *Connector) forgetUser(r *http.Request, user User) error {
	ctx := r.Context()
	if _, err := c.session(ctx, c.keys.userID); err != nil {
		return err
	}
	removed, err := c.remove(ctx, user.ID)
	if err != nil {
		return err
	}
	c.revoke(ctx, user.ID, removed)
	if err := c.SignOut(r); err != nil {
		return err
	}
	if c.config.User != nil { // whom SignOut leaves to the application
		if err := c.leave(ctx); err != nil {
			return err
		}
	}
	c.log.InfoContext(ctx, c.name+": disconnected", "user", user.ID)
	if c.config.OnDisconnect != nil {
		if err := c.config.OnDisconnect(r, user); err != nil {
			return fmt.Errorf("Config.OnDisconnect: %w", err)
		}
	}
	return nil
}

// Disconnect removes a user's credential outside a request, for instance when
// the user's account is deleted. It logs as [Connector.DisconnectHandler] does.
// A user without a credential is no error. Disconnect touches no session and
// does not call Config.OnDisconnect, which needs a request; a connection that
// is under way can still be completed. Errors: ErrInvalidRequest for an ID that
// [Key.Check] refuses, ErrStore.
func (c *Connector) Disconnect(ctx context.Context, userID string) error {
	if err := c.key(userID).checkID(); err != nil {
		return err
	}
	removed, err := c.remove(ctx, userID)
	if err != nil {
		return err
	}
	c.revoke(ctx, userID, removed)
	c.log.InfoContext(ctx, c.name+": disconnected", "user", userID)
	return nil
}

// remove deletes a user's credential, and returns it where the server has a way
// to revoke it.
func (c *Connector) remove(ctx context.Context, userID string) (removed Credential, err error) {
	if c.server.Revoke == nil && c.server.RevokeURL == "" {
		err = c.tokens.Delete(ctx, c.key(userID))
	} else {
		err = c.tokens.Update(ctx, c.key(userID), func(_ context.Context, current *Credential) (*Credential, error) {
			if current != nil {
				removed = *current
			}
			return nil, nil
		})
	}
	if err != nil {
		return Credential{}, storeError("delete the credential", err)
	}
	return removed, nil
}

// protect sets the headers of every answer of the handlers: nothing is stored,
// and the callback's address goes nowhere (RFC 9700 section 4.2.4).
func protect(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
}

// allow answers other methods with 405 and reports whether to go on.
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

// redirect sends the browser on with a GET. http.Redirect would clean the path
// and write the URL into a body.
func redirect(w http.ResponseWriter, to string) {
	if strings.ContainsFunc(to, onlyPeopleWrite) {
		var location []byte
		for _, b := range []byte(to) {
			if onlyPeopleWrite(rune(b)) {
				location = fmt.Appendf(location, "%%%02X", b)
			} else {
				location = append(location, b)
			}
		}
		to = string(location)
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// onlyPeopleWrite reports whether a character has to be encoded in a header.
func onlyPeopleWrite(r rune) bool { return r <= ' ' || r >= 0x7f }
