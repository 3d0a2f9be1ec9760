package gloebitfiber

import (
	"strings"

	"github.com/go-gloebit/gloebit"
	"github.com/gofiber/fiber/v3"
)

// Register routes the merchant's connect, callback and disconnect handlers at
// the directory of Config.RedirectURL. The router may be the app or a group on
// the path: for https://shop.example/shop/gloebit/callback, call it with the
// app or with its group "/shop". It also works when a proxy strips a prefix,
// unless another merchant has the path that is left. It panics if the group is
// not on the path.
//
// [Sessions] must be used before, unless the merchant has sessions of its own.
func Register(router fiber.Router, m *gloebit.Merchant) {
	base := ""
	if group, ok := router.(*fiber.Group); ok {
		base = strings.TrimSuffix(group.Prefix, "/")
	}
	own := m.Handler()
	handler := func(c fiber.Ctx) error { return serve(c, own) }
	app, _ := router.(*fiber.App)
	registered := false
	for i, route := range m.Routes() {
		if rest, ok := strings.CutPrefix(route, base); ok && strings.HasPrefix(rest, "/") {
			router.All(rest, suffix(app, rest, i/3, handler))
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

// stateKey begins the keys of an app's state. A path follows.
const stateKey = "github.com/go-gloebit/gloebit/adapters/fiber "

// suffix is a handler at a path that has the first segments missing. It passes
// requests on if a merchant with fewer missing has the path. App is nil in a
// group, whose routes have none missing.
func suffix(app *fiber.App, path string, missing int, handler fiber.Handler) fiber.Handler {
	if app == nil {
		return handler
	}
	key := stateKey + path
	if least, ok := fiber.GetState[int](app.State(), key); !ok || missing < least {
		app.State().Set(key, missing)
	}
	return func(c fiber.Ctx) error {
		if least, _ := fiber.GetState[int](app.State(), key); least < missing {
			return c.Next()
		}
		return handler(c)
	}
}
