package testkit

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

// NewBrowser returns a client that keeps cookies and follows redirects. It has
// its own transport, because closing an httptest server in a parallel test
// closes the connections of [http.DefaultTransport].
func NewBrowser(t testing.TB) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Jar: NewJar(t), Timeout: 20 * time.Second}
}

// NewJar returns an empty cookie jar.
func NewJar(t testing.TB) http.CookieJar {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return jar
}

// Stay is a CheckRedirect of an [http.Client] that follows no redirect.
func Stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// NewRequest returns a request as a browser makes it: a POST has the form as
// its body.
func NewRequest(t testing.TB, method, target string, form url.Values) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// Page is a response with its body, and its URL after all redirects.
type Page struct {
	Status int
	Header http.Header
	Body   string
	URL    *url.URL
}

// Load sends the request and reads the response.
func Load(t testing.TB, client *http.Client, r *http.Request) Page {
	t.Helper()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return Read(t, resp)
}

// Read reads the response and closes its body.
func Read(t testing.TB, resp *http.Response) Page {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Page{resp.StatusCode, resp.Header, string(body), resp.Request.URL}
}
