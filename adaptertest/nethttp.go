package adaptertest

import (
	"io"
	"net/http"

	"github.com/go-gloebit/gloebit"
)

// NetHTTP is the application with plain net/http.
func NetHTTP(a *App) http.Handler {
	m := a.Merchant
	greet := func(w http.ResponseWriter, r *http.Request) {
		client, _ := gloebit.FromContext(r.Context())
		_, _ = io.WriteString(w, a.Greet(client))
	}
	later := func(next http.HandlerFunc) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a.Later(w.Header())
			next(w, r)
		})
	}
	mux := http.NewServeMux()
	mux.Handle(a.Prefix+"/gloebit/", m.Handler())
	mux.Handle("GET "+a.Prefix+"/optional", m.Optional(http.HandlerFunc(greet)))
	mux.Handle("GET "+a.Prefix+"/note", m.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.Remember(r.Context())
		w.WriteHeader(http.StatusNoContent)
	})))
	mux.Handle("GET "+a.Prefix+"/noted", m.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, a.Recall(r.Context()))
	})))
	mux.Handle("GET "+a.Prefix+"/stream", m.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.Stream(r.Context(),
			func(chunk string) { _, _ = io.WriteString(w, chunk) },
			func() { _ = http.NewResponseController(w).Flush() })
	})))
	mux.Handle(a.Prefix+"/raw/{what}", m.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.Raw(r.PathValue("what"), w, r)
	})))
	mux.Handle(a.Prefix+"/private", m.RequireGloebit(later(greet)))
	mux.Handle("GET "+a.Prefix+"/inventory", m.RequireScopes(gloebit.ScopeInventory)(later(greet)))
	mux.Handle("GET "+a.Prefix+"/balance", m.RequireGloebit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		balance, err := a.Balance(r.Context(), gloebit.MustFromContext(r.Context()))
		if err != nil {
			m.HandleError(w, r, err)
			return
		}
		_, _ = io.WriteString(w, balance)
	})))
	mux.Handle(
		"GET "+a.Prefix+"/panic",
		m.RequireGloebit(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("the hat stand fell over") })),
	)
	mux.Handle(a.Prefix+"/fail/{what}", m.RequireGloebit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.HandleError(w, r, a.Failure(r.PathValue("what")))
	})))
	var app http.Handler = mux
	if a.Sessions != nil {
		app = a.Sessions.LoadAndSave(app)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			}
		}()
		app.ServeHTTP(w, r)
	})
}
