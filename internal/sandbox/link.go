package sandbox

import (
	"net/url"
	"strings"
)

// localTarget returns the path to which a sign-in leads: a path of this server,
// or "/" if a browser could interpret next as another site ("//evil.example",
// "/\evil.example", "https:...").
func localTarget(next string) string {
	if !strings.HasPrefix(next, "/") || strings.ContainsAny(next, "\\\t\r\n") {
		return "/"
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.HasPrefix(u.Path, "//") {
		return "/"
	}
	return u.RequestURI()
}

// webURL parses an absolute http or https URL. It rejects user information, and
// characters that browsers drop or replace.
func webURL(text string) (*url.URL, bool) {
	for _, c := range text {
		if c <= ' ' || c == '\\' || c == 0x7f {
			return nil, false
		}
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, false
	}
	return u, true
}

// under reports whether target lies under prefix: the same scheme, host and
// port, and a path that continues prefix's path at a segment boundary. Nothing
// lies under an invalid prefix.
func under(target, prefix string) bool {
	t, ok := webURL(target)
	if !ok {
		return false
	}
	p, ok := webURL(prefix)
	if !ok || t.Scheme != p.Scheme || hostPort(t) != hostPort(p) {
		return false
	}
	if dotted(t.Path) {
		return false
	}
	base := strings.TrimSuffix(p.Path, "/")
	return t.Path == base || strings.HasPrefix(t.Path, base+"/")
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + " " + port
}

// origin returns the scheme and host of a URL, to show users where it leads. It
// is empty if the URL is not http or https.
func origin(text string) string {
	u, ok := webURL(text)
	if !ok {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// dotted reports whether a path has dot segments, which browsers resolve before
// they send a request.
func dotted(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}
