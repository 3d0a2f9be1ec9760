package views

import (
	"net/http"
	"net/url"
)

// Headers sets what keeps a browser from doing more with the pages than they
// need: no scripts, no frames, styles and pictures from here only. Forms lead to
// the shop, and to the site of gloebitURL: browsers hold the redirects that
// follow a form to the same rule, and one may end at Gloebit's authorization page.
func Headers(gloebitURL string, next http.Handler) http.Handler {
	forms := "'self'"
	if u, err := url.Parse(gloebitURL); err == nil && u.Host != "" {
		forms += " " + u.Scheme + "://" + u.Host
	}
	policy := "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action " + forms
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}
