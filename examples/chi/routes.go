package main

import (
	"context"
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"
	"github.com/go-gloebit/gloebit"
	gloebitchi "github.com/go-gloebit/gloebit/adapters/chi"

	"github.com/go-gloebit/gloebit/examples/internal/desk"
	"github.com/go-gloebit/gloebit/examples/internal/storefront"
)

// shop is the storefront with its routing by chi.
type shop struct{ *desk.Desk }

// routes are the shop's pages, in one group for each kind of visitor.
func (s *shop) routes(r chi.Router, merchant *gloebit.Merchant) {
	r.Group(func(r chi.Router) { // anyone
		r.Use(merchant.Optional)
		r.Get("/", s.page(s.Front.Shelf))
		r.Get("/shelf/{article}", s.article(s.Front.Article))
		r.Get("/merchant", s.page(s.Front.BackOffice))
		r.Get("/goodbye", s.page(s.Front.Goodbye))
	})
	r.Group(func(r chi.Router) { // the connected
		r.Use(gloebitchi.Require(merchant))
		r.Get("/not-enough/{article}", s.article(s.Front.NotEnough))
		r.Get("/purchases", s.page(s.Front.Purchases))
	})
	r.Group(func(r chi.Router) { // those who let the shop see what they own
		r.Use(gloebitchi.Require(merchant, gloebit.ScopeInventory))
		r.Get("/things", s.page(s.Front.Things))
		r.Post("/use/{article}", s.form(s.Front.Use))
	})
	r.With(gloebitchi.Require(merchant, gloebit.ScopeTransact)).Post("/buy/{article}", s.form(s.Front.Buy))
	r.NotFound(merchant.Optional(s.page(s.Front.NotFound)).ServeHTTP)
}

// page serves a page that needs nothing from the request but its context.
func (s *shop) page(look func(context.Context) (storefront.Reply, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		reply, err := look(r.Context())
		s.Answer(w, r, reply, err)
	}
}

// article serves a page about an article and a quantity.
func (s *shop) article(look func(ctx context.Context, slug, quantity string) (storefront.Reply, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		reply, err := look(r.Context(), slug(r), r.FormValue("quantity"))
		s.Answer(w, r, reply, err)
	}
}

// form works a form about an article. A field that can't be read is empty, which
// the storefront refuses.
func (s *shop) form(work func(ctx context.Context, slug string, form storefront.Form) (storefront.Reply, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, desk.LargestForm)
		form := storefront.Form{Order: r.PostFormValue("order"), Quantity: r.PostFormValue("quantity")}
		reply, err := work(r.Context(), slug(r), form)
		s.Answer(w, r, reply, err)
	}
}

// slug is the article that the path names. Chi leaves it escaped where it holds a
// slash.
func slug(r *http.Request) string {
	slug := chi.URLParam(r, "article")
	if r.URL.RawPath == "" {
		return slug
	}
	plain, err := url.PathUnescape(slug)
	if err != nil { // no article has such a name
		return slug
	}
	return plain
}
