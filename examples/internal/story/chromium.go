package story

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/launch"
)

const welcome = "Hats for heads"

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
	b.picture("article")
	b.click(`//form[@action="/buy/green-hat"]//button`, "My things")
	b.sees(`//*[@role="status" and contains(., "You bought 1 × Green hat for 40 G$.")]`, balanceOf("960"))
	require.Equal(t, map[string]int64{"green-hat": 1}, w.gloebit.Products(w.appKey, "alice"))
	require.Equal(t, "960", w.gloebit.Balance("alice"))

	b.click(`//nav//a[.="The shelf"]`, welcome)
	b.click(`//button[@aria-label="Buy one Health potion for 5 gloebits"]`, "My things")
	b.click(`//nav//a[.="The shelf"]`, welcome)
	b.click(`//form[@action="/buy/gift-wrap"]//button`, "My things")
	b.sees(balanceOf("947"), `//h3[.="Gift wrap"]`)
	b.picture("things")
	b.click(`//form[@action="/use/green-hat"]//button`, "My things")
	b.sees(`//*[@role="status" and contains(., "You put on a green hat.")]`)

	b.click(`//nav//a[.="The shelf"]`, welcome)
	b.click(`//h3/a[.="Golden crown"]`, "Golden crown")
	b.do(chromedp.SetValue(chromedp.Search(`//input[@name="quantity"]`), "2"))
	b.click(`//form[@action="/buy/golden-crown"]//button`, "Not quite enough gloebits")
	b.picture("not-enough")
	b.click(`//main//a[.="Get more gloebits"]`, "Buy gloebits")
	b.click(`//button[@id="buy"]`, "Buy gloebits")
	b.click(`//a[@id="back"]`, "Golden crown")

	b.click(`//nav//a[.="My purchases"]`, "My purchases")
	b.sees(
		`//h2[.="Green hat"]`, `//*[contains(@class, "outcome") and .="Paid and delivered"]`, `//h2[.="2 × Golden crown"]`,
	)
	b.picture("purchases")
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

func aPurchaseArrivesByItselfAndOutlivesTheShopInChromium(t *testing.T, build launch.Build, b *browser) {
	w := newLastingWorld(t, build)
	b.do(desktop(), chromedp.Navigate(w.shopURL))
	b.reads(welcome)
	b.click(`//header//a[.="Connect with Gloebit"]`, "Sign in")
	b.click(`//button[@name="name" and @value="alice"]`, "Connect to Brim & Feather?")
	b.click(`//button[@value="approve"]`, welcome)

	w.deaf.Store(true)
	b.click(`//form[@action="/buy/gift-wrap"]//button`, "My purchases")
	b.sees(
		`//*[@role="status" and contains(., "Your order of 1 × Gift wrap is on its way.")]`,
		`//span[contains(@class, "outcome") and .="On its way"]`,
	)
	b.picture("on-its-way")
	w.deaf.Store(false)
	b.sees(`//span[contains(@class, "outcome") and .="Paid and delivered"]`) // with nothing clicked
	w.settled()
	b.do(chromedp.Navigate("about:blank")) // the page may still be asking for its icon
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
	b.click(`//main//a[.="Connect with Gloebit to buy"]`, "Sign in")
	b.click(`//button[@name="name" and @value="bob"]`, "Connect to Brim & Feather?")
	b.do(chromedp.Click(chromedp.Search(`//button[@value="refuse"]`)))
	b.sees(`//a[@id="back"]`)
	b.click(`//a[@id="back"]`, welcome)

	b.do(chromedp.Navigate(w.shopURL + "/shelf/green-hat"))
	b.click(`//main//a[.="Connect with Gloebit to buy"]`, "Connect to Brim & Feather?")
	b.click(`//button[@value="approve"]`, "Green hat")
	require.Positive(t, w.gloebit.RevokeTokens("bob"))
	b.click(`//form[@action="/buy/green-hat"]//button`, "Gloebit no longer knows this connection")
	b.picture("revoked")
	b.click(`//main//a[.="Connect with Gloebit"]`, "Connect to Brim & Feather?")
	b.click(`//button[@value="approve"]`, "Green hat")
	b.click(`//form[@action="/buy/green-hat"]//button`, "My things")
	require.Equal(t, "960", w.gloebit.Balance("bob"))
}

func everyPageFitsAPhone(t *testing.T, build launch.Build, b *browser) {
	w := newWorld(t, build)
	b.do(phone(), chromedp.Navigate(w.shopURL))
	b.reads(welcome)
	b.fits()
	b.click(`//header//a[.="Connect with Gloebit"]`, "Sign in")
	b.click(`//button[@name="name" and @value="alice"]`, "Connect to Brim & Feather?")
	b.click(`//button[@value="approve"]`, welcome)
	b.fits()
	b.picture("phone")
	b.click(`//h3/a[.="Green hat"]`, "Green hat")
	b.fits()
	b.picture("phone-article")
	b.click(`//form[@action="/buy/green-hat"]//button`, "My things")
	b.fits()
	b.picture("phone-things")
	for path, heading := range map[string]string{
		"/purchases": "My purchases", "/merchant": "Overview", "/not-enough/golden-crown?quantity=2": "Not quite enough",
		"/goodbye": "Until next time", "/nowhere": "There is nothing here",
	} {
		b.do(chromedp.Navigate(w.shopURL + path))
		b.reads(heading)
		b.fits()
	}
}
