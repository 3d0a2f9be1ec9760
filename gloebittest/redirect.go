package gloebittest

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// parseRedirect parses a redirect URI or a prefix of one: an absolute URL with
// a host. It refuses user information, fragments, dot segments, backslashes and
// control characters.
func parseRedirect(raw string) (*url.URL, error) {
	if strings.ContainsFunc(raw, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '\\' }) {
		return nil, errors.New("a character that has no place in a URL")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	switch {
	case u.Scheme == "" || u.Host == "":
		return nil, errors.New("not an absolute URL")
	case u.User != nil:
		return nil, errors.New("user information in the URL")
	case strings.Contains(raw, "#"):
		return nil, errors.New("a fragment in the URL")
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return nil, errors.New("dot segments in the path")
		}
	}
	return u, nil
}

// redirectAllowed reports whether a redirect URI matches one of the prefixes:
// it has the same scheme, host and port, a path at or below the prefix's, and a
// query that begins with the prefix's.
func redirectAllowed(raw string, prefixes []string) bool {
	uri, err := parseRedirect(raw)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(prefixes, func(p string) bool {
		prefix, err := parseRedirect(p)
		return err == nil && sameSite(uri, prefix) &&
			pathBelow(uri.EscapedPath(), prefix.EscapedPath()) && strings.HasPrefix(uri.RawQuery, prefix.RawQuery)
	})
}

func sameSite(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host)
}

// pathBelow compares whole segments: /shop/cb is below /shop, /shopping is not.
func pathBelow(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/' || prefix == "" || prefix[len(prefix)-1] == '/')
}

// returnLink is the target of a link back: the requested URL if it is on the
// site of the redirect URI, otherwise the home page, otherwise the root of that
// site.
func returnLink(asked string, app Application, redirectURI string) string {
	site, err := parseRedirect(redirectURI)
	if err != nil {
		return app.HomeURL
	}
	if u, err := parseRedirect(asked); err == nil && sameSite(u, site) {
		return asked
	}
	if app.HomeURL != "" {
		return app.HomeURL
	}
	return site.Scheme + "://" + site.Host + "/"
}
