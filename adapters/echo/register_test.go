package gloebitecho_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	gloebitecho "github.com/go-gloebit/gloebit/adapters/echo"
	"github.com/labstack/echo/v5"
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
