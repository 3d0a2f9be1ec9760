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
	page := b.send(b.steps, b.request(http.MethodPost, "/private", asPage)) // a POST can't be repeated after connecting
	w.equal("the status of a form", page.status, http.StatusUnauthorized)
	page.refused()
}

func headRefused(w *world) {
	b := w.browser()
	refused := b.send(b.steps, b.request(http.MethodHead, "/private", asPage))
	refused.leads(w.prefix + "/gloebit/connect")
	refused.refused()
}
