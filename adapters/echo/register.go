package gloebitecho

import (
	"strconv"
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
// proxy strips a prefix, unless another merchant has the path that is left. It
// panics if the group is not on the path, as echo does for invalid routes.
//
// [Sessions] must be around it, unless the merchant has sessions of its own.
func Register(router Router, m *gloebit.Merchant) {
	handler := echo.WrapHandler(m.Handler())
	routes := m.Routes()
	// Only a group's routes reveal its prefix. The longest route can't replace
	// one of another merchant's.
	first := routes[0]
	base := strings.TrimSuffix(router.Any(first, handler).Path, first)
	registered := false
	for i, route := range routes {
		rest, ok := below(base, route)
		if !ok {
			continue
		}
		registered = true
		for _, path := range []string{rest, rest + "/"} { // echo's AddTrailingSlash
			if e, ok := router.(*echo.Echo); ok && i >= 3 {
				addTail(e, path, handler, i/3)
			} else if path != first {
				router.Any(path, handler)
			}
		}
	}
	if !registered {
		panic(
			"gloebitecho: the group " + base + " is not on the way to " + m.ConnectURL("") +
				", which lies beside Config.RedirectURL",
		)
	}
}

// tailName begins the name of a route without the first segments. Their number
// follows.
const tailName = "gloebit, segments missing: "

// addTail adds a route without the first segments, unless there is such a
// route that has fewer missing.
func addTail(e *echo.Echo, path string, handler echo.HandlerFunc, missing int) {
	for _, route := range e.Router().Routes() {
		if route.Path != path || route.Method != echo.RouteAny {
			continue
		}
		number, isTail := strings.CutPrefix(route.Name, tailName)
		if other, err := strconv.Atoi(number); !isTail || err != nil || other < missing {
			return
		}
	}
	route := echo.Route{Method: echo.RouteAny, Path: path, Handler: handler, Name: tailName + strconv.Itoa(missing)}
	if _, err := e.AddRoute(route); err != nil {
		panic(err) // as Any does
	}
}

// below returns the rest of the route below base, with a leading slash.
func below(base, route string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(route, strings.TrimSuffix(base, "/"))
	return rest, ok && strings.HasPrefix(rest, "/")
}
