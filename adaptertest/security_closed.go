package adaptertest

import (
	"net/http"
	"strings"
)

func tokenStoreDown(w *world) {
	b := w.connected("alice")
	back := w.browser()
	callback := back.callback("/gloebit/connect")
	w.tokens.fail(errDown)
	for _, path := range []string{"/private", "/inventory", "/optional", "/balance"} {
		refused := b.fetch(http.MethodGet, path)
		refused.problem(http.StatusServiceUnavailable)
		refused.refused()
		page := b.step(path) // users are not redirected to connect
		w.equal("the status of a page", page.status, http.StatusServiceUnavailable)
		page.refused()
	}
	back.fetch(http.MethodGet, callback).problem(http.StatusServiceUnavailable)
	b.fetch(http.MethodPost, "/gloebit/disconnect").problem(http.StatusServiceUnavailable)
	w.tokens.fail(nil)
	back.load("/optional").wants(http.StatusOK, "hello, guest")
	b.step("/private").wants(http.StatusOK, "hello, alice")
}

func stateStoreDown(w *world) {
	b := w.connected("alice")
	back := b.callback("/gloebit/connect")
	w.states.fail(errDown)
	b.fetch(http.MethodGet, "/gloebit/connect").problem(http.StatusServiceUnavailable)
	b.fetch(http.MethodGet, back).problem(http.StatusServiceUnavailable)
	w.equal("exchanges", w.exchanges(), 1)
	w.states.fail(nil)
	b.step(back).leads(w.prefix + "/optional")
}

func sessionsNotLoaded(w *world) {
	b := w.connected("alice")
	back := w.browser()
	callback := back.callback("/gloebit/connect")
	w.breakSessions(errDown, nil)
	for _, path := range []string{"/private", "/optional", "/inventory", "/gloebit/connect", "/gloebit/disconnect"} {
		refused := b.fetch(http.MethodGet, path)
		refused.wants(http.StatusServiceUnavailable, http.StatusText(http.StatusServiceUnavailable)+"\n")
		refused.refused()
	}
	w.equal("the status of a callback", back.step(callback).status, http.StatusServiceUnavailable)
	w.equal("exchanges", w.exchanges(), 1)
	w.breakSessions(nil, nil)
	b.step("/private").wants(http.StatusOK, "hello, alice")
}

// sessionsNotSaved compares statuses only: the session manager chooses the
// body.
func sessionsNotSaved(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	back := w.browser()
	callback := back.callback("/gloebit/connect")
	b := w.connected("alice")
	w.breakSessions(nil, errDown)
	close(w.app.gate) // Stream does not wait
	for _, path := range []string{"/note", "/stream", "/gloebit/connect"} {
		fresh := w.browser()
		for _, asked := range []*browser{fresh, b} {
			if asked == b && path == "/gloebit/connect" {
				continue // this browser's session need not change
			}
			got := asked.step(path)
			w.equal("the status of "+path, got.status, http.StatusServiceUnavailable)
			if path != "/gloebit/connect" { // it may have set the cookie of the attempt
				w.equal("a cookie of "+path, got.header.Get("Set-Cookie"), "")
			}
		}
	}
	w.equal("the status of a callback", back.step(callback).status, http.StatusServiceUnavailable)
	w.breakSessions(nil, nil)
	back.load("/optional").wants(http.StatusOK, "hello, guest")
	b.load("/private").wants(http.StatusOK, "hello, alice")
}

func disconnectIsPOST(w *world) {
	b := w.connected("alice")
	for _, method := range []string{
		http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions,
	} {
		refused := b.send(b.steps, b.request(method, "/gloebit/disconnect", asPage))
		w.equal("the status of "+method, refused.status, http.StatusMethodNotAllowed)
	}
	b.load("/private").wants(http.StatusOK, "hello, alice")
}

func crossSiteDisconnect(w *world) {
	b := w.connected("alice")
	for _, header := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
		{"Sec-Fetch-Site": "same-site", "Origin": "https://other.shop.example"},
		{"Origin": "https://evil.example"}, // a browser without Sec-Fetch-Site
		{"Origin": "null"},
	} {
		forged := b.request(http.MethodPost, "/gloebit/disconnect", header)
		b.send(b.steps, forged).problem(http.StatusForbidden)
		b.load("/optional").wants(http.StatusOK, "hello, alice")
	}
}

func disconnect(w *world) {
	b, second := w.connected("alice"), w.connected("alice")
	old := b.copied()
	left := b.request(http.MethodPost, "/gloebit/disconnect", asPage)
	b.send(b.steps, left).leads(w.prefix + "/optional")
	w.app.took()
	for name, one := range map[string]*browser{"this browser": b, "its old cookies": old, "another device": second} {
		one.load("/optional").wants(http.StatusOK, "hello, guest")
		w.ran("handler")
		refused := one.step("/private")
		refused.leads(w.prefix + "/gloebit/connect")
		refused.refused()
		if balance := one.fetch(http.MethodGet, "/balance"); strings.Contains(balance.body, "1000") {
			w.Errorf("%s still has the user's balance", name)
		}
	}
}
