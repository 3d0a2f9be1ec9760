package connect

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// MaxReturnTo is how long a return_to may be, in bytes.
const MaxReturnTo = 2048

// CheckReturnTo returns returnTo unchanged if it is a local path with an
// optional query. Otherwise the error is ErrInvalidReturnTo. It rejects
// everything that a browser, a proxy or a second decoding could interpret as
// another site (RFC 9700 section 4.11.1).
func CheckReturnTo(returnTo string) (string, error) {
	refuse := func(why string) (string, error) { return "", fmt.Errorf("%w: %s", ErrInvalidReturnTo, why) }
	if len(returnTo) > MaxReturnTo {
		return refuse("too long")
	}
	u, err := url.Parse(returnTo)
	if err != nil {
		return refuse("not a URL")
	}
	if u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return refuse("not a path")
	}
	if strings.ContainsAny(returnTo, "\\#") || hasControl(returnTo) || !utf8.ValidString(returnTo) {
		return refuse("a character that a path does not have")
	}
	p, _, _ := strings.Cut(returnTo, "?")
	for range 4 { // also checks values encoded two or three times
		if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.Contains(p, "\\") || hasControl(p) ||
			hasDotSegment(p) {
			return refuse("not a plain path")
		}
		decoded := decodeEscapes(p)
		if decoded == p {
			return returnTo, nil
		}
		p = decoded
	}
	return refuse("encoded too often")
}

// decodeEscapes decodes every valid escape and keeps invalid ones, like lenient
// decoders.
func decodeEscapes(p string) string {
	return escapes.ReplaceAllStringFunc(p, func(escape string) string {
		decoded, err := url.PathUnescape(escape)
		if err != nil {
			return escape
		}
		return decoded
	})
}

var escapes = regexp.MustCompile("%[[:xdigit:]]{2}")

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 })
}

func hasDotSegment(p string) bool {
	for segment := range strings.SplitSeq(p, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// pageOf returns the page to return to after connecting: the requested page, or
// the page of the form or script; empty if unknown. It uses the path that the
// browser sent, even if a proxy stripped a prefix.
func (c *Connector) pageOf(r *http.Request) string {
	var page string
	boosted := isHTMXLoad(r) && r.Header.Get("HX-Boosted") == "true" // htmx loads the page of a link
	if boosted || isPageLoad(r) {
		if u, err := url.ParseRequestURI(r.RequestURI); err == nil {
			u.RawQuery = strings.ReplaceAll(u.RawQuery, `\`, "%5C") // browsers don't encode it in a query
			page = u.RequestURI()
		}
	} else if referer, err := url.Parse(r.Referer()); err == nil {
		if referer.Host != "" && (referer.Host == r.Host || referer.Host == c.redirect.Host) {
			page = referer.RequestURI()
		}
	}
	page, err := CheckReturnTo(page)
	if err != nil {
		return ""
	}
	return page
}
