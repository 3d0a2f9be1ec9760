package gloebitchi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-gloebit/gloebit"
	gloebitchi "github.com/go-gloebit/gloebit/adapters/chi"
	"github.com/go-gloebit/gloebit/adaptertest"
	"github.com/stretchr/testify/require"
)

// framework is chi, with the routes in one router or in a Route of it.
var framework = adaptertest.Framework{New: func(a *adaptertest.App) http.Handler {
	r := newRouter(a)
	if a.Prefix == "" {
		routes(a, r)
	} else {
		r.Route(a.Prefix, func(r chi.Router) { routes(a, r) })
	}
	return r
}}

func TestConformance(t *testing.T) { adaptertest.Run(t, framework) }

func TestSecurity(t *testing.T) { adaptertest.RunSecurity(t, framework) }

func TestRouterMountedUnderPrefix(t *testing.T) {
	adaptertest.Run(t, adaptertest.Framework{New: func(a *adaptertest.App) http.Handler {
		sub := chi.NewRouter()
		routes(a, sub)
		r := newRouter(a)
		r.Mount(a.Prefix+"/", sub)
		return r
	}})
}

func TestPrefixStrippedBeforeRouter(t *testing.T) {
	adaptertest.Run(t, adaptertest.Framework{New: func(a *adaptertest.App) http.Handler {
		r := newRouter(a)
		routes(a, r)
		return http.StripPrefix(a.Prefix, r)
	}})
}

func TestRegisterOnOutermostRouter(t *testing.T) {
	adaptertest.Run(t, adaptertest.Framework{New: func(a *adaptertest.App) http.Handler {
		r := newRouter(a)
		gloebitchi.Register(r, a.Merchant)
		if a.Prefix == "" {
			pages(a, r)
		} else {
			r.Route(a.Prefix, func(r chi.Router) { pages(a, r) })
		}
		return r
	}})
}

func newRouter(a *adaptertest.App) chi.Router {
	r := chi.NewRouter()
	r.Use(recoverer)
	if a.Sessions != nil {
		r.Use(a.Sessions.LoadAndSave)
	}
	return r
}

// recoverer is chi's Recoverer without its print of the stack.
func recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		middleware.Recoverer(next).ServeHTTP(w, middleware.WithLogEntry(r, quiet{}))
	})
}

// quiet is a log entry that is discarded.
type quiet struct{ middleware.LogEntry }

func (quiet) Panic(any, []byte) {}

func routes(a *adaptertest.App, r chi.Router) {
	gloebitchi.Register(r, a.Merchant)
	pages(a, r)
}

func pages(a *adaptertest.App, r chi.Router) {
	greet := func(w http.ResponseWriter, r *http.Request) {
		client, _ := gloebit.FromContext(r.Context())
		_, _ = io.WriteString(w, a.Greet(client))
	}
	r.Group(func(r chi.Router) {
		r.Use(a.Merchant.Optional)
		r.Get("/optional", greet)
		r.Get("/note", func(w http.ResponseWriter, r *http.Request) {
			a.Remember(r.Context())
			w.WriteHeader(http.StatusNoContent)
		})
		r.Get("/noted", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, a.Recall(r.Context())) })
		r.Get("/stream", func(w http.ResponseWriter, r *http.Request) {
			a.Stream(r.Context(),
				func(chunk string) { _, _ = io.WriteString(w, chunk) },
				func() { _ = http.NewResponseController(w).Flush() })
		})
		r.HandleFunc("/raw/{what}", func(w http.ResponseWriter, r *http.Request) { a.Raw(chi.URLParam(r, "what"), w, r) })
	})
	later := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a.Later(w.Header())
			next.ServeHTTP(w, r)
		})
	}
	r.With(gloebitchi.Require(a.Merchant, gloebit.ScopeInventory), later).Get("/inventory", greet)
	r.Group(func(r chi.Router) {
		r.Use(gloebitchi.Require(a.Merchant))
		r.With(later).HandleFunc("/private", greet)
		r.Get("/balance", func(w http.ResponseWriter, r *http.Request) {
			balance, err := a.Balance(r.Context(), gloebit.MustFromContext(r.Context()))
			if err != nil {
				a.Merchant.HandleError(w, r, err)
				return
			}
			_, _ = io.WriteString(w, balance)
		})
		r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("the hat stand fell over") })
		r.HandleFunc("/fail/{what}", func(w http.ResponseWriter, r *http.Request) {
			a.Merchant.HandleError(w, r, a.Failure(chi.URLParam(r, "what")))
		})
	})
}

func TestRegisterAtRootKeepsOtherRoutes(t *testing.T) {
	m, err := gloebit.New(gloebit.Config{
		ClientID: "key", ClientSecret: "secret", Provider: gloebit.Sandbox(), RedirectURL: "https://shop.example/callback",
	})
	require.NoError(t, err)
	r := chi.NewRouter()
	r.Get("/hats", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	gloebitchi.Register(r, m)
	for path, want := range map[string]int{
		"/hats": http.StatusTeapot, "/callback": http.StatusBadRequest, "/nowhere": http.StatusNotFound,
	} {
		recorder := httptest.NewRecorder()
		r.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		require.Equal(t, want, recorder.Code, path)
	}
}

// TestApplicationRoutesDoNotConflict checks that an application may have routes
// at the stripped paths of the package's own routes.
func TestApplicationRoutesDoNotConflict(t *testing.T) {
	m, err := gloebit.New(gloebit.Config{
		ClientID: "key", ClientSecret: "secret", Provider: gloebit.Sandbox(),
		RedirectURL: "https://shop.example/shop/pay/gloebit/callback",
	})
	require.NoError(t, err)
	for route, path := range map[string]string{
		"/pay/*": "/pay/hats", "/gloebit/connect": "/gloebit/connect", "/gloebit/*": "/gloebit/hats", "/*": "/hats",
	} {
		t.Run(route, func(t *testing.T) {
			r := chi.NewRouter()
			gloebitchi.Register(r, m)
			r.Get(route, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
			for path, want := range map[string]int{path: http.StatusTeapot, "/shop/pay/gloebit/connect": http.StatusSeeOther} {
				recorder := httptest.NewRecorder()
				r.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
				require.Equal(t, want, recorder.Code, path)
			}
		})
	}
}
