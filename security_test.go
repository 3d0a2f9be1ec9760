package gloebit_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

// TestSecurity01 to TestSecurity31 are the requirements of an OAuth client on
// the web, one number each. docs/security-tests.md lists them, and
// internal/mutate/testdata has changes of one line that they detect. 08 is in
// internal/lint, 25 in stores/sealed and 31 in ledger. The tests with the
// prefix TestSecurityAttack are attacks that worked on other packages.

// badCallback is a callback that must not connect a user: a change to a valid
// one, and the status of the response.
type badCallback struct {
	change func(*world, *browser, url.Values)
	status int
}

// set gives a parameter of the callback other values, or removes it.
func set(name string, values ...string) func(*world, *browser, url.Values) {
	return func(_ *world, _ *browser, q url.Values) {
		q.Del(name)
		if len(values) > 0 {
			q[name] = values
		}
	}
}

// injecting makes the token endpoint fail.
func injecting(fault gloebittest.Fault) func(*world, *browser, url.Values) {
	fault.Path = "oauth2/access-token"
	return func(w *world, _ *browser, _ url.Values) { w.gloebit.Inject(fault) }
}

// refuses starts a connection for each callback and changes the callback.
// Nothing must be stored and, if the state is invalid, nothing exchanged.
func refuses(t *testing.T, callbacks map[string]badCallback) {
	t.Helper()
	for name, test := range callbacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(_ *world, c *gloebit.Config) { c.User = headerUser })
			b := w.browser("ann")
			b.follow = false
			callback := b.callback("/gloebit/connect?return_to=/private")
			query := callback.Query()
			code, state, verifier := query.Get("code"), query.Get("state"), w.states.lastPending.Secret.Reveal()
			test.change(w, b, query)
			callback.RawQuery = query.Encode()

			first := b.do(http.MethodGet, callback.String(), nil, http.Header{"Accept": {"text/html"}})
			require.Equal(t, test.status, first.status, first.body)
			require.Contains(t, first.header.Get("Content-Type"), "text/html")
			require.NotContains(t, first.body, "<script>")
			second := b.do(http.MethodGet, callback.String(), nil, http.Header{"Accept": {"application/json"}})
			require.GreaterOrEqual(t, second.status, 400, "the state is spent or was never good")
			require.Equal(t, "application/problem+json", second.header.Get("Content-Type"))
			for _, p := range []page{first, second} {
				require.Equal(t, "no-store", p.header.Get("Cache-Control"))
				require.Equal(t, "no-referrer", p.header.Get("Referrer-Policy"))
			}
			seen := first.body + second.body + w.log.String()
			require.Contains(t, seen, "request failed")
			for _, secret := range []string{w.app.Secret, code, state, verifier} {
				require.NotContains(t, seen, secret)
			}
			if test.status == 400 || test.status == 401 {
				require.Zero(t, w.exchanges(), "no exchange without a good state and a code")
			}
			w.tokens.fail(nil)
			w.states.fail(nil)
			require.Zero(t, w.tokens.Len(), "no token was stored")
		})
	}
}

// trail loads a page and follows its redirects, and returns every page.
func (b *browser) trail(target string) []page {
	b.t.Helper()
	b.follow = false
	defer func() { b.follow = true }()
	var pages []page
	for range 10 {
		p := b.get(target)
		pages = append(pages, p)
		if p.status < 300 || p.status >= 400 {
			return pages
		}
		to, err := p.url.Parse(p.header.Get("Location"))
		require.NoError(b.t, err)
		target = to.String()
	}
	b.t.Fatal("redirects without end")
	return nil
}

// cookies are those that the browser sends to the shop.
func (b *browser) cookies() []*http.Cookie {
	shop, err := url.Parse(b.world.shop.URL)
	require.NoError(b.t, err)
	return b.jar.Cookies(shop)
}

// steal copies the cookies of another browser, and returns the browser.
func (b *browser) steal(cookies []*http.Cookie) *browser {
	shop, err := url.Parse(b.world.shop.URL)
	require.NoError(b.t, err)
	b.jar.SetCookies(shop, cookies)
	return b
}

// asked returns Gloebit's last request at a path: the query of a GET, the form
// of a POST.
func (w *world) asked(path string) url.Values {
	w.t.Helper()
	requests := w.gloebit.Requests()
	for i := len(requests) - 1; i >= 0; i-- {
		r := requests[i]
		if !strings.Contains(r.Path, path) {
			continue
		}
		raw := r.RawQuery
		if r.Method == http.MethodPost {
			raw = r.Body
		}
		values, err := url.ParseQuery(raw)
		require.NoError(w.t, err)
		return values
	}
	w.t.Fatal("Gloebit was not asked " + path)
	return nil
}

// stored returns the one stored credential and its user ID.
func (w *world) stored() (userID string, credential connect.Credential) {
	w.t.Helper()
	require.Equal(w.t, 1, w.tokens.Len())
	for id, err := range w.tokens.UserIDs(w.t.Context(), w.merchant.Realm()) {
		require.NoError(w.t, err)
		userID = id
	}
	credential, err := w.tokens.Load(w.t.Context(), keyOf(w.merchant, userID))
	require.NoError(w.t, err)
	return userID, credential
}
