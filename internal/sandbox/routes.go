package sandbox

import (
	"net/http"
	"strings"
)

// maxForm limits the size of a form.
const maxForm = 64 << 10

// routes serves the pages, and passes every other path unchanged to the engine.
func (s *Sandbox) routes(hosts []string) (http.Handler, error) {
	pages := http.NewServeMux()
	for pattern, page := range map[string]http.HandlerFunc{
		"GET /{$}":                             s.home,
		"GET /sign-in":                         s.signInPage,
		"POST /sign-in":                        s.signIn,
		"POST /create-account":                 s.createAccount,
		"POST /sign-out":                       s.signOut,
		"GET /account":                         s.account,
		"POST /account/revoke":                 s.revoke,
		"POST /account/unsubscribe":            s.unsubscribe,
		"GET /purchase":                        s.purchasePage,
		"GET /purchase/{$}":                    s.purchasePage,
		"POST /purchase":                       s.purchase,
		"POST /purchase/{$}":                   s.purchase,
		"GET /merchant":                        s.merchant,
		"POST /merchant":                       s.addApplication,
		"GET /merchant/{key}":                  s.application,
		"POST /merchant/{key}/addresses":       s.setAddresses,
		"POST /merchant/{key}/products/add":    s.addProduct,
		"POST /merchant/{key}/products/price":  s.setPrice,
		"GET /merchant/{key}/products/remove":  s.askRemove,
		"POST /merchant/{key}/products/remove": s.removeProduct,
	} {
		pages.HandleFunc(pattern, page)
	}
	for name, contentType := range map[string]string{"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"} {
		file, err := s.embedded(name, contentType)
		if err != nil {
			return nil, err
		}
		pages.Handle("GET /"+name, file)
	}
	engine := s.worded(s.gloebit)
	for _, path := range []string{
		"/oauth2/authorize", "/oauth2/conditional-authorize", "/oauth/authorize", "/authorize-subscription/{id}",
	} {
		pages.Handle(path, engine)
		pages.Handle(path+"/{$}", engine)
	}
	return s.reachable(s.durable(s.choose(s.bounded(pages), pages, engine)), hosts), nil
}

// bounded parses forms of limited size.
func (s *Sandbox) bounded(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			s.problem(w, r, http.StatusBadRequest, "That can't be read", "The form or the address is broken or too long.")
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// choose sends a request to the pages if one of them matches, and otherwise to
// the engine. A ServeMux must not clean the engine's paths, because product
// names in them may contain anything.
func (s *Sandbox) choose(bounded http.Handler, pages *http.ServeMux, engine http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := pages.Handler(r); pattern != "" {
			bounded.ServeHTTP(w, r)
			return
		}
		engine.ServeHTTP(w, r)
	})
}

// worded shows browsers a page where the engine responds with a bare 404 or
// 405.
func (s *Sandbox) worded(engine http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept"), "text/html") {
			engine.ServeHTTP(w, r)
			return
		}
		held := &holdBack{ResponseWriter: w}
		engine.ServeHTTP(held, r)
		switch held.status {
		case http.StatusNotFound:
			s.problem(w, r, held.status, "No such page", "There is nothing at this address.")
		case http.StatusMethodNotAllowed:
			s.problem(w, r, held.status, "Not like that", "This address can't be used in that way.")
		}
	})
}

// holdBack suppresses 404 and 405 responses that are not HTML, and keeps their
// status. Other responses pass.
type holdBack struct {
	http.ResponseWriter
	status int
}

func (h *holdBack) WriteHeader(status int) {
	bare := !strings.HasPrefix(h.Header().Get("Content-Type"), "text/html")
	if bare && (status == http.StatusNotFound || status == http.StatusMethodNotAllowed) {
		h.status = status
		h.Header().Del("Content-Length")
		return
	}
	h.ResponseWriter.WriteHeader(status)
}

func (h *holdBack) Write(b []byte) (int, error) {
	if h.status != 0 {
		return len(b), nil
	}
	return h.ResponseWriter.Write(b)
}

// Unwrap supports http.ResponseController.
func (h *holdBack) Unwrap() http.ResponseWriter { return h.ResponseWriter }
