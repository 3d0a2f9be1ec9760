package story

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// browser is a Chromium in which pages can't run scripts.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string // policy violations and failed loads
}

// newBrowser starts Chromium, optionally with all cookies blocked. Without
// Chromium the test is skipped, unless everything is required to run.
func newBrowser(t *testing.T, cookiesBlocked bool) *browser {
	t.Helper()
	path := chromium()
	if path == "" {
		if os.Getenv("GLOEBIT_TEST_REQUIRE") == "all" {
			require.FailNow(t, "no Chromium on this machine, and GLOEBIT_TEST_REQUIRE=all")
		}
		t.Skip("no Chromium on this machine (Debian: apt-get install chromium)")
	}
	profile, err := os.MkdirTemp("", "shop-browser")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(profile) }) // an error is ignored, because Chromium may still be writing
	if cookiesBlocked {
		blockCookies(t, profile)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)...)
	t.Cleanup(stop)
	return openTab(t, allocator)
}

// apart opens a tab that shares no cookies and no cache with the browser's
// other tabs.
func (b *browser) apart(t *testing.T) *browser {
	t.Helper()
	return openTab(t, b.ctx, chromedp.WithNewBrowserContext())
}

func openTab(t *testing.T, parent context.Context, options ...chromedp.ContextOption) *browser {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(parent, options...)
	ctx, timeUp := context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(func() { timeUp(); closeTab() })
	b := &browser{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, b.listen))
	_, err := chromedp.Call(ctx, log.Enable, cdp.Empty{})
	require.NoError(t, err)
	b.scripts(false)
	return b
}

func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func (b *browser) listen(event any) {
	entry, ok := event.(*log.EventEntryAdded)
	if !ok || entry.Entry.Level != log.EntryLevelError {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, entry.Entry.Text+" "+entry.Entry.URL)
}

// hasNoComplaints asserts that the pages violated no policy, and that all their
// resources were loaded.
func (b *browser) hasNoComplaints() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(b.t, b.complaints)
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, actions...))
}

// click clicks the element of the XPath and waits for the next page, which must
// have that heading. It does not accept the current page, even if it has the
// same heading.
func (b *browser) click(xpath chromedp.Search, heading string) {
	b.t.Helper()
	before, err := b.page()
	require.NoError(b.t, err)
	b.do(chromedp.ScrollIntoView(xpath), chromedp.Click(xpath))
	require.Eventually(b.t, func() bool {
		now, err := b.page()
		return err == nil && now != "" && now != before
	}, 20*time.Second, 20*time.Millisecond, "%s leads nowhere", xpath)
	b.reads(heading)
}

// page identifies the loaded page. It is empty while a page loads.
func (b *browser) page() (string, error) {
	return chromedp.Run(
		b.ctx, chromedp.Evaluate[string](`document.readyState === "complete" ? String(performance.timeOrigin) : ""`),
	)
}

// reads waits for a page with that heading.
func (b *browser) reads(heading string) {
	b.t.Helper()
	b.sees(chromedp.Search(`//h1[contains(., "` + heading + `")]`))
}

// sees waits for the elements of the XPaths.
func (b *browser) sees(xpaths ...chromedp.Search) {
	b.t.Helper()
	for _, xpath := range xpaths {
		ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
		err := chromedp.Do(ctx, chromedp.WaitVisible(xpath))
		cancel()
		require.NoError(b.t, err, "waiting for %s", xpath)
	}
}

// fits asserts that the page is not wider than the windows of a phone and of
// the smallest phone.
func (b *browser) fits() {
	b.t.Helper()
	for _, window := range []chromedp.Action[chromedp.Void]{smallPhone(), phone()} {
		b.do(window)
		over, err := chromedp.Run(
			b.ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`),
		)
		require.NoError(b.t, err)
		require.LessOrEqual(b.t, over, 0, "the page must not scroll sideways")
	}
}

// picture saves a screenshot for the README, if GLOEBIT_SCREENSHOTS is set.
func (b *browser) picture(name string) {
	b.t.Helper()
	folder := os.Getenv("GLOEBIT_SCREENSHOTS")
	if folder == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	require.NoError(b.t, os.MkdirAll(folder, 0o755))
	require.NoError(b.t, os.WriteFile(filepath.Join(folder, name+".png"), png, 0o644))
}

func desktop() chromedp.Action[chromedp.Void] { return chromedp.EmulateViewport(1200, 860) }

func phone() chromedp.Action[chromedp.Void] {
	return chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile)
}

func smallPhone() chromedp.Action[chromedp.Void] {
	return chromedp.EmulateViewport(320, 568, chromedp.EmulateScale(2), chromedp.EmulateMobile)
}
