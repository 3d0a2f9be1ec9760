package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-gloebit/gloebit"

	"github.com/go-gloebit/gloebit/examples/internal/storefront"
	"github.com/go-gloebit/gloebit/examples/internal/views"
)

// largestForm bounds what a form may send; the shop's own are far smaller.
const largestForm = 16 << 10

// shop is the storefront with its routing by net/http.
type shop struct {
	front *storefront.Storefront
	pages *views.Views
	url   string
	log   *slog.Logger
}

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

func (s *shop) notEnough(w http.ResponseWriter, r *http.Request) {
	reply, err := s.front.NotEnough(r.Context(), r.PathValue("article"), r.FormValue("quantity"))
	s.answer(w, r, reply, err)
}

// form reads the fields of a form. One that can't be read is empty, which the
// storefront refuses.
func form(w http.ResponseWriter, r *http.Request) storefront.Form {
	r.Body = http.MaxBytesReader(w, r.Body, largestForm)
	return storefront.Form{Order: r.PostFormValue("order"), Quantity: r.PostFormValue("quantity")}
}

// connected is called when a visitor has connected.
func (s *shop) connected(r *http.Request, connection gloebit.Connection) error {
	return s.front.Connected(r, connection)
}

// crossOrigin answers a form that another site sent.
func (s *shop) crossOrigin(w http.ResponseWriter, r *http.Request) {
	s.write(w, r, s.front.CrossOrigin(r.Context()))
}

// answer writes a reply of the storefront, or its error in words.
func (s *shop) answer(w http.ResponseWriter, r *http.Request, reply storefront.Reply, err error) {
	if err != nil {
		s.log.WarnContext(r.Context(), "shop: a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		s.fail(w, r, err)
		return
	}
	s.write(w, r, reply)
}

// fail says in words what went wrong. It is the shop's gloebit.Config.ErrorHandler
// too, for what fails while connecting and for forms of visitors who are no
// longer connected. A handler with less to say calls Merchant.HandleError.
func (s *shop) fail(w http.ResponseWriter, r *http.Request, err error) {
	back := s.back(r)
	var failed *gloebit.ConnectError
	if errors.As(err, &failed) && failed.ReturnTo != "" {
		back = failed.ReturnTo
	}
	s.write(w, r, s.front.Trouble(r.Context(), back, err))
}

func (s *shop) write(w http.ResponseWriter, r *http.Request, reply storefront.Reply) {
	if reply.Location != "" {
		http.Redirect(w, r, reply.Location, http.StatusSeeOther)
		return
	}
	if err := s.pages.Render(w, reply.Status, reply.Page); err != nil {
		s.log.ErrorContext(r.Context(), "shop: no page", "path", r.URL.Path, "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

// back is the page on which the visitor is: the one that was asked for, or the
// one that holds the form that was sent.
func (s *shop) back(r *http.Request) string {
	page := r.URL
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		referer, err := url.Parse(r.Referer())
		if err != nil || referer.Scheme+"://"+referer.Host != s.url {
			return storefront.PathShelf
		}
		page = referer
	}
	for _, elsewhere := range []string{"/gloebit/", "/buy/", "/use/"} { // answers to these are no pages to come back to
		if strings.HasPrefix(page.Path, elsewhere) {
			return storefront.PathShelf
		}
	}
	return page.RequestURI()
}
