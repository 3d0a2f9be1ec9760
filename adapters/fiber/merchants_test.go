package gloebitfiber_test

import (
	"net/http"
	"testing"

	gloebitfiber "github.com/go-gloebit/gloebit/adapters/fiber"
	"github.com/go-gloebit/gloebit/adaptertest"
	"github.com/gofiber/fiber/v3"
)

// TestTwoMerchants checks that each of two merchants in one router has its own
// routes, even if the directory of one ends with the directory of the other.
func TestTwoMerchants(t *testing.T) {
	adaptertest.RunTwoMerchants(t, func(t *testing.T, two adaptertest.TwoMerchants) http.Handler {
		t.Helper()
		router := fiber.New()
		var group fiber.Router = router
		if two.Prefix != "" {
			group = router.Group(two.Prefix)
		}
		for _, m := range two.Merchants {
			gloebitfiber.Register(group, m)
		}
		return start(t, router)
	})
}
