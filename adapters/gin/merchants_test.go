package gloebitgin_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/gin-gonic/gin"
	gloebitgin "github.com/go-gloebit/gloebit/adapters/gin"
	"github.com/go-gloebit/gloebit/adaptertest"
)

// TestTwoMerchants checks that each of two merchants in one router has its own
// routes, even if the directory of one ends with the directory of the other.
func TestTwoMerchants(t *testing.T) {
	adaptertest.RunTwoMerchants(t, func(t *testing.T, two adaptertest.TwoMerchants) http.Handler {
		t.Helper()
		if two.Stripped && two.LongFirst {
			slices.Reverse(two.Merchants) // see Register
		}
		router := gin.New()
		var group gin.IRouter = router
		if two.Prefix != "" {
			group = router.Group(two.Prefix)
		}
		for _, m := range two.Merchants {
			gloebitgin.Register(group, m)
		}
		return router
	})
}
