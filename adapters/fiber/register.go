package gloebitfiber

import (
	"strings"

	"github.com/go-gloebit/gloebit"
	"github.com/gofiber/fiber/v3"
)

// Register routes the merchant's connect, callback and disconnect handlers at
// the directory of Config.RedirectURL. The router may be the app or a group on
// the path: for https://shop.example/shop/gloebit/callback, call it with the
// app or with its group "/shop". It also works when a proxy strips a prefix. It
// panics if the group is not on the path.
//
// [Sessions] must be used before, unless the merchant has sessions of its own.
func Register(router fiber.Router, m *gloebit.Merchant) {
	base := ""
	if group, ok := router.(*fiber.Group); ok {
		base = strings.TrimSuffix(group.Prefix, "/")
	}
	own := m.Handler()
	handler := func(c fiber.Ctx) error { return serve(c, own) }
	registered := false
	for _, route := range m.Routes() {
		if rest, ok := strings.CutPrefix(route, base); ok && strings.HasPrefix(rest, "/") {
			router.All(rest, handler)
			registered = true
		}
	}
	if !registered {
		panic(
			"gloebitfiber: the group " + base + " is not on the way to " + m.ConnectURL("") +
				", which lies beside Config.RedirectURL",
		)
	}
}
