package connect

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Paths returns the paths of the three handlers as browsers see them, for
// routers that register each path separately. They are siblings, and callback
// is the path of Config.RedirectURL.
func (c *Connector) Paths() (connect, callback, disconnect string) {
	return c.connectPath, c.callbackPath, c.disconnectPath
}

// Routes returns every path at which a router may have to serve
// [Connector.Handler]. The first three are those of [Connector.Paths], as
// browsers see them. A router below a proxy or mount that strips a prefix sees
// shorter paths. So Routes also returns the three paths without their first
// segment, without their first two, and so on, until one directory is left.
//
// For https://shop.example/shop/oauth/callback it returns three paths in
// /shop/oauth and three in /oauth.
func (c *Connector) Routes() []string {
	routes := []string{c.connectPath, c.callbackPath, c.disconnectPath}
	for at := 0; strings.Count(routes[at], "/") > 2; at += 3 {
		for _, route := range routes[at : at+3] {
			_, rest, _ := strings.Cut(route[1:], "/")
			routes = append(routes, "/"+rest)
		}
	}
	return routes
}

// isTail reports whether p is whole, or whole without some leading segments.
func isTail(p, whole string) bool {
	return strings.HasPrefix(p, "/") && strings.HasSuffix(whole, p)
}

// ConnectURL returns the local URL that starts a connection, for links. The
// user comes back to the local path returnTo; empty means Config.HomePath. The
// scopes are requested in addition to Config.Scopes.
func (c *Connector) ConnectURL(returnTo string, scopes ...Scope) string {
	query := url.Values{}
	if returnTo != "" {
		query.Set("return_to", returnTo)
	}
	if len(scopes) > 0 {
		query.Set("scope", JoinScopes(scopes))
	}
	u := url.URL{Path: c.connectPath, RawQuery: query.Encode()}
	return u.String()
}

// movedParam is a parameter of connect. It means that the browser was already
// redirected from another name of this host. Without it, a proxy that rewrites
// Host would cause a redirect loop.
const movedParam = "moved"

// isOtherName reports whether a request used another name of this host than the
// redirect URL: with or without "www.", or another loopback name on the same
// port. Browsers treat the names as different sites. The callback goes to the
// configured one, so the connection must start there.
func (c *Connector) isOtherName(host string) bool {
	u := url.URL{Host: host}
	here, there := strings.ToLower(u.Hostname()), strings.ToLower(c.redirect.Hostname())
	if here == "www."+there || there == "www."+here {
		return true
	}
	return isLoopback(here) && isLoopback(there) && here != there && u.Port() == c.redirect.Port()
}

// warnOfMount logs a request that shows that Handler is mounted at another path
// than Config.RedirectURL.
func (c *Connector) warnOfMount(r *http.Request) {
	for _, own := range []string{c.connectPath, c.callbackPath, c.disconnectPath} {
		if path.Base(own) == path.Base(r.URL.Path) {
			c.log.WarnContext(r.Context(), c.name+": the handler is mounted at another path than Config.RedirectURL says",
				"path", r.URL.Path, "want", own)
			return
		}
	}
}

// external returns a local path as the browser must request it. A proxy may
// have stripped a prefix of the request's path: own is the path that the
// browser requested, and the request line has the rest of it. A path that
// already has the prefix is returned unchanged.
func (c *Connector) external(r *http.Request, own, local string) string {
	if path, _, _ := strings.Cut(r.RequestURI, "?"); strings.HasSuffix(path, own) { // nothing was stripped
		return local
	}
	u, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		return local
	}
	left := strings.TrimSuffix(u.Path, "/")
	prefix, ok := strings.CutSuffix(own, left)
	if !ok || left == "" || prefix == "" || strings.HasPrefix(local, prefix+"/") ||
		strings.HasPrefix(local, prefix+"?") || local == prefix {
		return local
	}
	return prefix + local
}
