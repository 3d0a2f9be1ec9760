package adaptertest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"
)

func chosenState(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	const chosen = "a-state-that-the-attacker-has-chosen-and-knows"
	for _, connect := range []string{
		"/gloebit/connect?state=" + chosen, "/gloebit/connect?state=" + chosen + "&nonce=" + chosen,
		"/gloebit/connect?scope=user&state=" + chosen,
	} {
		if state := b.consent(connect).URL.Query()["state"]; len(state) != 1 || state[0] == chosen {
			w.Errorf("the state is %v", state)
		}
		code := b.callback("/gloebit/connect")
		code = code[:strings.Index(code, "&state=")] + "&state=" + chosen
		b.fetch(http.MethodGet, code).problem(http.StatusBadRequest)
	}
	w.equal("exchanges", w.exchanges(), 0)
	b.load("/optional").wants(http.StatusOK, "hello, guest")
}

func proofInQuery(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	attacker := w.browser()
	back := attacker.callback("/gloebit/connect")
	for _, cookie := range attacker.cookies() {
		back += "&" + url.Values{
			cookie.Name: {cookie.Value}, "session": {cookie.Value}, "binding": {cookie.Value}, "handshake": {cookie.Value},
			"cookie": {cookie.Name + "=" + cookie.Value},
		}.Encode()
	}
	victim := w.browser()
	victim.fetch(http.MethodGet, back).problem(http.StatusBadRequest)
	victim.load("/optional").wants(http.StatusOK, "hello, guest")
	w.equal("exchanges", w.exchanges(), 0)
	w.equal("the status in the browser that started", attacker.step(back).status, http.StatusSeeOther)
}

func oldAttempt(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	back := b.callback("/gloebit/connect")
	kept := b.copied() // the copy lacks the cookie's Max-Age
	w.advance(48 * time.Hour)
	for _, late := range []*browser{b, kept} {
		late.fetch(http.MethodGet, back).problem(http.StatusBadRequest)
		late.load("/optional").wants(http.StatusOK, "hello, guest")
	}
	w.equal("exchanges", w.exchanges(), 0)
}

func chainGoesOn(w *world) {
	visitor, narrow := w.browser(), w.connected("alice")
	for path, b := range map[string]*browser{
		"/private": visitor, "/inventory": narrow, "/balance": visitor, "/fail/store": visitor, "/panic": visitor,
	} {
		for _, header := range []map[string]string{asPage, asScript, nil} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
				got := b.send(b.steps, b.request(method, path, header))
				got.refused()
				if got.status < 300 || strings.Contains(got.body, "hello") {
					w.Errorf("%s %s without a connection answers %d %q", method, path, got.status, got.body)
				}
				if got.status == http.StatusSeeOther {
					got.wants(http.StatusSeeOther, "")
				}
			}
		}
	}
}

func verifierInQuery(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	consent := b.consent("/gloebit/connect?code_verifier=attackers&code_challenge=attackers&code_challenge_method=plain")
	asked := consent.URL.Query()
	w.equal("the method", asked.Get("code_challenge_method"), "S256")
	if asked.Get("code_challenge") == "attackers" || len(asked["code_challenge"]) != 1 {
		w.Errorf("the challenge is %v", asked["code_challenge"])
	}
	answered, err := w.wire.transport.RoundTrip(consent)
	w.ok(err)
	answered.Body.Close()
	back := strings.TrimPrefix(answered.Header.Get("Location"), w.shop.URL+w.prefix)
	b.step(back + "&code_verifier=attackers&verifier=attackers").leads(w.prefix + "/optional")
	sent := w.lastGrant("authorization_code")
	sum := sha256.Sum256([]byte(sent.Get("code_verifier")))
	w.equal("the hash of the verifier", base64.RawURLEncoding.EncodeToString(sum[:]), asked.Get("code_challenge"))
	b.load("/private").wants(http.StatusOK, "hello, alice")
}

func refusalIsExchanged(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	for _, answered := range []string{"error=access_denied&was=", "error=access_denied&code="} {
		back := strings.Replace(b.callback("/gloebit/connect"), "code=", answered, 1)
		b.fetch(http.MethodGet, back).problem(http.StatusForbidden)
	}
	w.equal("exchanges", w.exchanges(), 0)
	b.load("/optional").wants(http.StatusOK, "hello, guest")
}

// requestEnds cancels the browser's request after Gloebit has replaced the
// token and before the application gets the response.
func requestEnds(w *world) {
	b := w.connected("alice")
	w.gloebit.ExpireTokens("alice")
	answer := w.wire.hold()
	ctx, leave := context.WithCancel(w.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		response, err := b.steps.Do(b.request(http.MethodGet, "/balance", asScript).WithContext(ctx))
		if err == nil {
			response.Body.Close()
		}
	}()
	<-answer.arrived
	leave()
	<-gone
	<-w.app.left
	close(answer.release)
	b.fetch(http.MethodGet, "/balance").wants(http.StatusOK, "1000")
	w.equal("refreshes", w.grants("refresh_token"), 1)
	w.gloebit.ExpireTokens("alice")
	b.fetch(http.MethodGet, "/balance").wants(http.StatusOK, "1000")
	w.equal("refreshes", w.grants("refresh_token"), 2)
}

func refreshedAtOnce(w *world) {
	first := w.connected("alice")
	second := w.connected("alice")
	for round := range 3 {
		w.gloebit.ExpireTokens("alice")
		browsers := []*browser{first, second}
		statuses := w.allAtOnce(12, func(i int) answer { return browsers[i%2].fetch(http.MethodGet, "/balance") })
		w.equal("the requests that worked", statuses[http.StatusOK], 12)
		w.equal("refreshes", w.grants("refresh_token"), round+1)
	}
}
