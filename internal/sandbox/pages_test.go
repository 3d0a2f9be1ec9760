package sandbox_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/sandbox"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

func TestEveryPageIsGuarded(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.signedInAs("alice")
	for _, path := range []string{
		"/", "/sign-in", "/account", "/purchase", "/purchase/", "/merchant", "/merchant/" + s.app.Key, "/merchant/unknown",
		"/merchant/" + s.app.Key + "/products/remove?product=green-hat",
		s.authorize(), "/oauth2/authorize", "/oauth/authorize", "/authorize-subscription/x/", "/no-such-page",
	} {
		p := b.get(path)
		require.Equal(t, "no-store", p.header.Get("Cache-Control"), path)
		require.Equal(t, "nosniff", p.header.Get("X-Content-Type-Options"), path)
		require.Equal(t, "same-origin", p.header.Get("Referrer-Policy"), path)
		csp := p.header.Get("Content-Security-Policy")
		require.Contains(t, csp, "default-src 'none'", path)
		require.Contains(t, csp, "frame-ancestors 'none'", path)
		require.NotContains(t, csp, "unsafe", path)
		require.Contains(t, p.body, "<header class=\"top\">\n<p class=\"play\"><strong>Sandbox: play money.", path)
		require.Contains(t, p.body, `name="viewport"`, path)
	}
}

func TestNotFoundPages(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.signedInAs("alice")
	p := b.get("/no-such-page")
	require.Equal(t, http.StatusNotFound, p.status)
	require.Contains(t, p.body, "No such page")
	p = b.get("/merchant/unknown")
	require.Equal(t, http.StatusNotFound, p.status)
	require.Contains(t, p.body, "No such application")
	p = b.post("/merchant/unknown/products/add", "product", "x", "price", "1")
	require.Equal(t, http.StatusNotFound, p.status)
	p = b.get("/transact")
	require.Equal(t, http.StatusMethodNotAllowed, p.status)
	require.Contains(t, p.body, "Not like that")

	resp, err := http.Get(s.url + "/no-such-path")
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	require.Equal(t, false, decode(t, resp)["success"], "programs get JSON")
}

func TestInvalidFormsAreRefused(t *testing.T) {
	s := start(t, sandbox.Config{})
	for name, body := range map[string]string{
		"too long": "name=" + strings.Repeat("a", 100_000),
		"broken":   "name=%zz",
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := http.Post(s.url+"/create-account", "application/x-www-form-urlencoded", strings.NewReader(body))
			require.NoError(t, err)
			defer resp.Body.Close()
			require.Equal(t, http.StatusBadRequest, resp.StatusCode)
		})
	}
}

func TestStylesheetSupportsConditionalRequests(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.browser()
	p := b.get("/style.css")
	require.Equal(t, "text/css; charset=utf-8", p.header.Get("Content-Type"))
	require.Contains(t, p.body, "prefers-color-scheme: dark")
	r := b.request(http.MethodGet, "/style.css", nil)
	r.Header.Set("If-None-Match", p.header.Get("ETag"))
	require.Equal(t, http.StatusNotModified, b.do(r).status)
	require.Equal(t, "image/svg+xml", b.get("/icon.svg").header.Get("Content-Type"))
}

func TestSigningIn(t *testing.T) {
	s := start(t, sandbox.Config{})
	t.Run("by a typed name, whatever its case", func(t *testing.T) {
		p := s.browser().post("/sign-in", "name", "  ALICE ")
		require.Equal(t, "/account", p.url.Path)
		require.Contains(t, p.body, "Signed in as <strong>alice")
	})
	t.Run("by an unknown name shows an error", func(t *testing.T) {
		p := s.browser().post("/sign-in", "name", "carol", "next", "/purchase")
		require.Equal(t, http.StatusUnprocessableEntity, p.status)
		require.Contains(t, p.body, "There is no account of that name")
		require.Contains(t, p.body, `value="carol"`)
		require.Contains(t, p.body, `name="next" value="/purchase"`)
	})
	t.Run("with an account of one's own", func(t *testing.T) {
		p := s.browser().post("/create-account", "name", "dora", "next", "/purchase?r=x")
		require.Equal(t, "/purchase", p.url.Path)
		require.Contains(t, p.body, "Signed in as <strong>dora")
		require.Contains(t, p.body, "1,000 ")
	})
	t.Run("takes another session each time", func(t *testing.T) {
		b := s.browser()
		first := cookieOf(t, b, "alice")
		require.NotEqual(t, first.Value, cookieOf(t, b, "alice").Value)
		require.True(t, first.HttpOnly)
		require.Equal(t, http.SameSiteLaxMode, first.SameSite)
		require.False(t, first.Secure, "over http a browser would drop it")
		r := s.browser().request(http.MethodGet, "/account", nil)
		r.AddCookie(first)
		require.Equal(t, "/sign-in", s.browser().do(r).url.Path, "the session before is over")
	})
	t.Run("from another site is refused", func(t *testing.T) {
		r := s.browser().request(http.MethodPost, "/sign-in", []string{"name", "bob"})
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		require.Equal(t, http.StatusForbidden, s.browser().do(r).status)
	})
}

// cookieOf signs in and returns the cookie as it was set.
func cookieOf(t *testing.T, b *browser, name string) *http.Cookie {
	t.Helper()
	client := *b.client
	client.CheckRedirect = testkit.Stay
	resp, err := client.Do(b.request(http.MethodPost, "/sign-in", []string{"name", name}))
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Len(t, resp.Cookies(), 1)
	return resp.Cookies()[0]
}

func TestOverTLSTheCookieIsSecure(t *testing.T) {
	box, err := sandbox.New(sandbox.Config{})
	require.NoError(t, err)
	server := httptest.NewTLSServer(box.Handler())
	defer server.Close()
	client := server.Client()
	client.CheckRedirect = testkit.Stay
	resp, err := client.Post(server.URL+"/sign-in", "application/x-www-form-urlencoded", strings.NewReader("name=alice"))
	require.NoError(t, err)
	defer resp.Body.Close()
	require.True(t, resp.Cookies()[0].Secure)
}

func TestAccountsThatCannotBeCreated(t *testing.T) {
	s := start(t, sandbox.Config{})
	for name, test := range map[string]struct{ typed, words string }{
		"no name":                  {"  ", "A name is needed"},
		"a name that is taken":     {"Alice", "already an account of that name"},
		"a name that is too long":  {strings.Repeat("x", 41), "too long"},
		"a name with a line break": {"a\nb", "characters that can"},
		"a name that turns text":   {"a\u202eb", "characters that can"},
		"a name that is no text":   {"a\xff", "characters that can"},
	} {
		t.Run(name, func(t *testing.T) {
			p := s.browser().post("/create-account", "name", test.typed, "next", "/purchase")
			require.Equal(t, http.StatusUnprocessableEntity, p.status)
			require.Contains(t, p.body, "The account was not created.")
			require.Contains(t, p.body, test.words)
			require.Contains(t, p.body, `name="next" value="/purchase"`)
			require.Len(t, s.box.Gloebit().Users(), 2)
		})
	}
}

func TestSignInStaysOnThisSite(t *testing.T) {
	s := start(t, sandbox.Config{})
	for _, next := range []string{
		"https://evil.example/", "//evil.example/", `/\evil.example/`, `\\evil.example`, "/\t/evil.example", "http:evil",
		"javascript:alert(1)",
		"evil.example", "/%2F/evil.example", "",
	} {
		p := s.browser().post("/sign-in", "name", "alice", "next", next)
		require.Equal(t, s.url+"/account", "http://"+p.url.Host+p.url.Path, next)
		p = s.browser().get("/sign-in?next=" + strings.ReplaceAll(strings.ReplaceAll(next, "\t", "%09"), `\`, "%5C"))
		require.Contains(t, p.body, `name="next" value="/"`, next)
	}
}

func TestASessionEndsAfterAWeek(t *testing.T) {
	c := testkit.NewClock()
	s := start(t, sandbox.Config{Clock: c.Now})
	b := s.signedInAs("alice")
	c.Advance(7*24*time.Hour - time.Second)
	require.Equal(t, "/account", b.get("/account").url.Path)
	c.Advance(time.Second)
	require.Equal(t, "/sign-in", b.get("/account").url.Path)
}

func TestSessionsAreBoundedAndTheOldestGoesFirst(t *testing.T) {
	c := testkit.NewClock()
	s := start(t, sandbox.Config{Clock: c.Now})
	first, second := s.signedInAs("alice"), s.browser()
	c.Advance(time.Second)
	second.post("/sign-in", "name", "bob")
	c.Advance(time.Second)
	for range 9_999 { // with these two, one more than there is room for
		r := httptest.NewRequest(http.MethodPost, "/sign-in", strings.NewReader("name=alice"))
		r.Host = "localhost"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		s.box.Handler().ServeHTTP(httptest.NewRecorder(), r)
	}
	require.Equal(t, "/sign-in", first.get("/account").url.Path)
	require.Equal(t, "/account", second.get("/account").url.Path)
}

func TestASignOutEndsTheSession(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.signedInAs("alice")
	p := b.post("/sign-out")
	require.NotContains(t, p.body, "Signed in as")
	require.Equal(t, "/sign-in", b.get("/account").url.Path)
	require.Equal(t, "/sign-in", b.post("/account/revoke", "application", s.app.Key).url.Path)
}

func TestTheHistoryIsPaged(t *testing.T) {
	c := testkit.NewClock()
	s := start(t, sandbox.Config{Clock: c.Now})
	b := s.signedInAs("alice")
	for i := range 30 {
		c.Advance(time.Hour)
		b.post("/purchase", "other", []string{"7", "8"}[i/25], "order", "o"+strings.Repeat("x", i))
	}
	first := b.get("/account")
	require.Equal(t, 25, strings.Count(first.body, "Gloebits bought"))
	require.Contains(t, first.body, `href="?page=2"`)
	require.Equal(t, 5, strings.Count(first.body, "+8 G$</span>"), "newest first")
	second := b.get("/account?page=2")
	require.Equal(t, 5, strings.Count(second.body, "Gloebits bought"))
	require.Contains(t, second.body, `href="?page=1"`)
	require.NotContains(t, second.body, "Older")
	for _, odd := range []string{"0", "-1", "x", ""} {
		require.Equal(t, 25, strings.Count(b.get("/account?page="+odd).body, "Gloebits bought"), odd)
	}
	require.Equal(t, 5, strings.Count(b.get("/account?page=99999999").body, "Gloebits bought"))
}

func TestLockedAccountShowsNotice(t *testing.T) {
	s := start(t, sandbox.Config{})
	b := s.signedInAs("alice")
	require.NotContains(t, b.get("/account").body, "locked")
	require.NoError(t, s.box.Gloebit().Lock("alice", true))
	require.Contains(t, b.get("/account").body, "This account is locked")
}

func TestEachTransactionStateHasDescription(t *testing.T) {
	s := start(t, sandbox.Config{})
	hold := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `[false, "no more hats"]`)
	}))
	defer hold.Close()
	g := s.box.Gloebit()
	token, err := g.IssueToken(s.app.Key, "alice", "transact")
	require.NoError(t, err)
	b := s.signedInAs("alice")

	send := func(id, rest string) {
		s.api(token, http.MethodPost, "/transact", `{"version":1,"id":"`+id+`","consumer-key":"`+s.app.Key+`",`+rest+`}`)
	}
	send("1", `"product":"golden-crown","product-quantity":2`)
	require.Contains(t, b.get("/account").body, "Not enough gloebits")
	send("2", `"asset-code":"song","asset-quantity":1,"gloebit-balance-change":10,"asset-enact-hold-url":"`+hold.URL+`"`)
	p := b.get("/account")
	require.Contains(t, p.body, "On hold")
	require.Contains(t, p.body, "990 ")
	require.NoError(t, g.Settle(t.Context()))
	p = b.get("/account")
	require.Contains(t, p.body, "Cancelled, returned")
	require.Contains(t, p.body, "1,000 ")
	require.Contains(t, p.body, "<code>2</code>", "the application's ID of the transaction")
	p = b.get("/merchant/" + s.app.Key)
	require.Contains(t, p.body, "so far: <strong>0 G$</strong>")
	require.Contains(t, p.body, "<code>2</code>")

	transactions := g.Transactions()
	require.Equal(t, gloebittest.StateCanceled, transactions[len(transactions)-1].State)
}
