package adaptertest

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
)

func stateIsUsedOnceAnywhere(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	for _, first := range []int{0, 1} {
		back := b.at(first).callback("/gloebit/connect?return_to=/private")
		old := b.copied()
		b.at(1-first).load(back).wants(http.StatusOK, "hello, alice")
		for _, again := range []*browser{b.at(0), b.at(1), old.at(0), old.at(1)} {
			again.fetch(http.MethodGet, back).problem(http.StatusBadRequest)
		}
		w.equal("exchanges", w.exchanges(), first+1)
	}
}

func replaysAtOnceAnywhere(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	for round := range 5 {
		b := w.browser()
		back := b.at(round % 2).callback("/gloebit/connect")
		statuses := w.allAtOnce(8, func(i int) answer { return b.copied().at(i % 2).step(fmt.Sprintf("%s&n=%d", back, i)) })
		w.equal("the browsers that arrive", statuses[http.StatusSeeOther], 1)
		w.equal("the browsers that are refused", statuses[http.StatusBadRequest], 7)
		w.equal("exchanges", w.exchanges(), round+1)
	}
}

func stateExpiresAnywhere(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser()
	back := b.callback("/gloebit/connect")
	w.advance(10 * time.Minute)
	b.at(1).fetch(http.MethodGet, back).problem(http.StatusBadRequest)
	w.equal("exchanges", w.exchanges(), 0)
	b.load("/optional").wants(http.StatusOK, "hello, guest")
}

func pendingKeepsUser(w *world) {
	w.ok(w.gloebit.Approve("alice"))
	b := w.browser().as("ann")
	back := b.at(0).callback("/gloebit/connect")
	b.at(1).as("ben").fetch(http.MethodGet, back).problem(http.StatusForbidden)
	b.at(0).fetch(http.MethodGet, back).problem(http.StatusBadRequest) // the state is used
	w.equal("exchanges", w.exchanges(), 0)
	b.at(1).load(b.at(0).callback("/gloebit/connect?return_to=/private?size=%26")).wants(http.StatusOK, "hello, ann")
	for process := range w.processes {
		b.at(process).load("/private").wants(http.StatusOK, "hello, ann")
		b.at(process).as("ben").load("/optional").wants(http.StatusOK, "hello, guest")
	}
}

func storeErrorsAreClean(w *world) {
	b := w.connected("alice")
	fresh := w.browser()
	back := fresh.callback("/gloebit/connect")
	answer := w.wire.hold()
	saved := make(chan int)
	go func() { saved <- fresh.at(1).step(back).status }()
	<-answer.arrived
	w.down(true) // between the exchange and the save
	close(answer.release)
	w.equal("the status of what was not saved", <-saved, http.StatusServiceUnavailable)
	for process := range w.processes {
		b.at(process).fetch(http.MethodGet, "/balance").problem(http.StatusServiceUnavailable)
		b.at(process).fetch(http.MethodGet, "/gloebit/connect").problem(http.StatusServiceUnavailable)
		fresh.at(process).fetch(http.MethodGet, back).problem(http.StatusServiceUnavailable)
		b.at(process).fetch(http.MethodPost, "/gloebit/disconnect").problem(http.StatusServiceUnavailable)
	}
	w.down(false)
	fresh.load("/optional").wants(http.StatusOK, "hello, guest")
	w.clean()
}

func sealedAtRest(w *world) {
	b := w.connected("alice")
	alice := w.key("alice")
	for process := range w.processes {
		b.at(process).fetch(http.MethodGet, "/balance").wants(http.StatusOK, "1000")
		stored, err := w.stores.Inner.Load(w.Context(), alice)
		w.ok(err)
		for name, value := range map[string]gloebit.Secret{
			"access token": stored.AccessToken, "refresh token": stored.RefreshToken,
		} {
			if found := w.recorder.findSecrets(value.Reveal()); len(found) > 0 || value == "" {
				w.Errorf("the %s at rest is %q", name, value.Reveal())
			}
		}
		w.gloebit.ExpireTokens("alice") // this process saves with its own key
	}
	for process := range w.processes {
		b.at(process).fetch(http.MethodGet, "/balance").wants(http.StatusOK, "1000")
	}
}

// sealedToTheUser moves one user's tokens to another, as an attacker with write
// access to the database could.
func sealedToTheUser(w *world) {
	_, bob := w.connected("alice"), w.connected("bob")
	alices, err := w.stores.Inner.Load(w.Context(), w.key("alice"))
	w.ok(err)
	w.ok(w.stores.Inner.Update(w.Context(), w.key("bob"), func(
		context.Context, *connect.Credential,
	) (*connect.Credential, error) {
		return &alices, nil
	}))
	w.app.took()
	for process := range w.processes {
		for _, path := range []string{"/private", "/optional", "/balance"} {
			refused := bob.at(process).fetch(http.MethodGet, path)
			refused.problem(http.StatusServiceUnavailable)
			refused.refused()
		}
	}
	w.clean()
}

// key is the key of the user's credential.
func (w *world) key(name string) connect.Key {
	w.Helper()
	return connect.Key{Realm: w.app.Merchant.Realm(), ID: w.id(name)}
}

func (w *world) id(name string) string {
	w.Helper()
	user, ok := w.gloebit.User(name)
	if !ok {
		w.Fatalf("there is no user %s", name)
	}
	return user.ID
}

func rotationIsKept(w *world) {
	b := w.connected("alice")
	var used []string
	for round := range 4 {
		w.gloebit.ExpireTokens("alice")
		b.at(round%2).fetch(http.MethodGet, "/balance").wants(http.StatusOK, "1000")
		w.equal("refreshes", w.grants("refresh_token"), round+1)
		used = append(used, w.lastGrant("refresh_token").Get("refresh_token"))
		if round > 0 && used[round] == used[round-1] {
			w.Error("a refresh token was used twice")
		}
	}
}

func noneKeepsTheOld(w *world) {
	b := w.connected("alice")
	for round := range 2 {
		w.gloebit.ExpireTokens("alice")
		token, err := w.gloebit.IssueToken(w.account.Key, "alice", "user", "balance", "transact")
		w.ok(err)
		w.gloebit.Inject(gloebittest.Fault{Path: "oauth2/access-token", Times: 1, Body: `{"access_token":"` + token + `"}`})
		b.at(round%2).fetch(http.MethodGet, "/balance").wants(http.StatusOK, "1000")
	}
	first := w.wire.asked("refresh_token")[0].Get("refresh_token")
	w.gloebit.ExpireTokens("alice")
	b.fetch(http.MethodGet, "/balance").wants(http.StatusOK, "1000")
	w.equal("the refresh token", w.lastGrant("refresh_token").Get("refresh_token"), first)
	w.equal("refreshes", w.grants("refresh_token"), 3)
}

func storesDown(w *world) {
	b, waiting := w.connected("alice"), w.browser()
	back := waiting.callback("/gloebit/connect")
	w.app.took()
	w.down(true)
	for process := range w.processes {
		one := b.at(process)
		for _, path := range []string{"/private", "/inventory", "/balance", "/optional"} {
			refused := one.fetch(http.MethodGet, path)
			refused.problem(http.StatusServiceUnavailable)
			refused.refused()
			page := one.step(path)
			w.equal("the status of a page", page.status, http.StatusServiceUnavailable)
			page.refused()
		}
		one.fetch(http.MethodGet, "/gloebit/connect").problem(http.StatusServiceUnavailable)
		one.fetch(http.MethodPost, "/gloebit/disconnect").problem(http.StatusServiceUnavailable)
		waiting.at(process).fetch(http.MethodGet, back).problem(http.StatusServiceUnavailable)
	}
	w.equal("exchanges", w.exchanges(), 1)
	w.down(false)
	for process := range w.processes {
		b.at(process).fetch(http.MethodGet, "/balance").wants(http.StatusOK, "1000")
	}
	waiting.load(back).wants(http.StatusOK, "hello, alice")
}

func disconnectAnywhere(w *world) {
	for _, process := range []int{0, 1} {
		b, second := w.connected("alice"), w.connected("alice")
		old := b.copied()
		for _, one := range []*browser{b, second} {
			one.at(1-process).load("/private").wants(http.StatusOK, "hello, alice")
		}
		b.at(process).fetch(http.MethodPost, "/gloebit/disconnect").leads("/optional")
		w.app.took()
		for _, one := range []*browser{b, second, old} {
			for other := range w.processes {
				refused := one.at(other).step("/private")
				refused.leads("/gloebit/connect")
				refused.refused()
			}
		}
	}
}

func refreshedAtOnceAnywhere(w *world) {
	first, second := w.connected("alice"), w.connected("alice")
	browsers := []*browser{first.at(0), first.at(1), second.at(0), second.at(1)}
	for round := range 3 {
		w.gloebit.ExpireTokens("alice")
		statuses := w.allAtOnce(16, func(i int) answer { return browsers[i%4].fetch(http.MethodGet, "/balance") })
		w.equal("the requests that worked", statuses[http.StatusOK], 16)
		w.equal("refreshes", w.grants("refresh_token"), round+1)
	}
}
