package gloebitchi_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-gloebit/gloebit"
	gloebitchi "github.com/go-gloebit/gloebit/adapters/chi"
	"github.com/stretchr/testify/require"
)

// TestTwoMerchants checks that each of two merchants in one router has its own
// routes, even if the directory of one ends with the directory of the other.
func TestTwoMerchants(t *testing.T) {
	for _, c := range []struct{ name, prefix, stripped string }{
		{"outermost router", "", ""}, {"router below a prefix", "/shop", ""}, {"prefix stripped", "", "/shop"},
	} {
		for _, order := range [][]string{{"/gloebit", "/test/gloebit"}, {"/test/gloebit", "/gloebit"}} {
			t.Run(c.name+order[0], func(t *testing.T) {
				var merchants []*gloebit.Merchant
				for _, directory := range order {
					m, err := gloebit.New(gloebit.Config{
						ClientID: "shop", ClientSecret: "secret", Provider: gloebit.Sandbox(), HomePath: "/home" + directory,
						RedirectURL: "https://shop.example" + c.prefix + c.stripped + directory + "/callback",
					})
					require.NoError(t, err)
					merchants = append(merchants, m)
				}
				router, sub := chi.NewRouter(), chi.NewRouter()
				for _, m := range merchants {
					gloebitchi.Register(sub, m)
				}
				router.Mount(c.prefix+"/", sub)
				for _, directory := range order {
					r := httptest.NewRequest(http.MethodPost, c.prefix+directory+"/disconnect", nil)
					w := httptest.NewRecorder()
					router.ServeHTTP(w, r)
					require.Equal(t, http.StatusSeeOther, w.Code)
					require.Equal(t, c.stripped+"/home"+directory, w.Header().Get("Location"))
					r = httptest.NewRequest(http.MethodGet, c.prefix+directory+"/connect", nil)
					w = httptest.NewRecorder()
					router.ServeHTTP(w, r)
					require.Contains(
						t, w.Header().Get("Location"), url.QueryEscape(c.prefix+c.stripped+directory+"/callback")+"&",
					)
				}
			})
		}
	}
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
