package story

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/books"
	"github.com/go-gloebit/gloebit/examples/internal/launch"
	"github.com/go-gloebit/gloebit/gloebittest"
)

// hurried returns settings with short waits for retries.
func hurried() launch.Settings { return launch.Settings{RetryAfter: 50 * time.Millisecond} }

// next loads the page to which this one refreshes, until one does not refresh.
func (p page) next() page {
	p.v.t.Helper()
	for _, meta := range p.find("meta") {
		if strings.EqualFold(attribute(meta, "http-equiv"), "refresh") {
			_, to, _ := strings.Cut(attribute(meta, "content"), "url=")
			return p.ask(to).next()
		}
	}
	return p
}

// isReceipt asserts that the page is a receipt with that outcome.
func (p page) isReceipt(outcome string) page {
	p.v.t.Helper()
	require.Contains(p.v.t, p.url.Path, "/purchases/")
	require.Empty(p.v.t, p.url.RawQuery)
	require.Equal(p.v.t, outcome, p.heading(), p.text())
	return p
}

// until reloads the page until it has the text.
func (p page) until(text string) page {
	p.v.t.Helper()
	now := p
	require.Eventually(p.v.t, func() bool {
		now = now.reload()
		return strings.Contains(now.text(), text)
	}, 20*time.Second, 50*time.Millisecond, "%q", text)
	return now
}

func aLostAnswerIsNothingToTheVisitor(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	shelf := newVisitor(t).open(w.shopURL).connect("alice")
	w.gloebit.Inject(gloebittest.Fault{Path: "transact", Drop: true, After: true})

	things := shelf.buy("green-hat").says("You bought 1 × Green hat for 40 G$.", "Green hat You own 1")
	w.gloebit.ClearFaults()
	require.Equal(t, 1, w.paid())
	require.Equal(t, "960 G$", things.reload().balance())
	require.Len(t, things.follow("My purchases").says("Paid and delivered").find("time"), 1)
}

func anOrderThatNeverArrivedIsSentAgainByTheShop(t *testing.T, build launch.Build) {
	w := startWorld(t, build, "", hurried())
	scarf := newVisitor(t).open(w.shopURL).connect("alice").order("red-scarf", "2")
	w.gloebit.Inject(gloebittest.Fault{
		Path: "transact", Status: http.StatusBadGateway, Body: "<html>", ContentType: "text/html",
	})
	form := scarf.form("/buy/red-scarf")
	waiting := scarf.send(form)
	waiting.isReceipt("Sent to Gloebit").says("2 × Red scarf", "No answer from Gloebit yet.")
	require.Equal(t, "1000", w.gloebit.Balance("alice"))

	w.gloebit.ClearFaults()
	waiting.next().isReceipt("Paid and delivered")
	require.Equal(t, "950", w.gloebit.Balance("alice"))
	scarf.send(form).says("That order was paid already: 2 × Red scarf for 50 G$. It was charged only once.")
	require.Equal(t, 1, w.paid())
}

func aPurchaseIsShownAsItMoves(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	shelf := newVisitor(t).open(w.shopURL).connect("alice")
	w.dropCallbacks.Store(true)
	waiting := shelf.buy("green-hat")
	waiting.isReceipt("On its way").says("Total for 1 × Green hat, 40 G$ each", "Gloebit holds your gloebits")
	bob := newVisitor(t).open(w.shopURL).connect("bob")
	require.Equal(t, http.StatusNotFound, bob.v.open(waiting.url.String()).status, "another user's receipt")
	require.Equal(t, http.StatusNotFound, bob.v.open(waiting.link("look again")+"?wait=1").status)
	office := newVisitor(t).open(w.shopURL+"/merchant").says("Under way 1", "accepted", "green-hat", "Stuck 0")

	w.dropCallbacks.Store(false)
	done := waiting.next().isReceipt("Paid and delivered")
	done.follow("My things").says("Green hat You own 1")
	office.reload().says("Paid, last 30 days 1 Income, last 30 days 40 G$", "Every purchase is finished.")
}

func aRestartForgetsNoPurchase(t *testing.T, build launch.Build) {
	w := startWorld(t, build, filepath.Join(t.TempDir(), "shop.db"), hurried())
	v := newVisitor(t)
	shelf := v.open(w.shopURL).connect("alice")
	shelf.buy("green-hat").says("You bought 1 × Green hat")
	wrap := shelf.order("gift-wrap").form("/buy/gift-wrap")
	shelf.send(wrap).says("You bought 1 × Gift wrap")
	w.gloebit.Inject(gloebittest.Fault{Path: "transact", Status: http.StatusBadGateway})
	shelf.buy("red-scarf").says("Sent to Gloebit") // Gloebit did not receive it
	w.gloebit.ClearFaults()
	w.dropCallbacks.Store(true)
	shelf.buy("straw-hat").says("On its way")

	w.closeShop()
	w.dropCallbacks.Store(false)
	w.openShop()
	require.Eventually(t, func() bool {
		return w.gloebit.Products(w.appKey, "alice")["red-scarf"] == 1
	}, 20*time.Second, 20*time.Millisecond,
		"the shop goes on with the token that it kept")
	things := v.open(w.shopURL+"/things").submit("/oauth2/authorize", "decision", "approve")
	for _, article := range []string{"Red scarf", "Straw hat"} {
		things.follow("My purchases").follow(article).next().isReceipt("Paid and delivered")
	}
	require.Equal(t, 4, strings.Count(things.follow("My purchases").text(), "Paid and delivered"))
	things.reload().says("Green hat You own 1", "Red scarf You own 1", "Straw hat You own 1", "Gift wrap 1 ordered")
	things.send(wrap).says("That order was paid already: 1 × Gift wrap for 8 G$.")
	require.Equal(t, 4, w.paid())
	require.Equal(t, "897", w.gloebit.Balance("alice"))
}

func whatTheBenchHasNoRoomForIsCanceled(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	wrap := newVisitor(t).open(w.shopURL).connect("alice").follow("Gift wrap")
	off := wrap.buy("gift-wrap", "41").isReceipt("Canceled, nothing charged").says(
		"The workbench has no room for it today. Your gloebits stay yours.", "Total for 41 × Gift wrap",
	)
	require.Zero(t, w.paid())
	require.Equal(t, "1,000 G$", off.reload().balance())

	require.Equal(t, 40, books.PiecesADay)
	wrap.buy("gift-wrap", "40").says("You bought 40 × Gift wrap for 320 G$.", "Gift wrap 40 ordered")
	require.Equal(t, "680", w.gloebit.Balance("alice"))
	off.v.open(w.shopURL + "/merchant").says("Paid, last 30 days 1 Income, last 30 days 320 G$")
	off.v.open(w.shopURL+"/merchant?view=search&state=released").says("41 × gift-wrap", "alice 328")
}

func aStuckPurchaseIsFoundAndFreedInTheBackOffice(t *testing.T, build launch.Build) {
	s := hurried()
	s.StuckAfter = 300 * time.Millisecond
	w := startWorld(t, build, "", s)
	another := newVisitor(t).open(w.shopURL+"/merchant").says(
		"a visitor (may look, not act)", "Stuck 0", "Every purchase is finished.",
	)
	require.Equal(t, http.StatusOK, another.status)

	shelf := newVisitor(t).open(w.shopURL).connect("bob")
	shelf.buy("green-hat").says("You bought 1 × Green hat")
	shelf.order("golden-crown").submit("/buy/golden-crown", "quantity", "2", "total", "").says("Not quite enough gloebits")
	_, err := w.books.DB().Exec(
		`CREATE TRIGGER fire BEFORE UPDATE ON shop_jobs BEGIN SELECT RAISE(ABORT, 'the bench is on fire'); END`,
	)
	require.NoError(t, err)
	held := shelf.buy("name-engraving")
	held.next().isReceipt("Held up").says("The shop is looking after it")
	stuck := shelf.v.open(w.shopURL+"/merchant").says(
		"Paid, last 30 days 2", "Refused, last 30 days 1", "Stuck 1", "settled",
	).follow("Stuck").follow("name-engraving")
	stuck.says("stuck It waits for its delivery. It is paid.", "the bench is on fire", "bob", "12 G$")

	_, err = w.books.DB().Exec(`DROP TRIGGER fire`)
	require.NoError(t, err)
	confirm := strings.Replace(stuck.url.String(), "view=purchase", "view=confirm&act=retry", 1)
	require.Equal(t, http.StatusForbidden, another.v.open(confirm).status)
	shelf.v.open(confirm).submit("/merchant", "reason", "the fire is out").says("Done for 1 of 1.")
	held.until("Paid and delivered").says("Total for 1 × Name in the band, 12 G$ each 12 G$").
		follow("My things").says("Name in the band 1 ordered")
	stuck.reload().says("taken up again: the fire is out bob", "It is paid and delivered.")
	another.reload().says("Paid, last 30 days 2 Income, last 30 days 52 G$", "Stuck 0")
}

func anOrderThatMayNotBeSavedIsSentAgain(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	scarf := newVisitor(t).open(w.shopURL).connect("alice").order("red-scarf", "2")
	find := w.loses(t, "gloebit_purchases")
	sorry := scarf.submit("/buy/red-scarf")
	require.Equal(t, http.StatusServiceUnavailable, sorry.status)
	sorry.says(
		"The shop can’t find its own books", "We can’t tell whether your order of 2 × Red scarf was saved.",
		"it is never charged twice",
	)
	for path, words := range map[string]string{
		"/purchases": "The shop can’t find its own books", "/merchant": "The database does not answer.",
	} {
		lost := scarf.v.open(w.shopURL + path)
		require.Equal(t, http.StatusServiceUnavailable, lost.status)
		lost.says(words)
	}
	find()
	sorry.submit("/buy/red-scarf").says("You bought 2 × Red scarf for 50 G$.")
	require.Equal(t, "950", w.gloebit.Balance("alice"))
}

func callbacksNeedASignatureAndNothingElse(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	v := newVisitor(t)
	v.open(w.shopURL).connect("alice").buy("gift-wrap").says("You bought 1 × Gift wrap")
	require.Equal(t, 1, w.paid())
	hold := w.gloebit.Transactions()[0].Hold
	for _, url := range []string{hold.Enact, hold.Consume} {
		require.True(t, strings.HasPrefix(url, w.shopURL+launch.HoldPath+"/"), url)
		request, err := http.NewRequest(http.MethodGet, url, nil)
		require.NoError(t, err)
		request.Header.Set("Sec-Fetch-Site", "cross-site")
		again := newVisitor(t).load(request)
		require.Equal(t, http.StatusOK, again.status)
		require.Empty(t, again.header.Values("Set-Cookie"), "no session")
		require.Empty(t, again.header.Values("Vary"), "nor a look for one")
		require.Equal(t, "[true]", again.text())
		require.Equal(t, http.StatusNotFound, v.open(url[:len(url)-1]).status, "not signed")
	}
	request, err := http.NewRequest(http.MethodPost, hold.Enact, nil)
	require.NoError(t, err)
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	posted := v.load(request)
	require.Equal(t, http.StatusMethodNotAllowed, posted.status, "and not the page for forms of other sites")
	v.open(w.shopURL + "/things").says("Gift wrap 1 ordered")
}
