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

// The tests TestSecurity01 to TestSecurity31 are what an OAuth client on the web
// must hold, one number a requirement; docs/security-tests.md has the list, and
// internal/mutate/testdata changes of one line that they catch. 08 is in
// internal/lint, 25 in stores/sealed and 31 in ledger. TestSecurityAttack is what other packages were caught with.

// badCallback is a callback that must not connect anybody: what is done to a
// good one, and the status that it then gets.
type badCallback struct {
	change func(*world, *browser, url.Values)
	status int
}

// set is a change that gives a parameter of the callback other values, or none.
func set(name string, values ...string) func(*world, *browser, url.Values) {
	return func(_ *world, _ *browser, q url.Values) {
		q.Del(name)
		if len(values) > 0 {
			q[name] = values
		}
	}
}

// injecting is a change that makes the token endpoint fail.
func injecting(fault gloebittest.Fault) func(*world, *browser, url.Values) {
	fault.Path = "oauth2/access-token"
	return func(w *world, _ *browser, _ url.Values) { w.gloebit.Inject(fault) }
}

// refuses starts a connection for each of the callbacks, changes what comes
// back, and looks that nothing was stored and, where the state is not good, that
// nothing was exchanged.
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

// trail loads a page and all that it redirects to, one after the other.
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

// steal gives the browser cookies of another one, and returns it.
func (b *browser) steal(cookies []*http.Cookie) *browser {
	shop, err := url.Parse(b.world.shop.URL)
	require.NoError(b.t, err)
	b.jar.SetCookies(shop, cookies)
	return b
}

// asked returns what Gloebit was last asked at a path: the query of a GET, the
// form of a POST.
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

// stored returns the one credential that the application keeps, and whose it is.
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
