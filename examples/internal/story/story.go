package story

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/launch"
)

func aVisitorConnectsBuysAHatUsesItUpAndDisconnects(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	shelf := newVisitor(t).open(w.shopURL).says("Green hat", "40 G$", "Name in the band", "12 G$")
	require.Empty(t, shelf.balance())

	consent := shelf.signIn("alice").says("Brim & Feather", "Spend your gloebits")
	shelf = consent.submit("/oauth2/authorize", "decision", "approve")
	require.Equal(t, w.shopURL+"/", shelf.url.String())
	shelf.says("Welcome, alice. You are connected with Gloebit.")
	require.Equal(t, "1,000 G$", shelf.balance())
	require.NotContains(t, shelf.reload().text(), "Welcome, alice", "a message is shown once")

	things := shelf.buy("green-hat")
	require.Equal(t, "/things", things.url.Path)
	things.says("You bought 1 × Green hat for 40 G$.", "Green hat You own 1")
	require.Equal(t, "960 G$", things.balance())
	require.Equal(t, "960", w.gloebit.Balance("alice"))
	require.Equal(t, map[string]int64{"green-hat": 1}, w.gloebit.Products(w.appKey, "alice"))

	receipt := things.follow("See the receipt").isReceipt("Paid and delivered").says("Total for 1 × Green hat")
	receipt.marks("My purchases", "true")
	article := things.follow("The shelf").follow("Red scarf").says("25 G$ each").marks("The shelf", "true")
	order := article.order("red-scarf", "3").marks("The shelf", "true").says(
		"Total for 3 × Red scarf, 25 G$ each 75 G$", "Your balance 960 G$", "Left afterwards 885 G$",
	)
	things = order.submit("/buy/red-scarf").marks("My things", "page").says(
		"You bought 3 × Red scarf for 75 G$.", "Red scarf You own 3",
	)
	require.Equal(t, "885 G$", things.balance())

	question := things.ask("/use/red-scarf").says("Use one Red scarf?", "You own 3.").marks("My things", "true")
	question.follow("Keep it").says("Red scarf You own 3")
	things = question.submit("/use/red-scarf").says(
		"You wind a red scarf round your neck.", "You have 2 left.", "Red scarf You own 2",
	)
	things = things.use("green-hat").says("You put on a green hat.", "That was the last one.")
	require.NotContains(t, things.text(), "Green hat")

	things = things.follow("The shelf").buy("gift-wrap").says(
		"You bought 1 × Gift wrap for 8 G$.", "Gift wrap 1 ordered",
	)
	require.Equal(t, "877 G$", things.balance())

	w.settled()
	purchases := things.follow("My purchases").says("Green hat", "3 × Red scarf", "Gift wrap", "Paid and delivered")
	account := purchases.v.open(w.sandboxURL + "/account")
	for _, transaction := range w.gloebit.Transactions() {
		purchases.says(transaction.ID)
		account.says(transaction.ID)
	}
	require.Equal(t, 3, w.paid())

	goodbye := purchases.submit("/gloebit/disconnect")
	require.Equal(t, "/goodbye", goodbye.url.Path)
	goodbye.says("Until next time", "can’t charge you any more")
	require.Equal(t, w.sandboxURL+"/account", goodbye.link("your account at Gloebit"))
	require.Empty(t, goodbye.balance())
	require.Empty(t, goodbye.follow("The shelf").balance())
}

func connectingFromAnArticleLeadsBackToIt(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	article := newVisitor(t).open(w.shopURL + "/shelf/green-hat?quantity=4")
	require.Equal(t, 1, strings.Count(article.text(), "Connect with Gloebit"), "one button")
	article = article.follow("Connect with Gloebit").submit("/sign-in", "name", "bob").
		submit("/oauth2/authorize", "decision", "approve")
	require.Equal(t, w.shopURL+"/shelf/green-hat?quantity=4", article.url.String())
	article.buy("green-hat", "4").says("You bought 4 × Green hat for 160 G$.")
}

func aPageForTheConnectedLeadsThroughConnectAndBack(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	signIn := newVisitor(t).open(w.shopURL + "/things")
	things := signIn.submit("/sign-in", "name", "alice").submit("/oauth2/authorize", "decision", "approve")
	require.Equal(t, w.shopURL+"/things", things.url.String())
	things.says("Your hat box is empty", "Welcome, alice")
	things.follow("My purchases").says("No purchases yet.")
}

func aServiceIsChargedAtTheShopsPrice(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	shelf := newVisitor(t).open(w.shopURL).connect("alice")
	shelf.follow("Name in the band").says("Done by the shop itself").buy("name-engraving", "2").
		says("You bought 2 × Name in the band for 24 G$.", "Name in the band 2 ordered")
	require.Equal(t, "976", w.gloebit.Balance("alice"))
	require.Empty(t, w.gloebit.Products(w.appKey, "alice"), "Gloebit keeps no services")
}

func notEnoughGloebitsLeadsToMoreOfThemAndBack(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	shelf := newVisitor(t).open(w.shopURL).connect("alice")
	words := []string{
		"Not quite enough gloebits", "Total for 2 × Golden crown, 900 G$ each 1,800 G$", "Your balance 1,000 G$",
		"Missing 800 G$", "Nothing was charged.",
	}
	shelf.order("golden-crown", "2").says(words...)
	sorry := shelf.order("golden-crown").submit("/buy/golden-crown", "quantity", "2", "total", "").says(words...)
	require.Equal(t, http.StatusOK, sorry.status)
	require.Len(t, sorry.find("form"), 1, "there is nothing to send but Disconnect")
	require.Equal(t, "1000", w.gloebit.Balance("alice"))
	sorry.follow("My purchases").says("2 × Golden crown", "Refused, nothing charged")

	more := sorry.follow("Get more gloebits")
	require.Equal(t, "/purchase", more.url.Path)
	bought := more.submit("/purchase", "amount", "1000").says("1,000 G$ bought.")
	article := bought.follow("Back to Brim & Feather")
	require.Equal(t, w.shopURL+"/buy/golden-crown?quantity=2", article.url.String())
	require.Equal(t, "2,000 G$", article.balance())
	article.submit("/buy/golden-crown").says("You bought 2 × Golden crown for 1,800 G$.")
	require.Equal(t, "200", w.gloebit.Balance("alice"))
	require.NoError(t, w.gloebit.AddBalance("alice", "0.5"))
	shelf.order("golden-crown").says("Your balance 200.5 G$", "Missing 699.5 G$")
}

func gettingMoreGloebitsLeadsBackToThePage(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	things := newVisitor(t).open(w.shopURL).connect("bob").follow("My things")
	back := things.follow("Get more").submit("/purchase", "other", "7").follow("Back to Brim & Feather")
	require.Equal(t, w.shopURL+"/things", back.url.String())
	require.Equal(t, "1,007 G$", back.balance())
}

func aRefusedConsentLeadsBackToAShopThatChargesNothing(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	consent := newVisitor(t).open(w.shopURL).signIn("alice")
	refused := consent.submit("/oauth2/authorize", "decision", "refuse")
	require.Equal(t, w.sandboxURL, refused.url.Scheme+"://"+refused.url.Host, "Gloebit does not send who refuses back")
	shelf := refused.follow("Back to Brim & Feather")
	require.Equal(t, w.shopURL+"/", shelf.url.String())
	require.Empty(t, shelf.balance())
	again := shelf.follow("Connect with Gloebit").submit("/oauth2/authorize", "decision", "approve")
	require.Equal(t, "1,000 G$", again.balance(), "and may think again")
}

func aRefusalThatDoesComeBackIsExplained(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	v := newVisitor(t)
	consent := v.open(w.shopURL + "/shelf/green-hat").signIn("alice")
	state := consent.url.Query().Get("state")
	require.NotEmpty(t, state)
	no := v.open(w.shopURL + "/gloebit/callback?error=access_denied&state=" + state)
	require.Equal(t, http.StatusForbidden, no.status)
	no.says("No is a fine answer")
	again := no.follow("Connect with Gloebit").submit("/oauth2/authorize", "decision", "approve")
	require.Equal(t, "/shelf/green-hat", again.url.Path, "and comes back to where they were going")
	require.Equal(t, "1,000 G$", again.balance())
}

func aRevokedTokenIsExplainedAndConnectLeadsBack(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	v := newVisitor(t)
	v.open(w.shopURL).connect("alice")
	article := v.open(w.shopURL + "/buy/green-hat")

	require.Positive(t, w.gloebit.RevokeTokens("alice"))
	sorry := article.submit("/buy/green-hat")
	require.Equal(t, http.StatusUnauthorized, sorry.status)
	sorry.says("Gloebit no longer knows this connection", "or replaced by a newer one.")
	require.Equal(t, "1000", w.gloebit.Balance("alice"))
	require.Empty(t, sorry.balance())
	article = sorry.follow("Connect with Gloebit").submit("/oauth2/authorize", "decision", "approve")
	require.Equal(t, w.shopURL+"/buy/green-hat", article.url.String())
	article.submit("/buy/green-hat").says("You bought 1 × Green hat")

	require.Positive(t, w.gloebit.RevokeTokens("alice"))
	article = article.reload().says("Gloebit no longer lets the shop charge you.")
	require.Equal(t, http.StatusOK, article.status)
	require.Empty(t, article.balance())

	article = article.follow("Connect with Gloebit").submit("/oauth2/authorize", "decision", "approve")
	require.Positive(t, w.gloebit.RevokeTokens("alice"))
	things := article.follow("My things").says("Gloebit no longer knows this connection")
	things = things.follow("Connect with Gloebit").submit("/oauth2/authorize", "decision", "approve")
	require.Equal(t, w.shopURL+"/things", things.url.String())
	things.says("Green hat You own 1")
}
