package adaptertest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
)

// TwoMerchants are two merchants in one router. The directory of one ends with
// the directory of the other.
type TwoMerchants struct {
	Merchants []*gloebit.Merchant // in the order in which to register them
	Prefix    string              // of the router in which to register them; empty for the outermost
	Stripped  bool                // a proxy strips a prefix
	LongFirst bool                // the merchant with the longer path comes first
}

// RunTwoMerchants checks that each of two merchants in one router has its own
// routes, in any order. NewRouter returns the router with the merchants' routes.
func RunTwoMerchants(t *testing.T, newRouter func(t *testing.T, two TwoMerchants) http.Handler) {
	t.Helper()
	for _, c := range []struct{ name, prefix, stripped string }{
		{"outermost router", "", ""}, {"router below a prefix", "/shop", ""}, {"prefix stripped", "", "/shop"},
	} {
		for _, order := range [][]string{{"/gloebit", "/test/gloebit"}, {"/test/gloebit", "/gloebit"}} {
			t.Run(c.name+order[0], func(t *testing.T) {
				two := TwoMerchants{Prefix: c.prefix, Stripped: c.stripped != "", LongFirst: order[0] != "/gloebit"}
				for _, directory := range order {
					m, err := gloebit.New(gloebit.Config{
						ClientID: "shop", ClientSecret: "secret", Provider: gloebit.Sandbox(), HomePath: "/home" + directory,
						RedirectURL: "https://shop.example" + c.prefix + c.stripped + directory + "/callback",
					})
					if err != nil {
						t.Fatal(err)
					}
					two.Merchants = append(two.Merchants, m)
				}
				router := newRouter(t, two)
				for _, directory := range order {
					w := httptest.NewRecorder()
					router.ServeHTTP(w, httptest.NewRequest(http.MethodPost, c.prefix+directory+"/disconnect", nil))
					home := c.stripped + "/home" + directory
					if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != home {
						t.Errorf("%s/disconnect answered %d and redirects to %q, not to %q", directory, w.Code, got, home)
					}
					w = httptest.NewRecorder()
					router.ServeHTTP(w, httptest.NewRequest(http.MethodGet, c.prefix+directory+"/connect", nil))
					callback := url.QueryEscape(c.prefix+c.stripped+directory+"/callback") + "&"
					if got := w.Header().Get("Location"); !strings.Contains(got, callback) {
						t.Errorf("%s/connect redirects to %q, without %q", directory, got, callback)
					}
				}
			})
		}
	}
}
