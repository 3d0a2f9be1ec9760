package story

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/launch"
	"github.com/go-gloebit/gloebit/gloebittest"
)

func aDoubleClickIsOnePurchase(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	article := newVisitor(t).open(w.shopURL).connect("alice").order("green-hat")
	form := article.form("/buy/green-hat")
	var clicks sync.WaitGroup
	for range 8 {
		clicks.Go(func() { article.send(form) })
	}
	clicks.Wait()
	require.Equal(t, "960", w.gloebit.Balance("alice"))
	require.Equal(t, map[string]int64{"green-hat": 1}, w.gloebit.Products(w.appKey, "alice"))

	article.send(form).says("That order was paid already: 1 × Green hat for 40 G$. It was charged only once.")
	require.Equal(t, "960", w.gloebit.Balance("alice"))
	require.Equal(t, 1, w.paid())
	require.Len(t, article.follow("My purchases").find("time"), 1)
}

func aKeyUsedAgainForSomethingElseIsChargedForWhatItIs(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	alice := newVisitor(t).open(w.shopURL).connect("alice")
	cheap := alice.order("gift-wrap").form("/buy/gift-wrap")
	alice.send(cheap).says("You bought 1 × Gift wrap for 8 G$.")

	dear := alice.order("name-engraving").form("/buy/name-engraving")
	dear.Set("order", cheap.Get("order"))
	alice.send(dear).says("You bought 1 × Name in the band for 12 G$.")
	require.Equal(t, "980", w.gloebit.Balance("alice"))

	cheap.Set("quantity", "5") // the confirmed total is for another quantity
	alice.send(cheap).says("Your order", "Buy for 40 G$")
	require.Equal(t, "980", w.gloebit.Balance("alice"))
	cheap.Set("total", "40")
	alice.send(cheap).says("You bought 5 × Gift wrap for 40 G$.", "Gift wrap 6 ordered")
	require.Equal(t, "940", w.gloebit.Balance("alice"))

	bob := newVisitor(t).open(w.shopURL).connect("bob")
	bob.send(cheap).says("You bought 5 × Gift wrap for 40 G$.")
	require.Equal(t, "960", w.gloebit.Balance("bob"))
	require.Equal(t, "940", w.gloebit.Balance("alice"))
}

func theShopStaysOpenWhileGloebitIsDown(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	v := newVisitor(t)
	shelf := v.open(w.shopURL).connect("alice")
	w.gloebit.Inject(gloebittest.Fault{Status: http.StatusInternalServerError, Body: "down"})

	shelf = shelf.reload()
	require.Equal(t, http.StatusOK, shelf.status)
	require.Equal(t, "balance unknown", shelf.balance())
	order := shelf.order("green-hat").says("Total for 1 × Green hat, 40 G$ each 40 G$", "Buy for 40 G$")
	require.NotContains(t, order.text(), "Left afterwards")
	require.Equal(t, http.StatusOK, shelf.follow("My purchases").status)

	things := shelf.follow("My things")
	require.Equal(t, http.StatusServiceUnavailable, things.status)
	things.says("Gloebit is not answering")
	w.gloebit.ClearFaults()
	require.Equal(t, http.StatusOK, things.follow("Try again").status)
}

func aLockedAccountIsExplained(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	shelf := newVisitor(t).open(w.shopURL).connect("alice")
	require.NoError(t, w.gloebit.Lock("alice", true))
	sorry := shelf.buy("green-hat").says(
		"Your Gloebit account can’t spend right now", "The order was not accepted.",
	)
	require.Equal(t, http.StatusForbidden, sorry.status)
	require.Equal(t, "1000", w.gloebit.Balance("alice"))
	sorry.follow("My purchases").says("Refused, nothing charged")
}

func aProductThatGloebitDoesNotKnowIsNotSold(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	shelf := newVisitor(t).open(w.shopURL).connect("alice")
	require.NoError(t, w.gloebit.SetProducts(w.appKey))
	sorry := shelf.buy("green-hat")
	require.Equal(t, http.StatusBadGateway, sorry.status)
	sorry.says("Gloebit said no to this")
	require.Equal(t, "1000", w.gloebit.Balance("alice"))
}

func usingUp(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	things := newVisitor(t).open(w.shopURL).connect("alice").buy("health-potion", "3")
	use := things.ask("/use/health-potion").form("/use/health-potion")

	t.Run("a double click uses one", func(t *testing.T) {
		things.send(use).says("You drink a health potion.", "You have 2 left.")
		things.send(use).says("That button was pressed twice; only one was used.")
		require.Equal(t, map[string]int64{"health-potion": 2}, w.gloebit.Products(w.appKey, "alice"))
	})
	t.Run("what one does not own can't be used", func(t *testing.T) {
		use.Set("order", uuid.NewString())
		use.action = w.shopURL + "/use/golden-crown"
		things.send(use).says("You have no Golden crown to use.")
	})
	t.Run("a product that the shop does not sell is shown and used by its name", func(t *testing.T) {
		app, _ := w.gloebit.Application(w.appKey)
		require.NoError(
			t, w.gloebit.SetProducts(w.appKey, append(app.Products, gloebittest.Product{Name: "odd thing/1", Price: 1})...),
		)
		require.NoError(t, w.gloebit.GrantProduct(w.appKey, "alice", "odd thing/1", 1))
		things.reload().says("odd thing/1 You own 1").use("odd thing/1").says(
			"You used one odd thing/1.", "That was the last one.",
		)
	})
	t.Run("no answer is no reason to use another", func(t *testing.T) {
		fresh := things.ask("/use/health-potion")
		w.gloebit.Inject(gloebittest.Fault{
			Path: "consume-user-product", Times: 1, Status: http.StatusInternalServerError, After: true,
		})
		fresh.submit("/use/health-potion").says(
			"Gloebit did not say whether it took the Health potion.", "Health potion You own 1",
		)
	})
	t.Run("a form without a key is refused", func(t *testing.T) {
		sorry := things.ask("/use/health-potion").submit("/use/health-potion", "order", "x")
		require.Equal(t, http.StatusBadRequest, sorry.status)
		require.Equal(t, map[string]int64{"health-potion": 1}, w.gloebit.Products(w.appKey, "alice"))
	})
}

func formsThatCantBeReadChargeNothing(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	shelf := newVisitor(t).open(w.shopURL).connect("alice")
	for name, change := range map[string][]string{
		"no key":                 {"order", ""},
		"a key that is no UUID":  {"order", "1"},
		"no quantity":            {"quantity", ""},
		"none":                   {"quantity", "0"},
		"fewer than none":        {"quantity", "-1"},
		"a fraction":             {"quantity", "1.5"},
		"more than there can be": {"quantity", "100"},
		"a number beyond int64":  {"quantity", "99999999999999999999"},
		"a body that is too big": {"quantity", strings.Repeat("1", 16<<10)},
	} {
		t.Run(name, func(t *testing.T) {
			sorry := shelf.order("green-hat").submit("/buy/green-hat", change...)
			require.Equal(t, http.StatusBadRequest, sorry.status)
			require.Equal(t, "The shop can’t read this form", sorry.heading())
			require.Equal(t, w.shopURL+"/shelf/green-hat", sorry.link("Go back and try again"))
		})
	}
	require.Empty(t, w.gloebit.Transactions())
}

func whoIsNotConnectedIsAskedToConnectAndNotCharged(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	v := newVisitor(t)
	v.open(w.shopURL).connect("alice")
	article := v.open(w.shopURL + "/buy/green-hat?quantity=4")
	article.submit("/gloebit/disconnect") // in another tab

	sorry := article.submit("/buy/green-hat")
	require.Equal(t, http.StatusUnauthorized, sorry.status)
	sorry.says("First, connect with Gloebit")
	back := sorry.follow("Connect with Gloebit").submit("/oauth2/authorize", "decision", "approve")
	require.Equal(t, w.shopURL+"/buy/green-hat?quantity=4", back.url.String())
	require.Empty(t, w.gloebit.Transactions())
}

func aLinkThatLeadsAwayIsNotFollowed(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	sorry := newVisitor(t).open(w.shopURL + "/gloebit/connect?return_to=https://evil.example/")
	require.Equal(t, http.StatusBadRequest, sorry.status)
	require.Equal(t, "That link leads elsewhere", sorry.heading())
	require.NotContains(t, sorry.text(), "evil")
}

func formsOfOtherSitesAreRefused(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	v := newVisitor(t)
	shelf := v.open(w.shopURL).connect("alice")
	for _, action := range []string{"/buy/green-hat", "/use/green-hat", "/gloebit/disconnect"} {
		t.Run(action, func(t *testing.T) {
			form := url.Values{"order": {uuid.NewString()}, "quantity": {"1"}}
			request, err := http.NewRequest(http.MethodPost, w.shopURL+action, strings.NewReader(form.Encode()))
			require.NoError(t, err)
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.Header.Set("Origin", "https://evil.example")
			request.Header.Set("Sec-Fetch-Site", "cross-site")
			refused := v.load(request)
			require.Equal(t, http.StatusForbidden, refused.status)
			refused.says("That came from another site")
		})
	}
	require.Empty(t, w.gloebit.Transactions())
	require.Equal(t, "1,000 G$", shelf.reload().balance(), "still connected")
}

func addressesWhereNothingIs(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	v := newVisitor(t)
	shelf := v.open(w.shopURL).connect("alice")
	for _, path := range []string{
		"/nowhere", "/shelf/moon-boot", "/buy/moon-boot", "/use/moon-boot", "/use/green-hat", "/purchases/moon-boot",
		"/gloebit/nowhere", "/assets/nothing.css",
	} {
		require.Equal(t, http.StatusNotFound, v.open(w.shopURL+path).status, path)
	}
	form := shelf.order("green-hat").form("/buy/green-hat")
	form.action = w.shopURL + "/buy/moon-boot"
	require.Equal(t, http.StatusNotFound, shelf.send(form).status)
	require.Empty(t, w.gloebit.Transactions())
}

func aStaleCallbackIsExplained(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	sorry := newVisitor(t).open(w.shopURL + "/gloebit/callback?code=1&state=2")
	require.Equal(t, http.StatusBadRequest, sorry.status)
	sorry.says("Let’s start that again")
	require.Equal(t, w.shopURL+"/", sorry.connect("alice").url.String())
}

func aConnectionThatCantBeSavedIsNotGreeted(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	v := newVisitor(t)
	consent := v.open(w.shopURL).signIn("alice")
	find := w.loses(t, "oauth_credentials")
	sorry := consent.submit("/oauth2/authorize", "decision", "approve")
	require.Equal(t, http.StatusServiceUnavailable, sorry.status)
	sorry.says("The shop can’t find its own books")
	find()

	shelf := v.open(w.shopURL)
	require.NotContains(t, shelf.text(), "Welcome, alice")
	require.Empty(t, shelf.balance())
	shelf.follow("Connect with Gloebit").submit("/oauth2/authorize", "decision", "approve").says("Welcome, alice")
}

func pagesLimitWhatABrowserDoes(t *testing.T, build launch.Build) {
	w := newWorld(t, build)
	v := newVisitor(t)
	shelf := v.open(w.shopURL).connect("alice")
	for _, p := range []page{shelf, shelf.follow("My things"), v.open(w.shopURL + "/nowhere")} {
		policy := p.header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'; style-src 'self'")
		require.Contains(t, policy, "form-action 'self' "+w.sandboxURL)
		require.NotContains(t, policy, "unsafe")
		require.Equal(t, "nosniff", p.header.Get("X-Content-Type-Options"))
		require.Equal(t, "same-origin", p.header.Get("Referrer-Policy"))
		require.Equal(t, "no-store", p.header.Get("Cache-Control"))
	}
	style := v.open(w.shopURL + attribute(shelf.find("link")[0], "href"))
	require.Equal(t, "text/css; charset=utf-8", style.header.Get("Content-Type"))
	require.Contains(t, style.header.Get("Cache-Control"), "immutable")
}

func theSessionCookieIsHeldToTheHostOnHTTPS(t *testing.T, build launch.Build) {
	settings := launch.Settings{ClientID: "key", ClientSecret: "secret", Provider: gloebit.Sandbox()}
	for url, name := range map[string]string{
		"https://shop.example": "__Host-hat_shop", "http://127.0.0.1:8080": "hat_shop",
	} {
		t.Run(url, func(t *testing.T) {
			settings.URL = url
			answer := serveOnce(t, build, settings, httptest.NewRequest(http.MethodGet, url+"/gloebit/connect", nil))
			require.Equal(t, http.StatusSeeOther, answer.StatusCode)
			names := ""
			for _, cookie := range answer.Cookies() { // of the session and of the connection attempt
				names += cookie.Name + " "
				require.Equal(t, strings.HasPrefix(url, "https"), cookie.Secure)
				require.Equal(t, strings.HasPrefix(url, "https"), strings.HasPrefix(cookie.Name, "__Host-"))
				require.True(t, cookie.HttpOnly)
				require.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
				require.Equal(t, "/", cookie.Path)
			}
			require.Contains(t, names, name+" ")
		})
	}
}
