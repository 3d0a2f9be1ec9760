package gloebitchi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-gloebit/gloebit"
	gloebitchi "github.com/go-gloebit/gloebit/adapters/chi"
	"github.com/go-gloebit/gloebit/adaptertest"
	"github.com/stretchr/testify/require"
)

// TestTwoMerchants checks that each of two merchants in one router has its own
// routes, even if the directory of one ends with the directory of the other.
func TestTwoMerchants(t *testing.T) {
	adaptertest.RunTwoMerchants(t, func(t *testing.T, two adaptertest.TwoMerchants) http.Handler {
		t.Helper()
		router, sub := chi.NewRouter(), chi.NewRouter()
		for _, m := range two.Merchants {
			gloebitchi.Register(sub, m)
		}
		router.Mount(two.Prefix+"/", sub)
		return router
	})
}

// TestApplicationRouteIsKept checks that the application's route at a path
// without the first segments is not replaced.
func TestApplicationRouteIsKept(t *testing.T) {
	m, err := gloebit.New(gloebit.Config{
		ClientID: "shop", ClientSecret: "secret", Provider: gloebit.Sandbox(),
		RedirectURL: "https://shop.example/shop/pay/callback",
	})
	require.NoError(t, err)
	router := chi.NewRouter()
	teapot := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }
	router.Get("/pay/connect", teapot)
	router.With(func(next http.Handler) http.Handler { return next }).Get("/pay/callback", teapot)
	gloebitchi.Register(router, m)
	for path, want := range map[string]int{
		"/pay/connect": http.StatusTeapot, "/pay/callback": http.StatusTeapot,
		"/shop/pay/connect": http.StatusSeeOther, "/pay/disconnect": http.StatusMethodNotAllowed,
	} {
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		require.Equal(t, want, w.Code, path)
	}
}
