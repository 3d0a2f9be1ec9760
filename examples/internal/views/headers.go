package views

import (
	"net/http"
	"net/url"
)

// Headers restricts what browsers may do with the pages: no scripts, no frames,
// and styles and pictures from this site only. Forms may lead to the shop and
// to the site of gloebitURL, because browsers apply form-action to redirects,
// too, and one may lead to Gloebit's authorization page.
func Headers(gloebitURL string, next http.Handler) http.Handler {
	forms := "'self'"
	if u, err := url.Parse(gloebitURL); err == nil && u.Host != "" {
		forms += " " + u.Scheme + "://" + u.Host
	}
	policy := "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; " +
		"frame-ancestors 'none'; form-action " + forms
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}
