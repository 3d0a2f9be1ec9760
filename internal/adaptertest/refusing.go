package adaptertest

import (
	"net/http"
	"strings"
)

func scriptRefused(w *world) {
	refused := w.browser().fetch(http.MethodGet, "/private")
	problem := refused.problem(http.StatusUnauthorized)
	refused.refused()
	if connect, _ := problem["connect_url"].(string); !strings.HasPrefix(connect, w.prefix+"/gloebit/connect") {
		w.Errorf("connect_url is %q, want the connect handler", connect)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Location": ""} {
		if got := strings.Join(refused.header.Values(name), ", "); !strings.Contains(got, want) || want == "" && got != "" {
			w.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if refused.header.Get("WWW-Authenticate") == "" {
		w.Error("status 401 comes without a challenge")
	}
}

func formRefused(w *world) {
	b := w.browser()
	refused := b.fetch(http.MethodPost, "/private")
	refused.problem(http.StatusUnauthorized)
	refused.refused()
	page := b.send(b.steps, b.request(http.MethodPost, "/private", asPage)) // a POST can't be redirected and come back
	w.equal("the status of a form", page.status, http.StatusUnauthorized)
	page.refused()
}

func headRefused(w *world) {
	b := w.browser()
	refused := b.send(b.steps, b.request(http.MethodHead, "/private", asPage))
	refused.leads(w.prefix + "/gloebit/connect")
	refused.refused()
}

func tokenStoreDown(w *world) {
	b := w.connected("alice")
	w.tokens.fail(errDown)
	for _, path := range []string{"/private", "/inventory", "/optional"} {
		refused := b.fetch(http.MethodGet, path)
		refused.problem(http.StatusServiceUnavailable)
		refused.refused()
		page := b.step(path) // nobody is sent to connect because of it
		w.equal("the status of a page", page.status, http.StatusServiceUnavailable)
		page.refused()
	}
	w.tokens.fail(nil)
	b.step("/private").wants(http.StatusOK, "hello, alice")
}

func sessionStoreDown(w *world) {
	if w.breakSessions == nil {
		return // the package's own are in memory
	}
	b := w.connected("alice")
	w.breakSessions(errDown)
	for _, path := range []string{"/private", "/optional", "/gloebit/connect"} {
		refused := b.fetch(http.MethodGet, path)
		refused.wants(http.StatusServiceUnavailable, http.StatusText(http.StatusServiceUnavailable)+"\n")
		refused.refused()
	}
	w.breakSessions(nil)
	b.step("/private").wants(http.StatusOK, "hello, alice")
}
