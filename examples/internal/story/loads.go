package story

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/chromedp/cdproto/cdp"
	pagedom "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/examples/internal/launch"
	"github.com/go-gloebit/gloebit/gloebittest"
)

// kiosk is an application with few pages. Its Gloebit is on another site, and
// its consent page has a link to the callback.
type kiosk struct {
	url     string
	gloebit *gloebittest.Server

	mu    sync.Mutex
	loads []string // path, status, and the purpose of the load if it has one
}

func newKiosk(t *testing.T, change func(*gloebit.Config)) *kiosk {
	t.Helper()
	k := &kiosk{gloebit: gloebittest.NewServer()}
	t.Cleanup(k.gloebit.Close)
	mux := http.NewServeMux()
	shop := httptest.NewServer(k.noting(mux))
	t.Cleanup(shop.Close)
	k.url = shop.URL
	app, err := k.gloebit.AddApplication(gloebittest.Application{
		RedirectPrefixes: []string{shop.URL + "/"}, Products: []gloebittest.Product{{Name: "green-hat", Price: 40}},
	})
	require.NoError(t, err)
	_, err = k.gloebit.AddUser(gloebittest.User{Name: "alice", Balance: "1000"})
	require.NoError(t, err)
	require.NoError(t, k.gloebit.Approve("alice"))
	consent := httptest.NewServer(k.consent(t))
	t.Cleanup(consent.Close)
	config := gloebit.Config{
		ClientID: app.Key, ClientSecret: gloebit.Secret(app.Secret), RedirectURL: shop.URL + "/gloebit/callback",
		SignIn:   true,
		Provider: gloebit.ProviderAt(strings.Replace(consent.URL, "127.0.0.1", "localhost", 1)),
	}
	if change != nil {
		change(&config)
	}
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	mux.Handle("/gloebit/", merchant.Handler())
	mux.Handle("GET /{$}", merchant.Optional(writes(func(w io.Writer, r *http.Request) {
		_, connected := gloebit.FromContext(r.Context())
		fmt.Fprintf(w, `<h1>Home, connected: %t</h1><a href="/gloebit/connect?return_to=/hats">Connect</a>`, connected)
	})))
	mux.Handle("GET /ahead", writes(func(w io.Writer, _ *http.Request) {
		fmt.Fprint(w, `<h1>Ahead</h1><link rel="prefetch" href="/gloebit/connect">`)
	}))
	mux.Handle("GET /left", writes(func(w io.Writer, _ *http.Request) { fmt.Fprint(w, `<h1>Left</h1>`) }))
	mux.Handle("GET /hats", merchant.RequireGloebit(writes(func(w io.Writer, r *http.Request) {
		fmt.Fprintf(w, `<h1>Hats%s</h1><form method="post" action="/buy"><button id="buy">Buy</button></form>
			<form method="post" action="/gloebit/disconnect">
			<input type="hidden" name="return_to" value="/left"><button id="leave">Disconnect</button></form>`,
			html.EscapeString(r.URL.Query().Get("tab")))
	})))
	mux.Handle("POST /buy", merchant.RequireGloebit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		order := gloebit.ProductOrder{IdempotencyKey: "one", Product: "green-hat", Quantity: 1}
		if _, err := gloebit.MustFromContext(r.Context()).PurchaseProduct(r.Context(), order); err != nil {
			merchant.HandleError(w, r, err)
			return
		}
		writes(func(w io.Writer, _ *http.Request) { fmt.Fprint(w, `<h1>Bought</h1>`) })(w, r)
	})))
	if sessions, ok := config.Sessions.(interface {
		LoadAndSave(http.Handler) http.Handler
	}); ok {
		shop.Config.Handler = k.noting(sessions.LoadAndSave(mux))
	}
	return k
}

func writes(write func(io.Writer, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!DOCTYPE html><link rel=icon href=data:,>")
		write(w, r)
	}
}

// consent is a proxy of Gloebit. It turns the redirect into a page with a link,
// which browsers may load in advance.
func (k *kiosk) consent(t *testing.T) http.Handler {
	target, err := url.Parse(k.gloebit.URL)
	require.NoError(t, err)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(resp *http.Response) error {
			to := resp.Header.Get("Location")
			if !strings.HasPrefix(to, k.url) {
				return nil
			}
			resp.Body.Close()
			text := fmt.Sprintf(`<!DOCTYPE html><link rel=icon href=data:,><h1>Gloebit</h1>
				<link rel="prefetch" href="%[1]s"><a href="%[1]s">Approve</a>`, html.EscapeString(to))
			resp.StatusCode, resp.Body, resp.ContentLength = http.StatusOK, io.NopCloser(strings.NewReader(text)),
				int64(len(text))
			resp.Header = http.Header{"Content-Type": {"text/html; charset=utf-8"}}
			return nil
		},
	}
}

// noting records what browsers load.
func (k *kiosk) noting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noted := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(noted, r)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.loads = append(k.loads, strings.TrimSpace(fmt.Sprintln(r.URL.Path, noted.status, r.Header.Get("Sec-Purpose"))))
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// loaded waits until a browser has loaded what, and returns how often.
func (k *kiosk) loaded(t *testing.T, what string) (times int) {
	t.Helper()
	require.Eventually(t, func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		times = 0
		for _, load := range k.loads {
			if load == what {
				times++
			}
		}
		return times > 0
	}, 20*time.Second, 20*time.Millisecond, "%s", what)
	return times
}

const (
	connectLink = chromedp.Search(`//a[.="Connect"]`)
	approveLink = chromedp.Search(`//a[.="Approve"]`)
)

func linksThatAreLoadedAhead(t *testing.T, _ launch.Build, b *browser) {
	k := newKiosk(t, nil)
	b.do(chromedp.Navigate(k.url + "/ahead"))
	k.loaded(t, "/gloebit/connect 503 prefetch")
	b.do(chromedp.Navigate(k.url))
	b.click(connectLink, "Gloebit")
	k.loaded(t, "/gloebit/callback 503 prefetch")
	b.click(approveLink, "Hats")
	require.Equal(t, 1, k.loaded(t, "/gloebit/callback 303"))
}

func pagesThatAreRestored(t *testing.T, _ launch.Build, b *browser) {
	k := newKiosk(t, nil)
	b.do(chromedp.Navigate(k.url))
	b.reads("Home, connected: false")
	b.click(connectLink, "Gloebit")
	b.click(approveLink, "Hats")
	b.back("Gloebit") // a page with a link whose state was used
	b.press("a")
	b.heads("Hats", "Home, connected: true") // an error page would be a dead end
	b.do(chromedp.Navigate(k.url + "/hats"))
	b.press("#leave")
	b.heads("Left")
	b.back("Hats") // the form of a user who was connected
	b.press("#buy")
	k.loaded(t, "/buy 401")
	require.Equal(t, "1000", k.gloebit.Balance("alice"))
}

func twoTabsAtOnce(t *testing.T, _ launch.Build, b *browser) {
	for name, signIn := range map[string]bool{"users of Gloebit": true, "users of the session": false} {
		t.Run(name, func(t *testing.T) {
			first, k := b.apart(t), newKiosk(t, func(c *gloebit.Config) { c.SignIn = signIn })
			second := first.tab()
			first.do(chromedp.Navigate(k.url)) // so that the tabs share a session
			first.do(chromedp.Navigate(k.url + "/hats?tab=one"))
			first.reads("Gloebit")
			second.do(chromedp.Navigate(k.url + "/hats?tab=two"))
			second.reads("Gloebit")
			second.click(approveLink, "Hatstwo")
			first.do(chromedp.Click(approveLink))
			first.sees(`//h1[contains(., "Hatsone") or contains(., "Home, connected: true")]`)
			first.do(chromedp.Navigate(k.url + "/hats?tab=one"))
			first.reads("Hatsone")
		})
	}
}

func cookiesThatAreBlocked(t *testing.T, _ launch.Build, _ *browser) {
	b, k := newBrowser(t, true), newKiosk(t, nil)
	b.do(chromedp.Navigate(k.url))
	b.click(connectLink, "Gloebit")
	b.do(chromedp.Click(approveLink))
	b.sees(`//a[contains(., "Connect with Gloebit")]`) // once, a page with an explanation
	require.Equal(t, 1, k.loaded(t, "/gloebit/callback 400"))
	require.Equal(t, 1, k.loaded(t, "/gloebit/connect 303"))
}

func cookiesThatAreStrict(t *testing.T, _ launch.Build, b *browser) {
	k := newKiosk(t, strict)
	b.do(chromedp.Navigate(k.url))
	b.click(connectLink, "Gloebit")
	b.do(chromedp.Click(approveLink)) // from another site's page, so the browser does not send the cookie
	b.heads("Hats")
}

// hidden is a session manager whose cookie settings gloebit.New can't see.
type hidden struct{ *scs.SessionManager }

func strict(c *gloebit.Config) {
	sessions := scs.New()
	sessions.Store, sessions.Cookie.SameSite = memstore.NewWithCleanupInterval(0), http.SameSiteStrictMode
	c.Sessions = hidden{sessions}
}

// blockCookies sets the preference of a Chromium that has not started yet.
func blockCookies(t *testing.T, profile string) {
	t.Helper()
	folder := filepath.Join(profile, "Default")
	require.NoError(t, os.MkdirAll(folder, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "Preferences"),
		[]byte(`{"profile":{"default_content_setting_values":{"cookies":2}}}`), 0o600))
}

// back goes back in the history, to a page with that heading. It does not wait
// with chromedp for a load or for nodes, because chromedp does not detect a
// page that the browser restores from memory.
func (b *browser) back(heading string) {
	b.t.Helper()
	history, err := chromedp.Call(b.ctx, pagedom.GetNavigationHistory, cdp.Empty{})
	require.NoError(b.t, err)
	before := history.Entries[history.CurrentIndex-1].ID
	_, err = chromedp.Call(b.ctx, pagedom.NavigateToHistoryEntry, pagedom.NavigateToHistoryEntryParams{EntryID: before})
	require.NoError(b.t, err)
	b.heads(heading)
}

// press clicks the element of the CSS selector.
func (b *browser) press(selector string) {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.querySelector("`+selector+`").click(), true`))
	require.NoError(b.t, err)
}

// heads waits for a page with one of the headings.
func (b *browser) heads(headings ...string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		now, err := chromedp.Run(
			b.ctx, chromedp.Evaluate[string](`document.querySelector("h1") ? document.querySelector("h1").textContent : ""`),
		)
		return err == nil && slices.Contains(headings, now)
	}, 20*time.Second, 20*time.Millisecond, "%v", headings)
}

// tab opens another tab of the browser.
func (b *browser) tab() *browser {
	b.t.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx)
	ctx, timeUp := context.WithTimeout(ctx, 2*time.Minute)
	b.t.Cleanup(func() { timeUp(); closeTab() })
	return &browser{t: b.t, ctx: ctx}
}
