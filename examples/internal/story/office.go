package story

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/launch"
	"github.com/go-gloebit/gloebit/ledger"
)

// history stores a month of purchases, as in a shop that has been open for
// long, and one that is stuck because its payment was never reported.
func (w *world) history() {
	w.t.Helper()
	shop := w.open.Load().Purchases
	put := func(id, item, cause string, price int64, state ledger.State, at time.Time, edit func(*ledger.Purchase)) {
		p := ledger.Purchase{
			Realm: shop.Realm(), ID: id, UserID: "e19ffb8a-0a3e-4aaa-b588-cdcbf05169fe", State: state, CreatedAt: at,
			UpdatedAt: at, Cause: cause,
			Order: ledger.Order{
				IdempotencyKey: id, Item: item, Price: price, Quantity: 1,
				Username: []string{"alice", "bob", "carol"}[(price/5)%3],
			},
			History: []ledger.Change{
				{To: ledger.Created, At: at, Cause: "ordered"},
				{From: ledger.Created, To: state, At: at.Add(time.Second), Cause: cause},
			},
		}
		if edit != nil {
			edit(&p)
		}
		_, _, err := w.books.Purchases.Create(w.t.Context(), p)
		require.NoError(w.t, err)
	}
	items := []string{"green-hat", "red-scarf", "gift-wrap", "golden-crown", "straw-hat", "name-engraving"}
	prices := []int64{40, 25, 8, 900, 15, 12}
	now := time.Now().UTC().Truncate(time.Microsecond)
	for day := range 30 {
		for n := range 2 + (day*day*7)%11 {
			at, kind := now.AddDate(0, 0, -day).Add(-time.Duration(n)*time.Minute), (day+n*n)%len(items)
			put(
				fmt.Sprintf("%08d-%04d", day, n), items[kind], "delivered", prices[kind], ledger.Delivered, at,
				func(p *ledger.Purchase) { p.PaidAt, p.Cause = at, "" },
			)
		}
	}
	put("refused", "golden-crown", "gloebit: insufficient balance", 900, ledger.Refused, now.Add(-time.Hour), nil)
	put("5f0c7a52-7c41-5d3e-9a0b-2f6c1d9e8b77", "red-scarf", "ledger: Gloebit knows the transaction and has not "+
		"called back", 25, ledger.Reserved, now.Add(-30*time.Hour),
		func(p *ledger.Purchase) {
			p.Item, p.Product = "", p.Item // a product, which Gloebit delivers
			p.StuckAt, p.Attempts, p.FailingSince = now.Add(-6*time.Hour), 14, now.Add(-30*time.Hour)
			p.History = append(p.History, ledger.Change{From: p.State, To: p.State, At: p.StuckAt, Cause: "stuck: " + p.Cause})
			p.UpdatedAt = p.StuckAt
		})
}

func aStuckPurchaseIsFoundAndFreedInTheBackOfficeInChromium(t *testing.T, build launch.Build, b *browser) {
	w := newWorld(t, build)
	w.history()
	b.do(desktop(), chromedp.Navigate(w.shopURL))
	b.reads(welcome)
	b.click(`//header//a[.="Connect with Gloebit"]`, "Sign in")
	b.click(`//button[@name="name" and @value="alice"]`, "Connect to Brim & Feather?")
	b.click(`//button[@value="approve"]`, welcome)

	b.click(`//footer//a[.="the back office"]`, "Overview")
	b.shows("office")
	b.click(`//dt/a[.="Stuck"]`, "Purchases")
	b.shows("office-stuck")
	b.click(`//tbody//a[.="red-scarf"]`, "Purchase")
	b.shows("office-purchase")
	b.click(`//button[@value="paid"]`, "Mark as paid")
	b.do(chromedp.SetValue(chromedp.Search(`//input[@name="reason"]`), "paid on the merchant page"))
	b.shows("office-confirm")
	b.click(`//button[contains(., "Mark as paid: 1")]`, "Mark as paid")
	b.sees(`//*[@role="status" and contains(., "Done for 1 of 1.")]`)
	b.shows("office-result")
	b.click(`//tbody//a`, "Purchase")
	b.sees(`//td[contains(., "marked as paid: paid on the merchant page")]/following-sibling::td[contains(., "alice")]`)
	b.shows("office-freed")
	b.click(`//nav//a[.="Purchases"]`, "Purchases")
	b.shows("office-search")
	b.do(chromedp.Navigate(w.shopURL + "/merchant?view=search&state=lost"))
	b.reads("Bad Request")
	b.shows("office-problem")
	b.do(chromedp.Navigate("about:blank"))
	require.Len(t, b.complaints, 1, "the page that was asked for wrongly") // no policy was violated
}

// shows checks a page on a desktop and a phone, in light and dark mode, and
// saves screenshots. The page must fit. axe-core must find nothing on a phone
// in light mode and on a desktop in dark mode.
func (b *browser) shows(name string) {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme},
				{Name: "prefers-reduced-motion", Value: "reduce"}, // otherwise axe-core sees colors in transition
			},
		})
		require.NoError(b.t, err)
		b.fits()
		b.picture(name + "-phone-" + scheme)
		if scheme == "light" {
			b.passesAxe(name)
		}
		b.do(desktop())
		b.picture(name + "-" + scheme)
		if scheme == "dark" {
			b.passesAxe(name)
		}
	}
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{})
	require.NoError(b.t, err)
}

// passesAxe runs axe-core on the page, if GLOEBIT_AXE names its file. To run
// it: npm install axe-core, then set
// GLOEBIT_AXE=node_modules/axe-core/axe.min.js.
func (b *browser) passesAxe(name string) {
	b.t.Helper()
	file := os.Getenv("GLOEBIT_AXE")
	if file == "" {
		return
	}
	script, err := os.ReadFile(file)
	require.NoError(b.t, err)
	b.scripts(true)
	defer b.scripts(false)
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](string(script)+`;
		axe.run().then(r => r.violations.map(
			v => v.id + ": " + v.help + " " + v.nodes.map(n => n.target).join(" "),
		).join("\n"))`, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err)
	require.Empty(b.t, strings.TrimSpace(found), name)
}

// scripts enables or disables the page's scripts.
func (b *browser) scripts(run bool) {
	b.t.Helper()
	_, err := chromedp.Call(
		b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run},
	)
	require.NoError(b.t, err)
}
