package main

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger/console"

	"github.com/go-gloebit/gloebit/examples/internal/storefront"
	"github.com/go-gloebit/gloebit/examples/internal/views"
)

// maxForm bounds what a form may send, in bytes; the shop's own are far
// smaller.
const maxForm = 16 << 10

// shop hands the storefront's replies to browsers. All fields must be set before
// the first request; front may be set after gloebit.New was called with the
// shop's methods.
type shop struct {
	front *storefront.Storefront
	pages *views.Views
	url   string // where browsers find the shop: scheme and host
	trial bool   // Gloebit is a sandbox
	log   *slog.Logger
}

// newSessions returns the browser sessions of a shop at that URL. On https the
// cookie's prefix makes the browser hold it to this host.
func newSessions(shopURL string) *scs.SessionManager {
	sessions := scs.New()
	sessions.Cookie.Name = "hat_shop"
	if strings.HasPrefix(shopURL, "https://") {
		sessions.Cookie.Name = "__Host-hat_shop"
		sessions.Cookie.Secure = true
	}
	return sessions
}

// operator decides who may look into the back office. Where the gloebits are play
// money every visitor may look, and users who are connected may act. Elsewhere it
// is closed: ask your own staff's sign-in here.
func (s *shop) operator(r *http.Request) console.Operator {
	if !s.trial {
		return console.Operator{}
	}
	if client, connected := gloebit.FromContext(r.Context()); connected {
		user := client.User()
		return console.Operator{Name: cmp.Or(user.Name, user.ID), May: console.Act}
	}
	return console.Operator{Name: "a visitor", May: console.Read}
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

// greet is the shop's gloebit.Config.OnConnect: it greets who has connected.
func (s *shop) greet(r *http.Request, connection gloebit.Connection) error {
	return s.front.Connected(r, connection)
}

// crossOrigin answers a form that another site sent.
func (s *shop) crossOrigin(w http.ResponseWriter, r *http.Request) {
	s.write(w, r, s.front.CrossOrigin(r.Context()))
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
	if strings.HasPrefix(page.Path, "/gloebit/") { // which has no pages to come back to
		return storefront.PathShelf
	}
	return page.RequestURI()
}
