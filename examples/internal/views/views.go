// Package views has the example shop's pages: templates, stylesheet, drawings,
// and the models that fill them. It has no routing.
package views

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
)

//go:embed templates/*.html art/*.svg assets
var files embed.FS

// Views renders pages. Make one with New; it is safe for concurrent use.
type Views struct {
	templates *template.Template
	assets    http.Handler
	version   string // of the stylesheet, so that browsers can cache it
}

// New parses the templates.
func New() (*Views, error) {
	style, err := files.ReadFile("assets/style.css")
	if err != nil {
		return nil, fmt.Errorf("views: %w", err)
	}
	art, err := readArt()
	if err != nil {
		return nil, fmt.Errorf("views: %w", err)
	}
	assets, err := fs.Sub(files, "assets")
	if err != nil {
		return nil, fmt.Errorf("views: %w", err)
	}
	sum := sha256.Sum256(style)
	v := &Views{version: hex.EncodeToString(sum[:6]), assets: http.FileServerFS(assets)}
	v.templates, err = template.New("shop").Funcs(template.FuncMap{
		"art":        art.draw,
		"gloebits":   Gloebits,
		"segment":    url.PathEscape,
		"stylesheet": func() string { return "/assets/style.css?v=" + v.version },
	}).ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("views: %w", err)
	}
	return v, nil
}

// Render writes the page with the status. It renders the whole page before it
// writes, so an error leaves the response untouched.
func (v *Views) Render(w http.ResponseWriter, status int, page Page) error {
	var b bytes.Buffer
	if err := v.templates.ExecuteTemplate(&b, page.template(), page); err != nil {
		return fmt.Errorf("views: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store") // pages contain balances and order keys
	w.WriteHeader(status)
	_, err := b.WriteTo(w)
	return err
}

// Assets serves the stylesheet and the icon below /assets/.
func (v *Views) Assets() http.Handler {
	files := http.StripPrefix("/assets/", v.assets)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("v") == v.version {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		files.ServeHTTP(w, r)
	})
}

// drawings maps slugs to SVG pictures.
type drawings map[string]template.HTML

func readArt() (drawings, error) {
	entries, err := files.ReadDir("art")
	if err != nil {
		return nil, err
	}
	art := make(drawings, len(entries))
	for _, entry := range entries {
		svg, err := files.ReadFile(path.Join("art", entry.Name()))
		if err != nil {
			return nil, err
		}
		art[strings.TrimSuffix(entry.Name(), ".svg")] = template.HTML(svg) // trusted: our own files
	}
	return art, nil
}

// draw returns the picture of the slug, or the shop's logo if there is none: a
// merchant may define products for which this shop has no drawing.
func (d drawings) draw(slug string) template.HTML {
	if svg, ok := d[slug]; ok {
		return svg
	}
	return d["mark"]
}
