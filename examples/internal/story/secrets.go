package story

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/internal/leaktest"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/launch"
)

// RunSecrets runs one long story that uses every feature of a shop, and
// searches everything that the shop has output or stored for every secret. The
// other stories are searched too, but only this one is sure to contain every
// kind of secret.
func RunSecrets(t *testing.T, build launch.Build) {
	t.Helper()
	t.Parallel()
	w := startWorld(t, build, filepath.Join(t.TempDir(), "shop.db"), hurried())
	w.handsOutRefreshTokens()
	for _, s := range []struct {
		name string
		tell func(*testing.T, *world)
	}{
		{"a day in the shop", aDayInTheShop},
		{"Gloebit repeats what it receives", gloebitRepeatsWhatItReceives},
		{"the database fails", theDatabaseFails},
		{"another visitor replays what was seen", anotherVisitorReplaysWhatWasSeen},
		{"the shop panics", theShopPanics},
		{"what there is is printed", whatThereIsIsPrinted},
	} {
		t.Run(s.name, func(t *testing.T) { s.tell(t, w) })
	}
	w.keep()
	w.watch.WantsAll(t, leaktest.ReadTable(t, whereSecretsGo),
		"client secret", "authorization code", "PKCE verifier", "state", "browser binding", "session cookie",
		"access token", "refresh token", "sealing key", "hold URL key", "hold signature")
}

func aDayInTheShop(t *testing.T, w *world) {
	v := newVisitor(t)
	consent := v.open(w.shopURL).signIn("alice")
	w.keep() // while the state is pending
	w.bindings(t)
	shelf := consent.submit("/oauth2/authorize", "decision", "approve").says("Welcome, alice")
	shelf.buy("green-hat").says("You bought")
	shelf.buy("gift-wrap").says("You bought")
	w.settled()
	shelf.follow("My things").use("green-hat").says("You put on")
	shelf.follow("My purchases").says("Paid and delivered").follow("the back office").follow("Purchases").
		follow("gift-wrap").says("delivered")
	for _, format := range []string{"csv", "json"} {
		require.Equal(t, http.StatusOK, v.open(w.shopURL+"/merchant?view=export&format="+format).status)
	}

	for range 2 { // the second with the refresh token from the first
		require.Positive(t, w.gloebit.ExpireTokens("alice"))
		require.Contains(t, shelf.reload().balance(), "G$", "refreshed")
	}
	require.Positive(t, w.gloebit.RevokeTokens("alice"))
	shelf.reload().says("no longer lets the shop charge you")
	shelf.again().submit("/gloebit/disconnect").says("Until next time")
}

// bindings adds the browser bindings of pending connections to the watch.
func (w *world) bindings(t *testing.T) {
	t.Helper()
	rows, err := w.books.DB().Query("SELECT binding FROM oauth_states")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var hash string
		require.NoError(t, rows.Scan(&hash))
		w.watch.Hashed("browser binding", hash)
	}
	require.NoError(t, rows.Err())
}

// again connects the visitor, who is signed in at Gloebit.
func (p page) again() page {
	p.v.t.Helper()
	return p.consent().submit("/oauth2/authorize", "decision", "approve")
}

// consent opens Gloebit's consent page.
func (p page) consent() page {
	p.v.t.Helper()
	to, err := p.url.Parse("/gloebit/connect")
	require.NoError(p.v.t, err)
	return p.v.open(to.String())
}

func theDatabaseFails(t *testing.T, w *world) {
	shelf := newVisitor(t).open(w.shopURL).connect("alice")
	for _, table := range []string{"oauth_credentials", "oauth_states", "gloebit_purchases"} {
		consent := newVisitor(t).open(w.shopURL).signIn("bob")
		order := shelf.order("red-scarf")
		find := w.loses(t, table)
		sorry := consent.submit("/oauth2/authorize", "decision", "approve")
		shelf.reload()
		order.submit("/buy/red-scarf")
		shelf.v.open(w.shopURL + "/gloebit/connect")
		find()
		require.Equal(t, table != "gloebit_purchases", sorry.status == 503, "%s: %s", table, sorry.text())
	}
	_, err := w.books.DB().Exec("UPDATE oauth_credentials SET access_token = access_token || 'x'")
	require.NoError(t, err)
	require.Equal(t, 503, shelf.follow("My things").status, "the seal is broken")
	_, err = w.books.DB().Exec("DELETE FROM oauth_credentials")
	require.NoError(t, err)
}

func anotherVisitorReplaysWhatWasSeen(t *testing.T, w *world) {
	v, another := newVisitor(t), newVisitor(t)
	for _, more := range []string{"", "&code=another", "&error=server_error&error_description="} {
		callback := v.callback(w)
		if more != "" {
			callback += more + callback[len(w.shopURL):]
		}
		another.open(callback)
		first := v.open(callback)
		require.Equal(t, more == "", first.status == 200, "%s", first.text())
		require.Equal(
			t, first.status != 200, v.open(callback).status == 400, "used before, which a connected user need not know",
		)
	}
	for _, transaction := range w.gloebit.Transactions() {
		hold := transaction.Hold.Enact
		for _, bad := range []string{hold + "x", hold + "/x", strings.Replace(hold, "/enact/", "/cancel/", 1)} {
			require.Equal(t, 404, another.open(bad).status)
		}
	}
}

func theShopPanics(t *testing.T, w *world) {
	for _, message := range []string{"gloebit: connected", "gloebit: request failed"} {
		v := newVisitor(t)
		callback := v.callback(w)
		if message != "gloebit: connected" {
			callback += "&code=another"
		}
		w.watch.panicAt.Store(&message)
		before := w.watch.panics.Load()
		if response, err := v.client.Get(callback); err == nil { // the client may have retried on its own
			response.Body.Close()
		}
		w.watch.panicAt.Store(nil)
		require.Greater(t, w.watch.panics.Load(), before)
	}
}
