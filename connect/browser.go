package connect

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// maxQuery is the greatest length of a query of connect and callback, in bytes.
// It fits a return_to of MaxReturnTo with every character encoded.
const maxQuery = 8 << 10

// queryOf parses the query of an untrusted request.
func queryOf(r *http.Request) (url.Values, error) {
	if len(r.URL.RawQuery) > maxQuery {
		return nil, fmt.Errorf("the query is of %d bytes, more than %d", len(r.URL.RawQuery), maxQuery)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errors.New("the query can't be read")
	}
	return query, nil
}

// isPrefetch reports whether a browser loads a page that the user may never
// see. Such a request must not start a connection or use a state.
func isPrefetch(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		purpose := strings.ToLower(strings.Join(r.Header[name], ","))
		if strings.HasPrefix(purpose, "prefetch") || strings.HasPrefix(purpose, "preview") {
			return true
		}
	}
	return false
}

// isPageLoad reports whether a browser loads the response as a page, so that it
// can follow a redirect to another site. It uses Sec-Fetch-Mode or, without it,
// the Accept header.
func isPageLoad(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || isHTMX(r) {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return acceptsHTML(r)
}

// isHTMX reports whether htmx sent the request.
func isHTMX(r *http.Request) bool { return r.Header.Get("HX-Request") == "true" }

// isHTMXLoad reports whether htmx may have sent the request without a user's
// action, because the page was loaded.
func isHTMXLoad(r *http.Request) bool {
	return isHTMX(r) && (r.Method == http.MethodGet || r.Method == http.MethodHead)
}

func acceptsHTML(r *http.Request) bool {
	return strings.Contains(strings.ToLower(strings.Join(r.Header.Values("Accept"), ",")), "text/html")
}

// protect sets the headers of every response of the handlers: the response is
// not cached, and the callback's URL is not sent as a Referer (RFC 9700 section
// 4.2.4).
func protect(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
}

// redirect redirects the browser with a GET. http.Redirect would clean the path
// and write the URL into a body.
func redirect(w http.ResponseWriter, to string) { redirectWith(w, http.StatusSeeOther, to) }

func redirectWith(w http.ResponseWriter, status int, to string) {
	w.Header().Set("Location", escaped(to))
	w.WriteHeader(status)
}

// navigate is redirect for a URL of another site. A script can't follow a
// redirect there, so an htmx request gets a header that makes its page navigate.
func navigate(w http.ResponseWriter, r *http.Request, to string) {
	if !isHTMX(r) {
		redirect(w, to)
		return
	}
	w.Header().Set("HX-Redirect", escaped(to))
	w.WriteHeader(http.StatusNoContent)
}

// escaped returns a URL with the characters encoded that a header can't carry.
func escaped(to string) string {
	if strings.ContainsFunc(to, mustEscape) {
		var location []byte
		for _, b := range []byte(to) {
			if mustEscape(rune(b)) {
				location = fmt.Appendf(location, "%%%02X", b)
			} else {
				location = append(location, b)
			}
		}
		to = string(location)
	}
	return to
}

// mustEscape reports whether a character must be encoded in a header.
func mustEscape(r rune) bool { return r <= ' ' || r >= 0x7f }
