package story

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/launch"
)

// looks opens pages, given by path and heading, and calls shows for each.
func (b *browser) looks(site string, pages ...string) {
	b.t.Helper()
	for i := 0; i < len(pages); i += 2 {
		b.do(chromedp.Navigate(site + pages[i]))
		b.reads(pages[i+1])
		b.shows("page-" + strings.Trim(strings.NewReplacer("/", "-", "?", "-").Replace(pages[i]), "-"))
		b.targetsAreLarge()
	}
}

// targetsAreLarge asserts that buttons and links on a phone are at least 44
// pixels high, except links within a sentence.
func (b *browser) targetsAreLarge() {
	b.t.Helper()
	b.do(phone())
	small, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`[...document.querySelectorAll(
			"a, button, summary, label:has(input), input:not([type=hidden])",
		)].
		filter(e => !e.closest("p, .skip, label:not(:has(input)), label > input") || e.className.includes("button")).
		map(e => [e.getBoundingClientRect().height, e.textContent.trim()]).
		filter(([height]) => height > 1 && height < 43.9).join(" ")`))
	require.NoError(b.t, err)
	require.Empty(b.t, small)
	b.do(desktop())
}

func everyPageSuitsEveryWindow(t *testing.T, build launch.Build, b *browser) {
	w := newWorld(t, build)
	b.looks(w.shopURL, "/", welcome, "/shelf/green-hat", "Green hat", "/nowhere", "There is nothing here",
		"/gloebit/callback?code=1&state=2", "start that again")
	b.looks(w.sandboxURL, "/", "A Gloebit to play with", "/sign-in", "Sign in", "/nowhere", "No such page",
		"/oauth2/authorize?client_id=x", "This link does not work")
	b.do(chromedp.Navigate(w.shopURL))
	b.click(`//header//a[.="Connect with Gloebit"]`, "Sign in")
	b.click(`//button[@name="name" and @value="alice"]`, "Connect to Brim & Feather?")
	b.shows("page-consent")
	b.click(`//button[@value="approve"]`, welcome)
	b.shows("page-welcome")
	b.looks(w.shopURL, "/things", "My things", "/purchases", "My purchases",
		"/buy/golden-crown?quantity=2", "Not quite enough", "/buy/gift-wrap?quantity=41", "Your order")
	b.click(buy, "Canceled, nothing charged")
	b.shows("page-canceled")
	b.looks(w.shopURL, "/buy/green-hat", "Your order")
	b.click(buy, "My things")
	b.shows("page-bought")
	b.click(`//a[.="See the receipt"]`, "Paid and delivered")
	b.shows("page-receipt")
	b.looks(w.shopURL, "/purchases", "My purchases", "/use/green-hat", "Use one Green hat?")
	application := "/merchant/" + w.appKey
	b.looks(w.sandboxURL, "/", "A Gloebit to play with", "/account", "Your account", "/purchase", "Buy gloebits",
		"/merchant", "Applications", application, "Brim & Feather",
		application+"/products/remove?product=green-hat", "Remove green-hat?")
	b.do(chromedp.Navigate(w.shopURL))
	b.click(`//header//button[.="Disconnect"]`, "Until next time")
	b.shows("page-goodbye")
	b.looks(w.sandboxURL, w.offer(), "Subscribe to Hats?")
}

// offer creates a subscription for alice, and returns the path of Gloebit's
// page for it.
func (w *world) offer() string {
	w.t.Helper()
	token, err := w.gloebit.IssueToken(w.appKey, "alice", "transact")
	require.NoError(w.t, err)
	call := func(path, body string) (id string) {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		recorder := httptest.NewRecorder()
		w.gloebit.ServeHTTP(recorder, r)
		id = field(recorder.Body.Bytes(), "id")
		require.NotEmpty(w.t, id, recorder.Body)
		return id
	}
	app, _ := w.gloebit.Application(w.appKey)
	offered := call("/create-subscription", `{"client_id":"`+app.Key+`","client_secret":"`+app.Secret+
		`","application-key":"`+app.Key+`","local-id":"hats","name":"Hats","description":"A new hat each month"}`)
	return "/authorize-subscription/" + call("/create-subscription-authorization",
		`{"application-key":"`+app.Key+`","subscription-id":"`+offered+`"}`) + "/"
}
