package adaptertest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// browser is a browser with its own cookies.
type browser struct {
	w       *world
	client  *http.Client
	steps   *http.Client // like client, but follows no redirect
	user    string       // the application's own user, with setting.ownUsers
	process int          // the application process that gets the requests
}

func (w *world) browser() *browser {
	w.Helper()
	jar, err := cookiejar.New(nil)
	w.ok(err)
	return w.browserWith(jar)
}

func (w *world) browserWith(jar http.CookieJar) *browser {
	transport := recordingTransport{w.shop.Client().Transport, w}
	stop := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{
		w:      w,
		client: &http.Client{Transport: transport, Jar: jar, Timeout: 20 * time.Second},
		steps:  &http.Client{Transport: transport, Jar: jar, Timeout: 20 * time.Second, CheckRedirect: stop},
	}
}

// copied returns a new browser with a copy of the cookies.
func (b *browser) copied() *browser {
	b.w.Helper()
	other := b.w.browser()
	other.user, other.process = b.user, b.process
	other.take(b.cookies())
	return other
}

func (b *browser) cookies() []*http.Cookie { return b.client.Jar.Cookies(b.home()) }

// take adds cookies to the browser.
func (b *browser) take(cookies []*http.Cookie) { b.client.Jar.SetCookies(b.home(), cookies) }

func (b *browser) home() *url.URL {
	b.w.Helper()
	home, err := url.Parse(b.w.shop.URL + "/")
	b.w.ok(err)
	return home
}

// rawClient returns a client with the browser's cookies that does not read
// responses ahead and follows no redirect.
func (b *browser) rawClient() *http.Client {
	client := *b.steps
	client.Transport = b.w.shop.Client().Transport
	client.Timeout = 0 // with a timeout, the body of a 101 can't be written to
	return &client
}

// as returns the same browser, signed in as the application's user of that
// name.
func (b *browser) as(user string) *browser {
	other := *b
	other.user = user
	return &other
}

// at returns the same browser, sending its requests to the process.
func (b *browser) at(process int) *browser {
	other := *b
	other.process = process
	return &other
}

// recordingTransport records the application's responses.
type recordingTransport struct {
	http.RoundTripper
	w *world
}

// RoundTrip implements [http.RoundTripper].
func (t recordingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if err != nil || r.URL.Host != t.w.shop.Listener.Addr().String() || strings.HasSuffix(r.URL.Path, "/stream") {
		return response, err
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	if to, err := url.Parse(response.Header.Get("Location")); err == nil {
		t.w.recorder.addSecret("the state", to.Query().Get("state"))
	}
	t.w.recorder.record(seen{r.URL.String(), response.Header.Clone(), string(body)})
	return response, nil
}

// connected returns a browser whose user is connected.
func (w *world) connected(user string) *browser {
	w.Helper()
	w.ok(w.gloebit.Approve(user))
	b := w.browser()
	b.load("/private").wants(http.StatusOK, "hello, "+user)
	w.app.took()
	return b
}

// answer is a complete response and its final URL.
type answer struct {
	w      *world
	url    *url.URL
	status int
	header http.Header
	body   string
}

// request returns a request for a path below the application's prefix.
func (b *browser) request(method, path string, header map[string]string) *http.Request {
	b.w.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader("quantity=1")
	}
	r, err := http.NewRequestWithContext(b.w.Context(), method, b.w.shop.URL+b.w.prefix+path, body)
	b.w.ok(err)
	r.Header.Set("Process", strconv.Itoa(b.process))
	if b.user != "" {
		r.Header.Set("X-User", b.user)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	return r
}

func (b *browser) send(client *http.Client, r *http.Request) answer {
	b.w.Helper()
	response, err := client.Do(r)
	b.w.ok(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	b.w.ok(err)
	return answer{b.w, response.Request.URL, response.StatusCode, response.Header, string(body)}
}

// The headers that a browser sends when it loads a page, and for a script.
var (
	asPage = map[string]string{
		"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin",
	}
	asScript = map[string]string{"Accept": "application/json", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
)

// load loads a page and follows redirects.
func (b *browser) load(path string) answer {
	b.w.Helper()
	return b.send(b.client, b.request(http.MethodGet, path, asPage))
}

// step loads a page and follows no redirect.
func (b *browser) step(path string) answer {
	b.w.Helper()
	return b.send(b.steps, b.request(http.MethodGet, path, asPage))
}

// fetch sends a script's request.
func (b *browser) fetch(method, path string) answer {
	b.w.Helper()
	return b.send(b.steps, b.request(method, path, asScript))
}

// callback starts a connection and returns the callback URL, below the
// application's prefix, that Gloebit redirects to. It does not load it.
func (b *browser) callback(connect string) string {
	b.w.Helper()
	consent, err := b.w.wire.transport.RoundTrip(b.consent(connect))
	b.w.ok(err)
	consent.Body.Close()
	back, ok := strings.CutPrefix(consent.Header.Get("Location"), b.w.shop.URL+b.w.prefix)
	if !ok {
		b.w.Fatalf("Gloebit answers %s and leads to %q, want the callback", consent.Status, consent.Header.Get("Location"))
	}
	return back
}

// consent starts a connection and returns the request to Gloebit.
func (b *browser) consent(connect string) *http.Request {
	b.w.Helper()
	to := b.step(connect).header.Get("Location")
	if !strings.HasPrefix(to, b.w.gloebit.URL) {
		b.w.Fatalf("%s leads to %q, want Gloebit", connect, to)
	}
	r, err := http.NewRequestWithContext(b.w.Context(), http.MethodGet, to, nil)
	b.w.ok(err)
	return r
}

// wants asserts status and body.
func (a answer) wants(status int, body string) answer {
	a.w.Helper()
	if a.status != status || a.body != body {
		a.w.Fatalf("%s answers %d %q, want %d %q", a.url.Path, a.status, a.body, status, body)
	}
	return a
}

// leads asserts a redirect without a body and returns its URL.
func (a answer) leads(path string) *url.URL {
	a.w.Helper()
	a.wants(http.StatusSeeOther, "")
	to, err := a.url.Parse(a.header.Get("Location"))
	a.w.ok(err)
	if to.Path != path {
		a.w.Fatalf("%s leads to %s, want %s", a.url.Path, to, path)
	}
	return to
}

// problem asserts a problem document (RFC 9457) and nothing else, and returns
// it.
func (a answer) problem(status int) map[string]any {
	a.w.Helper()
	if contentType := a.header.Get("Content-Type"); a.status != status || contentType != "application/problem+json" {
		a.w.Fatalf("%s answers %d %s %q, want a problem with status %d", a.url.Path, a.status, contentType, a.body, status)
	}
	var members map[string]any
	a.w.ok(json.Unmarshal([]byte(a.body), &members)) // it fails if anything follows
	if strings.Contains(a.body, "sesame") || strings.Contains(a.body, errDown.Error()) {
		a.w.Fatalf("%s shows the error itself: %s", a.url.Path, a.body)
	}
	return members
}

// refused asserts that nothing behind the middleware ran or set a header.
func (a answer) refused() {
	a.w.Helper()
	if ran := a.w.app.took(); len(ran) > 0 {
		a.w.Errorf("%s was refused, yet there ran: %v", a.url.Path, ran)
	}
	if a.header.Get(laterHeader) != "" {
		a.w.Errorf("%s was refused, yet has a header of a later middleware", a.url.Path)
	}
}
