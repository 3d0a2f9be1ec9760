package adaptertest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

func stateIsRandom(w *world) {
	b := w.browser()
	var states [][]byte
	for range 64 {
		query := b.consent("/gloebit/connect?return_to=" + url.QueryEscape(w.prefix+"/private")).URL.Query()
		state, err := base64.RawURLEncoding.DecodeString(query.Get("state"))
		w.ok(err)
		states = append(states, state)
	}
	varied := 0 // the number of bytes that differ between states
	for i := range states[0] {
		seen := map[byte]bool{}
		for _, state := range states {
			if len(state) == len(states[0]) {
				seen[state[i]] = true
			}
		}
		if len(seen) > 32 { // 64 random bytes have 57 values on average
			varied++
		}
	}
	if varied < 16 {
		w.Errorf("%d bytes of the state are random, want at least 16", varied)
	}
}

func callbackElsewhere(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	fresh, started := w.browser(), w.browser()
	started.callback("/gloebit/connect")
	var back string
	for _, other := range []*browser{started, fresh} {
		back = b.callback("/gloebit/connect?return_to=" + w.prefix + "/private")
		other.fetch(http.MethodGet, back).problem(http.StatusBadRequest)
		w.equal("exchanges", w.exchanges(), 0)
		other.load("/optional").wants(http.StatusOK, "hello, guest")
		b.load("/optional").wants(http.StatusOK, "hello, guest")
	}
	b.load(back).wants(http.StatusOK, "hello, alice") // a request without cookies does not use the state
}

func stateIsUsedOnce(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	back := b.callback("/gloebit/connect?return_to=" + w.prefix + "/private")
	old := b.copied()
	b.load(back).wants(http.StatusOK, "hello, alice")
	for _, again := range []*browser{b, old, b.copied()} {
		again.fetch(http.MethodGet, back).problem(http.StatusBadRequest)
	}
	w.equal("exchanges", w.exchanges(), 1)
	old.load("/optional").wants(http.StatusOK, "hello, guest")
	b.fetch(http.MethodGet, "/gloebit/callback?code=stolen&state=unknown").problem(http.StatusBadRequest)
	w.equal("exchanges", w.exchanges(), 1)
}

func replaysAtOnce(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	for round := range 5 {
		back := b.callback("/gloebit/connect")
		statuses := w.allAtOnce(8, func(i int) answer { return b.copied().step(fmt.Sprintf("%s&n=%d", back, i)) })
		w.equal("the browsers that arrive", statuses[http.StatusSeeOther], 1)
		w.equal("the browsers that are refused", statuses[http.StatusBadRequest], 7)
		w.equal("exchanges", w.exchanges(), round+1)
	}
}

// allAtOnce calls ask from n goroutines at the same time and counts the
// statuses.
func (w *world) allAtOnce(n int, ask func(i int) answer) map[int]int {
	w.Helper()
	var group sync.WaitGroup
	var mu sync.Mutex
	statuses, start := map[int]int{}, make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-start
			status := ask(i).status
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
		})
	}
	close(start)
	group.Wait()
	return statuses
}

func stateExpires(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	back := b.callback("/gloebit/connect")
	w.advance(9 * time.Minute)
	b.step(back).leads(w.prefix + "/optional")
	back = b.callback("/gloebit/connect")
	w.advance(10 * time.Minute)
	b.fetch(http.MethodGet, back).problem(http.StatusBadRequest)
	w.equal("exchanges", w.exchanges(), 1)
}

func parametersAreSingle(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	set := func(name string, values ...string) func(url.Values) {
		return func(q url.Values) {
			delete(q, name)
			if len(values) > 0 {
				q[name] = values
			}
		}
	}
	again := func(name string) func(url.Values) { return func(q url.Values) { q.Add(name, q.Get(name)) } }
	for what, change := range map[string]func(url.Values){
		"no state": set("state"), "an empty state": set("state", ""), "the state twice": again("state"),
		"an empty state beside it": func(q url.Values) { q.Add("state", "") },
		"no code":                  set("code"), "an empty code": set("code", ""), "the code twice": again("code"),
		"an empty error": set("error", ""), "two errors": set("error", "access_denied", "server_error"),
	} {
		path, query, _ := strings.Cut(b.callback("/gloebit/connect"), "?")
		values, err := url.ParseQuery(query)
		w.ok(err)
		change(values)
		answered := b.fetch(http.MethodGet, path+"?"+values.Encode())
		w.equal("the status with "+what, answered.status, http.StatusBadRequest)
	}
	b.fetch(http.MethodGet, "/gloebit/callback").problem(http.StatusBadRequest)
	b.fetch(http.MethodGet, "/gloebit/callback?state=%zz&code=x").problem(http.StatusBadRequest)
	w.equal("exchanges", w.exchanges(), 0)
	b.load("/optional").wants(http.StatusOK, "hello, guest")
}

func stateBeforeError(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	back := b.callback("/gloebit/connect")
	refused := strings.Replace(back, "code=", "error=access_denied&was=", 1)
	b.fetch(http.MethodGet, "/gloebit/callback?error=access_denied&state=unknown").problem(http.StatusBadRequest)
	b.fetch(http.MethodGet, "/gloebit/callback?error=access_denied").problem(http.StatusBadRequest)
	w.browser().fetch(http.MethodGet, refused).problem(http.StatusBadRequest)
	b.fetch(http.MethodGet, refused).problem(http.StatusForbidden)
	b.fetch(http.MethodGet, back).problem(http.StatusBadRequest) // the refused callback has used the state
	w.equal("exchanges", w.exchanges(), 0)
}
