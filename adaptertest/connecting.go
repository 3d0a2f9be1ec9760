package adaptertest

import (
	"net/http"
	"strings"
)

func connectAndComeBack(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	first := b.step("/private?size=4")
	connect := first.leads(w.prefix + "/gloebit/connect")
	w.equal("return_to", connect.Query().Get("return_to"), w.prefix+"/private?size=4")
	first.refused()

	page := b.load("/private?size=4").wants(http.StatusOK, "hello, alice")
	w.equal("the page that connecting ends at", page.url.String(), w.shop.URL+w.prefix+"/private?size=4")
	w.ran("later", "handler")
	again := b.step("/private").wants(http.StatusOK, "hello, alice")
	w.equal("the later middleware's header", again.header.Get(laterHeader), "ran")
}

func connectMethods(w *world) {
	refused := w.browser().fetch(http.MethodPost, "/gloebit/connect")
	w.equal("the status", refused.status, http.StatusMethodNotAllowed)
	w.equal("Allow", refused.header.Get("Allow"), "GET, HEAD")
	// The application handles every other path: not found, or refused by
	// Require.
	elsewhere := w.browser().fetch(http.MethodGet, "/gloebit/elsewhere").status
	if elsewhere != http.StatusNotFound {
		w.equal("the status elsewhere", elsewhere, http.StatusUnauthorized)
	}
}

func optional(w *world) {
	w.browser().load("/optional").wants(http.StatusOK, "hello, guest")
	w.connected("bob").load("/optional").wants(http.StatusOK, "hello, bob")
}

func inOrder(w *world) {
	b := w.connected("alice")
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		b.fetch(method, "/private").wants(http.StatusOK, "hello, alice")
		w.ran("later", "handler")
	}
}

func scopes(w *world) {
	b := w.connected("alice")
	page := b.step("/inventory")
	asked := page.leads(w.prefix + "/gloebit/connect").Query()
	page.refused()
	w.equal("scope", asked.Get("scope"), "inventory")

	script := b.fetch(http.MethodGet, "/inventory")
	connect, _ := script.problem(http.StatusForbidden)["connect_url"].(string)
	script.refused()
	if !strings.HasPrefix(connect, w.prefix+"/gloebit/connect?") || !strings.Contains(connect, "scope=inventory") {
		w.Errorf("connect_url is %q, want the connect handler with the scope", connect)
	}
	b.load("/private").wants(http.StatusOK, "hello, alice")
}

func scopesGranted(w *world) {
	b := w.connected("alice")
	page := b.load("/inventory").wants(http.StatusOK, "hello, alice")
	w.equal("the page that connecting ends at", page.url.Path, w.prefix+"/inventory")
	b.step("/inventory").wants(http.StatusOK, "hello, alice")
}
