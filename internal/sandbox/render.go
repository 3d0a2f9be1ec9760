package sandbox

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
)

//go:embed web
var web embed.FS

// pageNames returns the pages in folder web. Each fills the layout.
func pageNames() []string {
	return []string{
		"home", "signin", "consent", "subscription", "notice", "purchase", "account", "merchant", "application", "remove",
		"problem",
	}
}

// The policies of the pages. Chromium applies form-action to every redirect
// after a form. So the consent page and the sign-in before it omit it, because
// their forms may lead to the application's URL.
const (
	policyStrict = policyLeads + "; form-action 'self'"
	policyLeads  = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)

// view is the data of the layout, and the page's own data.
type view struct {
	Title   string
	Nav     string // the layout's link to the current page
	Problem string // shown above the content: the error of a form
	Narrow  bool
	Leads   bool // a form of the page may lead to another site
	User    *gloebittest.User
	Data    any
}

func parsePages() (map[string]*template.Template, error) {
	pages := map[string]*template.Template{}
	for _, name := range pageNames() {
		page, err := template.ParseFS(web, "web/layout.html", "web/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("sandbox: page %s: %w", name, err)
		}
		pages[name] = page
	}
	return pages, nil
}

// show writes a page. It renders the whole page before writing, so that a
// failure results in an error page.
func (s *Sandbox) show(w http.ResponseWriter, r *http.Request, status int, page string, v view) {
	if v.User == nil {
		v.User = s.signedIn(r)
	}
	var b bytes.Buffer
	if err := s.pages[page].ExecuteTemplate(&b, "layout", v); err != nil {
		s.log.ErrorContext(r.Context(), "sandbox: page can't be made", "page", page, "error", err)
		http.Error(w, "This page could not be made.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	guard(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if v.Leads {
		h.Set("Content-Security-Policy", policyLeads)
	}
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // an error means that the browser has disconnected
}

// guard sets the headers of every page. The referrer policy must not be
// no-referrer, because browsers then send "Origin: null" with forms, and over
// plain HTTP only the Origin distinguishes the page's own forms from another
// site's.
func guard(h http.Header) {
	h.Set("Content-Security-Policy", policyStrict)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// problem shows an error page.
func (s *Sandbox) problem(w http.ResponseWriter, r *http.Request, status int, title, text string) {
	s.show(w, r, status, "problem", view{Title: title, Narrow: true, Data: struct{ Text string }{text}})
}

// embedded serves one embedded file, which browsers revalidate each time.
func (s *Sandbox) embedded(name, contentType string) (http.Handler, error) {
	content, err := web.ReadFile("web/" + name)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	sum := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		guard(h)
		h.Set("Content-Type", contentType)
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		http.ServeContent(w, r, name, time.Time{}, strings.NewReader(string(content)))
	}), nil
}
