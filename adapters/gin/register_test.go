package gloebitgin_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	gloebitgin "github.com/go-gloebit/gloebit/adapters/gin"
	"github.com/stretchr/testify/require"
)

// TestApplicationRoutesTakePrecedence checks that an application's routes win
// at the stripped paths of the package's own routes.
func TestApplicationRoutesTakePrecedence(t *testing.T) {
	for route, path := range map[string]string{
		"/pay/*rest":            "/pay/gloebit/connect",
		"/gloebit/connect":      "/gloebit/connect",
		"/gloebit/*rest":        "/gloebit/connect",
		"/:any/gloebit/connect": "/pay/gloebit/connect",
	} {
		t.Run(route, func(t *testing.T) {
			engine := gin.New()
			gloebitgin.Register(engine, newMerchant(t, "https://shop.example/shop/pay/gloebit/callback"))
			engine.GET(route, func(c *gin.Context) { c.Status(http.StatusTeapot) })
			engine.NoRoute(func(c *gin.Context) { c.Status(http.StatusGone) })
			require.Equal(t, http.StatusTeapot, status(engine, path))
			require.Equal(t, http.StatusSeeOther, status(engine, "/shop/pay/gloebit/connect"))
			require.Equal(t, http.StatusGone, status(engine, "/connect"))
		})
	}
}

func TestStrippedPathsAreServed(t *testing.T) {
	engine := gin.New()
	gloebitgin.Register(engine, newMerchant(t, "https://shop.example/shop/pay/gloebit/callback"))
	for path, want := range map[string]int{
		"/pay/gloebit/connect": http.StatusSeeOther, "/gloebit/callback": http.StatusBadRequest,
		"/connect": http.StatusNotFound,
	} {
		require.Equal(t, want, status(engine, path), path)
	}
}

func status(handler http.Handler, path string) int {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	return recorder.Code
}
