package adaptertest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-gloebit/gloebit/gloebittest"
)

func sessionIsRenewed(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	back := b.callback("/gloebit/connect?return_to=" + w.prefix + "/private")
	planted := b.copied() // the attacker has the cookies it gave the browser
	b.load(back).wants(http.StatusOK, "hello, alice")
	w.app.took()
	old, now := planted.cookies(), b.cookies()
	if len(now) != 1 || !slices.ContainsFunc(old, func(c *http.Cookie) bool {
		return c.Name == now[0].Name && c.Value != now[0].Value
	}) {
		w.Errorf("the cookies were %v and are %v, want another value", old, now)
	}
	refused := planted.step("/private")
	refused.leads(w.prefix + "/gloebit/connect")
	refused.refused()
	planted.load("/optional").wants(http.StatusOK, "hello, guest")
	b.load("/private").wants(http.StatusOK, "hello, alice")
}

// usersOwnConnection is for applications with their own users.
func usersOwnConnection(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser().as("ann")
	for name, status := range map[string]int{"ben": http.StatusForbidden, "": http.StatusUnauthorized} {
		back := b.callback("/gloebit/connect?return_to=" + w.prefix + "/private")
		b.as(name).fetch(http.MethodGet, back).problem(status)
		b.fetch(http.MethodGet, back).problem(http.StatusBadRequest) // the state is used
	}
	w.equal("exchanges", w.exchanges(), 0)
	for _, name := range []string{"ann", "ben"} {
		b.as(name).load("/optional").wants(http.StatusOK, "hello, guest")
	}
	back := b.callback("/gloebit/connect?return_to=" + w.prefix + "/private")
	b.load(back).wants(http.StatusOK, "hello, ann")
	b.as("ben").load("/optional").wants(http.StatusOK, "hello, guest")
}

// anotherAccount is for applications whose users sign in with Gloebit.
func anotherAccount(w *world) {
	b := w.connected("alice")
	w.ok(w.gloebit.Approve("bob"))
	b.fetch(http.MethodGet, b.callback("/gloebit/connect")).problem(http.StatusForbidden)
	b.load("/private").wants(http.StatusOK, "hello, alice")
	b.fetch(http.MethodGet, "/balance").wants(http.StatusOK, "1000")

	tabs := w.browser() // two accounts connect in two tabs
	first, second := tabs.callback("/gloebit/connect"), tabs.callback("/gloebit/connect")
	w.ok(w.gloebit.Approve("alice"))
	third := tabs.callback("/gloebit/connect")
	tabs.step(first).leads(w.prefix + "/optional")
	tabs.fetch(http.MethodGet, third).problem(http.StatusForbidden)
	tabs.step(second).leads(w.prefix + "/optional")
	tabs.load("/private").wants(http.StatusOK, "hello, bob")
}

// story connects, uses and disconnects an account, with failures in between.
func story(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	long := url.QueryEscape(w.prefix + "/private?x=" + strings.Repeat("x", 1900))
	b.load("/gloebit/connect?return_to="+long).wants(http.StatusOK, "hello, alice")
	b.load("/inventory").wants(http.StatusOK, "hello, alice")
	w.gloebit.ExpireTokens("alice")
	b.fetch(http.MethodGet, "/balance").wants(http.StatusOK, "1000")
	b.fetch(http.MethodGet, b.callback("/gloebit/connect")+"&code=again").problem(http.StatusBadRequest)
	b.step("/fail/balance")
	b.step("/fail/scope")
	for secret := range w.recorder.allSecrets() { // a server that echoes the request
		w.gloebit.Inject(gloebittest.Fault{
			Path: "oauth2/access-token", Times: 1, Status: 400, Body: `{"error":"invalid_request","reason":"no"} ` + secret,
		})
		b.fetch(http.MethodGet, b.callback("/gloebit/connect")).problem(http.StatusBadGateway)
		w.gloebit.Inject(gloebittest.Fault{Path: "balance", Times: 1, Status: 400, Body: secret})
		b.fetch(http.MethodGet, "/balance")
	}
	back := b.callback("/gloebit/connect")
	w.tokens.fail(errDown)
	b.fetch(http.MethodGet, back).problem(http.StatusServiceUnavailable)
	w.tokens.fail(nil)
	b.step("/panic")
	b.send(b.steps, b.request(http.MethodPost, "/gloebit/disconnect", asPage)).leads(w.prefix + "/optional")
	b.load("/private").wants(http.StatusOK, "hello, alice")
}

func tokensStayInside(w *world) {
	story(w)
	for _, seen := range w.recorder.responses() {
		var header strings.Builder
		w.ok(seen.header.Write(&header))
		// Only code and state pass through the browser.
		text := seen.address + "\n" + header.String() + "\n" + seen.body
		if found := w.recorder.findSecrets(text, "the code", "the state"); len(found) > 0 {
			w.Errorf("%.100s shows %v", seen.address, found)
		}
	}
}

func secretsStaySecret(w *world) {
	story(w)
	w.clean()
	printed := w.app.prints()
	if found := w.recorder.findSecrets(printed); len(found) > 0 || !strings.Contains(printed, "gloebit") {
		w.Errorf("what was printed has %v in it: %s", found, printed)
	}
}

// clean asserts that no response and no log contains a secret.
func (w *world) clean() {
	w.Helper()
	for _, seen := range w.recorder.responses() {
		if found := w.recorder.findSecrets(seen.body); len(found) > 0 {
			w.Errorf("the page of %.100s shows %v", seen.address, found)
		}
	}
	log := w.recorder.log.String()
	if found := w.recorder.findSecrets(log); len(found) > 0 || !strings.Contains(log, "level=ERROR") {
		w.Errorf("the log has %v in it:\n%s", found, log)
	}
}

func cookiesAreClosed(w *world) {
	story(w)
	for _, cookie := range w.setCookies() {
		if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || len(cookie.Raw) > 4096 {
			w.Errorf("a cookie of %d bytes is %.100s, want HttpOnly and SameSite=Lax in 4096", len(cookie.Raw), cookie.Raw)
		}
	}
}

// cookiesAreSecure checks the cookies of the package's own sessions.
func cookiesAreSecure(w *world) {
	story(w)
	for _, cookie := range w.setCookies() {
		if !strings.HasPrefix(cookie.Name, "__Host-") || !cookie.Secure || cookie.Path != "/" || cookie.Domain != "" {
			w.Errorf("a cookie is %s, want __Host-, Secure and Path=/", cookie.Raw)
		}
	}
}

// setCookies returns the cookies of all responses.
func (w *world) setCookies() (cookies []*http.Cookie) {
	w.Helper()
	for _, seen := range w.recorder.responses() {
		cookies = append(cookies, (&http.Response{Header: seen.header}).Cookies()...)
	}
	if len(cookies) == 0 {
		w.Fatal("no cookie was set")
	}
	return cookies
}
