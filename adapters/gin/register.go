package gloebitgin

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-gloebit/gloebit"
)

// Register routes the merchant's connect, callback and disconnect handlers at
// the directory of Config.RedirectURL. The router may be the engine or a group
// on the path: for https://shop.example/shop/gloebit/callback, call it with the
// engine or with its group "/shop". It panics if the group is not on the path,
// as gin does for invalid routes.
//
// If a proxy strips a prefix, so that the engine gets /gloebit/callback, call
// Register with the engine. It serves such a path only if the application has
// no route for it, so the two never conflict. Of two merchants, register the
// one with the shorter path first.
//
// [Sessions] must be used on the router before, unless the merchant has sessions
// of its own.
func Register(router gin.IRouter, m *gloebit.Merchant) {
	base := "/"
	if group, ok := router.(interface{ BasePath() string }); ok {
		base = group.BasePath()
	}
	handler := gin.WrapH(m.Handler())
	routes := m.Routes()
	if engine, ok := router.(*gin.Engine); ok {
		engine.Use(unrouted(routes[3:], handler))
		routes = routes[:3]
	}
	registered := false
	for _, route := range routes {
		if rest, ok := below(base, route); ok {
			router.Any(rest, handler)
			registered = true
		}
	}
	if !registered {
		panic(
			"gloebitgin: the group " + base + " is not on the way to " + m.ConnectURL("") +
				", which lies beside Config.RedirectURL",
		)
	}
}

// unrouted handles the paths for which the engine has no route.
func unrouted(paths []string, handler gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		if c.FullPath() == "" && slices.Contains(paths, c.Request.URL.Path) {
			c.Status(http.StatusOK) // replaces the 404 that gin has set
			handler(c)
			c.Abort()
		}
	}
}

// below returns the rest of the route below base, with a leading slash.
func below(base, route string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(route, strings.TrimSuffix(base, "/"))
	return rest, ok && strings.HasPrefix(rest, "/")
}
