package adaptertest

import (
	"io"
	"net/http"
	"net/url"
	"strings"
)

func hostIsNotBelieved(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	hostile := func(method, path string, header map[string]string) *http.Request {
		r := b.request(method, path, header)
		for _, cookie := range b.cookies() { // the jar uses the Host header
			r.AddCookie(cookie)
		}
		r.Host = "evil.example"
		for name, value := range map[string]string{
			"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher", "X-Original-URL": "//evil.example/",
			"X-Rewrite-URL": "//evil.example/",
			"Forwarded":     "host=evil.example;proto=gopher", "X-Forwarded-Prefix": "//evil.example",
			"Referer": "http://evil.example//evil.example/",
		} {
			r.Header.Set(name, value)
		}
		return r
	}
	sent := b.send(b.steps, hostile(http.MethodGet, "/private", asPage))
	w.equal("where a page load is sent", sent.header.Get("Location"), w.app.Merchant.ConnectURL(w.prefix+"/private"))
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		problem := b.send(b.steps, hostile(method, "/private", asScript)).problem(http.StatusUnauthorized)
		connect, _ := problem["connect_url"].(string)
		w.equal("connect_url", strings.HasPrefix(connect, w.prefix+"/gloebit/connect"), true)
	}
	consent, err := url.Parse(b.send(b.steps, hostile(http.MethodGet, "/gloebit/connect", asPage)).header.Get("Location"))
	w.ok(err)
	redirectURI := w.shop.URL + w.prefix + "/gloebit/callback"
	w.equal("the redirect URI at Gloebit", consent.Query().Get("redirect_uri"), redirectURI)
	w.equal("Gloebit", strings.HasPrefix(consent.String(), w.gloebit.URL), true)

	back := b.callback("/gloebit/connect?return_to=" + w.prefix + "/private")
	arrived := b.send(b.steps, hostile(http.MethodGet, back, asPage))
	w.equal("where the callback leads", arrived.header.Get("Location"), w.prefix+"/private")
	w.equal("the redirect URI at the exchange", w.lastGrant("authorization_code").Get("redirect_uri"), redirectURI)
	left := hostile(http.MethodPost, "/gloebit/disconnect", asPage)
	left.Header.Set("Origin", w.shop.URL)
	gone := b.send(b.steps, left)
	w.equal("where a disconnect leads", gone.header.Get("Location"), w.prefix+"/optional")
}

// elsewhere are URLs that a browser, a proxy or a later decoding could treat as
// another site's.
var elsewhere = []string{
	"https://evil.example/", "http:evil.example", "//evil.example", "///evil.example", `/\evil.example`, `\/evil.example`,
	`\\evil.example`, "/\t/evil.example",
	"/\n/evil.example", "/%09/evil.example", "/%0a/evil.example", "/%5cevil.example", "/%255cevil.example",
	"/%2fevil.example", "/%2f%2fevil.example",
	"/%252fevil.example", "/.//evil.example", "/..//evil.example", "/%2e%2e//evil.example", "evil.example",
	"javascript:alert(1)", "data:text/html,x",
	"https://shop@evil.example/", "//shop@evil.example/", " //evil.example", "/\x00/evil.example", "?x", "#x",
	"/\u0085/evil.example", "mailto:a@evil.example",
}

func returnToIsLocal(w *world) {
	b := w.connected("alice")
	before := w.states.puts.Load()
	for _, to := range elsewhere {
		b.fetch(http.MethodGet, "/gloebit/connect?return_to="+url.QueryEscape(to)).problem(http.StatusBadRequest)
		leave := b.request(http.MethodPost, "/gloebit/disconnect", asScript)
		form := "return_to=" + url.QueryEscape(to)
		leave.Body, leave.ContentLength = io.NopCloser(strings.NewReader(form)), int64(len(form))
		b.send(b.steps, leave).problem(http.StatusBadRequest)
	}
	twice := "return_to=" + url.QueryEscape(w.prefix+"/private")
	b.fetch(http.MethodGet, "/gloebit/connect?"+twice+"&"+twice).problem(http.StatusBadRequest)
	w.equal("connections that were started", w.states.puts.Load()-before, int32(0))
	b.load("/private").wants(http.StatusOK, "hello, alice")
	for _, to := range []string{"/private?next=//evil.example", "/private?x=%2F%2Fevil.example"} {
		back := b.callback("/gloebit/connect?return_to=" + url.QueryEscape(w.prefix+to))
		w.equal("where the callback leads", b.step(back).header.Get("Location"), w.prefix+to)
	}
}

func returnToIsStored(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	consent := b.consent("/gloebit/connect?return_to=" + url.QueryEscape(w.prefix+"/private?canary=1"))
	if strings.Contains(consent.URL.String(), "canary") {
		w.Errorf("Gloebit sees return_to: %s", consent.URL)
	}
	back := b.callback("/gloebit/connect?return_to=" + url.QueryEscape(w.prefix+"/private?canary=1"))
	arrived := b.step(back + "&return_to=" + url.QueryEscape(w.prefix+"/evil") + "&return-to=/evil")
	w.equal("where the callback leads", arrived.header.Get("Location"), w.prefix+"/private?canary=1")
}

func callbacksAreClosed(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	good := b.callback("/gloebit/connect?return_to=" + w.prefix + "/private")
	for _, path := range []string{
		good, good, "/gloebit/callback?code=x&state=y", "/gloebit/callback?error=access_denied", "/gloebit/callback",
	} {
		for _, got := range []answer{b.step(path), b.fetch(http.MethodGet, path)} {
			cache := strings.Join(got.header.Values("Cache-Control"), ", ")
			if !strings.Contains(cache, "no-store") {
				w.Errorf("Cache-Control of %d is %q, want no-store", got.status, cache)
			}
			w.equal("Referrer-Policy", got.header.Get("Referrer-Policy"), "no-referrer")
			for _, foreign := range []string{"src=", "http://", "https://", "@import", "url("} {
				if strings.HasPrefix(got.header.Get("Content-Type"), "text/html") && strings.Contains(got.body, foreign) {
					w.Errorf("the page of status %d has %q in it", got.status, foreign)
				}
			}
			if got.status < 400 {
				w.equal("a redirect", got.status == http.StatusSeeOther || got.status == http.StatusFound, true)
				w.equal("its body", got.body, "")
			} else if html := strings.HasPrefix(got.header.Get("Content-Type"), "text/html"); html && !strings.Contains(
				got.header.Get("Content-Security-Policy"), "default-src 'none'",
			) {
				w.Errorf("the page of status %d has no strict Content-Security-Policy", got.status)
			}
		}
	}
	b.load("/optional").wants(http.StatusOK, "hello, alice")
}

func providersWords(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	const words = `<script>alert("sesame")</script>`
	for _, code := range []string{"server_error", "sesame", words} {
		back := strings.Replace(b.callback("/gloebit/connect"), "code=", "was=", 1)
		query := url.Values{"error": {code}, "error_description": {words}, "error_uri": {"https://evil.example/sesame"}}
		page := b.step(back + "&" + query.Encode())
		w.equal("the status of a page", page.status, http.StatusBadGateway)
		for _, foreign := range []string{"sesame", "<script", "alert", "evil.example"} {
			if strings.Contains(page.body, foreign) {
				w.Errorf("the page shows %q", foreign)
			}
		}
	}
	w.equal("exchanges", w.exchanges(), 0)
}
