package gloebit_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

func TestSecurity12RedirectURIIgnoresRequestHost(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	configured := w.shop.URL + "/gloebit/callback"
	for _, hostile := range []http.Header{
		{"Host": {"evil.example"}},
		{"Host": {"shop.example@evil.example"}},
		{"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"gopher"}},
		{"Forwarded": {"host=evil.example;proto=gopher"}},
		{"X-Original-Url": {"https://evil.example/"}, "X-Rewrite-Url": {"https://evil.example/"}},
	} {
		b.follow = false
		p := b.do(http.MethodGet, "/gloebit/connect?return_to=/optional", nil, hostile)
		if p.status == http.StatusBadRequest { // net/http itself refuses some hosts
			continue
		}
		require.Equal(t, http.StatusSeeOther, p.status)
		authorize, err := url.Parse(p.header.Get("Location"))
		require.NoError(t, err)
		require.Equal(t, []string{configured}, authorize.Query()["redirect_uri"], hostile)
		to := b.do(http.MethodGet, authorize.String(), nil, nil).header.Get("Location")
		require.True(t, strings.HasPrefix(to, configured+"?"), to)

		p = b.do(http.MethodGet, to, nil, hostile)
		require.Equal(t, "/optional", p.header.Get("Location"))
		require.Equal(t, []string{configured}, w.asked("access-token")["redirect_uri"], "the same at the exchange")
	}
	require.GreaterOrEqual(t, w.exchanges(), 4)
}

func TestSecurity13PlainHTTPIsForLoopbackOnly(t *testing.T) {
	fields := map[string]func(*gloebit.Config, string){
		"RedirectURL":       func(c *gloebit.Config, at string) { c.RedirectURL = at + "/gloebit/callback" },
		"Provider.AuthURL":  func(c *gloebit.Config, at string) { c.Provider.AuthURL = at + "/authorize" },
		"Provider.TokenURL": func(c *gloebit.Config, at string) { c.Provider.TokenURL = at + "/access-token" },
		"Provider.APIURL":   func(c *gloebit.Config, at string) { c.Provider.APIURL = at + "/" },
	}
	for _, at := range []string{
		"http://shop.example", "HTTP://shop.example", "http://localhost.evil.example", "http://localhostile",
		"http://127.0.0.1.evil.example",
		"http://127.0.0.1@evil.example", "http://10.0.0.1", "http://192.168.0.1:8080", "http://0.0.0.0", "http://[::]",
		"http://[2001:db8::1]", "http://2130706433",
		"ws://127.0.0.1", "//127.0.0.1", "https://name@shop.example", "https://name:password@shop.example",
		"http://name@localhost",
	} {
		for field, set := range fields {
			config := validConfig()
			set(&config, at)
			_, err := gloebit.New(config)
			require.ErrorContains(t, err, field, at)
		}
	}
	for _, at := range []string{
		"https://shop.example", "http://localhost:8080", "http://LOCALHOST", "http://127.0.0.1:8080", "http://127.9.9.9",
		"http://[::1]:8080",
	} {
		for _, set := range fields {
			config := validConfig()
			set(&config, at)
			_, err := gloebit.New(config)
			require.NoError(t, err, at)
		}
	}
}

func TestSecurity14ReturnToStaysOnThisSite(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	for _, hostile := range []string{
		"https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
		"/%5cevil.example", "/%5C%5Cevil.example",
		"/%2fevil.example", "/%2F%2Fevil.example", "/%252fevil.example", "/%25252fevil.example", "/%252fevil.example/100%25",
		"/%255cevil.example%25zz", "javascript:alert(1)", "data:text/html,x", "evil.example", "@evil.example",
		"http:evil.example", "http:/evil.example", "/\tevil", "/\nLocation: x", "/%0d%0aSet-Cookie:x=1", "/%09/evil.example",
		"/x\u0000", "/\u0085/x", "/..//evil.example", "/./x",
		"/%2e%2e//evil.example", "/a/../../x", "?x", "#x", "/x#frag", " /x", "/%zz", "/" + strings.Repeat("x", 3000),
	} {
		b.follow = false
		p := b.get("/gloebit/connect?return_to=" + url.QueryEscape(hostile))
		require.Equal(t, http.StatusBadRequest, p.status, hostile)
		p = b.do(http.MethodPost, "/gloebit/disconnect", url.Values{"return_to": {hostile}}, nil)
		require.Equal(t, http.StatusBadRequest, p.status, hostile)
	}
	require.Zero(t, w.states.puts)
	for _, local := range []string{
		"/", "/private", "/private?x=//evil.example&y=https://z.example", "/a%20b/ü", "/a//b", "/100%25",
	} {
		b.follow = false
		require.Equal(t, http.StatusSeeOther, b.get("/gloebit/connect?return_to="+url.QueryEscape(local)).status, local)
		callback := b.callback("/gloebit/connect?return_to=" + url.QueryEscape(local))
		require.NotContains(t, callback.RawQuery, "return_to")
		require.Equal(t, strings.ReplaceAll(local, "ü", "%C3%BC"), b.get(callback.String()).header.Get("Location"))
	}
}

func TestSecurity15ReturnToIsInStoredState(t *testing.T) {
	w := newWorld(t)
	b := w.browser("")
	callback := b.callback("/gloebit/connect?return_to=/private%3Fcart%3D7")
	for _, asked := range w.asked("authorize") {
		require.NotContains(t, strings.Join(asked, " "), "cart", "return_to is not sent to the provider")
	}
	require.NotContains(t, callback.RawQuery, "cart")
	require.Equal(t, "/private?cart=7", w.states.lastPending.ReturnTo)
	require.Equal(
		t, "/private?cart=7", b.location(callback.String()+"&return_to=/optional&next=/optional").RequestURI(),
		"nor can the answer change it",
	)
	callback = b.callback("/gloebit/connect")
	require.Equal(t, "/", b.location(callback.String()+"&return_to=/optional").RequestURI())
}

func TestSecurity16IssuerMustMatchWhenConfigured(t *testing.T) {
	w := newWorld(t, func(_ *world, c *gloebit.Config) { c.Provider.Issuer = "https://gloebit.example" })
	for iss, status := range map[string]int{
		"": 502, "&iss=https://evil.example": 502, "&iss=https://gloebit.example/": 502, "&iss=": 400, "&iss=a&iss=b": 400,
		"&iss=https://gloebit.example&iss=https://gloebit.example": 400, "&iss=https://gloebit.example": 200,
	} {
		b := w.browser("")
		require.Equal(t, status, b.get(b.callback("/gloebit/connect").String()+iss).status, iss)
	}
	for iss, status := range map[string]int{
		"": 502, "&iss=https://evil.example": 502, "&iss=https://gloebit.example": 403,
	} {
		b := w.browser("")
		refusal := strings.Replace(b.callback("/gloebit/connect").String(), "code=", "error=access_denied&x=", 1)
		require.Equal(t, status, b.get(refusal+iss).status, "a refusal %s", iss)
	}
	require.Equal(t, 1, w.exchanges())
}

// TestSecurity16ResponseOfAnotherIssuerIsRejected mixes up two providers of one
// application that have separate redirect URIs (RFC 9700 section 4.4). The code
// of one must not be sent to the other.
func TestSecurity16ResponseOfAnotherIssuerIsRejected(t *testing.T) {
	evil := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other provider was asked %s", r.URL.Path)
	}))
	t.Cleanup(evil.Close)
	w := newWorld(t, func(w *world, c *gloebit.Config) {
		w.sessions = scs.New()
		w.sessions.Store = memstore.NewWithCleanupInterval(0)
		c.Sessions = w.sessions
	})
	other, err := gloebit.New(gloebit.Config{
		ClientID: w.app.Key, ClientSecret: gloebit.Secret(w.app.Secret), RedirectURL: w.shop.URL + "/other/callback",
		Provider: gloebit.ProviderAt(evil.URL), Sessions: w.sessions, States: w.states, Tokens: w.tokens, Clock: w.clock.Now,
	})
	require.NoError(t, err)
	w.mux.Handle("/other/", other.Handler())
	b := w.browser("")
	started := b.location("/other/connect").Query() // at the other provider, which sends the browser on to Gloebit
	require.Equal(t, w.shop.URL+"/other/callback", started.Get("redirect_uri"))
	gloebits := b.callback("/gloebit/connect").Query()
	for path, state := range map[string]string{
		"/gloebit/callback": started.Get("state"),  // Gloebit's answer to what began elsewhere
		"/other/callback":   gloebits.Get("state"), // and the other way round
	} {
		answer := url.Values{"code": gloebits["code"], "state": {state}}
		require.Equal(t, http.StatusBadRequest, b.get(path+"?"+answer.Encode()).status, path)
	}
	require.Zero(t, w.exchanges())
	require.Zero(t, w.tokens.Len())
}
