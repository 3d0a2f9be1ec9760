package story

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/launch"
)

const (
	welcome = "Hats for heads"
	buy     = chromedp.Search(`//button[starts-with(., "Buy for")]`)
)

func aVisitorConnectsBuysAHatUsesItUpAndDisconnectsInChromium(t *testing.T, build launch.Build, b *browser) {
	w := newWorld(t, build)
	b.do(desktop(), chromedp.Navigate(w.shopURL))
	b.reads(welcome)
	b.picture("shelf")

	b.click(`//header//a[.="Connect with Gloebit"]`, "Sign in")
	b.click(`//button[@name="name" and @value="alice"]`, "Connect to Brim & Feather?")
	b.picture("consent")
	b.click(`//button[@value="approve"]`, welcome)
	b.sees(`//*[@role="status" and contains(., "Welcome, alice")]`, balanceOf("1,000"))

	b.click(`//h3/a[.="Green hat"]`, "Green hat")
	b.click(`//form[@action="/buy/green-hat"]//button`, "Your order")
	b.click(buy, "My things")
	b.sees(`//*[@role="status" and contains(., "You bought 1 × Green hat for 40 G$.")]`, balanceOf("960"))
	require.Equal(t, map[string]int64{"green-hat": 1}, w.gloebit.Products(w.appKey, "alice"))
	require.Equal(t, "960", w.gloebit.Balance("alice"))

	b.click(`//nav//a[.="The shelf"]`, welcome)
	b.click(`//a[@aria-label="Buy Health potion"]`, "Your order")
	b.click(buy, "My things")
	b.click(`//nav//a[.="The shelf"]`, welcome)
	b.click(`//a[@aria-label="Buy Gift wrap"]`, "Your order")
	b.click(buy, "My things")
	b.sees(balanceOf("947"), `//h3[.="Gift wrap"]`)
	b.picture("things")
	b.click(`//a[@aria-label="Use one Green hat"]`, "Use one Green hat?")
	b.click(`//button[.="Use one up"]`, "My things")
	b.sees(`//*[@role="status" and contains(., "You put on a green hat.")]`)

	b.click(`//nav//a[.="The shelf"]`, welcome)
	b.click(`//h3/a[.="Golden crown"]`, "Golden crown")
	b.do(chromedp.SetValue(chromedp.Search(`//input[@name="quantity"]`), "2"))
	b.click(`//form[@action="/buy/golden-crown"]//button`, "Not quite enough gloebits")
	b.picture("not-enough")
	b.click(`//main//a[.="Get more gloebits"]`, "Buy gloebits")
	b.do(chromedp.SetValue(chromedp.Search(`//input[@id="other"]`), "1000")) // besides the preselected 500
	b.click(`//button[@id="buy"]`, "Buy gloebits")
	b.click(`//a[@id="back"]`, "Your order")

	b.click(`//nav//a[.="My purchases"]`, "My purchases")
	b.sees(
		`//h2[.="Green hat"]`, `//*[contains(@class, "outcome") and .="Paid and delivered"]`,
	)
	b.click(`//footer//a[.="the back office"]`, "Overview")
	b.sees(`//dt[starts-with(., "Paid")]/following-sibling::dd[.="3"]`)
	b.do(chromedp.Navigate(w.shopURL + "/purchases"))
	b.reads("My purchases")
	b.click(`//header//button[.="Disconnect"]`, "Until next time")
	b.click(`//nav//a[.="The shelf"]`, welcome)
	b.sees(`//header//a[.="Connect with Gloebit"]`)
	b.hasNoComplaints()
}

func balanceOf(amount string) chromedp.Search {
	return chromedp.Search(`//span[@class="balance" and contains(., "` + amount + `")]`)
}

func aPurchaseArrivesWithoutAReloadAndOutlivesTheShopInChromium(t *testing.T, build launch.Build, b *browser) {
	w := newLastingWorld(t, build)
	b.do(desktop(), chromedp.Navigate(w.shopURL))
	b.reads(welcome)
	b.click(`//header//a[.="Connect with Gloebit"]`, "Sign in")
	b.click(`//button[@name="name" and @value="alice"]`, "Connect to Brim & Feather?")
	b.click(`//button[@value="approve"]`, welcome)

	w.dropCallbacks.Store(true)
	b.click(`//a[@aria-label="Buy Gift wrap"]`, "Your order")
	b.press(`form[action^='/buy/'] button`)
	b.heads("On its way") // while the browser waits for the next page
	b.picture("on-its-way")
	w.dropCallbacks.Store(false)
	b.heads("Paid and delivered") // without a click
	w.settled()
	b.do(chromedp.Navigate("about:blank")) // the page may still be loading its icon
	w.closeShop()
	w.openShop()

	b.do(chromedp.Navigate(w.shopURL))
	b.reads(welcome)
	b.click(`//nav//a[.="My things"]`, "Connect to Brim & Feather?")
	b.click(`//button[@value="approve"]`, "My things")
	b.sees(`//h3[.="Gift wrap"]`, balanceOf("992"))
	b.click(`//nav//a[.="My purchases"]`, "My purchases")
	b.sees(`//span[contains(@class, "outcome") and .="Paid and delivered"]`)
	b.hasNoComplaints()
}

func aRefusalAndARevokedTokenLeadBackInChromium(t *testing.T, build launch.Build, b *browser) {
	w := newWorld(t, build)
	b.do(desktop(), chromedp.Navigate(w.shopURL+"/shelf/green-hat"))
	b.click(`//form[@action="/buy/green-hat"]//button`, "Sign in") // the policy allows this redirect
	b.click(`//button[@name="name" and @value="bob"]`, "Connect to Brim & Feather?")
	b.do(chromedp.Click(chromedp.Search(`//button[@value="refuse"]`)))
	b.sees(`//a[@id="back"]`)
	b.click(`//a[@id="back"]`, welcome)

	b.do(chromedp.Navigate(w.shopURL + "/shelf/green-hat"))
	b.click(`//form[@action="/buy/green-hat"]//button`, "Connect to Brim & Feather?")
	b.click(`//button[@value="approve"]`, "Your order")
	require.Positive(t, w.gloebit.RevokeTokens("bob"))
	b.click(buy, "Gloebit no longer knows this connection")
	b.click(`//main//a[.="Connect with Gloebit"]`, "Connect to Brim & Feather?")
	b.click(`//button[@value="approve"]`, "Your order")
	b.click(buy, "My things")
	require.Equal(t, "960", w.gloebit.Balance("bob"))
}
