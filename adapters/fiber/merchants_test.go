package gloebitfiber_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/go-gloebit/gloebit"
	gloebitfiber "github.com/go-gloebit/gloebit/adapters/fiber"
	"github.com/gofiber/fiber/v3"
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
				router := fiber.New()
				var group fiber.Router = router
				if c.prefix != "" {
					group = router.Group(c.prefix)
				}
				for _, m := range merchants {
					gloebitfiber.Register(group, m)
				}
				for _, directory := range order {
					r := httptest.NewRequest(http.MethodPost, c.prefix+directory+"/disconnect", nil)
					w, err := router.Test(r)
					require.NoError(t, err)
					require.Equal(t, http.StatusSeeOther, w.StatusCode)
					require.Equal(t, c.stripped+"/home"+directory, w.Header.Get("Location"))
					r = httptest.NewRequest(http.MethodGet, c.prefix+directory+"/connect", nil)
					w, err = router.Test(r)
					require.NoError(t, err)
					require.Contains(
						t, w.Header.Get("Location"), url.QueryEscape(c.prefix+c.stripped+directory+"/callback")+"&",
					)
				}
			})
		}
	}
}
