package story

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// visitor is a user with a browser without JavaScript.
type visitor struct {
	t      *testing.T
	client *http.Client
}

func newVisitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{} // closing an httptest server breaks connections of the default transport
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{t: t, client: &http.Client{Transport: transport, Jar: jar, Timeout: time.Minute, CheckRedirect: refer}}
}

// refer applies Referrer-Policy, which net/http does not.
func refer(r *http.Request, _ []*http.Request) error {
	if r.Response.Header.Get("Referrer-Policy") == "no-referrer" {
		r.Header.Del("Referer")
	}
	return nil
}

// page is a page that the visitor has loaded.
type page struct {
	v      *visitor
	url    *url.URL
	status int
	header http.Header
	root   *html.Node
}

func (v *visitor) open(address string) page {
	v.t.Helper()
	request, err := http.NewRequest(http.MethodGet, address, nil)
	require.NoError(v.t, err)
	return v.load(request)
}

func (v *visitor) load(request *http.Request) page {
	v.t.Helper()
	request.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	response, err := v.client.Do(request)
	require.NoError(v.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(v.t, err)
	root, err := html.Parse(strings.NewReader(string(body)))
	require.NoError(v.t, err)
	return page{v: v, url: response.Request.URL, status: response.StatusCode, header: response.Header, root: root}
}

// reload loads the page again.
func (p page) reload() page { return p.v.open(p.url.String()) }

// follow clicks the link with that text.
func (p page) follow(words string) page {
	p.v.t.Helper()
	return p.v.open(p.link(words))
}

// link returns the absolute URL of the link with that text.
func (p page) link(words string) string {
	p.v.t.Helper()
	for _, a := range p.find("a") {
		if text(a) == words {
			to, err := p.url.Parse(attribute(a, "href"))
			require.NoError(p.v.t, err)
			return to.String()
		}
	}
	require.FailNow(p.v.t, "no such link", "%q on %s:\n%s", words, p.url, p.text())
	return ""
}

// fields are the fields of a form, and its URL.
type fields struct {
	action string
	url.Values
}

// form returns the form with that action.
func (p page) form(action string) fields {
	p.v.t.Helper()
	for _, f := range p.find("form") {
		to, err := p.url.Parse(attribute(f, "action"))
		require.NoError(p.v.t, err)
		if to.Path != action {
			continue
		}
		require.Equal(p.v.t, "post", strings.ToLower(attribute(f, "method")))
		values := url.Values{}
		for _, input := range within(f, "input") {
			if name := attribute(input, "name"); name != "" {
				values.Set(name, attribute(input, "value"))
			}
		}
		return fields{action: to.String(), Values: values}
	}
	require.FailNow(p.v.t, "no such form", "%q on %s:\n%s", action, p.url, p.text())
	return fields{}
}

// submit sends the form with that action. Pairs of name and value replace its
// fields.
func (p page) submit(action string, pairs ...string) page {
	p.v.t.Helper()
	f := p.form(action)
	for i := 0; i < len(pairs); i += 2 {
		f.Set(pairs[i], pairs[i+1])
	}
	return p.send(f)
}

// send posts a form as a browser does from this page.
func (p page) send(f fields) page {
	p.v.t.Helper()
	request, err := http.NewRequest(http.MethodPost, f.action, strings.NewReader(f.Encode()))
	require.NoError(p.v.t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", p.url.Scheme+"://"+p.url.Host)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	request.Header.Set("Sec-Fetch-Mode", "navigate")
	request.Header.Set("Referer", p.url.String())
	return p.v.load(request)
}

// order opens the shop's page for buying an article. The default quantity is
// one.
func (p page) order(slug string, quantity ...string) page {
	p.v.t.Helper()
	return p.ask("/buy/" + slug + "?" + url.Values{"quantity": quantity}.Encode())
}

// buy orders an article and pays.
func (p page) buy(slug string, quantity ...string) page {
	p.v.t.Helper()
	return p.order(slug, quantity...).submit("/buy/" + slug)
}

// use confirms that one piece of a product is used up.
func (p page) use(slug string) page {
	p.v.t.Helper()
	return p.ask("/use/" + url.PathEscape(slug)).submit("/use/" + slug)
}

// ask opens another page of the shop.
func (p page) ask(path string) page {
	p.v.t.Helper()
	to, err := p.url.Parse(path)
	require.NoError(p.v.t, err)
	return p.v.open(to.String())
}

// text returns the page's text, with single spaces.
func (p page) text() string { return text(p.find("body")[0]) }

// says asserts that the page contains each of the texts.
func (p page) says(texts ...string) page {
	p.v.t.Helper()
	for _, want := range texts {
		require.Contains(p.v.t, p.text(), want, "%s", p.url)
	}
	return p
}

// heading returns the page's first heading.
func (p page) heading() string {
	p.v.t.Helper()
	headings := p.find("h1")
	require.Len(p.v.t, headings, 1)
	return text(headings[0])
}

// marks asserts that only that tab is marked, with that value of aria-current.
func (p page) marks(tab, how string) page {
	p.v.t.Helper()
	marked := map[string]string{}
	for _, a := range p.find("a") {
		if current := attribute(a, "aria-current"); current != "" && current != "false" {
			marked[text(a)] = current
		}
	}
	require.Equal(p.v.t, map[string]string{tab: how}, marked)
	return p
}

// balance returns the balance in the page's corner, or "" if no user is
// connected.
func (p page) balance() string {
	for _, span := range p.find("span") {
		if attribute(span, "class") == "balance" {
			return strings.TrimPrefix(text(span), "Your balance: ")
		}
	}
	return ""
}

func (p page) find(name string) []*html.Node { return within(p.root, name) }

func within(root *html.Node, name string) []*html.Node {
	var found []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			found = append(found, n)
		}
	}
	return found
}

// text returns an element's text with single spaces, including between blocks.
func text(root *html.Node) string {
	var b strings.Builder
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(n.Data)
		case n.Type == html.ElementNode && n.Data != "b" && n.Data != "i" && n.Data != "abbr" && n.Data != "span":
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// connect connects the visitor of the page as a user of the sandbox, and
// returns the next page.
func (p page) connect(user string) page {
	p.v.t.Helper()
	return p.signIn(user).submit("/oauth2/authorize", "decision", "approve")
}

// signIn signs in at the sandbox, and returns its consent page.
func (p page) signIn(user string) page {
	p.v.t.Helper()
	signIn := p.follow("Connect with Gloebit")
	require.Equal(p.v.t, "/sign-in", signIn.url.Path)
	return signIn.submit("/sign-in", "name", user)
}
