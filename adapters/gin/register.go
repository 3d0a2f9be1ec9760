package gloebitgin

import (
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-gloebit/gloebit"
)

// Register routes the merchant's connect, callback and disconnect handlers at
// the directory of Config.RedirectURL. The router may be the engine or a group
// on the way there: for https://shop.example/shop/gloebit/callback it is equally
// well called with the engine and with its group "/shop". When a prefix is
// stripped before the engine, it works too. It panics, as gin does for routes
// that can't be, when the group is not on the way to the directory.
//
// [Sessions] must be used on the router before, unless the merchant has sessions
// of its own.
func Register(router gin.IRouter, m *gloebit.Merchant) {
	base := "/"
	if group, ok := router.(interface{ BasePath() string }); ok {
		base = group.BasePath()
	}
	handler := gin.WrapH(m.Handler())
	registered := false
	for _, route := range m.Routes() {
		if rest, ok := below(base, route); ok {
			router.Any(rest, handler)
			registered = true
		}
	}
	if !registered {
		panic("gloebitgin: the group " + base + " is not on the way to " + m.ConnectURL("") + ", which lies beside Config.RedirectURL")
	}
}

// below returns what is left of the route below the base, with the slash at its
// front.
func below(base, route string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(route, strings.TrimSuffix(base, "/"))
	return rest, ok && strings.HasPrefix(rest, "/")
}
