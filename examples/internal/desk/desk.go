// Package desk hands the storefront's replies to browsers: what the shops of all
// frameworks have in common, once a request was routed and its form read.
package desk

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit"

	"github.com/go-gloebit/gloebit/examples/internal/storefront"
	"github.com/go-gloebit/gloebit/examples/internal/views"
)

// LargestForm bounds what a form may send, in bytes; the shop's own are far
// smaller.
const LargestForm = 16 << 10

// Desk writes replies. All fields must be set before the first request; Front
// may be set after gloebit.New was called with the desk's methods.
type Desk struct {
	Front *storefront.Storefront
	Pages *views.Views
	URL   string // where browsers find the shop: scheme and host
	Log   *slog.Logger
}

// NewSessions returns the browser sessions of a shop at that URL. On https the
// cookie's prefix makes the browser hold it to this host.
func NewSessions(shopURL string) *scs.SessionManager {
	sessions := scs.New()
	sessions.Cookie.Name = "hat_shop"
	if strings.HasPrefix(shopURL, "https://") {
		sessions.Cookie.Name = "__Host-hat_shop"
		sessions.Cookie.Secure = true
	}
	return sessions
}

// Answer writes a reply of the storefront, or its error in words.
func (d *Desk) Answer(w http.ResponseWriter, r *http.Request, reply storefront.Reply, err error) {
	if err != nil {
		d.Log.WarnContext(r.Context(), "shop: a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		d.Fail(w, r, err)
		return
	}
	d.write(w, r, reply)
}

// Fail says in words what went wrong. It is the shop's gloebit.Config.ErrorHandler
// too, for what fails while connecting and for forms of visitors who are no
// longer connected. A handler with less to say calls Merchant.HandleError.
func (d *Desk) Fail(w http.ResponseWriter, r *http.Request, err error) {
	back := d.back(r)
	var failed *gloebit.ConnectError
	if errors.As(err, &failed) && failed.ReturnTo != "" {
		back = failed.ReturnTo
	}
	d.write(w, r, d.Front.Trouble(r.Context(), back, err))
}

// Connected is the shop's gloebit.Config.OnConnect: it greets who has connected.
func (d *Desk) Connected(r *http.Request, connection gloebit.Connection) error {
	return d.Front.Connected(r, connection)
}

// CrossOrigin answers a form that another site sent.
func (d *Desk) CrossOrigin(w http.ResponseWriter, r *http.Request) {
	d.write(w, r, d.Front.CrossOrigin(r.Context()))
}

func (d *Desk) write(w http.ResponseWriter, r *http.Request, reply storefront.Reply) {
	if reply.Location != "" {
		http.Redirect(w, r, reply.Location, http.StatusSeeOther)
		return
	}
	if err := d.Pages.Render(w, reply.Status, reply.Page); err != nil {
		d.Log.ErrorContext(r.Context(), "shop: no page", "path", r.URL.Path, "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

// back is the page on which the visitor is: the one that was asked for, or the
// one that holds the form that was sent.
func (d *Desk) back(r *http.Request) string {
	page := r.URL
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		referer, err := url.Parse(r.Referer())
		if err != nil || referer.Scheme+"://"+referer.Host != d.URL {
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
