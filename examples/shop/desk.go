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

// maxForm is the maximum size of a form, in bytes. The shop's own forms are far
// smaller.
const maxForm = 16 << 10

// shop sends the storefront's replies to browsers. All fields must be set before
// the first request. front is set after gloebit.New, because it needs the
// Merchant, whose Config has methods of shop.
type shop struct {
	front *storefront.Storefront
	pages *views.Views
	url   string // where browsers find the shop: scheme and host
	trial bool   // Gloebit is a sandbox
	log   *slog.Logger
}

// newSessions returns the browser sessions of a shop at that URL. On https,
// the prefix of the cookie's name makes browsers send it to this host only.
func newSessions(shopURL string) *scs.SessionManager {
	sessions := scs.New()
	sessions.Cookie.Name = "hat_shop"
	if strings.HasPrefix(shopURL, "https://") {
		sessions.Cookie.Name = "__Host-hat_shop"
		sessions.Cookie.Secure = true
	}
	return sessions
}

// operator decides who may use the console. With play money, every visitor may
// look and connected users may act. With a real Gloebit the console is closed:
// to open it, check the sign-in of your staff here.
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

// answer writes a reply of the storefront or, for an error, the page that
// explains it.
func (s *shop) answer(w http.ResponseWriter, r *http.Request, reply storefront.Reply, err error) {
	if err != nil {
		s.log.WarnContext(r.Context(), "shop: a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		s.fail(w, r, err)
		return
	}
	s.write(w, r, reply)
}

// fail writes the page that explains an error. It is also the shop's
// gloebit.Config.ErrorHandler, which gets errors while connecting and forms of
// visitors who are no longer connected. An application without such pages calls
// Merchant.HandleError.
func (s *shop) fail(w http.ResponseWriter, r *http.Request, err error) {
	back := s.back(r)
	var failed *gloebit.ConnectError
	if errors.As(err, &failed) && failed.ReturnTo != "" {
		back = failed.ReturnTo
	}
	s.write(w, r, s.front.Trouble(r.Context(), back, err))
}

// greet is the shop's gloebit.Config.OnConnect: it greets a user who
// has connected.
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

// back returns the local URL of the visitor's page: the requested page or, for a
// form, the page that contains the form.
func (s *shop) back(r *http.Request) string {
	page := r.URL
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		referer, err := url.Parse(r.Referer())
		if err != nil || referer.Scheme+"://"+referer.Host != s.url {
			return storefront.PathShelf
		}
		page = referer
	}
	if strings.HasPrefix(page.Path, "/gloebit/") { // no page to return to
		return storefront.PathShelf
	}
	return page.RequestURI()
}
