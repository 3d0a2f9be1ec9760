package gloebittest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is one path of Gloebit's. It has a page, which answers by itself, or
// an api, which is called for a good token and answers in JSON.
type route struct {
	methods []string
	args    []int   // how many path segments may follow the name; nil means none
	vintage Vintage // which vintage knows it
	scope   string  // the scope an api needs; empty means any token will do
	page    func(*Gloebit, http.ResponseWriter, *http.Request)
	api     func(*Gloebit, *call) reply
}

// newRoutes lists what a Gloebit of that vintage serves, by path without
// slashes at either end.
func newRoutes(v Vintage) map[string]route {
	get, post := []string{http.MethodGet}, []string{http.MethodPost}
	both := []string{http.MethodGet, http.MethodPost}
	routes := map[string]route{
		"oauth2/authorize":    {methods: both, page: (*Gloebit).authorize},
		"oauth2/access-token": {methods: both, page: (*Gloebit).accessToken},
		"purchase":            {methods: both, page: (*Gloebit).purchase},

		"no-op":   {methods: get, api: (*Gloebit).noOp},
		"id":      {methods: get, vintage: VintageA, scope: "user", api: (*Gloebit).id},
		"user":    {methods: both, vintage: VintageB, scope: "user", api: (*Gloebit).userInfo},
		"balance": {methods: get, scope: "balance", api: (*Gloebit).balance},

		"transact":    {methods: post, scope: "transact", api: (*Gloebit).transact},
		"v2/transact": {methods: post, vintage: VintageB, scope: "transact", api: (*Gloebit).transact},

		"get-user-products":    {methods: get, scope: "inventory", api: (*Gloebit).getUserProducts},
		"consume-user-product": {methods: post, args: []int{0, 2}, scope: "inventory", api: (*Gloebit).consumeUserProduct},
	}
	for path, rt := range routes {
		if !v.takes(rt.vintage) {
			delete(routes, path)
		}
	}
	return routes
}

// serve answers a request that met no fault.
func (g *Gloebit) serve(w http.ResponseWriter, r *http.Request) {
	rt, args, ok := g.route(r.URL)
	switch {
	case !ok:
		writeJSON(w, http.StatusNotFound, failure("unknown path"))
	case !slices.Contains(rt.methods, r.Method):
		w.Header().Set("Allow", strings.Join(rt.methods, ", "))
		writeJSON(w, http.StatusMethodNotAllowed, failure("method not allowed"))
	case rt.page != nil:
		rt.page(g, w, r)
	default:
		g.serveAPI(w, r, rt, args)
	}
}

// route finds the route of a URL and the decoded path segments after its name.
// A trailing slash makes no difference.
func (g *Gloebit) route(u *url.URL) (route, []string, bool) {
	segments := strings.Split(trimSlashes(u.EscapedPath()), "/")
	for n := min(2, len(segments)); n > 0; n-- {
		rt, ok := g.routes[strings.Join(segments[:n], "/")]
		if !ok {
			continue
		}
		args, ok := unescapeAll(segments[n:])
		return rt, args, ok && (len(args) == 0 || slices.Contains(rt.args, len(args)))
	}
	return route{}, nil, false
}

func unescapeAll(segments []string) ([]string, bool) {
	decoded := make([]string, len(segments))
	for i, segment := range segments {
		var err error
		if decoded[i], err = url.PathUnescape(segment); err != nil {
			return nil, false
		}
	}
	return decoded, true
}
