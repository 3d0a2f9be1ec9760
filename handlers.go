package gloebit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Handler serves connect, callback and disconnect. Mount it at the directory of
// Config.RedirectURL, "/gloebit/" for https://shop.example/gloebit/callback.
// A prefix may have been stripped on the way.
func (m *Merchant) Handler() http.Handler {
	connect, callback, disconnect := m.ConnectHandler(), m.CallbackHandler(), m.DisconnectHandler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isTail(r.URL.Path, m.connectPath):
			connect.ServeHTTP(w, r)
		case isTail(r.URL.Path, m.callbackPath):
			callback.ServeHTTP(w, r)
		case isTail(r.URL.Path, m.leavePath):
			disconnect.ServeHTTP(w, r)
		default:
			m.fail(w, r, ErrNotFound, "")
		}
	})
}

// isOtherLoopbackName reports whether a request came by another name of this
// machine than the redirect URL has, on the same port. To a browser, localhost
// and 127.0.0.1 are two sites: the callback comes to the configured one, so it
// has to start there.
func (m *Merchant) isOtherLoopbackName(host string) bool {
	u := url.URL{Host: host}
	return isLoopback(u.Hostname()) && isLoopback(m.redirect.Hostname()) &&
		!strings.EqualFold(u.Hostname(), m.redirect.Hostname()) && u.Port() == m.redirect.Port()
}

// Paths returns the paths of the three handlers as browsers see them, for
// routers that want each by itself. They are next to each other, and callback is
// that of Config.RedirectURL.
func (m *Merchant) Paths() (connect, callback, disconnect string) {
	return m.connectPath, m.callbackPath, m.leavePath
}

// Routes returns every path at which a router may have to serve [Merchant.Handler].
// Connect, callback and disconnect come first as browsers see them. Then come the
// same three without their first segment, without their first two, and so on: a
// router mounted below a prefix sees one of these and does not know which. The
// last three have one directory left, unless Config.RedirectURL has none.
//
// For https://shop.example/shop/gloebit/callback the routes are those of
// /shop/gloebit and of /gloebit.
func (m *Merchant) Routes() []string {
	routes := []string{m.connectPath, m.callbackPath, m.leavePath}
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
// addition. Anything else is 400; what Config.Limit refuses is 429; with a store
// down it is 503.
func (m *Merchant) ConnectHandler() http.Handler {
	return m.limited(func(w http.ResponseWriter, r *http.Request) {
		protect(w)
		if !m.allow(w, r, http.MethodGet, http.MethodHead) {
			return
		}
		if m.isOtherLoopbackName(r.Host) {
			here := url.URL{Scheme: m.redirect.Scheme, Host: m.redirect.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
			if isTail(here.Path, m.connectPath) { // a prefix may have been stripped
				here.Path, here.RawPath = m.connectPath, ""
			}
			redirect(w, here.String())
			return
		}
		query, err := queryOf(r)
		if err == nil && (len(query["return_to"]) > 1 || len(query["scope"]) > 1) {
			err = errors.New("return_to or scope came more than once")
		}
		if err != nil {
			m.fail(w, r, fmt.Errorf("%w: %w", ErrInvalidRequest, err), "")
			return
		}
		returnTo, scopes := query.Get("return_to"), parseScopes(query.Get("scope"))
		to, err := m.startConnection(r, returnTo, scopes)
		switch {
		case m.leadsToSignIn(err): // and from there back to connect
			m.fail(w, r, err, m.ConnectURL(returnTo, scopes...))
			return
		case err != nil:
			m.fail(w, r, err, "")
			return
		}
		redirect(w, to)
	})
}

// CallbackHandler completes a connection and sends the browser to where it
// wanted to go. Its answers: 400 for a state that is not valid, 403 when the
// user refused or is another one, 429 when Config.Limit refuses, 502 and 504 when the provider gave no token,
// 503 with a store down.
func (m *Merchant) CallbackHandler() http.Handler {
	return m.limited(func(w http.ResponseWriter, r *http.Request) {
		protect(w)
		if !m.allow(w, r, http.MethodGet) {
			return
		}
		connection, err := m.finishConnection(r)
		if err != nil {
			m.fail(w, r, err, "")
			return
		}
		redirect(w, connection.ReturnTo)
	})
}

// DisconnectHandler forgets the user's credential, and the user with
// Config.SignIn. It answers a POST from the application's own pages with a
// redirect to the form's return_to, a local path, or to Config.HomePath.
// Gloebit has no endpoint to revoke a token with: the user does that at
// Provider.AccountURL.
func (m *Merchant) DisconnectHandler() http.Handler {
	return m.withSession(func(w http.ResponseWriter, r *http.Request) {
		protect(w)
		if !m.allow(w, r, http.MethodPost) {
			return
		}
		returnTo, err := m.disconnect(w, r)
		if err != nil {
			m.fail(w, r, err, "")
			return
		}
		redirect(w, returnTo)
	})
}

const largestForm = 64 << 10

func (m *Merchant) disconnect(w http.ResponseWriter, r *http.Request) (returnTo string, err error) {
	if err := m.crossOrigin.Check(r); err != nil {
		return "", fmt.Errorf("%w: %w", ErrCrossOrigin, err)
	}
	r.Body = http.MaxBytesReader(w, r.Body, largestForm)
	if err := r.ParseForm(); err != nil {
		return "", fmt.Errorf("%w: the form can't be read", ErrInvalidRequest)
	}
	returnTo = m.homePath
	if to := r.PostForm.Get("return_to"); to != "" {
		if returnTo, err = checkReturnTo(to); err != nil {
			return "", err
		}
	}
	user, err := m.User(r)
	if m.config.User == nil && errors.Is(err, ErrNotConnected) {
		return returnTo, m.leave(r.Context())
	}
	if err != nil {
		return "", err
	}
	return returnTo, m.forgetUser(r, user)
}

func (m *Merchant) forgetUser(r *http.Request, user User) error {
	ctx := r.Context()
	if _, err := m.session(ctx, m.keys.userID); err != nil {
		return err
	}
	if err := m.tokens.Delete(ctx, user.ID); err != nil {
		return storeError("delete the credential", err)
	}
	if err := m.SignOut(r); err != nil {
		return err
	}
	if m.config.User != nil { // whom SignOut leaves to the application
		if err := m.leave(ctx); err != nil {
			return err
		}
	}
	m.log.InfoContext(ctx, "gloebit: disconnected", "user", user.ID)
	if m.config.OnDisconnect != nil {
		if err := m.config.OnDisconnect(r, user); err != nil {
			return fmt.Errorf("gloebit: Config.OnDisconnect: %w", err)
		}
	}
	return nil
}

// Disconnect removes a user's credential outside a request, for instance when
// the user's account is deleted. It logs as [Merchant.DisconnectHandler] does.
// A user without a credential is no error. Disconnect touches no session and
// does not call Config.OnDisconnect, which needs a request; a connection that
// is under way can still be completed. Errors: ErrInvalidRequest for an ID that
// is empty or too long, ErrStore.
func (m *Merchant) Disconnect(ctx context.Context, userID string) error {
	if err := CheckUserID(userID); err != nil {
		return err
	}
	if err := m.tokens.Delete(ctx, userID); err != nil {
		return storeError("delete the credential", err)
	}
	m.log.InfoContext(ctx, "gloebit: disconnected", "user", userID)
	return nil
}

// protect sets the headers of every answer of the handlers: nothing is stored,
// and the callback's address goes nowhere (RFC 9700 section 4.2.4).
func protect(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
}

// allow answers other methods with 405 and reports whether to go on.
func (m *Merchant) allow(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	for _, method := range methods {
		if r.Method == method {
			return true
		}
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	m.fail(w, r, errMethod, "")
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
