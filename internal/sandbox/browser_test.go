package sandbox_test

import (
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/sandbox"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

// site is a sandbox behind a real port, with a shop on another port that remembers how it was called back.
type site struct {
	t    *testing.T
	box  *sandbox.Sandbox
	url  string
	shop string
	app  gloebittest.Application

	mu    sync.Mutex
	calls []url.Values
}

func start(t *testing.T, cfg sandbox.Config) *site {
	t.Helper()
	s := &site{t: t}
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.calls = append(s.calls, r.URL.Query())
		_, _ = io.WriteString(w, "the shop at "+html.EscapeString(r.URL.Path))
	}))
	t.Cleanup(shop.Close)
	s.shop = shop.URL
	if cfg.RedirectPrefixes == nil {
		cfg.RedirectPrefixes = []string{shop.URL + "/gloebit/"}
	}
	if cfg.HomeURL == "" {
		cfg.HomeURL = shop.URL + "/"
	}
	box, err := sandbox.New(cfg)
	require.NoError(t, err)
	server := httptest.NewServer(box.Handler())
	t.Cleanup(server.Close)
	s.box, s.url, s.app = box, server.URL, box.Application()
	return s
}

// called are the queries of the callbacks that the shop got.
func (s *site) called() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]url.Values(nil), s.calls...)
}

// authorize is the path to which the shop redirects browsers.
func (s *site) authorize(more ...string) string {
	q := url.Values{
		"client_id": {s.app.Key}, "redirect_uri": {s.shop + "/gloebit/callback"}, "response_type": {"code"},
		"scope": {"user balance transact inventory"}, "state": {"s-1"}, "user": {"visitor-7"},
	}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return "/oauth2/authorize?" + q.Encode()
}

// exchange exchanges the code, as the shop's server does.
func (s *site) exchange(code string) (token string) {
	s.t.Helper()
	resp, err := http.PostForm(s.url+"/oauth2/access-token", url.Values{
		"client_id": {s.app.Key}, "client_secret": {s.app.Secret}, "code": {code}, "grant_type": {"authorization_code"},
		"scope": {"user balance transact inventory"}, "redirect_uri": {s.shop + "/gloebit/callback"},
	})
	require.NoError(s.t, err)
	answer := decode(s.t, resp)
	token, _ = answer["access_token"].(string)
	require.NotEmpty(s.t, token, answer)
	return token
}

// api calls the API as the shop's server.
func (s *site) api(token, method, path, body string) map[string]any {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	require.NoError(s.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	return decode(s.t, resp)
}

func decode(t *testing.T, resp *http.Response) map[string]any {
	t.Helper()
	defer resp.Body.Close()
	var answer map[string]any
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	return answer
}

// browser has a cookie jar and sends the headers that tell a page's own forms from others.
type browser struct {
	s      *site
	client *http.Client
}

func (s *site) browser() *browser {
	return &browser{s: s, client: &http.Client{Jar: testkit.NewJar(s.t)}}
}

// signedInAs is a browser in which that user is signed in.
func (s *site) signedInAs(name string) *browser {
	b := s.browser()
	p := b.post("/sign-in", "name", name)
	require.Equal(s.t, http.StatusOK, p.status)
	require.Contains(s.t, p.body, "Signed in as <strong>"+name)
	return b
}

// page is the page that a browser shows after all redirects.
type page struct {
	status int
	url    *url.URL
	header http.Header
	body   string
}

func (b *browser) get(path string) page {
	b.s.t.Helper()
	return b.do(b.request(http.MethodGet, path, nil))
}

// post sends a form as the sandbox's own pages do.
func (b *browser) post(path string, fields ...string) page {
	b.s.t.Helper()
	r := b.request(http.MethodPost, path, fields)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", b.s.url)
	return b.do(r)
}

func (b *browser) request(method, path string, fields []string) *http.Request {
	b.s.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.s.url + path
	}
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r, err := http.NewRequestWithContext(context.Background(), method, path, strings.NewReader(form.Encode()))
	require.NoError(b.s.t, err)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (b *browser) do(r *http.Request) page {
	b.s.t.Helper()
	p := testkit.Load(b.s.t, b.client, r)
	return page{status: p.Status, url: p.URL, header: p.Header, body: p.Body}
}

// attribute finds, in the first tag that holds marker, an attribute's value as a browser reads it.
func (p page) attribute(marker, name string) (string, bool) {
	for _, tag := range regexp.MustCompile(`<[a-z][^>]*>`).FindAllString(p.body, -1) {
		if !strings.Contains(tag, marker) {
			continue
		}
		if m := regexp.MustCompile(` ` + name + `="([^"]*)"`).FindStringSubmatch(tag); m != nil {
			return html.UnescapeString(m[1]), true
		}
	}
	return "", false
}

// must is attribute, which must exist.
func (b *browser) must(p page, marker, name string) string {
	b.s.t.Helper()
	value, ok := p.attribute(marker, name)
	require.True(b.s.t, ok, "no tag with %s and %s in:\n%s", marker, name, p.body)
	return value
}

// decide presses a button of the consent page.
func (b *browser) decide(p page, decision string) page {
	b.s.t.Helper()
	action := b.must(p, `action="/oauth2/authorize`, "action")
	return b.post(action, "user", b.must(p, `name="user"`, "value"), "decision", decision)
}
