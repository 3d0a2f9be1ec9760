package adaptertest

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"sync"
)

func stream(w *world) {
	b := w.browser()
	response, err := b.steps.Do(b.request(http.MethodGet, "/stream", asScript))
	w.ok(err)
	defer response.Body.Close()
	body := bufio.NewReader(response.Body)
	first, err := body.ReadString('\n') // the handler is waiting for gate
	w.ok(err)
	w.equal("the first chunk", first, firstChunk)
	w.app.gate <- struct{}{}
	rest, err := io.ReadAll(body)
	w.ok(err)
	w.equal("the rest", string(rest), secondChunk)
	b.load("/noted").wants(http.StatusOK, "noted") // the cookie was sent with the first chunk
}

func silentChange(w *world) {
	b := w.browser()
	b.load("/noted")
	b.load("/note").wants(http.StatusNoContent, "")
	b.load("/noted").wants(http.StatusOK, "noted")
}

func panics(w *world) {
	b := w.connected("alice")
	w.equal("the status", b.load("/panic").status, http.StatusInternalServerError)
	b.step("/private").wants(http.StatusOK, "hello, alice")
}

func errorHelper(w *world) {
	b := w.connected("alice")
	for what, status := range map[string]int{
		"balance": http.StatusPaymentRequired, "connection": http.StatusUnauthorized,
		"scope": http.StatusForbidden, "store": http.StatusServiceUnavailable,
	} {
		failed := b.fetch(http.MethodPost, "/fail/"+what)
		problem := failed.problem(status)
		w.equal("status", problem["status"], float64(status))
		w.ran("handler")
		w.equal("the later middleware's header", failed.header.Get(laterHeader), "")
		_, connect := problem["connect_url"]
		w.equal(what+" has connect_url", connect, what == "connection" || what == "scope")
		_, purchase := problem["purchase_url"]
		w.equal(what+" has purchase_url", purchase, what == "balance")
	}
}

func errorHelperConnects(w *world) {
	b := w.connected("alice")
	to := b.step("/fail/scope").leads(w.prefix + "/gloebit/connect").Query()
	w.ran("handler")
	w.equal("return_to", to.Get("return_to"), w.prefix+"/fail/scope")
	w.equal("scope", to.Get("scope"), "inventory")
	page := b.step("/fail/balance")
	w.equal("the status of a page", page.status, http.StatusPaymentRequired)
	if !strings.Contains(page.body, "Get more gloebits") {
		w.Errorf("the page has no way to more gloebits: %s", page.body)
	}
}

func atOnce(w *world) {
	browsers := map[string]*browser{"alice": w.connected("alice"), "bob": w.connected("bob"), "guest": w.browser()}
	var group sync.WaitGroup
	for range 4 {
		for name, b := range browsers {
			group.Go(func() {
				for range 10 {
					request := b.request(http.MethodGet, "/optional", asPage)
					response, err := b.steps.Do(request)
					if err != nil {
						w.Error(err)
						return
					}
					body, err := io.ReadAll(response.Body)
					response.Body.Close()
					if err != nil || string(body) != "hello, "+name {
						w.Errorf("%s is greeted with %q (%v)", name, body, err)
					}
				}
			})
		}
	}
	group.Wait()
}
