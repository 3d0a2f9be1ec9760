package gloebitecho_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	gloebitecho "github.com/go-gloebit/gloebit/adapters/echo"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
	"github.com/stretchr/testify/require"
)

// TestApplicationRoutesDoNotConflict checks that an application may have routes
// at the stripped paths of the package's own routes.
func TestApplicationRoutesDoNotConflict(t *testing.T) {
	for route, path := range map[string]string{
		"/pay/*": "/pay/hats", "/gloebit/connect": "/gloebit/connect", "/gloebit/*": "/gloebit/hats", "/*": "/hats",
	} {
		t.Run(route, func(t *testing.T) {
			e := echo.New()
			gloebitecho.Register(e, newMerchant(t, "https://shop.example/shop/pay/gloebit/callback"))
			e.GET(route, func(c *echo.Context) error { return c.NoContent(http.StatusTeapot) })
			for path, want := range map[string]int{path: http.StatusTeapot, "/shop/pay/gloebit/connect": http.StatusSeeOther} {
				recorder := httptest.NewRecorder()
				e.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
				require.Equal(t, want, recorder.Code, path)
			}
		})
	}
}

// TestAddTrailingSlash checks that users can connect in an application that
// adds a slash to every path.
func TestAddTrailingSlash(t *testing.T) {
	for _, prefix := range []string{"", "/shop"} {
		e := echo.New()
		e.Pre(middleware.AddTrailingSlash())
		gloebitecho.Register(e.Group(prefix), newMerchant(t, "https://shop.example"+prefix+"/gloebit/callback"))
		for path, want := range map[string]int{
			"/gloebit/connect": http.StatusSeeOther, "/gloebit/connect/": http.StatusSeeOther,
			"/gloebit/callback": http.StatusBadRequest, "/gloebit/disconnect": http.StatusMethodNotAllowed,
		} {
			recorder := httptest.NewRecorder()
			e.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, prefix+path, nil))
			require.Equal(t, want, recorder.Code, prefix+path)
		}
	}
}
