package main

import (
	"context"
	"net/http"

	"github.com/go-gloebit/gloebit/examples/internal/storefront"
)

// page serves a page that needs nothing from the request but its context.
func (s *shop) page(look func(context.Context) (storefront.Reply, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply, err := look(r.Context())
		s.answer(w, r, reply, err)
	})
}

func (s *shop) article(w http.ResponseWriter, r *http.Request) {
	reply, err := s.front.Article(r.Context(), r.PathValue("article"), r.FormValue("quantity"))
	s.answer(w, r, reply, err)
}

func (s *shop) buy(w http.ResponseWriter, r *http.Request) {
	reply, err := s.front.Buy(r.Context(), r.PathValue("article"), form(w, r))
	s.answer(w, r, reply, err)
}

func (s *shop) use(w http.ResponseWriter, r *http.Request) {
	reply, err := s.front.Use(r.Context(), r.PathValue("article"), form(w, r))
	s.answer(w, r, reply, err)
}

func (s *shop) checkout(w http.ResponseWriter, r *http.Request) {
	reply, err := s.front.Checkout(r.Context(), r.PathValue("article"), r.FormValue("quantity"))
	s.answer(w, r, reply, err)
}

func (s *shop) askUse(w http.ResponseWriter, r *http.Request) {
	reply, err := s.front.AskUse(r.Context(), r.PathValue("article"))
	s.answer(w, r, reply, err)
}

func (s *shop) receipt(w http.ResponseWriter, r *http.Request) {
	reply, err := s.front.Receipt(r.Context(), r.PathValue("id"), r.URL.Query().Has("wait"))
	s.answer(w, r, reply, err)
}

// form reads the fields of a form. If they can't be read, the Form is empty, and
// the storefront rejects it.
func form(w http.ResponseWriter, r *http.Request) storefront.Form {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	return storefront.Form{
		Order: r.PostFormValue("order"), Quantity: r.PostFormValue("quantity"), Total: r.PostFormValue("total"),
	}
}
