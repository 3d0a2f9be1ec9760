package gloebitecho

import (
	"strings"

	"github.com/go-gloebit/gloebit"
	"github.com/labstack/echo/v5"
)

// Router is an *echo.Echo or an *echo.Group.
type Router interface {
	Any(path string, handler echo.HandlerFunc, middleware ...echo.MiddlewareFunc) echo.RouteInfo
}

// Register routes the merchant's connect, callback and disconnect handlers at
// the directory of Config.RedirectURL. The router may be the outermost one or a
// group on the path: for https://shop.example/shop/gloebit/callback, call it
// with the outermost router or with its group "/shop". It also works when a
// proxy strips a prefix. It panics if the group is not on the path, as echo
// does for invalid routes.
//
// [Sessions] must be around it, unless the merchant has sessions of its own.
func Register(router Router, m *gloebit.Merchant) {
	handler := echo.WrapHandler(m.Handler())
	routes := m.Routes()
	// Only a group's routes reveal its prefix. The shortest route fits every
	// group except those with more of the directory below them.
	first := routes[len(routes)-1]
	base := strings.TrimSuffix(router.Any(first, handler).Path, first)
	registered := false
	for _, route := range routes {
		rest, ok := below(base, route)
		if !ok {
			continue
		}
		if rest != first {
			router.Any(rest, handler)
		}
		registered = true
	}
	if !registered {
		panic(
			"gloebitecho: the group " + base + " is not on the way to " + m.ConnectURL("") +
				", which lies beside Config.RedirectURL",
		)
	}
}

// below returns the rest of the route below base, with a leading slash.
func below(base, route string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(route, strings.TrimSuffix(base, "/"))
	return rest, ok && strings.HasPrefix(rest, "/")
}
