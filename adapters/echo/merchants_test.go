package gloebitecho_test

import (
	"net/http"
	"testing"

	gloebitecho "github.com/go-gloebit/gloebit/adapters/echo"
	"github.com/go-gloebit/gloebit/adaptertest"
	"github.com/labstack/echo/v5"
)

// TestTwoMerchants checks that each of two merchants in one router has its own
// routes, even if the directory of one ends with the directory of the other.
func TestTwoMerchants(t *testing.T) {
	adaptertest.RunTwoMerchants(t, func(t *testing.T, two adaptertest.TwoMerchants) http.Handler {
		t.Helper()
		router := echo.New()
		var group gloebitecho.Router = router
		if two.Prefix != "" {
			group = router.Group(two.Prefix)
		}
		for _, m := range two.Merchants {
			gloebitecho.Register(group, m)
		}
		return router
	})
}
