package gloebittest_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestLoadRestoresSavedState(t *testing.T) {
	cfg := gloebittest.Config{RefreshTokens: true, TokenLifetime: time.Hour, Queue: gloebittest.Queue{Manual: true}}
	w, h := newWorld(t, cfg), newHooks(t)
	require.NoError(t, w.server.Approve("alice"))
	first := w.exchange(w.connect())
	token := first.json["access_token"].(string)
	require.NoError(t, w.server.GrantProduct(w.app.Key, "alice", "green-hat", 3))
	require.NoError(t, w.server.Lock("bob", true))
	require.NoError(t, w.server.Lock("bob", false))
	h.on("enact", 503, "")
	w.purchase(h, nil)
	w.settle()

	var saved bytes.Buffer
	require.NoError(t, w.server.Save(&saved))
	text := saved.String()

	v := newWorld(t, cfg)
	require.NoError(t, v.server.Load(&saved))
	v.clock.Advance(time.Second)
	require.Equal(t, w.server.Users(), v.server.Users())
	require.Equal(t, w.server.Applications(), v.server.Applications())
	require.Equal(t, w.server.Approvals("alice"), v.server.Approvals("alice"))
	require.Equal(t, w.server.Transactions(), v.server.Transactions())
	require.Equal(t, w.server.Products(w.app.Key, "alice"), v.server.Products(w.app.Key, "alice"))

	require.Equal(t, true, v.get("id", token).json["success"], "tokens stay good")
	v.app = w.app
	refreshed := v.postForm("oauth2/access-token", map[string][]string{
		"client_id": {w.app.Key}, "client_secret": {w.app.Secret}, "grant_type": {"refresh_token"},
		"refresh_token": {first.json["refresh_token"].(string)},
	})
	require.Equal(t, http.StatusOK, refreshed.status, refreshed.text)

	h.on("enact", 200, "[true]")
	v.settle()
	require.Equal(t, gloebittest.StateSettled, v.transaction().State, "callbacks still to be made are made")
	require.Equal(t, "960.5", v.server.Balance("alice"))
	require.Equal(t, gloebittest.StateQueued, w.transaction().State, "nothing is shared")

	var again bytes.Buffer
	require.NoError(t, w.server.Save(&again))
	require.Equal(t, text, again.String(), "the same state is the same text")
}

func TestTokenOfDeletedUserOrApplication(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	require.NoError(t, w.server.Load(strings.NewReader(`{"version": 1,
		"users": [{"id": "1", "name": "alice", "balance": "1"}], "applications": [{"key": "k", "secret": "s"}],
		"tokens": [
			{"access": "a", "application": "k", "user": "2", "scopes": ["balance"]},
			{"access": "b", "application": "x", "user": "1", "scopes": ["balance"]}
		]}`)))
	require.Equal(t, "unknown user", w.get("balance", "a").json["reason"])
	require.Equal(t, "unknown consumer", w.get("balance", "b").json["reason"])
}

func TestLoadDuringCallback(t *testing.T) {
	w, h := newWorld(t, manual(gloebittest.Queue{})), newHooks(t)
	w.purchase(h, nil)
	var saved bytes.Buffer
	require.NoError(t, w.server.Save(&saved))
	h.onFunc("enact", func() (int, string) {
		if saved.Len() > 0 {
			_ = w.server.Load(&saved)
		}
		return 200, "[true]"
	})
	w.settle()
	require.Equal(t, []string{"enact?t=1", "enact?t=1", "consume?t=1"}, h.called())
	require.Equal(t, "50", w.server.Balance("bob"), "paid once")
}

func TestLoadRefuses(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	for name, text := range map[string]string{
		"nothing":                    "",
		"rubbish":                    "{",
		"another version":            `{"version":3}`,
		"no version":                 `{}`,
		"a user without a name":      `{"version":1,"users":[{"id":"1","balance":"1"}]}`,
		"a user without an id":       `{"version":1,"users":[{"name":"a","balance":"1"}]}`,
		"a user with no number":      `{"version":1,"users":[{"id":"1","name":"a","balance":"much"}]}`,
		"two users with one id":      `{"version":1,"users":[{"id":"1","name":"a"},{"id":"1","name":"b"}]}`,
		"an application with no key": `{"version":1,"applications":[{"name":"a"}]}`,
		"an application of null":     `{"version":1,"applications":[null]}`,
		"an unknown owner":           `{"version":1,"applications":[{"key":"k","secret":"s","owner":"x"}]}`,
		"a token without a secret":   `{"version":1,"tokens":[{"user":"x"}]}`,
		"a token of null":            `{"version":1,"tokens":[null]}`,
		"an approval of null":        `{"version":1,"approvals":[null]}`,
		"a transaction of null":      `{"version":1,"transactions":[null]}`,
		"a transaction twice":        `{"version":1,"transactions":[{"id":"1"},{"id":"1"}]}`,
		"a callback without a URL":   `{"version":1,"transactions":[{"id":"1","next":"enact"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			before := w.server.Revision()
			require.Error(t, w.server.Load(strings.NewReader(text)))
			require.Equal(t, before, w.server.Revision())
			require.Len(t, w.server.Users(), 2)
		})
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

var errBroken = errors.New("the disk is full")

func TestSaveReturnsWriterError(t *testing.T) {
	require.ErrorIs(t, gloebittest.New(gloebittest.Config{}).Save(brokenWriter{}), errBroken)
}

func TestRevisionRisesWithEveryChange(t *testing.T) {
	w := newWorld(t, manual(gloebittest.Queue{}))
	h := newHooks(t)
	token := w.token(allScopes()...)
	last := w.server.Revision()
	for _, act := range []struct {
		name string
		do   func()
	}{
		{"adding a user", func() { _, _ = w.server.AddUser(gloebittest.User{Name: "carol"}) }},
		{"adding an application", func() { _, _ = w.server.AddApplication(gloebittest.Application{}) }},
		{"changing an application", func() { _ = w.server.SetApplication(w.app) }},
		{"changing products", func() { _ = w.server.SetProducts(w.app.Key, w.app.Products...) }},
		{"adding to a balance", func() { _ = w.server.AddBalance("alice", "1") }},
		{"a connection", func() { w.exchange(w.connect()) }},
		{"a purchase", func() { w.purchase(h, nil) }},
		{"consuming", func() { w.post("consume-user-product/green-hat/1", token, "") }},
		{"expiry", func() { w.server.ExpireTokens("alice") }},
		{"revocation", func() { w.server.RevokeApproval("alice", w.app.Key) }},
	} {
		act.do()
		require.Greater(t, w.server.Revision(), last, act.name)
		last = w.server.Revision()
	}
	w.settle()
	require.Greater(t, w.server.Revision(), last, "a callback")
	last = w.server.Revision()
	w.get("balance", token)
	w.server.Users()
	require.Equal(t, last, w.server.Revision(), "reading changes nothing")
}

func TestApplicationsAndUsersAreChecked(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	for name, app := range map[string]gloebittest.Application{
		"a key that is taken":      {Key: w.app.Key},
		"a relative prefix":        {RedirectPrefixes: []string{"/cb"}},
		"a prefix with a fragment": {RedirectPrefixes: []string{"https://a/#x"}},
		"a prefix with a user":     {RedirectPrefixes: []string{"https://a@b/"}},
		"a prefix that climbs":     {RedirectPrefixes: []string{"https://a/../b"}},
		"a prefix that is no URL":  {RedirectPrefixes: []string{"https://a:b:c/"}},
		"an unknown owner":         {Owner: "x"},
		"a product without a name": {Products: []gloebittest.Product{{Price: 1}}},
		"a product twice":          {Products: []gloebittest.Product{{Name: "a"}, {Name: "a"}}},
		"a negative price":         {Products: []gloebittest.Product{{Name: "a", Price: -1}}},
		"a price beyond 2^53":      {Products: []gloebittest.Product{{Name: "a", Price: 1<<53 + 1}}},
		"a negative limit":         {Products: []gloebittest.Product{{Name: "a", PerUserLimit: -1}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.server.AddApplication(app)
			require.Error(t, err)
			require.Len(t, w.server.Applications(), 1)
		})
	}
	for name, user := range map[string]gloebittest.User{
		"no name":                     {},
		"a name that is taken":        {Name: "alice"},
		"an id that is taken":         {Name: "carol", ID: w.alice.ID},
		"a name that is an id":        {Name: w.alice.ID},
		"a balance that is no number": {Name: "carol", Balance: "NaN"},
		"params that are no JSON":     {Name: "carol", Params: map[string]any{"f": func() {}}},
	} {
		t.Run("user with "+name, func(t *testing.T) {
			_, err := w.server.AddUser(user)
			require.Error(t, err)
			require.Len(t, w.server.Users(), 2)
		})
	}
	require.Error(t, w.server.SetApplication(gloebittest.Application{Key: "x"}))
	require.Error(t, w.server.SetProducts("x"))
	require.Error(t, w.server.SetProducts(w.app.Key, gloebittest.Product{}))
	require.Error(t, w.server.GrantProduct("x", "alice", "green-hat", 1))
	require.Error(t, w.server.GrantProduct(w.app.Key, "alice", "x", 1))
	require.Error(t, w.server.GrantProduct(w.app.Key, "alice", "green-hat", -1))
	_, ok := w.server.Application("x")
	require.False(t, ok)
	_, ok = w.server.User("x")
	require.False(t, ok)
	_, ok = w.server.Transaction(w.app.Key, "x")
	require.False(t, ok)
}

func TestAnApplicationCanBeChanged(t *testing.T) {
	w := newWorld(t, gloebittest.Config{})
	code := w.connect()
	changed := w.app
	changed.Secret, changed.RedirectPrefixes = "", []string{"https://new.example/"}
	require.NoError(t, w.server.SetApplication(changed))
	require.Equal(t, http.StatusOK, w.exchange(code).status, "an empty secret keeps the present one")
	require.Equal(t, http.StatusBadRequest, w.get("oauth2/authorize?"+w.authorizeQuery().Encode(), "").status)
	require.NoError(t, w.server.SetProducts(w.app.Key, gloebittest.Product{Name: "coin", Price: 1}))
	app, ok := w.server.Application(w.app.Key)
	require.True(t, ok)
	require.Equal(t, []gloebittest.Product{{Name: "coin", Price: 1}}, app.Products)
	app.Products[0].Price = 7
	app, _ = w.server.Application(w.app.Key)
	require.Equal(t, int64(1), app.Products[0].Price, "a copy is returned")
}

func TestNoSecretIsLogged(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, gloebittest.Config{
		RefreshTokens: true, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	h := newHooks(t)
	code := w.connect("state", "statestate")
	got := w.exchange(code)
	w.purchase(h, nil)
	require.NoError(t, w.server.Settle(context.Background()))
	w.get("oauth2/access-token?"+w.exchangeForm(code).Encode(), "")
	w.server.Close()
	text := log.String()
	require.Contains(t, text, "path=/oauth2/access-token")
	require.Contains(t, text, "step=consume")
	for _, secret := range []string{
		code, w.app.Secret, got.json["access_token"].(string), got.json["refresh_token"].(string), "statestate", "?t=1",
	} {
		require.NotContains(t, text, secret)
	}
}
